// The browser snippets of the article that compares the three techniques, as written there, in Chromium:
// `node chromium_article.mjs HOST:PORT HOST:PORT`, with where localhost:3000 and localhost:8080 are.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { withPage } from "./chromium.mjs";

const [page3000, socket8080] = process.argv.slice(2);

const eventSource = `
  const eventSource = new EventSource('/api/data');
  eventSource.onmessage = (event) => {
    console.log('New message:', event.data);
  };
  eventSource.onerror = (error) => {
    console.error('EventSource failed:', error);
  };
`;

const webSocket = `
  const socket = new WebSocket('ws://localhost:8080');
  socket.onopen = () => {
    console.log('Connected');
    socket.send('Hello Server!');
  };
  socket.onmessage = (event) => {
    console.log('Message from server:', event.data);
    socket.close();
  };
  socket.onclose = () => {
    console.log('Disconnected');
  };
`;

const socketIo = `
  const socket = io('http://localhost:3000');
  socket.on('connect', () => {
    console.log('Connected');
    socket.emit('message', 'Hello Server!');
  });
  socket.on('message', (data) => {
    console.log('Message from server:', data);
    socket.disconnect();
  });
  socket.on('disconnect', () => {
    console.log('Disconnected');
  });
`;

const rules = `MAP localhost:3000 ${page3000}, MAP localhost:8080 ${socket8080}`;

await withPage(async (page, complaints) => {
  // A page that forbids no scripts, as rtwire's own does.
  await page.route("**/favicon.ico", (route) => route.fulfill({ body: "" }));
  const said = [];
  let wake = () => {};
  page.on("console", (message) => wake(said.push(message.text())));
  const says = async (expected) => {
    while (said.length === 0) await new Promise((resolve) => (wake = resolve));
    assert.match(said.shift(), expected);
  };
  const run = async (...scripts) => {
    await page.goto("http://localhost:3000/livez");
    said.length = 0;
    for (const script of scripts) await page.addScriptTag(script);
  };

  await run({ content: eventSource });
  await says(/^New message: \{"number":\d+,"time":\d+\}$/);
  await says(/^New message: /);

  await run({ content: webSocket });
  for (const line of [/^Connected$/, /^Message from server: Hello Server!$/, /^Disconnected$/]) await says(line);

  // The article takes the client from Node's server, or from a CDN; here it comes from the package.
  const bundle = new URL("node_modules/socket.io-client/dist/socket.io.min.js", import.meta.url);
  await run({ path: fileURLToPath(bundle) }, { content: socketIo });
  const answer = /^Message from server: You said: Hello Server!$/;
  for (const line of [/^Connected$/, answer, /^Disconnected$/]) await says(line);
  assert.deepEqual(complaints, []);
}, [`--host-resolver-rules=${rules}`]);
