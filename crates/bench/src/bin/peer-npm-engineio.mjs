// Echo over npm's `engine.io`, whose package is in the folder `--modules`.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    modules: { type: "string" },
    port: { type: "string", default: "0" },
    "max-message": { type: "string", default: "16777216" },
    "ping-interval": { type: "string", default: "25000" },
    "ping-timeout": { type: "string", default: "20000" },
  },
});
const { Server } = createRequire(`${options.modules}/`)("engine.io");

const http = createServer();
const engine = new Server({
  maxHttpBufferSize: Number(options["max-message"]),
  pingInterval: Number(options["ping-interval"]),
  pingTimeout: Number(options["ping-timeout"]),
});
engine.attach(http);
engine.on("connection", (socket) => {
  socket.on("message", (data) => socket.send(data));
});
http.listen({ host: "127.0.0.1", port: Number(options.port), backlog: 4096 }, () => {
  const { address, port } = http.address();
  console.log(`listening on http://${address}:${port}`);
});
