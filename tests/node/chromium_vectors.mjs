// Chromium's EventSource over the vectors of rtwire-sse: `node chromium_vectors.mjs FILE...`. It must
// deliver each vector's events, and come back with its last event ID; but for those in which it is known to
// be wrong, and must still be.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import http from "node:http";
import { withPage } from "./chromium.mjs";

/** Where Chromium is wrong, by which sentence. */
const WRONG = {
  // "Streams must be decoded using the UTF-8 decode algorithm", which drops the mark and leaves an empty line.
  // Chromium delivers nothing of that stream, though it drops the mark before any other line.
  "a byte order mark alone on a line makes it empty": true,
};

const vectors = process.argv.slice(2).flatMap((file) => JSON.parse(readFileSync(file)));
/** Chromium has six connections to a server, and an EventSource keeps one. */
const PER_SERVER = 5;
/** Longer than any time after which it comes back by itself. */
const PATIENCE = 20_000;

/** What came back for each vector: the last event ID of the request after the stream. */
const cameBack = vectors.map(() => ({}));
for (const each of cameBack) each.id = new Promise((resolve) => (each.resolve = resolve));

function answer(request, response) {
  if (!/^\/\d+$/.test(request.url)) {
    response.setHeader("Content-Type", "text/html");
    response.end("<!doctype html><title>Vectors</title>");
    return;
  }
  const index = Number(request.url.slice(1));
  const { chunks, initialLastEventId = "", requests = 0 } = vectors[index];
  vectors[index].requests = requests + 1;
  // Node reads field values as Latin-1; they are UTF-8.
  const id = Buffer.from(request.headers["last-event-id"] ?? "", "latin1").toString();
  const headers = { "Content-Type": "text/event-stream", "Access-Control-Allow-Origin": "*" };
  const step = requests + (initialLastEventId === "" ? 1 : 0);
  if (step === 0) {
    response.writeHead(200, headers).end(`retry: 1\nid: ${initialLastEventId}\n\n`);
  } else if (step === 1) {
    assert.equal(id, initialLastEventId);
    response.writeHead(200, headers);
    for (const chunk of chunks) response.write(Buffer.from(chunk, "base64"));
    response.end();
  } else {
    // For good (HTML, "reestablish the connection" ends with a status other than 200).
    response.writeHead(204, { "Access-Control-Allow-Origin": "*" }).end();
    cameBack[index].resolve(id);
  }
}

/** Runs in the page: what the EventSource at `url` delivers before it has failed for good. */
async function deliver([url, types, patience]) {
  const events = [];
  const source = new EventSource(url);
  for (const type of new Set(["message", ...types])) {
    source.addEventListener(type, ({ type, data, lastEventId }) =>
      events.push({ type, data, lastEventId }),
    );
  }
  await new Promise((resolve) => {
    source.onerror = () => source.readyState === EventSource.CLOSED && resolve();
    // A reconnection time of years is no reason to wait as long.
    setTimeout(resolve, patience);
  });
  source.close();
  return events;
}

const servers = [];
for (let first = 0; first < vectors.length; first += PER_SERVER) {
  const server = http.createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
}
const comesBack = ({ retry }) => retry === null || retry < PATIENCE / 4;

const failures = [];
await withPage(async (page) => {
  const check = async (vector, index) => {
    const { name, events, lastEventIdAtEnd } = vector;
    // "error" is also what an EventSource says of itself.
    const types = events.map(({ type }) => type).filter((type) => type !== "error");
    const port = servers[Math.floor(index / PER_SERVER)].address().port;
    const url = `http://127.0.0.1:${port}/${index}`;
    const patience = comesBack(vector) ? PATIENCE : 2000;
    try {
      assert.deepEqual(await page.evaluate(deliver, [url, types, patience]), events);
      if (comesBack(vector)) {
        const never = setTimeout(cameBack[index].resolve, PATIENCE, "(it does not come back)");
        // HTTP has no place for space around the value of a field.
        const sent = lastEventIdAtEnd.replace(/^[ \t]+|[ \t]+$/g, "");
        assert.equal(await cameBack[index].id, sent);
        clearTimeout(never);
      }
      if (WRONG[name]) failures.push(`${name}: Chromium is right now`);
    } catch (error) {
      if (!WRONG[name]) failures.push(`${name}: ${error.message}`);
    }
  };
  await page.goto(`http://127.0.0.1:${servers[0].address().port}/`);
  await Promise.all(vectors.map(check));
});
for (const server of servers) server.close().closeAllConnections();
assert.deepEqual(failures, []);
console.log(`${vectors.length} vectors`);
