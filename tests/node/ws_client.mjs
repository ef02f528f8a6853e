// npm's `ws` as a client: `node ws_client.mjs URL CASE [HEADERS]`. CASE may be several with commas
// between; HEADERS, in JSON, go with each request. An http: URL is one of HTTP/2.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { on, once } from "node:events";
import WebSocket from "ws";
import { openHttp2 } from "./ws_http2.mjs";

const MIB = 1024 * 1024;
const headers = JSON.parse(process.argv[4] ?? "{}");

const cases = {
  async messages(url) {
    const ws = await open(url);
    assert.equal(ws.extensions, "", "nothing was negotiated");
    assert.equal(ws.protocol, "");
    await echoed(ws, "");
    await echoed(ws, "plain");
    await echoed(ws, "two: é, three: €, four: 😀, none: \0");
    await echoed(ws, Buffer.alloc(0));
    await echoed(ws, Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)));
    // Both sides of each length's form (RFC 6455 §5.2).
    for (const length of [125, 126, 127, 65535, 65536]) await echoed(ws, randomBytes(length));
    await close(ws);
  },

  async one_mib(url) {
    const ws = await open(url);
    await echoed(ws, "é".repeat(MIB / 2));
    await echoed(ws, randomBytes(MIB));
    await close(ws);
  },

  async fragments(url) {
    const ws = await open(url);
    const text = Buffer.from("cut inside of € and 😀");
    for (let cut = 0; cut <= text.length; cut += 1) {
      ws.send(text.subarray(0, cut), { binary: false, fin: false });
      ws.send(text.subarray(cut), { fin: true });
      assert.equal(await message(ws), text.toString());
    }
    // A fragment for each byte, empty ones at both ends, and control frames between them (§5.4).
    const bytes = randomBytes(256);
    const pong = once(ws, "pong");
    ws.send(Buffer.alloc(0), { fin: false });
    for (const byte of bytes) ws.send(Buffer.of(byte), { fin: false });
    ws.ping("in between");
    ws.send(Buffer.alloc(0), { fin: true });
    assert.deepEqual(await message(ws), bytes);
    assert.equal(String((await pong)[0]), "in between");

    const large = randomBytes(MIB);
    for (let at = 0; at < MIB; at += MIB / 16) {
      ws.send(large.subarray(at, at + MIB / 16), { fin: at + MIB / 16 === MIB });
    }
    assert.deepEqual(await message(ws), large);
    await close(ws);
  },

  async pings(url) {
    const ws = await open(url);
    for (const payload of [Buffer.alloc(0), Buffer.from("hello"), randomBytes(125)]) {
      const pong = once(ws, "pong");
      ws.ping(payload);
      assert.deepEqual((await pong)[0], payload);
    }
    // A Pong that nobody asked for is no reason to answer (§5.5.3).
    ws.pong("unasked");
    await echoed(ws, "still here");
    await close(ws);
  },

  async close_codes(url) {
    for (const [code, reason] of [[4001, "bye"], [1000, ""], [3000, "é".repeat(61)]]) {
      const ws = await open(url);
      ws.close(code, reason);
      // §5.5.1: the answer echoes the code; it gives no reason of its own.
      assert.deepEqual(await closed(ws), [code, ""]);
    }
    const ws = await open(url);
    ws.close();
    assert.deepEqual(await closed(ws), [1005, ""], "a Close frame without a code");
  },

  /** The server is told to shut down once `open` is printed. */
  async shutdown(url) {
    const ws = await open(url);
    await echoed(ws, "before");
    const end = closed(ws);
    console.log("open");
    assert.equal((await end)[0], 1001);
  },

  async too_big(url) {
    const whole = await open(url);
    whole.send(Buffer.alloc(MIB + 1));
    assert.equal((await closed(whole))[0], 1009);

    const fragmented = await open(url);
    fragmented.send(Buffer.alloc(MIB), { fin: false });
    fragmented.send("x", { fin: true });
    assert.equal((await closed(fragmented))[0], 1009);
  },

  async invalid_utf8(url) {
    // A stray continuation byte, an overlong form, a surrogate, one past the last, and a cut one.
    for (const hex of ["80", "c080", "eda080", "f4908080", "e282"]) {
      const ws = await open(url);
      ws.send(Buffer.from(hex, "hex"), { binary: false });
      assert.equal((await closed(ws))[0], 1007, hex);
    }
  },

  /** With a server that compresses, and takes 1 MiB. */
  async compression(url) {
    const repeated = "compresses well, also é, € and 😀. ".repeat(2000);
    for (const [offer, answered] of [
      [{}, /^permessage-deflate/],
      [{ serverNoContextTakeover: true }, /server_no_context_takeover/],
      [{ clientNoContextTakeover: true }, /client_no_context_takeover/],
      [{ serverMaxWindowBits: 9, clientMaxWindowBits: 9 }, /server_max_window_bits=9/],
    ]) {
      const ws = await open(url, { perMessageDeflate: { threshold: 0, ...offer } });
      assert.match(ws.answered, answered);
      for (const text of ["", "a", "plain", repeated, repeated, "é".repeat(MIB / 2)]) {
        await echoed(ws, text);
      }
      for (const length of [0, 1, 125, 126, 65535, 65536, MIB]) {
        await echoed(ws, randomBytes(length));
      }
      await echoed(ws, Buffer.alloc(MIB));
      const before = ws._socket.bytesRead;
      await echoed(ws, repeated);
      const received = ws._socket.bytesRead - before;
      assert.ok(received < repeated.length / 10, `${received} bytes for ${repeated.length}`);
      // Fragments, of which only the first says that it is compressed.
      const bytes = Buffer.from(repeated);
      for (let at = 0; at < bytes.length; at += 1000) {
        const fin = at + 1000 >= bytes.length;
        ws.send(bytes.subarray(at, at + 1000), { binary: false, fin });
      }
      ws.ping("in between");
      assert.equal(await message(ws), repeated);
      // What is not compressed comes in between.
      ws.send("as it is", { compress: false });
      assert.equal(await message(ws), "as it is");
      await echoed(ws, repeated);
      await close(ws);
    }
    const plain = await open(url, { perMessageDeflate: false });
    assert.equal(plain.extensions, "");
    await echoed(plain, repeated);
    await close(plain);
  },

  /** A little that inflates to a byte more than the server takes, and to exactly that. */
  async bomb(url) {
    const fits = await open(url, { perMessageDeflate: true });
    await echoed(fits, Buffer.alloc(MIB));
    await close(fits);
    for (const length of [MIB + 1, MIB + 2, 64 * MIB]) {
      const ws = await open(url, { perMessageDeflate: true });
      ws.send(Buffer.alloc(length));
      assert.equal((await closed(ws))[0], 1009);
    }
  },

  /** With the example of subprotocols. */
  async time(url) {
    for (const [offered, is] of [
      [["time.v1", "time.v2"], (answer) => JSON.parse(answer).seconds > 1e9],
      [["time.v1"], (answer) => Number(answer) > 1e9],
    ]) {
      const ws = new WebSocket(url, offered);
      const [data] = await once(ws, "message");
      assert.ok(is(data.toString()), data.toString());
      assert.deepEqual(await closed(ws), [1000, ""]);
    }
    const ws = await open(url);
    assert.deepEqual(await closed(ws), [1008, "offer time.v2 or time.v1"]);
  },

  /** With a server that prefers `second`, then `first`. */
  async chosen_subprotocol(url) {
    for (const [offered, chosen] of [[["first", "second"], "second"], [["other", "first"], "first"]]) {
      const ws = new WebSocket(url, offered);
      await once(ws, "open");
      assert.equal(ws.protocol, chosen);
      ws.send("hello");
      const [data] = await once(ws, "message");
      assert.equal(data.toString(), "hello");
      ws.close();
      await once(ws, "close");
    }
  },

  async subprotocol(url) {
    // The server chooses none, says so by silence (§4.2.2), and `ws` insists on one.
    const ws = new WebSocket(url, ["chat", "superchat"]);
    const [[response], [error]] = await Promise.all([once(ws, "upgrade"), once(ws, "error")]);
    assert.equal(response.headers["sec-websocket-protocol"], undefined);
    assert.equal(error.message, "Server sent no subprotocol");
  },

  async broadcast(url) {
    const all = await Promise.all([open(url), open(url), open(url)]);
    // Each is a member once it has heard something.
    for (const ws of all) await echoed(ws, "here");
    all[1].send("to everybody");
    for (const ws of all) while ((await message(ws)) !== "to everybody");
    await Promise.all(all.map(close));
  },
};

async function open(url, options = {}) {
  const http2 = url.startsWith("http:");
  const ws = http2 ? await openHttp2(url, headers) : new WebSocket(url, { headers, ...options });
  // Several may come at once, before somebody waits for the second.
  ws.messages = on(ws, "message");
  ws.on("upgrade", ({ headers }) => (ws.answered = headers["sec-websocket-extensions"]));
  if (!http2) await once(ws, "open");
  return ws;
}

/** The next message: a string, or a Buffer if it is binary. */
async function message(ws) {
  const [data, binary] = (await ws.messages.next()).value;
  return binary ? data : data.toString();
}

async function echoed(ws, sent) {
  ws.send(sent);
  assert.deepEqual(await message(ws), sent);
}

async function closed(ws) {
  // The server may have closed before everything was written to it.
  ws.on("error", (error) => assert.ok(["EPIPE", "ECONNRESET"].includes(error.code), error));
  const [code, reason] = await once(ws, "close");
  return [code, reason.toString()];
}

async function close(ws) {
  ws.close(1000);
  assert.deepEqual(await closed(ws), [1000, ""]);
}

const [url, names] = process.argv.slice(2);
for (const name of names.split(",")) {
  assert.ok(Object.hasOwn(cases, name), `no case ${name}`);
  await cases[name](url);
}
