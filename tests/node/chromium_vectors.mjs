// Chromium's EventSource over the vectors of rtwire-sse, and the last event ID with which it comes back:
// `node chromium_vectors.mjs DISAGREEMENTS FILE...`.

import { withPage } from "./chromium.mjs";
import { VectorServers, checkEventSource, deliver, review } from "./vectors.mjs";

const servers = await VectorServers.start();
await withPage(async (page) => {
  await page.goto(servers.url());
  // Its version is the system's.
  await review("Chromium", undefined, (vector, index) =>
    checkEventSource(servers, vector, index, (argument) => page.evaluate(deliver, argument)),
  );
});
servers.stop();
