// npm's `eventsource` over the vectors of rtwire-sse, and the last event ID with which it comes back:
// `node eventsource_vectors.mjs DISAGREEMENTS FILE...`.

import { EventSource } from "eventsource";
import packageJson from "eventsource/package.json" with { type: "json" };
import { VectorServers, checkEventSource, deliver, review } from "./vectors.mjs";

const servers = await VectorServers.start();
await review("npm eventsource", packageJson.version, (vector, index) =>
  checkEventSource(servers, vector, index, (argument) => deliver(argument, EventSource)),
);
servers.stop();
