// Chromium's own WebSocket: `node chromium_websocket.mjs URL`, with the URL of rtwire's page. Once
// `open` is printed the server is stopped.

import assert from "node:assert/strict";
import { echoes, withPage } from "./chromium.mjs";

/** Runs in the page: opens a WebSocket that outlives this call. */
async function open() {
  const ws = new WebSocket(`ws://${location.host}/ws`);
  window.ended = new Promise((resolve) => {
    ws.onclose = ({ code, wasClean }) => resolve({ code, wasClean });
  });
  await new Promise((resolve) => (ws.onopen = resolve));
}

const [url] = process.argv.slice(2);
await withPage(async (page) => {
  await page.goto(url);
  assert.deepEqual(await page.evaluate(echoes, new URL("/ws", url).href), {
    wrong: [],
    extensions: "",
    protocol: "",
    code: 4001,
    wasClean: true,
  });

  await page.evaluate(open);
  console.log("open");
  assert.deepEqual(await page.evaluate(() => window.ended), { code: 1001, wasClean: true });
});
