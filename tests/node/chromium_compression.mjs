// Chromium's WebSocket with compression: `node chromium_compression.mjs URL`, with the URL of a WebSocket that
// echoes.

import assert from "node:assert/strict";
import { echoes, withPage } from "./chromium.mjs";

await withPage(async (page) => {
  const { extensions, ...echoed } = await page.evaluate(echoes, process.argv[2]);
  assert.match(extensions, /^permessage-deflate/);
  assert.deepEqual(echoed, { wrong: [], protocol: "", code: 4001, wasClean: true });
});
