// npm's `socket.io-client` in a page of Chromium, at the example `socketio_client_suite` on another origin:
// `node chromium_socketio_client.mjs PAGE URL CLIENT`. CLIENT is `4` or `2`, versions of the package, or `msgpack`,
// the bundle of version 4 with that parser.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withPage } from "./chromium.mjs";

const [address, url, client] = process.argv.slice(2);
const WAYS = {
  polling: { transports: ["polling"] },
  websocket: { transports: ["websocket"] },
  upgrade: {},
  ...(client === "2" && {
    JSONP: { transports: ["polling"], forceJSONP: true },
    "JSONP to websocket": { forceJSONP: true },
  }),
};
const bundle = {
  4: "socket.io-client/dist/socket.io.min.js",
  msgpack: "socket.io-client/dist/socket.io.msgpack.min.js",
  2: "socket.io-client-2/dist/socket.io.js",
}[client];

/** Runs in the page: the last transport, and what the server was asked with. */
async function talk([url, client, options]) {
  // Version 2 would send cookies to a server that lets every page in, but none with cookies.
  const common = { forceNew: true, reconnection: false, withCredentials: false, ...options };
  const io = (path, more) => globalThis.io(url + path, { ...common, ...more });
  /** To the others an array of bytes is an object. */
  const bytes = (array) => (client === "4" ? array : array.buffer);
  const next = (socket, event) =>
    new Promise((resolve, reject) => {
      socket.once(event, (...args) => resolve(args));
      socket.once("disconnect", (reason) => reject(new Error(`disconnected, ${reason}, before ${event}`)));
    });
  const ask = (socket, ...event) => new Promise((resolve) => socket.emit(...event, resolve));
  const bytesOf = (value) => {
    if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
    return ArrayBuffer.isView(value) ? [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)] : undefined;
  };
  const shown = (value) => JSON.stringify(value, (_, member) => (bytesOf(member) ? { bytes: bytesOf(member) } : member));
  const same = (value, expected) => {
    if (shown(value) !== shown(expected)) throw new Error(`${shown(value).slice(0, 300)}, not ${shown(expected).slice(0, 300)}`);
  };
  /** What comes for `event`, without the offset that a client which may be recovered gets behind it. */
  const answers = async (socket, event, expected, ...sent) => {
    const answer = next(socket, event);
    socket.emit(...sent);
    const args = await answer;
    same(args.slice(0, expected.length), expected);
    if (args.length > expected.length + (client === "2" ? 0 : 1)) throw new Error(shown(args));
  };

  const refused = io("/no");
  const [error] = await next(refused, client === "2" ? "error" : "connect_error");
  same(error.message ?? error, "Auth failed (custom namespace)");
  refused.close();

  const socket = io("/", { query: { key: "välue" } });
  await next(socket, "connect");

  // There is always something on its way while the transport changes.
  const last = options.transports?.[0] ?? "websocket";
  const order = [];
  for (let sent = 0; sent < 200 || socket.io.engine.transport.name !== last; ) {
    const some = Array.from({ length: 20 }, () => {
      const number = sent++;
      const value = number % 3 === 0 ? { number, bytes: bytes(Uint8Array.of(number)) } : { number };
      return ask(socket, "echo", value).then((echo) => {
        same(echo, value);
        order.push(echo.number);
      });
    });
    await Promise.all(some);
  }
  same(order, order.map((_, index) => index));

  const utf8 = ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"];
  const taken = [];
  socket.on("takeUtf8", (text) => taken.push(text));
  socket.emit("getUtf8");
  await answers(socket, "hi", [], "hi");
  same(taken, utf8);
  await answers(socket, "false", [false], "false");
  const date = await ask(socket, "getAckDate", { test: true });
  if (!(Math.abs(Date.now() - new Date(date)) < 60_000)) throw new Error(date);

  const asdf = bytes(new TextEncoder().encode("asdfasdf"));
  await answers(socket, "doge", [asdf], "doge");
  await answers(socket, "takebin", [asdf], "getbin");
  await answers(socket, "buffack", [], "buffa", Uint8Array.of(1, 2).buffer);
  await answers(socket, "jsonbuff-ack", [], "jsonbuff", { hello: "lol", message: asdf, goodbye: "gotcha" });
  // The MessagePack of that parser has no blobs.
  if (client !== "msgpack") {
    const blob = new Blob(["asdf", "asdf"]);
    await answers(socket, "jsonblob-ack", [], "jsonblob", { hello: "lol", message: blob, goodbye: "gotcha" });
    await answers(socket, "back", [asdf], "blob", blob);
    socket.emit("blob1", blob);
    socket.emit("blob2", "second");
    await answers(socket, "blob3-ack", [], "blob3", new Blob(["more"]));
  }
  const every = bytes(Uint8Array.from({ length: 256 }, (_, byte) => byte));
  const value = { first: every, list: ["é €", bytes(Uint8Array.of(1)), { third: bytes(new Uint8Array(0)) }] };
  same(await ask(socket, "echo", value), value);
  socket.on("ack", (answer) => answer(5, { test: true }));
  await answers(socket, "got it", [], "ack");

  const handshake = await ask(socket, "getHandshake");
  const transport = socket.io.engine.transport.name;
  const left = new Promise((resolve) => socket.once("disconnect", resolve));
  socket.close();
  return { transport, reason: await left, handshake };
}

await withPage(async (page, complaints) => {
  await page.route("**/favicon.ico", (route) => route.fulfill({ body: "" }));
  const kinds = new Set();
  page.on("request", (request) => {
    if (request.url().startsWith(url) && request.method() !== "OPTIONS") kinds.add(request.resourceType());
  });
  for (const [name, options] of Object.entries(WAYS)) {
    await page.goto(address);
    await page.addScriptTag({ path: fileURLToPath(new URL(`node_modules/${bundle}`, import.meta.url)) });
    kinds.clear();
    const { transport, reason, handshake } = await page.evaluate(talk, [url, client, options]).catch((error) => {
      assert.fail(`${name}: ${error.message}\n${complaints.join("\n")}`);
    });
    assert.equal(reason, "io client disconnect");
    assert.equal(transport, options.transports?.[0] ?? "websocket", name);
    const expected = options.forceJSONP ? ["script", "document"] : name === "websocket" ? [] : ["xhr"];
    assert.deepEqual([...kinds].filter((kind) => kind !== "websocket").sort(), expected.sort(), name);
    // What a script asks for says no origin.
    assert.equal(handshake.xdomain, !options.forceJSONP, name);
    if (!options.forceJSONP) assert.equal(handshake.headers.origin, new URL(address).origin);
    assert.equal(handshake.query.key, "välue");
  }
});
