// npm's `eventsource-parser` over the vectors of rtwire-sse, as its users read a stream:
// `node eventsource_parser_vectors.mjs DISAGREEMENTS FILE...`.

import assert from "node:assert/strict";
import { createParser } from "eventsource-parser";
import { EventSourceParserStream } from "eventsource-parser/stream";
import packageJson from "eventsource-parser/package.json" with { type: "json" };
import { review } from "./vectors.mjs";

/** Keeps what a parser calls back. Its ids are those of single events, so the last one is for us to keep. */
class Outcome {
  events = [];
  retry = null;
  #lastEventId;

  constructor(initialLastEventId) {
    this.#lastEventId = initialLastEventId;
  }

  onEvent = ({ event, data, id }) => {
    this.#lastEventId = id ?? this.#lastEventId;
    this.events.push({ type: event ?? "message", data, lastEventId: this.#lastEventId });
  };

  // Vectors have what 64 bits hold.
  onRetry = (retry) => (this.retry = Math.min(retry, 2 ** 64));

  asVector() {
    return { events: this.events, retry: this.retry, lastEventIdAtEnd: this.#lastEventId };
  }
}

/** What the stream means, and how many events there were after each part of it. */
function parse(parts, initialLastEventId) {
  const outcome = new Outcome(initialLastEventId);
  const parser = createParser(outcome);
  const decoder = new TextDecoder();
  const eventsAfterChunk = parts.map((part) => {
    parser.feed(decoder.decode(part, { stream: true }));
    return outcome.events.length;
  });
  parser.feed(decoder.decode());
  return { ...outcome.asVector(), eventsAfterChunk };
}

/** The same through the streams of the Web. */
async function pipe(parts, initialLastEventId) {
  const outcome = new Outcome(initialLastEventId);
  const events = new ReadableStream({ start: (c) => (parts.forEach((p) => c.enqueue(p)), c.close()) })
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream(outcome));
  for await (const event of events) outcome.onEvent(event);
  return outcome.asVector();
}

// However a stream is cut, it must mean one thing: that is for no list of disagreements.
const inconsistent = [];
async function check({ name, chunks, initialLastEventId, ...expected }) {
  const { eventsAfterChunk, ...outcome } = parse(chunks, initialLastEventId);
  const same = (other, how) => {
    delete other.eventsAfterChunk;
    try {
      assert.deepEqual(other, outcome);
    } catch (error) {
      inconsistent.push(`${name}, ${how}: ${error.message}`);
    }
  };
  const stream = Buffer.concat(chunks);
  same(await pipe(chunks, initialLastEventId), "through streams");
  same(parse([stream], initialLastEventId), "whole");
  same(parse(Array.from(stream, (byte) => Buffer.of(byte)), initialLastEventId), "byte by byte");
  for (let cut = 0; cut <= stream.length; cut += 1) {
    const parts = [stream.subarray(0, cut), stream.subarray(cut)];
    same(parse(parts, initialLastEventId), `cut at ${cut}`);
  }

  delete expected.rule;
  // Where the vector does not tell when, it may be at any time.
  assert.deepEqual({ eventsAfterChunk, ...outcome }, { eventsAfterChunk, ...expected });
}

await review("npm eventsource-parser", packageJson.version, check);
if (inconsistent.length > 0) assert.fail(inconsistent.join("\n\n"));
