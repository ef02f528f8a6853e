// npm's `ws` on a stream of Node's HTTP/2 (RFC 8441). `ws` opens none itself: the handshake is the one
// below, frames and closing are its own.

import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import WebSocket from "ws";

/** A connection whose server has said that it knows extended CONNECT. */
export async function connect(url) {
  const session = http2.connect(url);
  const [settings] = await once(session, "remoteSettings");
  assert.equal(settings.enableConnectProtocol, true);
  return session;
}

/** The stream and the answer to an extended CONNECT, with these fields besides or in their places. */
export async function ask(session, fields = {}) {
  const stream = session.request({
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":path": "/",
    "sec-websocket-version": "13",
    ...fields,
  });
  const [answer] = await once(stream, "response");
  return [stream, answer];
}

/** The frames on an accepted stream. */
export function webSocket(stream, { isServer }) {
  const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 30_000 });
  // Whether it masks; without an address it takes itself for a server.
  ws._isServer = isServer;
  ws.setSocket(stream, Buffer.alloc(0), { allowSynchronousEvents: true });
  return ws;
}

/** A WebSocket on a connection of its own. */
export async function openHttp2(url, headers) {
  const session = await connect(url);
  const [stream, answer] = await ask(session, { ":path": new URL(url).pathname, ...headers });
  assert.equal(answer[":status"], 200);
  const ws = webSocket(stream, { isServer: false });
  ws.on("close", () => session.close());
  return ws;
}
