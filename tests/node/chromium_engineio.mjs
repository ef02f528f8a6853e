// npm's `engine.io-client` in a page of Chromium, at the example `engineio_echo` on another origin:
// `node chromium_engineio.mjs PAGE URL VERSION COMPRESSION`, with the URL of a page and that of a server that
// allows its origin, where the interval of heartbeats is 300 ms. VERSION is the protocol's, 3 or 4;
// COMPRESSION is what the server does, `compressed` or `plain`. The page by the name `localhost` has an origin
// that is not allowed.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withPage } from "./chromium.mjs";

const [allowed, url, version, compression] = process.argv.slice(2);
const refused = allowed.replace("127.0.0.1", "localhost");

/** The client's bundle for browsers; and by what a session goes on, what it is told to use, and the requests
 * that it makes: WebSockets are none. */
const { bundle, ways } = {
  3: {
    bundle: "node_modules/engine.io-client-3/engine.io.js",
    ways: {
      "XHR, binary": [{ transports: ["polling"] }, "GET xhr", "POST xhr binary", "POST xhr text"],
      "XHR, base64": [{ transports: ["polling"], forceBase64: true }, "GET xhr", "POST xhr text"],
      JSONP: [{ transports: ["polling"], forceJSONP: true }, "GET script", "POST document form"],
      WebSocket: [{ transports: ["websocket"] }],
      "XHR to WebSocket": [{ transports: ["polling", "websocket"] }, "GET xhr", "POST xhr binary"],
      "JSONP to WebSocket": [
        { transports: ["polling", "websocket"], forceJSONP: true },
        "GET script",
        "POST document form",
      ],
    },
  },
  4: {
    bundle: "node_modules/engine.io-client/dist/engine.io.esm.min.js",
    ways: {
      XHR: [{ classes: ["XHR"] }, "GET xhr", "POST xhr text"],
      fetch: [{ classes: ["Fetch"] }, "GET fetch", "POST fetch text"],
      WebSocket: [{ classes: ["WebSocket"] }],
      "XHR to WebSocket": [{ classes: ["XHR", "WebSocket"] }, "GET xhr", "POST xhr text"],
      "fetch to WebSocket": [{ classes: ["Fetch", "WebSocket"] }, "GET fetch", "POST fetch text"],
    },
  },
}[version];

/** What a page is given with the client: kept in `window.engine`. */
function install(version) {
  const options = ({ classes, ...rest }) => ({
    ...(classes && { transports: classes.map((name) => window.engine[name]) }),
    ...rest,
  });

  /** A socket whose `next` gives what it hears, in order: a message, or why it ended. */
  window.connect = (url, way) => {
    const socket = new window.engine.Socket(url, options(way));
    socket.binaryType = "arraybuffer";
    const heard = [];
    let wake = () => {};
    socket.on("message", (data) => wake(heard.push(data ?? "")));
    socket.on("close", (reason) => wake(heard.push({ closed: reason })));
    socket.next = async () => {
      while (heard.length === 0) await new Promise((resolve) => (wake = resolve));
      return heard.shift();
    };
    return socket;
  };

  window.happens = (socket, event) => new Promise((resolve) => socket.once(event, resolve));

  /** As in JSON, with bytes as an array of them. */
  const shown = (message) =>
    JSON.stringify(message instanceof ArrayBuffer ? [...new Uint8Array(message)] : message);

  const hears = async (socket, expected) => {
    const heard = shown(await socket.next());
    if (heard !== shown(expected)) throw new Error(`${heard}, not ${shown(expected)}`);
  };

  window.talk = async (url, way, last) => {
    const socket = window.connect(url, way);
    let upgraded = false;
    socket.once("upgrade", () => (upgraded = true));
    await window.happens(socket, "open");
    const moves = socket.transport.name !== last;

    // There is always something on its way while the transport changes.
    let [sent, heard] = [0, 0];
    const numbered = (number) =>
      number % 5 === 0 ? Uint8Array.of(number >> 8, number & 255).buffer : `${number}`;
    const send = () => {
      for (let more = 0; more < 20; more += 1) socket.send(numbered(sent++));
    };
    const hear = async () => {
      for (let more = 0; more < 20; more += 1) await hears(socket, numbered(heard++));
    };
    send();
    while (sent < 100 || (moves && !upgraded)) {
      send();
      await hear();
    }
    await hear();
    if (socket.transport.name !== last) throw new Error(`on ${socket.transport.name}, not ${last}`);

    const messages = [
      "plain",
      "",
      "lines:\n two, \n\n four",
      "other ends of lines: \r\n, \r",
      "backslashes: \\, \\\\, \\n, \\\\n, \\\\\\n, \\r, \\u0041, at the end \\",
      "before ends of lines: \\\n, \\\\\n",
      "separators: \u2028 and \u2029, \0, \x1f, \x7f, \x85, \ufeff",
      `quotes: ", ', \`, \\", \${x}`,
      "</script><script>throw 1</script><!--",
      "d=1&d=2;+%20%5Cn",
      "é, €, 😀",
      "5:4like a length",
      Uint8Array.from({ length: 256 }, (_, byte) => byte).buffer,
      new ArrayBuffer(0),
      Uint8Array.of(0x1e, 0x0a, 0x5c, 0x6e).buffer,
      Uint8Array.from({ length: 50_000 }, (_, byte) => byte * 7).buffer,
      "€".repeat(50_000),
    ];
    // A form makes \r\n of each end of a line. For JSONP the client therefore writes \n as a backslash and an
    // n, and those with a backslash more; it forgets \r, and a backslash before \n.
    const able = messages.filter((message) => !(last === "polling" && way.forceJSONP && /\r|\\\n/.test(message)));
    for (const message of able) {
      socket.send(message);
      await hears(socket, message);
    }
    for (const message of able) socket.send(message);
    for (const message of able) await hears(socket, message);

    // From heartbeat to heartbeat.
    for (let number = 0; number < 3; number += 1) {
      await window.happens(socket, version === "3" ? "pong" : "ping");
    }
    socket.send("alive");
    await hears(socket, "alive");
    const { id } = socket;
    const { extensions } = window.lastWebSocket ?? {};
    socket.close();
    await hears(socket, { closed: "forced close" });
    return { id, extensions };
  };

  window.isRefused = async (url, way) => {
    const socket = window.connect(url, way);
    let opened = false;
    socket.on("open", () => (opened = true));
    socket.on("error", () => {});
    const { closed } = await socket.next();
    return { opened, closed };
  };
}

/** Opens `address` with the client in it. */
async function load(page, address) {
  await page.goto(address);
  if (version === "3") {
    await page.addScriptTag({ path });
    await page.evaluate("window.engine = eio");
  } else {
    await page.evaluate("import('/engine.io.js').then((module) => { window.engine = module; })");
  }
  await page.evaluate(install, version);
}

/** Waits until the server has forgotten the session. */
async function isForgotten(id) {
  // No handshake of a WebSocket, which is refused either way and disturbs nobody.
  const ask = `${url}/engine.io/?EIO=${version}&transport=websocket&sid=${id}`;
  let answer;
  do answer = await (await fetch(ask)).json();
  while (answer.code === 3);
  assert.deepEqual(answer, { code: 1, message: "Session ID unknown" });
}

const path = fileURLToPath(new URL(bundle, import.meta.url));

await withPage(async (page, complaints) => {
  await page.route("**/favicon.ico", (route) => route.fulfill({ body: "" }));
  const module = { path, contentType: "text/javascript" };
  await page.route("**/engine.io.js", (route) => route.fulfill(module));
  const requests = new Set();
  page.on("request", (request) => {
    const kinds = { "application/octet-stream": " binary", "application/x-www-form-urlencoded": " form" };
    const [type] = (request.headers()["content-type"] ?? "").split(";");
    const body = request.method() === "POST" ? (kinds[type] ?? " text") : "";
    const isOurs = request.url().startsWith(url) && request.method() !== "OPTIONS";
    if (isOurs) requests.add(`${request.method()} ${request.resourceType()}${body}`);
  });

  // The client has none to show.
  await page.addInitScript(() => {
    const { WebSocket } = window;
    window.WebSocket = class extends WebSocket {
      constructor(...options) {
        super(...options);
        window.lastWebSocket = this;
      }
    };
  });
  const codings = new Set();
  page.on("response", (response) => {
    if (response.url().startsWith(url)) codings.add(response.headers()["content-encoding"]);
  });

  for (const [name, [way, ...expected]] of Object.entries(ways)) {
    const last = name.endsWith("WebSocket") ? "websocket" : "polling";
    await load(page, allowed);
    requests.clear();
    codings.clear();
    const talk = ([url, way, last]) => window.talk(url, way, last);
    const { id, extensions } = await page.evaluate(talk, [url, way, last]).catch((error) => {
      assert.fail(`${name}: ${error.message}\n${complaints.join("\n")}`);
    });
    assert.deepEqual([...requests].sort(), expected, name);
    const isCompressed = last === "polling" ? codings.has("gzip") : /^permessage-deflate/.test(extensions);
    assert.equal(isCompressed, compression === "compressed", name);
    await isForgotten(id);

    await load(page, refused);
    const isRefused = ([url, way]) => window.isRefused(url, way);
    const end = await page.evaluate(isRefused, [url, way]);
    assert.deepEqual(end, { opened: false, closed: "transport error" }, name);
  }
});
