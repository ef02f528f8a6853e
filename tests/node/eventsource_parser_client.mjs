// npm's `eventsource-parser` on a `fetch` from `rtwire serve`: `node eventsource_parser_client.mjs URL CASE`.

import assert from "node:assert/strict";
import { EventSourceParserStream } from "eventsource-parser/stream";

const [url, name] = process.argv.slice(2);
setTimeout(() => process.exit(1), 40_000).unref();

/** The events of a new stream, which is left when they are. */
async function* events(headers = {}) {
  const response = await fetch(`${url}/events`, { headers: { Accept: "text/event-stream", ...headers } });
  assert.deepEqual([response.status, response.headers.get("content-type")], [200, "text/event-stream"]);
  const onError = (error) => assert.fail(error);
  yield* response.body
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream({ onError }));
}

async function next(stream, type) {
  for (;;) {
    const { done, value } = await stream.next();
    assert(!done, "the stream ended");
    if (value.event === type) return value;
  }
}

const cases = {
  async events() {
    const stream = events();
    await next(stream, "tick");
    for (const text of ["plain", "two\nlines", " é, €, 😀 ", ":colon", "\u2028", "", "a\n\ndata: b\n\n"]) {
      const { status } = await fetch(`${url}/events`, { method: "POST", body: text });
      assert.equal(status, 204);
      const { data, id } = await next(stream, "message");
      assert.equal(data, text);
      assert.match(id, /^\d+$/);
    }
  },

  async resume() {
    const stream = events();
    const { id } = await next(stream, "tick");
    const missed = [await next(stream, "tick"), await next(stream, "tick")];
    await stream.return();
    const resumed = events({ "Last-Event-ID": id });
    assert.deepEqual([await next(resumed, "tick"), await next(resumed, "tick")], missed);
    const gone = events({ "Last-Event-ID": "0" });
    assert.equal((await gone.next()).value.event, "gap");
  },

  async shutdown() {
    const stream = events();
    await next(stream, "tick");
    console.log("live");
    // A body that is cut off is an error.
    for await (const { event } of stream) assert.equal(event, "tick");
  },
};

await cases[name]();
process.exit(0);
