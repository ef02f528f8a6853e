// rtwire's page in Chromium over connections that are cut: `node chromium_resume.mjs HOST PORT`.
// Its EventSource comes back with the last event ID, and no event is lost or doubled.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { logs, withPage } from "./chromium.mjs";

const [host, port] = process.argv.slice(2);
const CUTS = 2;

// Passes connections on to rtwire until it is told to cut them.
const sockets = new Set();
const relay = net.createServer((near) => {
  const far = net.connect(port, host);
  for (const [from, to] of [[near, far], [far, near]]) {
    sockets.add(from);
    from.on("close", () => sockets.delete(from));
    from.on("error", () => to.destroy());
    from.pipe(to);
  }
});

async function listen(port) {
  relay.listen(port, "127.0.0.1");
  await once(relay, "listening");
  return relay.address().port;
}

async function cut() {
  const closed = once(relay, "close");
  relay.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}

async function publish(text) {
  const answer = await fetch(`http://${host}:${port}/events`, { method: "POST", body: text });
  assert.equal(answer.status, 204);
}

const relayPort = await listen(0);
await withPage(async (page) => {
  await page.goto(`http://127.0.0.1:${relayPort}/`);
  await logs(page, "es", /^tick /);
  for (let round = 1; round <= CUTS; round += 1) {
    await publish(`before cut ${round}`);
    await logs(page, "es", `message before cut ${round}`);
    await cut();
    await publish(`during cut ${round}`);
    await publish(`still during cut ${round}`);
    await listen(relayPort);
    await logs(page, "es", `message still during cut ${round}`);
  }
  await publish("the end");
  await logs(page, "es", "message the end");

  const lines = await page.locator("#es-log > div").allTextContents();
  const messages = lines.filter((line) => line.startsWith("message "));
  const expected = [];
  for (let round = 1; round <= CUTS; round += 1) {
    for (const when of ["before", "during", "still during"]) {
      expected.push(`message ${when} cut ${round}`);
    }
  }
  assert.deepEqual(messages, [...expected, "message the end"]);

  const ticks = lines.filter((line) => line.startsWith("tick "));
  const numbers = ticks.map((line) => JSON.parse(line.slice("tick ".length)).number);
  assert.deepEqual(numbers, numbers.map((_, index) => numbers[0] + index));
  assert.equal(await page.textContent("#es-opened"), String(CUTS + 1));
});
await cut();
