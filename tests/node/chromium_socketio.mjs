// The Socket.IO client of rtwire's page, in Chromium: `node chromium_socketio.mjs URL`. First with a
// WebSocket to move to, then with one that never opens.

import assert from "node:assert/strict";
import { withPage } from "./chromium.mjs";

const url = process.argv[2];

/** Runs in the page. */
async function talk() {
  const { Socket } = await import("/socketio.js");
  const heard = [];
  let wake = () => {};
  const listen = (socket, ...events) => {
    for (const event of events) socket.on(event, (...args) => wake(heard.push([event, ...args])));
    return socket;
  };
  const hears = async () => {
    while (heard.length === 0) await new Promise((resolve) => (wake = resolve));
    return heard.shift();
  };
  const expect = async (...expected) => {
    const event = await hears();
    // Of bytes too, JSON shows what there is.
    if (JSON.stringify(event) !== JSON.stringify(expected)) {
      throw new Error(`${JSON.stringify(event).slice(0, 200)}, not ${JSON.stringify(expected).slice(0, 200)}`);
    }
  };

  const socket = listen(new Socket("/"), "connect", "disconnect", "echo", "answer", "no answer");
  await expect("connect");
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const several = [
    [],
    ["two: é, three: €, four: 😀, none: \0, separator: \x1e, line: \u2028"],
    [1, null, { deep: [{ _placeholder: true, num: 0 }] }],
    [new Uint8Array(0), { deep: [bytes, { again: bytes }] }, "after"],
    [new Date(0)],
  ];
  for (const args of several) {
    socket.emit("echo", ...args);
    await expect("echo", ...args);
    const answer = await socket.ask("echo", ...args);
    if (JSON.stringify(answer) !== JSON.stringify(args)) throw new Error(JSON.stringify(answer));
  }
  // All at once: in order, and in as many requests as the server takes.
  for (let number = 0; number < 2000; number += 1) socket.emit("echo", number, "€".repeat(number % 3 ? 1 : 2000));
  for (let number = 0; number < 2000; number += 1) await expect("echo", number, "€".repeat(number % 3 ? 1 : 2000));

  // The server asks, and gets an answer with bytes.
  socket.on("question", (text, ack) => ack(`${text} Yes.`, bytes));
  socket.emit("ask", "Is it?");
  await expect("answer", "Is it? Yes.", bytes);

  const refused = listen(new Socket("/chat", { auth: { name: "" } }), "connect_error");
  await expect("connect_error", { message: "name required", data: { max: 32 } });
  refused.disconnect();
  const chat = listen(new Socket("/chat", { auth: { name: "Ada" } }), "connect", "disconnect", "chat message");
  await expect("connect");
  const [count] = await chat.ask("chat message", "hello");
  if (count !== 1) throw new Error(`${count} instead of 1`);
  await expect("chat message", "Ada", "hello");
  chat.disconnect();
  await expect("disconnect", "io client disconnect");
  try {
    chat.emit("chat message", "gone");
    throw new Error("sent without a connection");
  } catch ({ message }) {
    if (message !== "not connected") throw new Error(message);
  }

  const { transport } = socket;
  socket.emit("disconnect me");
  await expect("disconnect", "io server disconnect");
  return transport;
}

await withPage(async (page, complaints) => {
  await page.goto(url);
  assert.equal(await page.evaluate(talk), "websocket");
  // A GET that is overtaken by the close packet finds no session any more, and a session may end while
  // the WebSocket that it would move to is not open yet.
  const usual = /status of 400|closed before the connection is established/;
  const others = complaints.filter((complaint) => !usual.test(complaint));
  assert.deepEqual(others, []);
});

await withPage(async (page) => {
  await page.routeWebSocket(/transport=websocket/, (ws) => ws.close());
  await page.goto(url);
  assert.equal(await page.evaluate(talk), "polling");
});
