// How rtwire's page looks in Chromium, on a phone and on a desk, by day and by night: `node
// chromium_look.mjs URL [FOLDER]`. Screenshots go to the folder, if there is one.

import assert from "node:assert/strict";
import { join } from "node:path";
import { isAccessible, shows, withPage } from "./chromium.mjs";

const [url, folder] = process.argv.slice(2);

await withPage(async (page, complaints) => {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [390, 1440]) {
      const look = `${colorScheme} at ${width} pixels`;
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await page.goto(url);
      for (const column of ["es", "ws", "io"]) await shows(page, `${column}-state`, "open");
      await shows(page, "io-transport", "websocket");

      await isAccessible(page, width, look);

      // The whole of it can be reached by keyboard.
      const reached = new Set();
      await page.evaluate(() => document.activeElement?.blur());
      for (let tabs = 0; tabs < 20; tabs += 1) {
        await page.keyboard.press("Tab");
        reached.add(await page.evaluate(() => document.activeElement.id));
      }
      for (const column of ["es", "ws", "io"]) {
        for (const part of ["log", "input", "send"]) assert.ok(reached.has(`${column}-${part}`), part);
      }
      if (folder !== undefined) {
        const path = join(folder, `${colorScheme}-${width}.png`);
        await page.screenshot({ path, fullPage: true });
      }
    }
  }
  assert.deepEqual(complaints, []);
});
