// Packets that no client sends, on a WebSocket and over polling by hand, at the example `chat` if nothing else is
// said, where npm's `socket.io-client` hears how the connection ends and is not harmed:
// `node socketio_raw.mjs URL CASE TRANSPORT`.

import assert from "node:assert/strict";
import { once } from "node:events";
import WebSocket from "ws";
import { open, run } from "./socketio_connection.mjs";

const bytes = Buffer.from("bytes");
const attachment = (num) => `{"_placeholder":true,"num":${num}}`;
const PARSE_ERROR = "parse error";
const FORCED = "forced close";

/** What a client that is in the namespace `/` must not say, and why it is then put out. */
const broken = [
  // Types.
  [PARSE_ERROR, ""],
  [PARSE_ERROR, "7"],
  [PARSE_ERROR, "-1"],
  [PARSE_ERROR, "x"],
  [PARSE_ERROR, '"2"'],
  // CONNECT has an object or nothing, DISCONNECT nothing.
  [PARSE_ERROR, "0/x,[]"],
  [PARSE_ERROR, "0/x,1"],
  [PARSE_ERROR, '0/x,"x"'],
  [PARSE_ERROR, "0/x,null"],
  [PARSE_ERROR, "0/x,{"],
  [PARSE_ERROR, "1{}"],
  [PARSE_ERROR, "1[]"],
  // EVENT is an array, whose head is a name that is not reserved.
  [PARSE_ERROR, "2"],
  [PARSE_ERROR, "2[]"],
  [PARSE_ERROR, "2{}"],
  [PARSE_ERROR, '2"say"'],
  [PARSE_ERROR, "21"],
  [PARSE_ERROR, "2[null]"],
  [PARSE_ERROR, "2[true]"],
  [PARSE_ERROR, "2[{}]"],
  [PARSE_ERROR, '2[["say"]]'],
  ...["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"].map(
    (name) => [PARSE_ERROR, `2["${name}"]`],
  ),
  // ACK is an array with an id.
  [PARSE_ERROR, "3[]"],
  [PARSE_ERROR, "31"],
  [PARSE_ERROR, "31{}"],
  [PARSE_ERROR, '3-1["x"]'],
  // JSON.
  [PARSE_ERROR, '2["say"'],
  [PARSE_ERROR, '2["say",]'],
  [PARSE_ERROR, '2["say"]more'],
  [PARSE_ERROR, "2['say']"],
  [PARSE_ERROR, '2["\\x"]'],
  [PARSE_ERROR, '2["say",NaN]'],
  [PARSE_ERROR, `2["say",${"[".repeat(100_000)}${"]".repeat(100_000)}]`],
  [PARSE_ERROR, `2["say",${'{"":'.repeat(100_000)}`],
  [PARSE_ERROR, '299999999999999999999999["say"]'],
  // The number of attachments.
  [PARSE_ERROR, '5["x"]'],
  [PARSE_ERROR, '5-["x"]'],
  [PARSE_ERROR, '50-["x"]'],
  [PARSE_ERROR, `51e0-["x",${attachment(0)}]`, bytes],
  [PARSE_ERROR, '5-1-["x"]'],
  [PARSE_ERROR, `51.0-["x",${attachment(0)}]`],
  [PARSE_ERROR, `565-["x",${Array.from({ length: 65 }, (_, num) => attachment(num))}]`],
  [PARSE_ERROR, '599999999999999999999-["x"]'],
  // What stands for them.
  [PARSE_ERROR, '51-["x"]'],
  [PARSE_ERROR, `52-["x",${attachment(0)}]`],
  [PARSE_ERROR, `52-["x",${attachment(0)},${attachment(0)}]`],
  [PARSE_ERROR, `51-["x",${attachment(1)}]`],
  [PARSE_ERROR, `51-["x",${attachment(-1)}]`],
  [PARSE_ERROR, `51-["x",${attachment(0.5)}]`],
  [PARSE_ERROR, `51-["x",${attachment('"0"')}]`],
  [PARSE_ERROR, '51-["x",{"_placeholder":true}]'],
  [PARSE_ERROR, `61-[${attachment(0)}]`],
  // The attachments themselves.
  [PARSE_ERROR, bytes],
  [PARSE_ERROR, `51-["x",${attachment(0)}]`, '2["x"]'],
  [PARSE_ERROR, `51-["x",${attachment(0)}]`, "1"],
  [PARSE_ERROR, `51-["x",${attachment(0)}]`, bytes, bytes],
  // What does not fit the state of a namespace.
  [FORCED, "0"],
  [FORCED, '0{"name":"twice"}'],
  [FORCED, '2/nowhere,["x"]'],
  [FORCED, "3/nowhere,1[]"],
  [FORCED, "1/nowhere,"],
  [FORCED, `51-/nowhere,["x",${attachment(0)}]`, bytes],
  [FORCED, '4{"message":"no"}'],
];

class RawWebSocket {
  #ws;
  #heard = [];
  #wake = () => {};

  static async open(url) {
    const raw = new RawWebSocket();
    raw.#ws = new WebSocket(`${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
    raw.closed = once(raw.#ws, "close");
    raw.#ws.on("message", (data, isBinary) => {
      if (data.toString() === "2") raw.#ws.send("3");
      else raw.#wake(raw.#heard.push(isBinary ? data : data.toString()));
    });
    await raw.next();
    return raw;
  }

  async send(...messages) {
    for (const message of messages) this.#ws.send(typeof message === "string" ? `4${message}` : message);
  }

  async next() {
    while (this.#heard.length === 0) await new Promise((resolve) => (this.#wake = resolve));
    return this.#heard.shift();
  }

  /** Waits until the server has closed it. */
  async ends() {
    await this.closed;
  }

  async close() {
    this.#ws.close();
  }
}

class RawPolling {
  #url;
  #heard = [];

  static async open(url) {
    const raw = new RawPolling();
    raw.#url = `${url}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await raw.next()).slice(1));
    raw.#url += `&sid=${sid}`;
    return raw;
  }

  /** All of them in one request. */
  async send(...messages) {
    if (messages.length === 0) return;
    const packets = messages.map((message) =>
      typeof message === "string" ? `4${message}` : `b${message.toString("base64")}`,
    );
    const answer = await fetch(this.#url, { method: "POST", body: packets.join("\x1e") });
    assert.deepEqual([answer.status, await answer.text()], [200, "ok"], `${messages}`.slice(0, 100));
  }

  async next() {
    while (this.#heard.length === 0) {
      const answer = await fetch(this.#url);
      assert.equal(answer.status, 200);
      this.#heard.push(...(await this.#pong((await answer.text()).split("\x1e"))));
    }
    return this.#heard.shift();
  }

  async #pong(packets) {
    if (packets.includes("2")) await fetch(this.#url, { method: "POST", body: "3" });
    return packets.filter((packet) => packet !== "2");
  }

  /** Waits until the server knows it no more, or says that it closes it. */
  async ends() {
    for (;;) {
      const answer = await fetch(this.#url);
      if (answer.status !== 200) return assert.deepEqual((await answer.json()).code, 1);
      if ((await this.#pong((await answer.text()).split("\x1e"))).includes("1")) return;
    }
  }

  async close() {
    await fetch(this.#url, { method: "POST", body: "1" });
  }
}

const raws = { polling: RawPolling, websocket: RawWebSocket };

/** In the namespace `/`, and in the room that the witness is in. */
async function enter(url, transport, witness) {
  const raw = await raws[transport].open(url);
  await raw.send('0{"name":"Mallory"}');
  assert.match(await raw.next(), /^40\{"sid":"[\w-]{20}","pid":"[\w-]{20}"\}$/);
  await raw.send('20["enter","lobby"]');
  assert.match(await raw.next(), /^430\[\[/);
  await witness.hears("entered", "lobby", "Mallory");
  return raw;
}

const cases = {
  async broken(url, transport) {
    const witness = await open(url, transport, "/", { name: "witness" });
    await witness.ask("enter", "lobby");
    for (const [reason, ...messages] of broken) {
      const raw = await enter(url, transport, witness);
      await raw.send(...messages);
      await raw.ends();
      const said = `${messages}`.slice(0, 100);
      const [event, name, why] = await witness.next("gone");
      assert.deepEqual([event, name, why], ["gone", "Mallory", reason], said);
    }
    assert.deepEqual(await witness.ask("say", "lobby", "unharmed"), [1]);
    await witness.hears("said", "lobby", "witness", "unharmed");
    await witness.close();
  },

  /** What looks odd, and is no fault. */
  async odd(url, transport) {
    const witness = await open(url, transport, "/", { name: "witness" });
    await witness.ask("enter", "lobby");
    const raw = await enter(url, transport, witness);
    for (const name of ["/random", "/random,"]) {
      await raw.send(`0${name}`);
      assert.match(await raw.next(), /^44\/random,\{"message":"Invalid namespace"\}$/);
    }
    // A late ack, an event that is a number, a placeholder that is plain data.
    await raw.send("377[]", "2[7]", `2["say",{"_placeholder":true,"num":0}]`);
    // Attachments in another order than their places.
    await raw.send(`52-1["unknown",${attachment(1)},${attachment(0)}]`, bytes, bytes);
    await raw.send('22["say","lobby","still here"]');
    assert.match(await raw.next(), /^42\["said","lobby","Mallory","still here","[\w-]+"\]$/);
    assert.equal(await raw.next(), "432[2]");
    await witness.hears("said", "lobby", "Mallory", "still here");
    await raw.send("1");
    await witness.hears("gone", "Mallory", "client namespace disconnect");
    await raw.close();
    await witness.close();
  },

  /** At the example `socketio_protocol_suite`: who joins no namespace within a second. */
  async silent(url, transport) {
    const other = await open(url, transport);
    await other.hears("auth", {});
    for (const packets of [[], ["0/nowhere"]]) {
      const raw = await raws[transport].open(url);
      await raw.send(...packets);
      await raw.ends();
    }
    assert.deepEqual(await other.ask("message-with-ack", "unharmed"), ["unharmed"]);
    await other.close();
  },
};

await run(cases);
