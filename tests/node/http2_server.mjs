// Node's HTTP/2 as a server, with npm's `ws` on its streams: it echoes, and says how each closed.

import assert from "node:assert/strict";
import http2 from "node:http2";
import { webSocket } from "./ws_http2.mjs";

const server = http2.createServer({ settings: { enableConnectProtocol: true } });
server.on("stream", (stream, headers) => {
  assert.equal(headers[":method"], "CONNECT");
  assert.equal(headers[":protocol"], "websocket");
  assert.equal(headers[":scheme"], "http");
  assert.equal(headers["sec-websocket-version"], "13");
  for (const name of ["sec-websocket-key", "upgrade", "connection", "host"]) {
    assert.equal(headers[name], undefined, name);
  }
  stream.respond({ ":status": 200 });
  const ws = webSocket(stream, { isServer: true });
  ws.on("message", (data, binary) => ws.send(data, { binary }));
  ws.on("error", (error) => console.error(error));
  ws.on("close", (code) => console.log(`closed ${code}`));
});
server.listen(0, "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`listening on http://${address}:${port}`);
});
