// npm's `socket.io-client` at `rtwire serve`, in the namespace `/`:
// `node socketio_client.mjs URL CASE TRANSPORT`.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { on, once } from "node:events";
import WebSocket from "ws";
import { Client, connection, isVersion2, join, open, run } from "./socketio_connection.mjs";

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** Arguments of events and acks. */
const arguments_ = [
  [],
  ["plain"],
  [""],
  [null],
  [true, false],
  [0, -1, 0.1],
  [1e21, 5e-324, Number.MAX_SAFE_INTEGER],
  ["two: é, three: €, four: 😀, none: \0, lines: \r\n\u2028\u2029, separator: \x1e"],
  ["quotes: \" ' \\ /", "digits first: 42[\"x\"]", "comma, slash: /chat,"],
  [{ "": { ключ: [1, [2, [3, {}]], null, "é"] } }, [], [[]]],
  ["first", 2, { third: [4, "5", { six: false }] }],
  // Data like any other as long as there is no attachment.
  [{ _placeholder: true, num: 0 }],
];

/** Arguments with attachments, 10 at most: more are too many for the client itself. */
const binaries = [
  [everyByte],
  [Buffer.alloc(0)],
  ["before", everyByte, "after"],
  [{ deep: [{ down: { in: ["the", { heap: everyByte, and: Buffer.from("more") }] } }] }],
  [everyByte, { again: everyByte }, [Buffer.of(0), [Buffer.of(0xff)]]],
  [Array.from({ length: 10 }, (_, index) => Buffer.alloc(index, index))],
];

const cases = {
  async connects(url, transport) {
    const client = await open(url, transport);
    assert.match(client.socket.id, /./);
    if (isVersion2) assert.equal(client.socket.id, client.engine.id, "it knows no other");
    else assert.notEqual(client.socket.id, client.engine.id, "the session's id is a secret");
    client.socket.emit("message", "hello, €");
    await client.hears("message", "You said: hello, €");
    await client.close();
  },

  async events(url, transport) {
    const client = await open(url, transport);
    for (const args of arguments_) {
      client.socket.emit("echo", ...args);
      await client.hears("echo", ...args);
    }
    await client.close();
  },

  async binary(url, transport) {
    const client = await open(url, transport);
    for (const args of binaries) {
      client.socket.emit("echo", ...args);
      await client.hears("echo", ...args);
    }
    // All at once: each finds its own attachments.
    for (const args of binaries) client.socket.emit("echo", ...args, "plain");
    for (const args of binaries) await client.hears("echo", ...args, "plain");
    await client.close();
  },

  async acks_of_the_server(url, transport) {
    const client = await open(url, transport);
    for (const args of [...arguments_, ...binaries]) {
      assert.deepEqual(await client.ask("echo", ...args), args);
    }
    if (!isVersion2) {
      const answer = await client.socket.emitWithAck("echo", { bytes: everyByte });
      assert.deepEqual(answer, { bytes: everyByte });
    }
    const answers = Array.from({ length: 100 }, (_, number) => client.ask("echo", number));
    assert.deepEqual(await Promise.all(answers), answers.map((_, number) => [number]));
    await client.heardNothing();
    await client.close();
  },

  async acks_of_the_client(url, transport) {
    const client = await open(url, transport);
    for (const args of [...arguments_, ...binaries]) {
      client.socket.emit("ask", ...args);
      const [event, ...question] = await client.next("question");
      const ack = question.pop();
      assert.deepEqual([event, ...question], ["question", ...args]);
      ack(...args, "and yes");
      await client.hears("answer", ...args, "and yes");
    }
    await client.close();
  },

  async no_ack_of_the_client(url, transport) {
    const client = await open(url, transport);
    const before = performance.now();
    client.socket.emit("ask", "anybody?");
    const [event, argument, ack] = await client.next("question");
    assert.deepEqual([event, argument], ["question", "anybody?"]);
    await client.hears("no answer");
    const waited = performance.now() - before;
    assert.ok(waited > 4900 && waited < 10_000, `after ${waited} ms`);
    // Too late, and nobody's fault.
    ack("here I am");
    await client.heardNothing();
    await client.close();
  },

  async no_ack_of_the_server(url, transport) {
    const client = await open(url, transport);
    if (isVersion2) {
      client.socket.emit("nobody listens", 1, () => assert.fail("acked"));
    } else {
      const asked = client.socket.timeout(500).emitWithAck("nobody listens", 1);
      await assert.rejects(asked, { message: "operation has timed out" });
    }
    await client.heardNothing();
    await client.close();
  },

  /** A character cut in two, as `slice` does it, is JSON, and comes back. */
  async lone_surrogates(url, transport) {
    const client = await open(url, transport);
    assert.deepEqual(await client.ask("echo", "😀".slice(0, 1)), ["\ud83d"]);
    await client.close();
  },

  /** Echoes keep their order, also those on their way while the transport changes. */
  async order(url, transport) {
    // The transport may change before the namespace is joined: that is one way, and not the only.
    for (let round = 0; round < (transport === "upgrade" ? 8 : 1); round += 1) {
      const client = join(connection(url, transport));
      let upgraded = transport !== "upgrade";
      client.socket.io.once("open", () => client.engine.once("upgrade", () => (upgraded = true)));
      await client.hears("connect");
      const some = 50;
      const numbered = (number) => [number, number % 7 === 0 ? Buffer.from(`${number}`) : null];
      let sent = 0;
      const send = () => {
        for (let more = 0; more < some; more += 1) client.socket.emit("echo", ...numbered(sent++));
      };
      let heard = 0;
      const hear = async () => {
        for (let more = 0; more < some; more += 1) await client.hears("echo", ...numbered(heard++));
      };
      // There is always something on its way.
      send();
      while (sent < 1000 || !upgraded) {
        send();
        await hear();
      }
      await hear();
      await client.settle(transport);
      await client.close();
    }
  },

  /** All in one go: over polling, they go out in one request, and wait for the next GET. */
  async flood(url, transport) {
    const client = await open(url, transport);
    const numbers = Array.from({ length: 2500 }, (_, number) => number);
    for (const number of numbers) client.socket.emit("echo", number);
    for (const number of numbers) await client.hears("echo", number);
    await client.close();
  },

  async large(url, transport) {
    const client = await open(url, transport);
    // A POST carries base64, 4 bytes for 3, and no more than 1 000 000 bytes.
    const mostBytes = transport === "polling" ? 700_000 : 900_000;
    const texts = ["é".repeat(50_000), "€".repeat(300_000)];
    for (const payload of [...texts, randomBytes(100_000), randomBytes(mostBytes)]) {
      assert.deepEqual(await client.ask("echo", payload), [payload]);
      client.socket.emit("echo", payload);
      await client.hears("echo", payload);
      client.socket.emit("ask", payload);
      const [event, question, ack] = await client.next("question");
      assert.deepEqual([event, question], ["question", payload]);
      ack(payload);
      await client.hears("answer", payload);
    }
    await client.close();
  },

  /** More than anybody would want to keep: who does not take it makes the other wait. */
  async much(url, transport) {
    const client = await open(url, transport);
    const payloads = Array.from({ length: 20 }, (_, number) => `${number} `.padEnd(100_000, "é"));
    for (const payload of payloads) client.socket.emit("echo", payload);
    for (const payload of payloads) await client.hears("echo", payload);
    await client.close();
  },

  /** Who does not read makes nobody wait but itself, and finds everything when it does. */
  async not_reading(url, transport) {
    const other = await open(url, transport);
    const Lazy = transport === "polling" ? LazyPolling : LazyWebSocket;
    const lazy = await Lazy.open(url);
    const payload = "x".repeat(100_000);
    const sent = Array.from({ length: 300 }, (_, number) => `42["echo",${number},"${payload}"]`);
    const sending = lazy.send(sent);
    // The server has begun with them, and can have done no more than its limits allow.
    for (let number = 0; number < 50; number += 1) {
      assert.deepEqual(await other.ask("echo", number), [number]);
    }
    const heard = lazy.read(sent.length);
    await sending;
    for (const [number, message] of (await heard).entries()) {
      assert.ok(message === sent[number], `${message.slice(0, 20)} instead of ${number}`);
    }
    await other.close();
  },

  async too_large(url, transport) {
    const other = await open(url, transport);
    const client = await open(url, transport);
    client.socket.emit("echo", "x".repeat(1_100_000));
    // Over polling the request is refused, and the client gives up by itself; version 2 says why.
    if (isVersion2 && transport === "polling") {
      const [event, error] = await client.next("refused");
      assert.deepEqual([event, error.description], ["refused", 413]);
    }
    const reason = transport === "polling" ? "transport error" : "transport close";
    await client.hears("disconnect", reason);
    await other.heardNothing();
    await other.close();
  },

  async rooms(url, transport) {
    const one = await open(url, transport);
    const two = await open(url, "websocket");
    const three = await open(url, "polling");
    const all = [one, two, three];
    const rooms = (client, ...rooms) => [[client.socket.id, ...rooms].sort()];

    assert.deepEqual(await one.ask("join", "red"), rooms(one, "red"));
    assert.deepEqual(await one.ask("join", "blå"), rooms(one, "red", "blå"));
    assert.deepEqual(await two.ask("join", "red"), rooms(two, "red"));
    assert.deepEqual(await three.ask("join", "blå"), rooms(three, "blå"));
    // Joining twice is joining once.
    assert.deepEqual(await two.ask("join", "red"), rooms(two, "red"));

    one.socket.emit("room message", "red", "to two");
    await two.hears("room message", "red", "to two");
    // Who is not in the room can still speak to it.
    two.socket.emit("room message", "blå", "to one and three");
    await one.hears("room message", "blå", "to one and three");
    await three.hears("room message", "blå", "to one and three");
    // Each socket is in a room of its own.
    two.socket.emit("room message", three.socket.id, "to three");
    await three.hears("room message", three.socket.id, "to three");
    one.socket.emit("room message", "nobody's", "to nobody");
    for (const client of all) await client.heardNothing();

    assert.deepEqual(await one.ask("leave", "red"), rooms(one, "blå"));
    assert.deepEqual(await one.ask("leave", "never joined"), rooms(one, "blå"));
    three.socket.emit("room message", "red", "to two");
    await two.hears("room message", "red", "to two");
    for (const client of all) await client.heardNothing();

    // Who is gone is in no room any more.
    await three.close();
    two.socket.emit("room message", "blå", "to one");
    await one.hears("room message", "blå", "to one");
    await one.close();
    await two.close();
  },

  async broadcast(url, transport) {
    const one = await open(url, transport);
    const two = await open(url, "websocket");
    const three = await open(url, "polling");
    const all = [one, two, three];
    for (const sender of all) {
      for (let number = 0; number < 50; number += 1) {
        sender.socket.emit("broadcast", `message ${number}, €`);
      }
      for (const client of all.filter((client) => client !== sender)) {
        for (let number = 0; number < 50; number += 1) {
          await client.hears("broadcast", `message ${number}, €`);
        }
      }
      await sender.heardNothing();
    }
    for (const client of all) await client.close();
  },

  /** Once `up` is printed the server is stopped; after `down` another starts in its place. */
  async restart(url, transport) {
    const manager = connection(url, transport, { reconnection: true, reconnectionDelay: 50 });
    const client = new Client(manager.socket("/"));
    await client.hears("connect");
    await client.settle(transport);
    const first = client.socket.id;
    // No answer comes to this, and so the server has the next GET when it has this one.
    client.socket.emit("join", "nobody's");
    await once(client.engine, "drain");
    console.log("up");
    await client.hears("disconnect", "transport close");
    console.log("down");
    // Some attempts may find nobody there.
    let event;
    do [event] = await client.next("connect");
    while (event === "connect_error");
    assert.equal(event, "connect");
    assert.notEqual(client.socket.id, first);
    assert.deepEqual(await client.ask("echo", "again"), ["again"]);
    await client.settle(transport);
    await client.close();
  },
};

/** Polls when it is told to. */
class LazyPolling {
  #url;

  static async open(url) {
    const lazy = new LazyPolling();
    lazy.#url = `${url}/socket.io/?EIO=4&transport=polling`;
    const [handshake] = await lazy.#poll();
    lazy.#url += `&sid=${JSON.parse(handshake.slice(1)).sid}`;
    await lazy.send(["40"]);
    await lazy.#poll();
    return lazy;
  }

  /** Several at a time, as the client does it. */
  async send(packets) {
    for (let at = 0; at < packets.length; at += 9) {
      const body = packets.slice(at, at + 9).join("\x1e");
      const answer = await fetch(this.#url, { method: "POST", body });
      assert.equal(answer.status, 200);
    }
  }

  async read(count) {
    const packets = [];
    while (packets.length < count) packets.push(...(await this.#poll()));
    return packets;
  }

  async #poll() {
    const answer = await fetch(this.#url);
    assert.equal(answer.status, 200);
    return (await answer.text()).split("\x1e");
  }
}

/** Reads when it is told to. */
class LazyWebSocket {
  #ws;

  static async open(url) {
    const address = url.replace("http:", "ws:");
    const lazy = new LazyWebSocket();
    lazy.#ws = new WebSocket(`${address}/socket.io/?EIO=4&transport=websocket`);
    await once(lazy.#ws, "message");
    lazy.#ws.send("40");
    await once(lazy.#ws, "message");
    lazy.#ws.pause();
    return lazy;
  }

  async send(packets) {
    for (const packet of packets) this.#ws.send(packet);
  }

  async read(count) {
    const messages = on(this.#ws, "message", { close: ["close"] });
    this.#ws.resume();
    const packets = [];
    for await (const [data] of messages) {
      packets.push(data.toString());
      if (packets.length === count) break;
    }
    assert.equal(packets.length, count, "the server closed it");
    this.#ws.close();
    return packets;
  }
}

await run(cases);
