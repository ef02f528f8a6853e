// What the test suite of npm's `engine.io-client` asks of a server, asked of the example
// `engineio_client_suite`: `node engineio_client_suite.mjs URL`. Each case over each transport that it names;
// the names of those that passed are printed.

import assert from "node:assert/strict";
import { once } from "node:events";
import { Fetch, NodeXHR, Socket, transports } from "engine.io-client";

const url = process.argv[2];

const WAYS = {
  XHR: [NodeXHR],
  fetch: [Fetch],
  WebSocket: [transports.websocket],
  "XHR to WebSocket": [NodeXHR, transports.websocket],
  "fetch to WebSocket": [Fetch, transports.websocket],
};
const POLLING = ["XHR", "fetch"];
const UPGRADES = ["XHR to WebSocket", "fetch to WebSocket"];

const UTF8 = "пойду спать всем спокойной ночи";
const EMOJI = "\uD800\uDC00-\uDB7F\uDFFF\uDB80\uDC00-\uDBFF\uDFFF\uE000-\uF8FF";
const BYTES = Buffer.of(0, 1, 2, 3, 4);

/** A socket whose `next` gives what it hears, in order. */
function connect(way, options = {}) {
  const socket = new Socket(url, { transports: WAYS[way], ...options });
  const heard = [];
  let end;
  let wake = () => {};
  socket.on("message", (data) => wake(heard.push(data)));
  socket.on("close", (reason) => wake((end = reason)));
  socket.next = async () => {
    while (heard.length === 0) {
      assert.equal(end, undefined, "closed instead of a message");
      await new Promise((resolve) => (wake = resolve));
    }
    return heard.shift();
  };
  return socket;
}

async function greeted(way, options) {
  const socket = connect(way, options);
  assert.equal(await socket.next(), "hi");
  return socket;
}

const happens = (socket, event) =>
  new Promise((resolve) => socket.once(event, (...why) => resolve(why)));

/** The header fields of the POST, or `null` when there was none. */
async function headersOfPost(socket) {
  socket.send("sendHeaders");
  return JSON.parse(await socket.next());
}

const all = Object.keys(WAYS);
const cases = [
  ["greets and echoes", all, async (way) => {
    const socket = await greeted(way);
    socket.send("hello");
    assert.equal(await socket.next(), "hello");
    return socket;
  }],

  ["gives multibyte text", all, async (way) => {
    const socket = await greeted(way);
    socket.send("give utf8");
    assert.equal(await socket.next(), UTF8);
    for (const text of [UTF8, EMOJI]) {
      socket.send(text);
      assert.equal(await socket.next(), text);
    }
    return socket;
  }],

  ["gives binary", all, async (way) => {
    const socket = await greeted(way);
    socket.send("give binary");
    assert.deepEqual(await socket.next(), BYTES);
    return socket;
  }],

  ["gives binary as ArrayBuffer", all, async (way) => {
    const socket = connect(way);
    socket.binaryType = "arraybuffer";
    assert.equal(await socket.next(), "hi");
    socket.send("give binary");
    const heard = await socket.next();
    assert.ok(heard instanceof ArrayBuffer, heard);
    assert.deepEqual(Buffer.from(heard), BYTES);
    return socket;
  }],

  ["echoes binary of every kind, and text between", all, async (way) => {
    const socket = await greeted(way);
    const long = Uint8Array.from({ length: 12 }, (_, byte) => byte);
    for (const binary of [BYTES, long.buffer, new Int8Array(long.buffer, 4, 3), new Int32Array([1, -1])]) {
      socket.send(binary);
      socket.send(UTF8);
      const view = ArrayBuffer.isView(binary);
      const bytes = view ? Buffer.from(binary.buffer, binary.byteOffset, binary.byteLength) : Buffer.from(binary);
      assert.deepEqual(await socket.next(), bytes);
      assert.equal(await socket.next(), UTF8);
    }
    return socket;
  }],

  ["echoes binary when base64 is forced", all, async (way) => {
    const socket = await greeted(way, { forceBase64: true });
    socket.send(BYTES);
    assert.deepEqual(await socket.next(), BYTES);
    return socket;
  }],

  ["takes as many requests as a payload of 100 bytes makes of it", [...POLLING, ...UPGRADES], async (way) => {
    const socket = await greeted(way);
    // The most that fits: 99 bytes of text, and 72 others, which are 97 as base64.
    const messages = [
      "x".repeat(99),
      ..."abc",
      "€".repeat(33),
      Buffer.alloc(72, 1),
      Buffer.alloc(72, 2),
      "y".repeat(32),
      "z".repeat(32),
      "w".repeat(32),
    ];
    for (const message of messages) socket.send(message);
    for (const message of messages) assert.deepEqual(await socket.next(), message);
    return socket;
  }],

  ["sends what was buffered before it closes", all, async (way) => {
    const socket = await greeted(way);
    const texts = Array.from({ length: 20 }, (_, number) => `${number}`);
    for (const text of texts) socket.send(text);
    for (const text of texts) assert.equal(await socket.next(), text);
    socket.send("last");
    // The client defers it until all is sent, and until an upgrade is over.
    const end = happens(socket, "close");
    socket.close();
    assert.equal(socket.readyState, "closing");
    assert.equal((await end)[0], "forced close");
  }],

  ["closes while it upgrades", UPGRADES, async (way) => {
    const socket = connect(way);
    await happens(socket, "upgrading");
    const end = happens(socket, "close");
    socket.close();
    assert.equal((await end)[0], "forced close");
    assert.equal(socket.transport.name, "websocket");
  }],

  ["closes before it is open", all, async (way) => {
    const socket = connect(way);
    let opened = false;
    socket.on("open", () => (opened = true));
    const end = happens(socket, "close");
    socket.close();
    assert.equal((await end)[0], "forced close");
    assert.equal(opened, false);
  }],

  ["upgrades, and keeps the order", UPGRADES, async (way) => {
    const socket = connect(way);
    const upgraded = happens(socket, "upgrade");
    await once(socket, "open");
    const texts = Array.from({ length: 50 }, (_, number) => `${number}`);
    for (const text of texts) socket.send(text);
    assert.equal(await socket.next(), "hi");
    for (const text of texts) assert.equal(await socket.next(), text);
    const [{ name }] = await upgraded;
    assert.equal(name, "websocket");
    for (const text of texts) socket.send(text);
    for (const text of texts) assert.equal(await socket.next(), text);
    return socket;
  }],

  ["lives from heartbeat to heartbeat", all, async (way) => {
    const socket = await greeted(way);
    for (let number = 0; number < 2; number += 1) await happens(socket, "ping");
    socket.send("alive");
    assert.equal(await socket.next(), "alive");
    return socket;
  }],

  ["sees its own header fields in a POST", POLLING, async (way) => {
    const extraHeaders = { "X-Custom-Header-For-My-Project": "my-secret-access-token", Cookie: "user_session=x" };
    const socket = await greeted(way, { extraHeaders });
    const headers = await headersOfPost(socket);
    assert.equal(headers["x-custom-header-for-my-project"], "my-secret-access-token");
    assert.equal(headers.cookie, "user_session=x");
    assert.match(headers["content-type"], /^text\/plain; ?charset=UTF-8$/);
    return socket;
  }],

  ["keeps the cookies that last, with credentials", POLLING, async (way) => {
    const socket = await greeted(way, { withCredentials: true });
    assert.equal((await headersOfPost(socket)).cookie, "1=1; 2=2");
    return socket;
  }],

  ["keeps no cookies without credentials", POLLING, async (way) => {
    const socket = await greeted(way);
    assert.equal((await headersOfPost(socket)).cookie, undefined);
    return socket;
  }],

  ["is denied", all, async (way) => {
    const socket = connect(way, { query: { deny: 1 } });
    const end = happens(socket, "close");
    // Read at once: XHR forgets it with the socket's end.
    const [error, read] = await new Promise((resolve) =>
      socket.once("error", (error) => resolve([error, error.context?.responseText])),
    );
    assert.equal(error.type, "TransportError");
    if (way.startsWith("WebSocket")) {
      assert.equal(error.message, "websocket error");
      assert.match(error.description.message, /Unexpected server response: 403/);
    } else {
      assert.equal(error.message, way.startsWith("XHR") ? "xhr poll error" : "fetch read error");
      assert.equal(error.description, 403);
      assert.equal(read ?? (await error.context.text()), '{"code":4,"message":"as you wish"}');
    }
    assert.equal((await end)[0], "transport error");
  }],
];

const tooLong = () => {
  console.error("it takes too long");
  process.exit(1);
};
setTimeout(tooLong, 40_000).unref();
let [passed, current] = [0];
process.on("exit", (code) => {
  if (!current) return;
  console.error(current);
  process.exitCode = code || 1;
});
for (const [name, ways, run] of cases) {
  for (const way of ways) {
    current = `${name}: ${way}`;
    const socket = await run(way);
    if (socket) {
      const end = happens(socket, "close");
      socket.close();
      await end;
    }
    passed += 1;
  }
}
current = undefined;
console.log(`${passed} passed`);
