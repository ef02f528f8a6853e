// npm's `socket.io-client` at the examples of rtwire: `node socketio_examples.mjs URL CASE TRANSPORT`.
// The case is the name of the example, unless it says which one it is for.

import assert from "node:assert/strict";
import { connection, isVersion2, join, open, run } from "./socketio_connection.mjs";

const bytes = Buffer.from([0, 1, 0xfe, 0xff]);

const cases = {
  async socketio_tables(url, transport) {
    for (const name of ["/", "/table-", "/table-x", "/table-65536"]) {
      const nowhere = join(connection(url, transport), name);
      await nowhere.isNowhere();
      nowhere.engine?.close();
    }
    const [ada, bob] = [await open(url, transport, "/table-7"), await open(url, transport, "/table-7")];
    const other = await open(url, transport, "/table-8");
    const who = async (client, room) => (await client.ask("who", room))[0].sort();
    const ids = [ada.socket.id, bob.socket.id].sort();

    // Socket by socket, one after the other: what it asks comes after what it did.
    ada.socket.emit("gather", "winners");
    assert.deepEqual(await who(ada, "winners"), ids);
    assert.deepEqual(await who(other, "winners"), []);
    bob.socket.emit("tell", "winners", "well played, €");
    for (const client of [ada, bob]) await client.hears("told", "well played, €");
    // The middleware makes one event of another, and drops a third.
    ada.socket.emit("cheat", () => assert.fail("it won"));
    ada.socket.emit("whisper", "winners", "psst");
    for (const client of [ada, bob]) await client.hears("told", "psst");
    ada.socket.emit("show", bytes);
    await bob.hears("shown", bytes);
    bob.socket.emit("scatter", "winners");
    assert.deepEqual(await who(bob, "winners"), []);
    assert.deepEqual(await who(ada, ada.socket.id), [ada.socket.id]);

    ada.socket.emit("close");
    for (const client of [ada, bob]) await client.hears("disconnect", "io server disconnect");
    // The table is gone, and there again for who asks.
    const again = await open(url, transport, "/table-7");
    assert.deepEqual(await who(again, again.socket.id), [again.socket.id]);
    assert.deepEqual(await who(other, other.socket.id), [other.socket.id]);
    await again.close();
    await other.close();
  },

  async article(url, transport) {
    const client = await open(url, transport);
    client.socket.emit("message", "Hello!");
    await client.hears("message", "You said: Hello!");
    await client.close();
  },

  async chat(url, transport) {
    const nameless = join(connection(url, transport));
    await nameless.isRefused("who are you?");
    nameless.engine?.close();

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

    // It is volatile: over polling there may be nobody to take it just then.
    if (transport !== "polling") {
      bob.socket.emit("typing", "lobby");
      await ada.hears("typing", "lobby", "Bob");
    }

    const asked = ada.ask("ask", "lobby", "is it true?");
    const [event, room, name, text, answer] = await bob.next("asked");
    assert.deepEqual([event, room, name, text], ["asked", "lobby", "Ada", "is it true?"]);
    answer("no");
    assert.deepEqual(await asked, [{ answers: ["no"], missing: 0 }]);
    const askedInVain = ada.ask("ask", "lobby", "really?");
    await bob.next("asked");
    assert.deepEqual(await askedInVain, [{ answers: [], missing: 1 }]);

    assert.deepEqual(await bob.ask("ignore", "Ada"), []);
    assert.deepEqual(await ada.ask("say", "lobby", "do you hear me?"), [1]);
    await ada.hears("said", "lobby", "Ada", "do you hear me?");
    bob.socket.emit("leave", "lobby");
    await ada.hears("left", "lobby", "Bob");
    assert.deepEqual(await bob.ask("enter", "attic").then(([names]) => [names.sort()]), [["Ada", "Bob"]]);
    await ada.hears("entered", "attic", "Bob");
    if (!isVersion2) {
      // Who comes back is where it was, and hears what was said; not by whom it ignores.
      const { id } = bob.socket;
      bob.engine.close();
      await bob.hears("disconnect", "forced close");
      await ada.hears("gone", "Bob", "transport close");
      assert.deepEqual(await ada.ask("say", "attic", "he is away"), [1]);
      await ada.hears("said", "attic", "Ada", "he is away");
      const eve = await open(url, transport, "/", { name: "Eve" });
      assert.deepEqual(await eve.ask("say", "attic", "is he?"), [2]);
      await eve.hears("said", "attic", "Eve", "is he?");
      await ada.hears("said", "attic", "Eve", "is he?");
      await eve.close();
      bob.socket.connect();
      await bob.hears("said", "attic", "Eve", "is he?");
      await bob.hears("connect");
      assert.deepEqual([bob.socket.recovered, bob.socket.id], [true, id]);
      await ada.hears("back", "Bob");
      assert.deepEqual((await bob.ask("enter", "attic"))[0].sort(), ["Ada", "Bob"]);
      await ada.hears("entered", "attic", "Bob");
    }

    await ada.close();
    // Not of what it ignores, but of the room that they shared.
    await bob.hears("gone", "Ada", "client namespace disconnect");
    await bob.close();
  },

  /** At `chat`: who comes in and speaks while its transport changes, and hears another one, misses no word. */
  async chat_in_order(url, transport) {
    const ada = await open(url, "websocket", "/", { name: "Ada" });
    await ada.ask("enter", "lobby");
    for (let round = 0; round < (transport === "upgrade" ? 5 : 1); round += 1) {
      const auth = { name: "Bob" };
      const bob = join(connection(url, transport, isVersion2 ? { query: auth } : {}), "/", auth);
      await bob.hears("connect");
      await bob.ask("enter", "lobby");
      await ada.hears("entered", "lobby", "Bob");
      const final = transport === "upgrade" ? "websocket" : transport;
      const heard = { ada: { Ada: [], Bob: [] }, bob: { Ada: [], Bob: [] } };
      let said = 0;
      while (said < 200 || bob.engine.transport.name !== final) {
        for (let more = 0; more < 20; more += 1, said += 1) {
          for (const client of [ada, bob]) client.socket.emit("say", "lobby", `${said}`);
        }
        for (const [client, words] of [[ada, heard.ada], [bob, heard.bob]]) {
          for (let more = 0; more < 40; more += 1) {
            const [event, room, name, text] = await client.next("said");
            assert.deepEqual([event, room], ["said", "lobby"]);
            words[name].push(text);
          }
        }
      }
      const numbers = Array.from({ length: said }, (_, number) => `${number}`);
      assert.deepEqual(heard, { ada: { Ada: numbers, Bob: numbers }, bob: { Ada: numbers, Bob: numbers } });
      await bob.close();
      await ada.hears("gone", "Bob", "client namespace disconnect");
    }
    await ada.close();
  },

  /** What the test suite of the protocol asks of its server. */
  async socketio_protocol_suite(url, transport) {
    for (const namespace of ["/", "/custom"]) {
      // Version 2 has none for the main namespace.
      for (const auth of isVersion2 && namespace === "/" ? [undefined] : [undefined, { token: "123" }]) {
        const client = join(connection(url, transport), namespace, auth);
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
    // Events of both directions keep their order while the transport changes.
    const moving = join(connection(url, transport));
    await moving.hears("connect");
    await moving.hears("auth", {});
    const numbered = (number) => [number, number % 5 === 0 ? Buffer.from(`${number}`) : "€"];
    let sent = 0;
    const send = () => {
      for (let more = 0; more < 20; more += 1) moving.socket.emit("message", ...numbered(sent++));
    };
    let heard = 0;
    const hear = async () => {
      for (let more = 0; more < 20; more += 1) await moving.hears("message-back", ...numbered(heard++));
    };
    send();
    while (sent < 400) {
      send();
      await hear();
    }
    await hear();
    await moving.settle(transport);
    await moving.close();

    const nowhere = join(connection(url, transport), "/random");
    await nowhere.isNowhere();
    nowhere.socket.io.engine.close();
  },
};

await run(cases);
