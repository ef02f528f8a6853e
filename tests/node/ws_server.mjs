// npm's `ws` as a server. Each path behaves differently; how a connection ended goes to stdout.

import { WebSocketServer } from "ws";

const paths = {
  "/echo": (ws) => {
    ws.on("message", (data, binary) => ws.send(data, { binary }));
  },
  "/fragments": (ws) => {
    const text = Buffer.from("cut inside of €");
    ws.send(text.subarray(0, -1), { binary: false, fin: false });
    ws.ping("in between");
    ws.send(text.subarray(-1), { fin: false });
    ws.send("", { fin: true });
  },
  "/close": (ws) => ws.close(4002, "enough"),
  "/ping": (ws) => {
    ws.on("pong", (payload) => ws.send(payload.toString()));
    ws.ping("are you there?");
  },
  "/binary": (ws, size) => ws.send(Buffer.alloc(size, 7)),
  "/invalid-utf-8": (ws) => ws.send(Buffer.of(0x6f, 0x6b, 0xff), { binary: false }),
  "/protocol": (ws) => ws.send(ws.protocol),
};

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  maxPayload: 2 * 1024 * 1024,
  perMessageDeflate: true,
  handleProtocols: (offered) => (offered.has("second") ? "second" : false),
});
server.on("connection", (ws, request) => {
  const { pathname, searchParams } = new URL(request.url, "ws://localhost");
  ws.on("close", (code, reason) => console.log(`closed ${code} ${reason}`.trimEnd()));
  ws.on("error", (error) => console.error(error));
  paths[pathname](ws, Number(searchParams.get("size")));
});
server.on("listening", () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});
