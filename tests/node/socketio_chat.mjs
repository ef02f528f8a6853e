// npm's `socket.io-client` at `rtwire serve`, in the namespace `/chat`, and how it is left:
// `node socketio_chat.mjs URL CASE TRANSPORT`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { connection, isVersion2, join, open, run } from "./socketio_connection.mjs";

const chat = (url, transport, name) => open(url, transport, "/chat", { name });

/** A client in both namespaces, over one connection. */
async function both(url, transport, name) {
  const manager = connection(url, transport);
  const clients = [join(manager), join(manager, "/chat", { name })];
  for (const client of clients) {
    await client.hears("connect");
    await client.settle(transport);
  }
  return clients;
}

/** What a client must not say, and why it is then put out. Some take several messages. */
const broken = [
  ["parse error", ["garbage"]],
  ["parse error", ["7"]],
  ["parse error", ["2/chat,{}"]],
  ["parse error", ['2/chat,["chat message"']],
  ["parse error", ['2/chat,["connect"]']],
  ["parse error", ["50-/chat,[]"]],
  ["parse error", ["599999999-/chat,[]"]],
  ["parse error", [Buffer.from("an attachment of nothing")]],
  ["parse error", ['51-/chat,["x",{"_placeholder":true,"num":0}]', '2/chat,["chat message","x"]']],
  ["parse error", ['51-/chat,["x",{"_placeholder":true,"num":7}]', Buffer.of(1)]],
  ["forced close", ['2/nowhere,["x"]']],
  ["forced close", ['0/chat,{"name":"twice"}']],
  ["forced close", ['4/chat,{"message":"no"}']],
];

const cases = {
  async chat(url, transport) {
    const ada = await chat(url, transport, "Ada");
    const bob = await chat(url, transport, "Bob €");
    await ada.hears("joined", "Bob €");
    const eve = await chat(url, "websocket", "e".repeat(32));
    await ada.hears("joined", "e".repeat(32));
    await bob.hears("joined", "e".repeat(32));

    assert.deepEqual(await ada.ask("chat message", "with an ack"), [3]);
    bob.socket.emit("chat message", "without");
    for (const client of [ada, bob, eve]) {
      await client.hears("chat message", "Ada", "with an ack");
      await client.hears("chat message", "Bob €", "without");
    }

    // Whoever speaks is heard by everybody in the same order.
    const numbers = Array.from({ length: 100 }, (_, number) => number);
    for (const number of numbers) {
      ada.socket.emit("chat message", `Ada's ${number}`);
      bob.socket.emit("chat message", `Bob's ${number}`);
    }
    for (const client of [ada, bob, eve]) {
      const said = { Ada: [], "Bob €": [] };
      for (const _ of [...numbers, ...numbers]) {
        const [event, name, text] = await client.next("chat message");
        assert.equal(event, "chat message");
        said[name].push(text);
      }
      assert.deepEqual(said["Ada"], numbers.map((number) => `Ada's ${number}`));
      assert.deepEqual(said["Bob €"], numbers.map((number) => `Bob's ${number}`));
    }
    for (const client of [ada, bob, eve]) client.socket.disconnect();
  },

  async namespaces(url, transport) {
    const manager = connection(url, transport);
    const main = join(manager);
    const chat = join(manager, "/chat", { name: "Ada" });
    await main.hears("connect");
    await chat.hears("connect");
    await main.settle(transport);
    const ids = [main.socket.id, chat.socket.id, manager.engine.id];
    if (isVersion2) assert.deepEqual(ids, [ids[2], `/chat#${ids[2]}`, ids[2]]);
    else assert.equal(new Set(ids).size, 3, `${ids}`);

    // Events and acks belong to their namespace.
    main.socket.emit("chat message", "nobody listens");
    chat.socket.emit("echo", "nobody listens");
    const answers = [main.ask("echo", "main"), chat.ask("chat message", "chat")];
    assert.deepEqual(await Promise.all(answers), [["main"], [1]]);
    await chat.hears("chat message", "Ada", "chat");

    // Each is left, by both sides, and joined again, without the other.
    main.socket.emit("disconnect me");
    await main.hears("disconnect", "io server disconnect");
    assert.deepEqual(await chat.ask("chat message", "still here"), [1]);
    await chat.hears("chat message", "Ada", "still here");
    // Version 2 asks for the main namespace by opening a connection only, which ends with its last namespace.
    if (isVersion2) return chat.close();
    main.socket.connect();
    await main.hears("connect");
    assert.notEqual(main.socket.id, ids[0]);
    await main.heardNothing();

    await chat.close();
    await main.heardNothing();
    chat.socket.connect();
    await chat.hears("connect");
    assert.notEqual(chat.socket.id, ids[1]);
    assert.deepEqual(await chat.ask("chat message", "back"), [1]);
    await chat.hears("chat message", "Ada", "back");
    assert.equal(manager.engine.id, ids[2], "all of it over one connection");
    await chat.close();
    await main.close();
  },

  async refused(url, transport) {
    const manager = connection(url, transport);
    const nowhere = join(manager, "/nowhere");
    await nowhere.isNowhere();
    manager.engine.close();

    const main = await open(url, transport);
    const wrong = [undefined, {}, { name: "" }, { name: "x".repeat(33) }];
    // In a query everything is text.
    if (!isVersion2) wrong.push({ name: 1 }, { name: {} });
    for (const auth of wrong) {
      const chat = join(main.socket.io, "/chat", auth);
      await chat.isRefused("name required", { max: 32 });
      await main.heardNothing();
      // A second attempt may do better.
      chat.connectWith({ name: "Ada" });
      await chat.hears("connect");
      assert.deepEqual(await chat.ask("chat message", "hello"), [1]);
      await chat.hears("chat message", "Ada", "hello");
      await chat.close();
      await main.heardNothing();
      // The next one is a new socket.
      delete main.socket.io.nsps["/chat"];
    }
    await main.close();
  },

  async put_out(url, transport) {
    const witness = await chat(url, transport, "witness");
    const kicked = await chat(url, transport, "kicked");
    await witness.hears("joined", "kicked");
    kicked.socket.emit("kick me");
    await kicked.hears("disconnect", "io server disconnect");
    await witness.hears("left", "kicked", "server namespace disconnect");

    // The whole connection, with all of its namespaces.
    const manager = connection(url, transport);
    const main = join(manager);
    const closed = join(manager, "/chat", { name: "closed" });
    await main.hears("connect");
    await closed.hears("connect");
    await main.settle(transport);
    await witness.hears("joined", "closed");
    main.socket.emit("close me");
    await main.hears("disconnect", "io server disconnect");
    await closed.hears("disconnect", "io server disconnect");
    await witness.hears("left", "closed", "server namespace disconnect");
    await witness.close();
  },

  async leaves(url, transport) {
    const witness = await chat(url, transport, "witness");
    const polite = await chat(url, transport, "polite");
    await witness.hears("joined", "polite");
    await polite.close();
    await witness.hears("left", "polite", "client namespace disconnect");

    // The connection is closed, and the namespace not left before.
    const abrupt = await chat(url, transport, "abrupt");
    await witness.hears("joined", "abrupt");
    abrupt.engine.close();
    await abrupt.hears("disconnect", "forced close");
    await witness.hears("left", "abrupt", "transport close");
    await witness.close();
  },

  /** A process that ends says nothing; its system closes what it had open. */
  async vanishes(url, transport) {
    const [main, witness] = await both(url, transport, "witness");
    const script = fileURLToPath(import.meta.url);
    const args = [script, url, "stays", transport, ...process.argv.slice(5)];
    const child = spawn(process.execPath, args, { stdio: "inherit" });
    await witness.hears("joined", "vanishing");
    await main.hears("broadcast", "here");
    child.kill("SIGKILL");
    // Over polling it is a request that nobody waits for any more.
    const reason = transport === "polling" ? "transport error" : "transport close";
    await witness.hears("left", "vanishing", reason);
    await witness.close();
    await main.close();
  },

  /** The process that vanishes. */
  async stays(url, transport) {
    const [main, vanishing] = await both(url, transport, "vanishing");
    // Over polling the next GET is on its way before this, and nothing comes to end it.
    main.socket.emit("broadcast", "here");
    await vanishing.hears("its end");
  },

  async broken_packets(url, transport) {
    const witness = await chat(url, transport, "witness");
    for (const [reason, messages] of broken) {
      const mallory = await chat(url, transport, "Mallory");
      await witness.hears("joined", "Mallory");
      // As it is, behind the type of Engine.IO's message.
      for (const message of messages) mallory.engine.write(message);
      await mallory.isPutOut(transport);
      assert.deepEqual(await witness.next("left"), ["left", "Mallory", reason], `${messages}`);
    }
    if (transport === "polling") {
      // Engine.IO knows no packet of this type.
      const mallory = await chat(url, transport, "Mallory");
      await witness.hears("joined", "Mallory");
      const [version, body] = isVersion2 ? [3, "1:9"] : [4, "9"];
      const post = `${url}/socket.io/?EIO=${version}&transport=polling&sid=${mallory.engine.id}`;
      await fetch(post, { method: "POST", body });
      await mallory.isPutOut(transport);
      await witness.hears("left", "Mallory", "parse error");
    }
    assert.deepEqual(await witness.ask("chat message", "unharmed"), [1]);
    await witness.hears("chat message", "witness", "unharmed");
    await witness.close();
  },
};

await run(cases);
