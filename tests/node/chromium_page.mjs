// rtwire's page in Chromium: `node chromium_page.mjs URL [ARGUMENTS]`, the latter being Chromium's.
// Once `live` is printed the server is stopped, and once `down` is printed it is started again.

import assert from "node:assert/strict";
import { logs, send, shows, withPage } from "./chromium.mjs";

const [url, ...more] = process.argv.slice(2);
const COLUMNS = ["es", "ws", "io"];

await withPage(async (page, complaints) => {
  await page.goto(url);
  for (const column of COLUMNS) await shows(page, `${column}-state`, "open");
  await logs(page, "es", /^tick /);
  await logs(page, "ws", "echo hello");
  await send(page, "es", "to everybody 😀");
  await logs(page, "es", "message to everybody 😀");
  await send(page, "ws", "there and back 😀");
  await logs(page, "ws", "echo there and back 😀");
  await shows(page, "io-transport", "websocket");
  for (const packet of ["→ 40", "→ 2probe", "← 3probe", "→ 5"]) await logs(page, "io", packet);
  await send(page, "io", "asked 😀");
  await logs(page, "io", '→ 42["message","asked 😀"]');
  await logs(page, "io", "You said: asked 😀");
  for (const column of COLUMNS) {
    await page.waitForFunction((id) => / ms$/.test(document.getElementById(id).textContent), `${column}-round-trip`);
  }
  for (const column of COLUMNS) assert.equal(await page.inputValue(`#${column}-input`), "");
  assert.deepEqual(complaints, []);

  console.log("live");
  for (const column of COLUMNS) {
    const down = (id) => document.getElementById(id).dataset.state !== "open";
    await page.waitForFunction(down, `${column}-state`);
  }
  console.log("down");

  for (const column of COLUMNS) {
    await shows(page, `${column}-state`, "open");
    await shows(page, `${column}-opened`, "2");
  }
  await send(page, "es", "again to everybody");
  await logs(page, "es", "message again to everybody");
  await send(page, "ws", "again there and back");
  await logs(page, "ws", "echo again there and back");
  await shows(page, "io-transport", "websocket");
  await send(page, "io", "asked again");
  await logs(page, "io", "You said: asked again");

  // That the server was gone, which a proxy may have said, is all that there was to complain about.
  const gone = /net::ERR_|WebSocket|status of 502/;
  const others = complaints.filter((complaint) => !gone.test(complaint));
  assert.deepEqual(others, []);
}, more);
