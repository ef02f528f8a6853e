// Chromium's WebSocket with compression: `node chromium_compression.mjs URL`, with the URL of a WebSocket that
// echoes.

import assert from "node:assert/strict";
import { withPage } from "./chromium.mjs";

/** Runs in the page: what was agreed, and what did not come back as it was sent. */
async function echoes(url) {
  const ws = new WebSocket(url);
  ws.binaryType = "arraybuffer";
  const next = (event) =>
    new Promise((resolve) => ws.addEventListener(event, resolve, { once: true }));
  await next("open");
  const wrong = [];
  const repeated = "compresses well, also é, € and 😀. ".repeat(2000);
  for (const text of ["", "a", repeated, repeated, "é".repeat(512 * 1024)]) {
    ws.send(text);
    if ((await next("message")).data !== text) wrong.push(`text of ${text.length}`);
  }
  for (const length of [0, 1, 125, 126, 65535, 65536, 1024 * 1024]) {
    const bytes = new Uint8Array(length).map((_, index) => index * 7 + (index >> 8));
    ws.send(bytes);
    const echo = new Uint8Array((await next("message")).data);
    const same = echo.length === length && echo.every((byte, index) => byte === bytes[index]);
    if (!same) wrong.push(`binary of ${length}`);
  }
  ws.close(4001, "bye");
  const { code, wasClean } = await next("close");
  return { extensions: ws.extensions, wrong, code, wasClean };
}

await withPage(async (page) => {
  const { extensions, ...echoed } = await page.evaluate(echoes, process.argv[2]);
  assert.match(extensions, /^permessage-deflate/);
  assert.deepEqual(echoed, { wrong: [], code: 4001, wasClean: true });
});
