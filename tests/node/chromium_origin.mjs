// A page of a foreign origin in Chromium: `node chromium_origin.mjs PAGE REFUSES ALLOWS`, with the
// URL of the page, and the host and port of a server that refuses its origin and of one that
// allows it.

import assert from "node:assert/strict";
import { withPage } from "./chromium.mjs";

/** Runs in the page. */
function connect(host) {
  const webSocket = new Promise((resolve) => {
    const ws = new WebSocket(`ws://${host}/ws`);
    ws.onopen = () => ws.send("hello");
    ws.onmessage = (message) => resolve(message.data);
    ws.onclose = (close) => resolve(close.code);
  });
  const eventSource = new Promise((resolve) => {
    const source = new EventSource(`http://${host}/events`);
    source.addEventListener("tick", () => resolve("tick"));
    source.onerror = () => resolve(source.readyState);
  });
  const post = fetch(`http://${host}/events`, { method: "POST", body: "from afar" }).then(
    (response) => response.status,
    (error) => error.name,
  );
  return Promise.all([webSocket, eventSource, post]);
}

/** The server's events from now on: a function that waits for one with this data. */
async function listen(host) {
  const response = await fetch(`http://${host}/events`);
  assert.equal(response.status, 200);
  // From now on: Node cancels a body that nobody reads when its response is collected.
  const chunks = response.body.pipeThrough(new TextDecoderStream());
  return async (data) => {
    let text = "";
    for await (const chunk of chunks) {
      text += chunk;
      if (text.includes(`data: ${data}\n`)) return text;
    }
    assert.fail(`no ${data} in ${text}`);
  };
}

const CLOSED_EVENT_SOURCE = 2;
const [foreign, refuses, allows] = process.argv.slice(2);

await withPage(async (page, complaints) => {
  const heard = await listen(refuses);
  await page.goto(foreign);
  assert.deepEqual(await page.evaluate(connect, refuses), [1006, CLOSED_EVENT_SOURCE, "TypeError"]);
  const refused = complaints.some((complaint) => /WebSocket.* code: 403$/.test(complaint));
  assert.ok(refused, complaints.join("\n"));
  // A page may not read the answer to such a POST even if the server does what it says.
  await fetch(`http://${refuses}/events`, { method: "POST", body: "from nearby" });
  assert.ok(!(await heard("from nearby")).includes("from afar"));

  const allowed = await page.evaluate(connect, allows);
  assert.deepEqual(allowed, ["hello", "tick", 204]);
});
