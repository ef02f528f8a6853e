// What the scripts with npm's `socket.io-client` share: clients that remember what they hear, and
// the run of a case, or of several with commas between, `node SCRIPT URL CASE TRANSPORT [HEADERS [CLIENT]]`.
// TRANSPORT is `polling`, `websocket`, or `upgrade`, which is what the client does if nobody tells it
// otherwise; HEADERS, in JSON, go with each request; CLIENT is `4`, version 4 of the package, as it is if it is
// left out, `msgpack`, the same with socket.io-msgpack-parser, or `2`, version 2, which speaks protocol 4.

import assert from "node:assert/strict";
import { once } from "node:events";
import { Manager } from "socket.io-client";
import { Manager as Manager2 } from "socket.io-client-2";
import msgpack from "socket.io-msgpack-parser";

const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: undefined };

const [headers = "{}", client = "4"] = process.argv.slice(5);
const extraHeaders = JSON.parse(headers);

/** Whether it is version 2 of the client, and whether its packets are MessagePack. */
export const isVersion2 = client === "2";
export const isMsgpack = client === "msgpack";

/** What the case waits for, for the message if it never comes. */
const waiting = new Set();

async function waitFor(what, promise) {
  waiting.add(what);
  const value = await promise;
  waiting.delete(what);
  return value;
}

/** A socket in a namespace. What it hears waits in order: `["connect"]`, `["echo", 1, 2]`, … */
export class Client {
  #heard = [];
  #wake = () => {};

  constructor(socket) {
    this.socket = socket;
    const hear = (...heard) => this.#wake(this.#heard.push(heard));
    if (isVersion2) {
      // It tells nobody of all events, so they are taken where they come in.
      socket.onevent = ({ id, data }) => hear(...data, ...(id === undefined ? [] : [socket.ack(id)]));
      socket.on("error", (error) => hear("refused", error));
    } else {
      socket.onAny(hear);
      socket.on("connect_error", (error) => hear("connect_error", error.message, error.data));
    }
    socket.on("connect", () => hear("connect"));
    socket.on("disconnect", (reason) => hear("disconnect", reason));
  }

  get engine() {
    return this.socket.io.engine;
  }

  /** The next event with its arguments; the last is a function if an ack is asked for. */
  async next(expected) {
    while (this.#heard.length === 0) {
      const heard = new Promise((resolve) => (this.#wake = resolve));
      await waitFor({ event: expected, namespace: this.socket.nsp }, heard);
    }
    return this.#heard.shift();
  }

  /** Waits for the next event, which must be this one. */
  async hears(...expected) {
    const heard = await this.next(expected[0]);
    // Where a client may be recovered, what it can miss has its offset behind its arguments.
    if (this.socket._pid && heard.length === expected.length + 1) assert.match(heard.pop(), /^[\w-]+$/);
    assert.deepEqual(heard, expected);
  }

  /** Waits to hear that the server closed the connection. */
  async isPutOut(transport) {
    let [event, reason] = await this.next("disconnect");
    // Over polling a GET that comes after the session's end is refused; version 2 says why first.
    const late = transport === "polling";
    if (late && isVersion2 && event === "refused") [event, reason] = await this.next("disconnect");
    const reasons = ["transport close", ...(late ? ["transport error"] : [])];
    assert.ok(event === "disconnect" && reasons.includes(reason), `${event}: ${reason}`);
  }

  /** Waits for a middleware's refusal: in version 2 the data, or the message if there is none. */
  async isRefused(message, data) {
    if (isVersion2) await this.hears("refused", data ?? message);
    else await this.hears("connect_error", message, data);
  }

  /** Waits to hear that there is no such namespace. */
  async isNowhere() {
    if (isVersion2) await this.hears("refused", { message: "Invalid namespace" });
    else await this.hears("connect_error", "Invalid namespace", undefined);
  }

  /** Asks for the namespace again, with these credentials. */
  connectWith(auth) {
    Object.assign(this.socket, isVersion2 ? { query: auth } : { auth });
    this.socket.connect();
  }

  /** Emits, and waits for the arguments of the ack. */
  async ask(...event) {
    const answer = new Promise((resolve) => {
      this.socket.emit(...event, (...args) => resolve(args));
    });
    return waitFor({ ackOf: event[0], namespace: this.socket.nsp, heard: this.#heard }, answer);
  }

  /** Nothing came before the ack of what is asked now, and so nothing that was sent before it. */
  async heardNothing() {
    assert.deepEqual(await this.ask("echo", "nothing?"), ["nothing?"]);
    assert.deepEqual(this.#heard, []);
  }

  /** Waits until the connection is on the transport that it stays on. */
  async settle(transport) {
    const final = transport === "upgrade" ? "websocket" : transport;
    if (this.engine.transport.name !== final) await waitFor("upgrade", once(this.engine, "upgrade"));
    assert.equal(this.engine.transport.name, final);
  }

  /** Leaves the namespace, having heard all that there was. */
  async close() {
    this.socket.disconnect();
    await this.hears("disconnect", "io client disconnect");
  }
}

/** A connection that no other client uses. */
export function connection(url, transport, options = {}) {
  assert.ok(Object.hasOwn(TRANSPORTS, transport), `no transport ${transport}`);
  const transports = TRANSPORTS[transport];
  const common = { transports, extraHeaders, reconnection: false, ...options };
  switch (client) {
    case "4":
      return new Manager(url, common);
    case "msgpack":
      return new Manager(url, { parser: msgpack, ...common });
    case "2":
      return new Manager2(url, common);
    default:
      throw new Error(`no client ${client}`);
  }
}

/** A client on its way to a namespace. */
export function join(manager, namespace = "/", auth) {
  return new Client(manager.socket(namespace, isVersion2 ? { query: auth } : { auth }));
}

/** A client in a namespace, with a connection of its own. */
export async function open(url, transport, namespace = "/", auth = undefined) {
  // In version 2 the credentials for the main namespace are those of the connection.
  const options = isVersion2 && namespace === "/" ? { query: auth } : {};
  const client = join(connection(url, transport, options), namespace, auth);
  await client.hears("connect");
  await client.settle(transport);
  return client;
}

/** Runs the cases that the command line names, one after the other. */
export async function run(cases) {
  const [url, names, transport] = process.argv.slice(2);
  setTimeout(() => process.exit(1), 40_000).unref();
  // Also if nothing is open any more, and so nothing can come.
  process.on("exit", (code) => {
    if (code !== 0) console.error(`${names} over ${transport} waited for`, [...waiting]);
  });
  for (const name of names.split(",")) {
    assert.ok(Object.hasOwn(cases, name), `no case ${name}`);
    await cases[name](url, transport);
  }
}
