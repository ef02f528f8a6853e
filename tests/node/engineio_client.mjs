// npm's `engine.io-client` at the example `engineio_echo`: `node engineio_client.mjs URL CASE
// TRANSPORT`. TRANSPORT is `polling`, `websocket`, or `upgrade` from the one to the other. Where
// heartbeats matter, the server pings every 300 ms and gives 200 ms for the pong.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Socket } from "engine.io-client";
import WebSocket from "ws";

const TRANSPORTS = {
  polling: ["polling"],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
};

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

const messages = [
  "plain",
  "",
  "two: é, three: €, four: 😀, none: \0",
  "b is for binary",
  "2probe",
  everyByte,
  Buffer.alloc(0),
  Buffer.of(0x1e),
];

const cases = {
  async handshake(url, transport) {
    const socket = new Socket(url, { transports: TRANSPORTS[transport] });
    const [{ sid, ...rest }] = await once(socket, "handshake");
    const upgrades = transport === "websocket" ? [] : ["websocket"];
    const told = { upgrades, pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 };
    assert.deepEqual(rest, told);
    assert.match(sid, /^[\w-]{20}$/);
    assert.equal(socket.id, sid);
    await settle(socket, transport);
    await close(socket);
  },

  async echo(url, transport) {
    const socket = await open(url, transport);
    for (const message of messages) await echoed(socket, message);
    // All at once: over polling, in one payload.
    for (const message of messages) socket.send(message);
    for (const message of messages) assert.deepEqual(await socket.next(), message);
    await close(socket);
  },

  async large(url, transport) {
    const socket = await open(url, transport);
    // A POST carries the type or `b`, and base64, 4 bytes for 3: all in 1 000 000 bytes.
    const mostBytes = transport === "polling" ? 749_997 : 1_000_000;
    for (const length of [100_000, 333_333]) await echoed(socket, "€".repeat(length));
    for (const length of [100_000, mostBytes]) await echoed(socket, randomBytes(length));
    await close(socket);
  },

  async too_large(url, transport) {
    const socket = await open(url, transport);
    socket.send("x".repeat(1_000_001));
    const [reason, error] = await closed(socket);
    if (transport === "polling") {
      assert.equal(reason, "transport error");
      assert.equal(error.description, 413);
    } else {
      assert.equal(reason, "transport close");
      assert.equal(error.context.code, 1009);
    }
  },

  /** As `forceBase64` has it, the client says `b64=1`. */
  async base64(url, transport) {
    const socket = await open(url, transport, { forceBase64: true });
    for (const message of messages) await echoed(socket, message);
    await close(socket);

    // What the server sends then, seen by somebody who does not decode it.
    const address = url.replace("http:", "ws:");
    const plain = new WebSocket(`${address}/engine.io/?EIO=4&transport=websocket&b64=1`);
    const [handshake] = await once(plain, "message");
    assert.match(handshake.toString(), /^0{/);
    plain.send("bAQID");
    const [echo, isBinary] = await once(plain, "message");
    assert.deepEqual([echo.toString(), isBinary], ["bAQID", false]);
    plain.close();
  },

  /** Messages keep their order, also those on their way while the transport changes. */
  async order(url, transport) {
    const socket = new Socket(url, { transports: TRANSPORTS[transport] });
    listen(socket);
    let upgraded = transport !== "upgrade";
    socket.once("upgrade", () => (upgraded = true));
    await once(socket, "open");
    const some = 50;
    const numbered = (number) => (number % 5 === 0 ? Buffer.from(`${number}`) : `${number}`);
    let sent = 0;
    const send = () => {
      for (let more = 0; more < some; more += 1) socket.send(numbered(sent++));
    };
    let heard = 0;
    const hear = async () => {
      for (let more = 0; more < some; more += 1) {
        assert.deepEqual(await socket.next(), numbered(heard++));
      }
    };
    // There is always something on its way.
    send();
    while (sent < 1000 || !upgraded) {
      send();
      await hear();
    }
    await hear();
    await settle(socket, transport);
    await close(socket);
  },

  async heartbeats(url, transport) {
    const socket = await open(url, transport);
    await echoed(socket, "before");
    const times = [];
    for (let number = 0; number < 6; number += 1) {
      await once(socket, "ping");
      times.push(performance.now());
    }
    // Each comes an interval after the pong, whatever is said between.
    for (const [index, time] of times.slice(1).entries()) {
      const between = time - times[index];
      assert.ok(between > 250, `${between} ms between two pings`);
    }
    await echoed(socket, "after");
    assert.equal(socket.readyState, "open");
    await close(socket);
  },

  /** No pong, and the session ends. */
  async silence(url) {
    const address = url.replace("http:", "ws:");
    const silent = new WebSocket(`${address}/engine.io/?EIO=4&transport=websocket`);
    const heard = [];
    silent.on("message", (data) => heard.push(data.toString()));
    await once(silent, "open");
    const before = performance.now();
    await once(silent, "close");
    const after = performance.now() - before;
    assert.equal(heard[1], "2");
    assert.ok(after > 450 && after < 5000, `after ${after} ms`);
  },

  /** The server forgets whom it hears a close from. */
  async client_close(url, transport) {
    const socket = await open(url, transport);
    const { id } = socket;
    await close(socket);
    // Over polling, the close is a request, and this its answer.
    if (transport === "polling") await once(socket.transport, "drain");
    const poll = `${url}/engine.io/?EIO=4&transport=polling&sid=${id}`;
    let answer;
    // Until the close has arrived there, a WebSocket's session is no business of polling.
    do answer = await (await fetch(poll)).json();
    while (answer.code === 3);
    assert.deepEqual(answer, { code: 1, message: "Session ID unknown" });
  },

  /** Once `open` is printed the server is killed. */
  async server_gone(url, transport) {
    const socket = await open(url, transport);
    await echoed(socket, "before");
    console.log("open");
    const [reason] = await closed(socket);
    assert.equal(reason, transport === "polling" ? "transport error" : "transport close");
  },

  /** With a server that takes 100 bytes a payload: the client sends as many requests as needed. */
  async small_payloads(url, transport) {
    const socket = new Socket(url, { transports: TRANSPORTS[transport] });
    listen(socket);
    const [{ maxPayload }] = await once(socket, "handshake");
    assert.equal(maxPayload, 100);
    await settle(socket, transport);
    const texts = Array.from({ length: 300 }, (_, number) => `${number} €`.padEnd(number % 90, "x"));
    for (const text of texts) socket.send(text);
    for (const text of texts) assert.equal(await socket.next(), text);
    await close(socket);
  },
};

/** Keeps what `socket` hears for its `next`. */
function listen(socket) {
  const heard = [];
  let end;
  let wake = () => {};
  // An empty text is no data at all to the client.
  socket.on("message", (data) => wake(heard.push(data ?? "")));
  socket.on("close", (reason) => wake((end = reason)));
  socket.next = async () => {
    while (heard.length === 0) {
      assert.equal(end, undefined, "closed instead of a message");
      await new Promise((resolve) => (wake = resolve));
    }
    return heard.shift();
  };
}

async function open(url, transport, options = {}) {
  const socket = new Socket(url, { transports: TRANSPORTS[transport], ...options });
  listen(socket);
  await once(socket, "open");
  await settle(socket, transport);
  return socket;
}

/** Waits until the session is on the transport that it stays on. */
async function settle(socket, transport) {
  const final = transport === "upgrade" ? "websocket" : transport;
  if (socket.transport.name !== final) await once(socket, "upgrade");
  assert.equal(socket.transport.name, final);
}

async function echoed(socket, sent) {
  socket.send(sent);
  assert.deepEqual(await socket.next(), sent);
}

/** The reason, and what there is to know about it. */
function closed(socket) {
  // `once` of Node would throw the error that comes before.
  return new Promise((resolve) => socket.once("close", (...why) => resolve(why)));
}

async function close(socket) {
  const end = closed(socket);
  socket.close();
  assert.equal((await end)[0], "forced close");
}

const [url, name, transport] = process.argv.slice(2);
assert.ok(Object.hasOwn(cases, name), `no case ${name}`);
assert.ok(Object.hasOwn(TRANSPORTS, transport), `no transport ${transport}`);
const tooLong = () => {
  console.error(`${name} over ${transport} takes too long`);
  process.exit(1);
};
setTimeout(tooLong, 20_000).unref();
process.on("exit", (code) => {
  if (code === 13) console.error(`${name} over ${transport} waits for what can't come any more`);
});
await cases[name](url, transport);
