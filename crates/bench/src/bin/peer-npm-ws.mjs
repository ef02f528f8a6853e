// Echo and broadcast over npm's `ws`, whose package is in the folder `--modules`.

import { createRequire } from "node:module";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    modules: { type: "string" },
    port: { type: "string", default: "0" },
    "max-message": { type: "string", default: "16777216" },
    broadcast: { type: "boolean", default: false },
  },
});
const { WebSocketServer } = createRequire(`${options.modules}/`)("ws");

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(options.port),
  backlog: 4096,
  maxPayload: Number(options["max-message"]),
});
server.on("connection", (ws) => {
  // How a connection ended is left to the load generator; without a listener it would end the server.
  ws.on("error", () => {});
  ws.on("message", (data, binary) => {
    for (const receiver of options.broadcast ? server.clients : [ws]) {
      receiver.send(data, { binary });
    }
  });
});
server.on("listening", () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});
