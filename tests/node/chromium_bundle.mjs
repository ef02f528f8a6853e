// npm's socket.io-client, as a page gets it from the server beside /socket.io/: `node chromium_bundle.mjs URL NAME`.

import assert from "node:assert/strict";
import { withPage } from "./chromium.mjs";

const [url, name] = process.argv.slice(2);

await withPage(async (page, complaints) => {
  await page.goto(url);
  await page.addScriptTag({ url: `/socket.io/${name}` });
  const said = await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const socket = globalThis.io();
        socket.on("connect_error", reject);
        socket.on("message", (text) => {
          socket.disconnect();
          resolve(text);
        });
        socket.emit("message", "hello");
      }),
  );
  assert.equal(said, "You said: hello");
  assert.deepEqual(complaints, []);
});
