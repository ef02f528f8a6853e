// Chromium without a window, driven by playwright-core.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

// Nothing leaves this machine.
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const axe = readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Calls `test` with a page and what it complained about so far; `more` are arguments of Chromium. */
export async function withPage(test, more = []) {
  const executablePath = process.env.RTWIRE_CHROMIUM;
  const args = [...ARGUMENTS, ...more];
  const browser = await chromium.launch({ executablePath, args, timeout: 60_000 });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    const complaints = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await test(page, complaints);
  } finally {
    await browser.close();
  }
}

/** Checks what can be checked of a page's accessibility, and that it is no wider than `width` pixels. */
export async function isAccessible(page, width, look) {
  const widest = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(widest <= width, `${look}: ${widest} pixels wide`);
  await page.evaluate(await axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run());
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html)}`);
  assert.deepEqual(found, [], look);
  assert.ok(passes.length > 20, `axe looked at ${passes.length} things`);
}

/** Waits until the element `id` of rtwire's page has this text. */
export async function shows(page, id, text) {
  const has = ([id, text]) => document.getElementById(id).textContent === text;
  await page.waitForFunction(has, [id, text]).catch(async (error) => {
    const shown = await page.locator(`#${id}`).textContent();
    assert.fail(`#${id} shows ${shown}, not ${text}: ${error.message}`);
  });
}

/** Waits until a column of rtwire's page, `es`, `ws` or `io`, has a line with this text. */
export async function logs(page, column, text) {
  await page.locator(`#${column}-log > div`, { hasText: text }).first().waitFor();
}

/** Types a message into a column, `es`, `ws` or `io`, and sends it. */
export async function send(page, column, text) {
  await page.fill(`#${column}-input`, text);
  await page.press(`#${column}-input`, "Enter");
}

/** Runs in a page: what was agreed with the WebSocket at `url`, and what did not come back as it was sent. */
export async function echoes(url) {
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
  return { wrong, extensions: ws.extensions, protocol: ws.protocol, code, wasClean };
}
