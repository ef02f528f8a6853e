// npm's `engine.io-client` at the example `engineio_echo`: `node engineio_client.mjs URL CASE TRANSPORT
// VERSION`. VERSION is the protocol's, 3 or 4. TRANSPORT is `polling`, `websocket`, or `upgrade` from the
// one to the other; in version 4 also `fetch`, which is polling too, and `fetch-upgrade`. Where heartbeats
// matter, the interval is 300 ms, and an answer has 200 ms.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { Fetch, Socket as Socket4, transports } from "engine.io-client";
import engine3 from "engine.io-client-3";
import WebSocket from "ws";

const TRANSPORTS = {
  polling: ["polling"],
  fetch: [Fetch],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
  "fetch-upgrade": [Fetch, transports.websocket],
};

const [url, name, transport, version] = process.argv.slice(2);
const Socket = { 3: engine3.Socket, 4: Socket4 }[version];
const v3 = version === "3";
const polls = ["polling", "fetch"].includes(transport);
/** The name of the transport that a session stays on. */
const final = polls ? "polling" : "websocket";

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

const messages = [
  "plain",
  "",
  "two: é, three: €, four: 😀, none: \0",
  "b is for binary",
  "2probe",
  "5:4like a length",
  everyByte,
  Buffer.alloc(0),
  Buffer.of(0x1e),
];

const cases = {
  async handshake() {
    const socket = new Socket(url, { transports: TRANSPORTS[transport] });
    const [{ sid, ...rest }] = await once(socket, "handshake");
    const upgrades = transport === "websocket" ? [] : ["websocket"];
    const told = { upgrades, pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 };
    assert.deepEqual(rest, told);
    assert.match(sid, /^[\w-]{20}$/);
    assert.equal(socket.id, sid);
    await settle(socket);
    await close(socket);
  },

  /** With a server that has WebSockets alone: who polls is refused. */
  async only_websocket() {
    if (transport !== "websocket") {
      const refused = new Socket(url, { transports: TRANSPORTS[transport] });
      // At once, for it drops what it was answered.
      const body = new Promise((resolve) => {
        refused.once("error", ({ context }) => resolve(context.responseText ?? context.text()));
      });
      const [reason, { description }] = await closed(refused);
      assert.deepEqual([reason, description], ["transport error", 400]);
      assert.deepEqual(JSON.parse(await body), { code: 0, message: "Transport unknown" });
    }
    if (polls) return;
    // It has more than one, and goes on to the next.
    const socket = new Socket(url, { transports: TRANSPORTS[transport], tryAllTransports: true });
    listen(socket);
    await once(socket, "open");
    assert.equal(socket.transport.name, "websocket");
    for (const message of messages) await echoed(socket, message);
    await close(socket);
  },

  /** With a server whose sessions stay on the transport that they begin on. */
  async no_upgrades() {
    const socket = new Socket(url, { transports: TRANSPORTS[transport] });
    listen(socket);
    const [{ upgrades }] = await once(socket, "handshake");
    assert.deepEqual(upgrades, []);
    for (const message of messages) await echoed(socket, message);
    assert.equal(socket.transport.name, transport === "websocket" ? "websocket" : "polling");
    await close(socket);
  },

  async echo() {
    const socket = await open();
    for (const message of messages) await echoed(socket, message);
    // All at once: over polling, in one payload.
    for (const message of messages) socket.send(message);
    for (const message of messages) assert.deepEqual(await socket.next(), message);
    await close(socket);
  },

  async large() {
    const socket = await open();
    // A POST carries the type or `b`, and base64, 4 bytes for 3: all in 1 000 000 bytes. In version 3 also
    // the length, and the type always.
    const [mostText, mostInPolling, mostInWebSocket] = v3
      ? [333_330, 749_991, 999_999]
      : [333_333, 749_997, 1_000_000];
    for (const length of [100_000, mostText]) await echoed(socket, "€".repeat(length));
    for (const length of [100_000, polls ? mostInPolling : mostInWebSocket]) {
      await echoed(socket, randomBytes(length));
    }
    await close(socket);
  },

  /** With a server that compresses what is long: as far as this client asks for it, and all comes back. */
  async compressed() {
    const codings = [];
    const plainFetch = globalThis.fetch;
    globalThis.fetch = async (...request) => {
      const response = await plainFetch(...request);
      codings.push(response.headers.get("content-encoding"));
      return response;
    };
    const socket = await open();
    const long = "é, €: compresses well. ".repeat(1000);
    for (const message of [long, "short", Buffer.from(long), randomBytes(20_000), long]) {
      await echoed(socket, message);
    }
    if (transport === "fetch") assert.ok(codings.includes("gzip") && codings.includes(null), codings);
    if (!polls) assert.equal(socket.transport.ws.extensions, "permessage-deflate");

    // The server leaves out single messages.
    for (const message of [`uncompressed ${long}`, long, `uncompressed ${long}`]) {
      const compressed = message === long;
      codings.length = 0;
      const before = polls ? 0 : socket.transport.ws._socket.bytesRead;
      await echoed(socket, message);
      if (transport === "fetch") assert.equal(codings.includes("gzip"), compressed, codings);
      if (!polls) {
        const read = socket.transport.ws._socket.bytesRead - before;
        assert.ok(compressed ? read < 1000 : read > Buffer.byteLength(message), `${read} bytes`);
      }
    }
    await close(socket);
  },

  async too_large() {
    const socket = await open();
    socket.send("x".repeat(1_000_001));
    const [reason, error] = await closed(socket);
    if (polls) {
      assert.equal(reason, "transport error");
      assert.equal(error.description, 413);
    } else {
      assert.equal(reason, "transport close");
      // The client of version 3 keeps the code to itself.
      if (!v3) assert.equal(error.context.code, 1009);
    }
  },

  /** As `forceBase64` has it, the client says `b64=1`. */
  async base64() {
    const socket = await open({ forceBase64: true });
    for (const message of messages) await echoed(socket, message);
    await close(socket);

    // What the server sends then, seen by somebody who does not decode it.
    const address = url.replace("http:", "ws:");
    const plain = new WebSocket(`${address}/engine.io/?EIO=${version}&transport=websocket&b64=1`);
    const [handshake] = await once(plain, "message");
    assert.match(handshake.toString(), /^0{/);
    const base64 = v3 ? "b4AQID" : "bAQID";
    plain.send(base64);
    const [echo, isBinary] = await once(plain, "message");
    assert.deepEqual([echo.toString(), isBinary], [base64, false]);
    plain.close();
  },

  /** Messages keep their order, also those on their way while the transport changes. */
  async order() {
    const socket = new Socket(url, { transports: TRANSPORTS[transport] });
    listen(socket);
    let upgraded = !transport.endsWith("upgrade");
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
    await settle(socket);
    await close(socket);
  },

  /** Since version 4 the server pings, before it the client, which hears a pong. */
  async heartbeats() {
    const socket = await open();
    await echoed(socket, "before");
    const times = [];
    for (let number = 0; number < 6; number += 1) {
      await once(socket, v3 ? "pong" : "ping");
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

  /** No pong, or in version 3 no ping, and the session ends. */
  async silence() {
    const address = url.replace("http:", "ws:");
    const silent = new WebSocket(`${address}/engine.io/?EIO=${version}&transport=websocket`);
    const heard = [];
    silent.on("message", (data) => heard.push(data.toString()));
    await once(silent, "open");
    const before = performance.now();
    await once(silent, "close");
    const after = performance.now() - before;
    assert.deepEqual(heard.slice(1), v3 ? [] : ["2"]);
    assert.ok(after > 450 && after < 5000, `after ${after} ms`);
  },

  /** The server forgets whom it hears a close from. */
  async client_close() {
    const socket = await open();
    const { id } = socket;
    await close(socket);
    // No handshake of a WebSocket, which is refused either way and disturbs nobody.
    const ask = `${url}/engine.io/?EIO=${version}&transport=websocket&sid=${id}`;
    let answer;
    // Until the close has arrived there.
    do answer = await (await fetch(ask)).json();
    while (answer.code === 3);
    assert.deepEqual(answer, { code: 1, message: "Session ID unknown" });
  },

  /** Once `open` is printed the server is killed. */
  async server_gone() {
    const socket = await open();
    await echoed(socket, "before");
    console.log("open");
    const [reason] = await closed(socket);
    assert.equal(reason, polls ? "transport error" : "transport close");
  },

  /** With a server that takes 100 bytes a payload: the client sends as many requests as needed. */
  async small_payloads() {
    const socket = new Socket(url, { transports: TRANSPORTS[transport] });
    listen(socket);
    const [{ maxPayload }] = await once(socket, "handshake");
    assert.equal(maxPayload, 100);
    await settle(socket);
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

async function open(options = {}) {
  const socket = new Socket(url, { transports: TRANSPORTS[transport], ...options });
  listen(socket);
  await once(socket, "open");
  await settle(socket);
  return socket;
}

/** Waits until the session is on the transport that it stays on. */
async function settle(socket) {
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

assert.ok(Object.hasOwn(cases, name), `no case ${name}`);
assert.ok(Object.hasOwn(TRANSPORTS, transport), `no transport ${transport}`);
assert.ok(Socket, `no version ${version}`);
const tooLong = () => {
  console.error(`${name} over ${transport} takes too long`);
  process.exit(1);
};
setTimeout(tooLong, 40_000).unref();
process.on("exit", (code) => {
  if (code === 13) console.error(`${name} over ${transport} waits for what can't come any more`);
});
await cases[name]();
