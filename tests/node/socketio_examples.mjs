// npm's `socket.io-client` at the examples of rtwire: `node socketio_examples.mjs URL CASE TRANSPORT`.
// The case is the name of the example.

import assert from "node:assert/strict";
import { Client, connection, join, open, run } from "./socketio_connection.mjs";

const bytes = Buffer.from([0, 1, 0xfe, 0xff]);

const cases = {
  async article(url, transport) {
    const client = await open(url, transport);
    client.socket.emit("message", "Hello!");
    await client.hears("message", "You said: Hello!");
    await client.close();
  },

  async chat(url, transport) {
    const nameless = join(connection(url, transport));
    await nameless.hears("connect_error", "who are you?", undefined);

    const ada = await open(url, transport, "/", { name: "Ada" });
    const bob = await open(url, transport, "/", { name: "Bob" });
    assert.deepEqual(await ada.ask("enter", "lobby"), [["Ada"]]);
    assert.deepEqual((await bob.ask("enter", "lobby"))[0].sort(), ["Ada", "Bob"]);
    await ada.hears("entered", "lobby", "Bob");
    assert.deepEqual(await ada.ask("enter", "attic"), [["Ada"]]);

    assert.deepEqual(await bob.ask("say", "lobby", "hello, €"), [2]);
    assert.deepEqual(await bob.ask("say", "cellar", "anybody?"), [1]);
    assert.deepEqual(await ada.ask("say", "attic", "alone"), [1]);
    await ada.hears("said", "lobby", "Bob", "hello, €");
    await bob.hears("said", "lobby", "Bob", "hello, €");
    await bob.hears("said", "cellar", "Bob", "anybody?");
    await ada.hears("said", "attic", "Ada", "alone");

    bob.socket.emit("leave", "lobby");
    await ada.hears("left", "lobby", "Bob");
    assert.deepEqual(await ada.ask("say", "lobby", "still there?"), [1]);
    await ada.hears("said", "lobby", "Ada", "still there?");
    await ada.close();
    await bob.hears("gone", "Ada", "client namespace disconnect");
    await bob.close();
  },

  /** What the test suite of the protocol asks of its server. */
  async socketio_protocol_suite(url, transport) {
    for (const namespace of ["/", "/custom"]) {
      for (const auth of [undefined, { token: "123" }]) {
        const client = new Client(connection(url, transport).socket(namespace, { auth }));
        await client.hears("connect");
        await client.hears("auth", auth ?? {});
        for (const args of [[1], [1, "2"], ["1", { 2: [true] }, null], [bytes], [1, { bytes }, bytes]]) {
          client.socket.emit("message", ...args);
          await client.hears("message-back", ...args);
          assert.deepEqual(await client.ask("message-with-ack", ...args), args);
        }
        await client.close();
      }
    }
    const nowhere = join(connection(url, transport), "/random");
    await nowhere.hears("connect_error", "Invalid namespace", undefined);
    nowhere.socket.io.engine.close();
  },
};

await run(cases);
