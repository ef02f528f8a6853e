// Chromium's own WebSocket: `node chromium_websocket.mjs URL`, with the URL of rtwire's page. Once
// `open` is printed the server is stopped.

import assert from "node:assert/strict";
import { withPage } from "./chromium.mjs";

/** Runs in the page: what comes back for what was sent, and how it closed. */
async function echoes() {
  const ws = new WebSocket(`ws://${location.host}/ws`);
  ws.binaryType = "arraybuffer";
  const next = (event) =>
    new Promise((resolve) => ws.addEventListener(event, resolve, { once: true }));
  await next("open");
  const wrong = [];
  for (const text of ["", "two: é, three: €, four: 😀", "é".repeat(512 * 1024)]) {
    ws.send(text);
    if ((await next("message")).data !== text) wrong.push(`text of ${text.length}`);
  }
  for (const length of [0, 1, 125, 126, 65535, 65536, 1024 * 1024]) {
    const bytes = new Uint8Array(length).map((_, index) => index * 7);
    ws.send(bytes);
    const echo = new Uint8Array((await next("message")).data);
    const same = echo.length === length && echo.every((byte, index) => byte === bytes[index]);
    if (!same) wrong.push(`binary of ${length}`);
  }
  ws.close(4001, "bye");
  const { code, wasClean } = await next("close");
  return { wrong, extensions: ws.extensions, protocol: ws.protocol, code, wasClean };
}

/** Runs in the page: opens a WebSocket that outlives this call. */
async function open() {
  const ws = new WebSocket(`ws://${location.host}/ws`);
  window.ended = new Promise((resolve) => {
    ws.onclose = ({ code, wasClean }) => resolve({ code, wasClean });
  });
  await new Promise((resolve) => (ws.onopen = resolve));
}

await withPage(async (page) => {
  await page.goto(process.argv[2]);
  assert.deepEqual(await page.evaluate(echoes), {
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
