// The page of the example `dashboard` in Chromium: `node chromium_dashboard.mjs URL [FOLDER]`. Once `live`
// is printed the server is stopped, and once `down` is printed it is started again. Screenshots go to the
// folder, if there is one.

import assert from "node:assert/strict";
import { join } from "node:path";
import { isAccessible, shows, withPage } from "./chromium.mjs";

const [url, folder] = process.argv.slice(2);

/** Waits for two seconds' worth of numbers. */
async function moves(page) {
  const before = Number(await page.textContent("#received"));
  const has = (count) => Number(document.getElementById("received").textContent) >= count;
  await page.waitForFunction(has, before + 6);
}

await withPage(async (page, complaints) => {
  await page.goto(url);
  await shows(page, "state", "live");
  await moves(page);
  assert.match(await page.textContent("#cpu"), /^\d+\.\d %$/);
  assert.match(await page.textContent("#memory"), /^\d+\.\d\d GiB$/);

  // Another page is seen while it is there.
  await shows(page, "watching", "1");
  const other = await page.context().browser().newPage();
  await other.goto(url);
  await shows(page, "watching", "2");
  await other.close();
  await shows(page, "watching", "1");
  assert.equal(await page.isVisible("#gap"), false);

  const look = async (when) => {
    for (const colorScheme of ["light", "dark"]) {
      for (const width of [390, 1440]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 700 });
        await isAccessible(page, width, `${when}, ${colorScheme}, at ${width} pixels`);
        if (folder !== undefined) {
          const path = join(folder, `dashboard-${when}-${colorScheme}-${width}.png`);
          await page.screenshot({ path, fullPage: true });
        }
      }
    }
  };
  await look("live");
  assert.deepEqual(complaints, []);

  console.log("live");
  await shows(page, "state", "reconnecting");
  console.log("down");

  await shows(page, "state", "live");
  await moves(page);
  // Events of the server that was stopped are gone, and it does not keep that to itself.
  assert.match(await page.textContent("#gap"), /^Events were lost while this page was away: /);
  assert.equal(await page.isVisible("#gap"), true);
  await look("again");
  const others = complaints.filter((complaint) => !/net::ERR_/.test(complaint));
  assert.deepEqual(others, []);
});
