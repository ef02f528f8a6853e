// A server of event streams on Node's own `http`, as people write one. An argument is the port.

import { createServer } from "node:http";

const OF = 20;

function stream(response) {
  response.writeHead(200, {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    Connection: "keep-alive",
  });
}

const paths = {
  // Twenty events, at most three to a connection, which is ended or cut.
  "GET /numbers": async (request, response) => {
    const first = Number(request.headers["last-event-id"] ?? 0) + 1;
    if (first > OF) {
      response.writeHead(204).end();
      return;
    }
    stream(response);
    response.write("retry: 1\n\n");
    let events = "";
    for (let number = first; number < first + 3 && number <= OF; number++) {
      events += `event: number\nid: ${number}\ndata: number ${number}\ndata: of ${OF} €\n\n`;
    }
    if (first % 2 === 0) {
      response.end(events);
    } else {
      response.write(events, () => response.destroy());
    }
  },

  // Says where it was left, and stays open.
  "GET /live": (request, response) => {
    stream(response);
    const data = `after ${request.headers["last-event-id"] ?? "nothing"}`;
    response.write(`retry: 1\nid: ${process.pid}\ndata: ${data}\n\n`);
    const heartbeat = setInterval(() => response.write(":\n\n"), 20);
    response.on("close", () => {
      clearInterval(heartbeat);
      console.log("gone");
    });
  },

  // The words of a POST, and that these were all.
  "POST /words": async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    stream(response);
    for (const word of JSON.parse(body).text.split(" ")) {
      response.write(`data: ${JSON.stringify({ word })}\n\n`);
    }
    response.end("data: [DONE]\n\n");
  },
};

const server = createServer((request, response) => {
  const answer = paths[`${request.method} ${request.url}`];
  if (answer) {
    answer(request, response);
  } else {
    response.writeHead(404, { "Content-Type": "text/plain" }).end("there is nothing");
  }
});

server.listen(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});

process.on("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});
