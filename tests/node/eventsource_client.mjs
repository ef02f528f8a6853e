// npm's `eventsource` at `rtwire serve`: `node eventsource_client.mjs URL`. Once `live` is printed the
// server is stopped, and once `down` is printed it is started again.

import assert from "node:assert/strict";
import { EventSource } from "eventsource";

const [url] = process.argv.slice(2);
setTimeout(() => process.exit(1), 40_000).unref();

/** What a source hears, in order. */
function listen(source, ...types) {
  const heard = [];
  let wake = () => {};
  for (const type of types) source.addEventListener(type, (event) => wake(heard.push(event)));
  return async (expected) => {
    while (heard.length === 0) await new Promise((resolve) => (wake = resolve));
    const event = heard.shift();
    assert.equal(event.type, expected);
    return event;
  };
}

const post = async (body) => {
  const answer = await fetch(`${url}/events`, { method: "POST", body });
  assert.equal(answer.status, 204);
};

const source = new EventSource(`${url}/events`);
const next = listen(source, "open", "message");
await next("open");
assert.equal(source.readyState, EventSource.OPEN);
for (const text of ["plain", "two\nlines", " é, €, 😀 ", ":colon", "\u2028", ""]) {
  await post(text);
  const { data, lastEventId } = await next("message");
  assert.equal(data, text);
  assert.match(lastEventId, /^\d+$/);
}
// A line ends with any of the three, and each is one end; so they come back as newlines.
await post("a\r\nb\rc");
assert.equal((await next("message")).data, "a\nb\nc");

const data = new EventSource(`${url}/api/data`);
const nextData = listen(data, "message");
const { number } = JSON.parse((await nextData("message")).data);
assert.ok(JSON.parse((await nextData("message")).data).number > number);
data.close();

// A path without a stream is an error, and for good.
const nowhere = new EventSource(`${url}/nowhere`);
const error = await listen(nowhere, "error")("error");
assert.deepEqual([error.code, nowhere.readyState], [404, EventSource.CLOSED]);

// It comes back by itself; some attempts may find nobody there.
const failed = listen(source, "error");
console.log("live");
await failed("error");
console.log("down");
await next("open");
await post("again");
assert.equal((await next("message")).data, "again");
source.close();
