// The vectors of rtwire-sse before another reader of event streams. It must agree with each, but for the
// disagreements that were reviewed; and these it must still have. Scripts that use this are started with
// the list of disagreements and files of vectors.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import http from "node:http";

const [list, ...files] = process.argv.slice(2).map((file) => JSON.parse(readFileSync(file)));

/** Those of all files; chunks are bytes. */
export const vectors = files.flat().map(({ chunks, initialLastEventId = "", ...vector }) => ({
  ...vector,
  initialLastEventId,
  chunks: chunks.map((chunk) => Buffer.from(chunk, "base64")),
}));

/**
 * Runs `check`, which throws at a disagreement, with each vector and its index, all at once. Fails unless
 * exactly those disagree that the list has for `oracle`. A list is one for a version: `version` is its
 * own, absent if it is whichever there is.
 */
export async function review(oracle, version, check) {
  const reviewed = list.filter((entry) => entry.oracle === oracle);
  for (const entry of reviewed) assert.equal(entry.version, version ?? entry.version);
  const known = new Set(reviewed.flatMap((entry) => entry.vectors));
  const failures = [];
  const judge = async (vector, index) => {
    const { name } = vector;
    try {
      await check(vector, index);
    } catch (error) {
      if (!known.has(name)) failures.push(`${name}: ${error.message}`);
      return;
    }
    if (known.has(name)) failures.push(`${name}: it agrees now`);
  };
  await Promise.all(vectors.map(judge));
  if (failures.length > 0) assert.fail(failures.join("\n\n"));
  console.log(`${vectors.length} vectors, ${known.size} disagreements`);
}

/** Chromium has six connections to a server, and an EventSource keeps one. */
const PER_SERVER = 5;
/** Longer than any time after which an EventSource comes back by itself. */
const PATIENCE = 20_000;

/**
 * Serves each vector as the body of a response, once; before it, if there is an initial last event ID, an
 * event with that; after it, that there is nothing more.
 */
export class VectorServers {
  #servers = [];
  #requests = vectors.map(() => []);

  static async start() {
    const servers = new VectorServers();
    for (let first = 0; first < vectors.length; first += PER_SERVER) {
      const server = http.createServer((request, response) => servers.#answer(request, response));
      await once(server.listen(0, "127.0.0.1"), "listening");
      servers.#servers.push(server);
    }
    return servers;
  }

  /** Where a vector is served; without an index, an empty page. */
  url(index) {
    const { port } = this.#servers[Math.floor((index ?? 0) / PER_SERVER)].address();
    return `http://127.0.0.1:${port}/${index ?? ""}`;
  }

  /** The last event IDs of all requests for a vector. */
  lastEventIds(index) {
    return this.#requests[index];
  }

  stop() {
    for (const server of this.#servers) server.close().closeAllConnections();
  }

  #answer(request, response) {
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (!/^\/\d+$/.test(request.url)) {
      response.setHeader("Content-Type", "text/html");
      response.end("<!doctype html><title>Vectors</title>");
      return;
    }
    const index = Number(request.url.slice(1));
    const { chunks, initialLastEventId } = vectors[index];
    // Node reads field values as Latin-1; they are UTF-8.
    const id = Buffer.from(request.headers["last-event-id"] ?? "", "latin1").toString();
    this.#requests[index].push(id);
    response.setHeader("Content-Type", "text/event-stream");
    const step = this.#requests[index].length + (initialLastEventId === "" ? 1 : 0);
    if (step === 1) {
      response.end(`retry: 1\nid: ${initialLastEventId}\nevent: initial\ndata\n\n`);
    } else if (step === 2) {
      for (const chunk of chunks) response.write(chunk);
      response.end();
    } else {
      // For good (HTML, "reestablish the connection" ends with a status other than 200).
      response.writeHead(204).end();
    }
  }
}

/**
 * What the EventSource at `url` delivers of these types before it has failed for good, or `patience` has
 * ended. Runs in a page, too.
 */
export async function deliver([url, types, patience], EventSource = globalThis.EventSource) {
  const events = [];
  const source = new EventSource(url);
  for (const type of types) {
    source.addEventListener(type, ({ type, data, lastEventId }) =>
      events.push({ type, data, lastEventId }),
    );
  }
  await new Promise((resolve) => {
    const enough = setTimeout(resolve, patience);
    source.onerror = () => {
      if (source.readyState !== EventSource.CLOSED) return;
      clearTimeout(enough);
      resolve();
    };
  });
  source.close();
  return events;
}

/** Checks an EventSource, whose events `deliver` tells, with one of the vectors. */
export async function checkEventSource(servers, vector, index, deliver) {
  const { initialLastEventId, events, retry, lastEventIdAtEnd } = vector;
  const types = new Set(["message", ...events.map(({ type }) => type)]);
  // "error" is also what an EventSource says of itself.
  assert(!types.has("error"));
  assert.deepEqual(await deliver([servers.url(index), [...types], PATIENCE]), events);
  const expected = initialLastEventId === "" ? [""] : ["", initialLastEventId];
  // HTTP has no place for space around the value of a field. Nobody waits for a time of years.
  if (retry === null || retry < PATIENCE) {
    expected.push(lastEventIdAtEnd.replace(/^[ \t]+|[ \t]+$/g, ""));
  }
  assert.deepEqual(servers.lastEventIds(index), expected, "last event IDs of the requests");
}
