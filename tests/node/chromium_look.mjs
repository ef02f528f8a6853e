// How rtwire's page looks in Chromium, on a phone and on a desk, by day and by night: `node
// chromium_look.mjs URL [FOLDER]`. Screenshots go to the folder, if there is one.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { shows, withPage } from "./chromium.mjs";

const [url, folder] = process.argv.slice(2);
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

await withPage(async (page, complaints) => {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [390, 1440]) {
      const look = `${colorScheme} at ${width} pixels`;
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await page.goto(url);
      for (const column of ["es", "ws", "io"]) await shows(page, `${column}-state`, "open");
      await shows(page, "io-transport", "websocket");

      const widest = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(widest <= width, `${look}: ${widest} pixels wide`);
      await page.evaluate(axe);
      const { violations, passes } = await page.evaluate(() => window.axe.run());
      const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html)}`);
      assert.deepEqual(found, [], look);
      assert.ok(passes.length > 20, "axe looked at it");

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
