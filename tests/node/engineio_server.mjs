// npm's `engine.io` as a server: `node engineio_server.mjs PING_INTERVAL PING_TIMEOUT`, in milliseconds. It
// sends back what it is sent, but for a few words. How a session ended goes to stdout.

import { createServer } from "node:http";
import { Server } from "engine.io";

const [pingInterval, pingTimeout] = process.argv.slice(2).map(Number);

const words = {
  close: (socket) => socket.close(),
  count: (socket) => {
    for (let number = 0; number < 100; number++) socket.send(`number ${number}`);
  },
  who: (socket) => {
    const { _query, headers } = socket.request;
    socket.send(JSON.stringify({ name: _query.name, authorization: headers.authorization }));
  },
  "a lot": (socket) => socket.send(Buffer.alloc(2_000_000, 7)),
};

const http = createServer();
const server = new Server({ pingInterval, pingTimeout });
server.attach(http);
server.on("connection", (socket) => {
  socket.on("message", (data) => {
    const word = Object.hasOwn(words, data) ? words[data] : (socket) => socket.send(data);
    word(socket);
  });
  socket.on("close", (reason) => console.log(`closed ${reason}`));
});
http.listen(0, "127.0.0.1", () => {
  const { address, port } = http.address();
  console.log(`listening on http://${address}:${port}`);
});
