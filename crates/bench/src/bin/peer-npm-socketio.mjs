// Acks and broadcasts over npm's `socket.io`, whose package is in the folder `--modules`.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    modules: { type: "string" },
    port: { type: "string", default: "0" },
    "max-message": { type: "string", default: "16777216" },
  },
});
const { Server } = createRequire(`${options.modules}/`)("socket.io");

const http = createServer();
const io = new Server(http, {
  serveClient: false,
  maxHttpBufferSize: Number(options["max-message"]),
});
io.on("connection", (socket) => {
  socket.on("echo", (text, ack) => ack(text));
  socket.on("broadcast", (text) => io.emit("broadcast", text));
});
http.listen({ host: "127.0.0.1", port: Number(options.port), backlog: 4096 }, () => {
  const { address, port } = http.address();
  console.log(`listening on http://${address}:${port}`);
});
