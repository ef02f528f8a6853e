// Node's HTTP/2 as a client: `node http2_client.mjs URL CASE`. What a WebSocket does that is open is in
// `ws_client.mjs`.

import assert from "node:assert/strict";
import { once } from "node:events";
import { ask, connect, webSocket } from "./ws_http2.mjs";

const cases = {
  /** A large message on one stream does not hold up the others. */
  async many_streams(session) {
    const open = async () => webSocket((await ask(session))[0], { isServer: false });
    const all = await Promise.all(Array.from({ length: 20 }, open));
    const sent = all.map((_, at) => Buffer.alloc(at === 0 ? 4 << 20 : at, at));
    const echoed = all.map((ws) => once(ws, "message"));
    all.forEach((ws, at) => ws.send(sent[at]));
    for (const [at, echo] of echoed.entries()) assert.deepEqual((await echo)[0], sent[at]);
    for (const ws of all) {
      ws.close(1000);
      assert.equal((await once(ws, "close"))[0], 1000);
    }
  },

  async both_windows(session) {
    // Much more than both windows (65 535 bytes) in each direction, and nobody reads here at first.
    const [stream] = await ask(session);
    const ws = webSocket(stream, { isServer: false });
    const large = Buffer.alloc(1 << 20, 7);
    let heard = 0;
    const done = new Promise((resolve) => {
      ws.on("message", (data) => {
        assert.deepEqual(data, large);
        if ((heard += 1) === 8) resolve();
      });
    });
    stream.pause();
    for (let at = 0; at < 8; at += 1) ws.send(large);
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.equal(heard, 0);
    stream.resume();
    await done;
    ws.close(1000);
    assert.equal((await once(ws, "close"))[0], 1000);
  },

  async refusals(session) {
    for (const [fields, status, also] of [
      [{ ":protocol": "connect-udp" }, 501],
      [{ "sec-websocket-version": "8" }, 400, { "sec-websocket-version": "13" }],
      [{ origin: "https://example.com" }, 403],
      [{ "sec-websocket-protocol": "a, a" }, 400],
      [{ host: "other.example.com" }, 400],
    ]) {
      const [stream, answer] = await ask(session, fields);
      assert.equal(answer[":status"], status);
      for (const [name, value] of Object.entries(also ?? {})) assert.equal(answer[name], value);
      stream.resume();
      await once(stream, "close");
    }
    const stream = session.request({ ":path": "/" });
    const [answer] = await once(stream, "response");
    assert.deepEqual([answer[":status"], answer.allow], [405, "CONNECT"]);
    stream.close();
    // The connection goes on.
    const [last, accepted] = await ask(session, { origin: new URL(url).origin });
    assert.equal(accepted[":status"], 200);
    last.close();
  },
};

const [url, name] = process.argv.slice(2);
assert.ok(Object.hasOwn(cases, name), `no case ${name}`);
const session = await connect(url);
await cases[name](session);
session.close();
