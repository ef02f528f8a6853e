// npm's `socket.io-client` at the example `socketio_recovery`, through a proxy that cuts TCP
// connections: `node socketio_recovery.mjs URL CLIENTS TRANSPORT`. Each client loses its session
// five times, at random moments, and has each number once and in order.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { Manager } from "socket.io-client";

const [url, clients, transport] = process.argv.slice(2);
const LOSSES = 5;
const transports = { polling: ["polling"], websocket: ["websocket"], upgrade: undefined }[transport];
setTimeout(() => {
  console.error(`over ${transport}, not all have come through`);
  process.exit(1);
}, 60_000).unref();

/** A proxy to the server, and what cuts all that goes through it. */
async function proxy() {
  const { hostname, port } = new URL(url);
  const open = new Set();
  const server = net.createServer((near) => {
    const far = net.connect({ host: hostname, port });
    for (const [from, to] of [[near, far], [far, near]]) {
      open.add(from);
      from.pipe(to);
      from.on("error", () => {});
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // Some end, some are reset.
  const cut = () => open.forEach((socket) => (Math.random() < 0.5 ? socket.destroy() : socket.resetAndDestroy()));
  return { url: `http://127.0.0.1:${server.address().port}`, cut, close: () => server.close() };
}

async function client() {
  const { url, cut, close } = await proxy();
  const manager = new Manager(url, { transports, reconnectionDelay: 20, reconnectionDelayMax: 100 });
  const socket = manager.socket("/");
  const numbers = [];
  socket.on("number", (number) => numbers.push(number));
  await once(socket, "connect");
  assert.equal(socket.recovered, false);
  const id = socket.id;
  for (let loss = 0; loss < LOSSES; loss += 1) {
    // Recovery begins with the first event.
    const seen = numbers.length;
    while (numbers.length <= seen + Math.random() * 10) await once(socket, "number");
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    const [down, back] = [once(socket, "disconnect"), once(socket, "connect")];
    // Between two polls there may be nothing to cut.
    const cutting = setInterval(cut, 5);
    cut();
    await down;
    clearInterval(cutting);
    await back;
    assert.equal(socket.recovered, true, `loss ${loss}: it began anew`);
    assert.equal(socket.id, id);
  }
  const seen = numbers.length;
  while (numbers.length < seen + 10) await once(socket, "number");
  socket.disconnect();
  close();
  assert.deepEqual(numbers, numbers.map((_, index) => numbers[0] + index));
}

await Promise.all(Array.from({ length: Number(clients) }, client));
