// A Socket.IO client for browsers, written to be read. `Session` is Engine.IO 4: one conversation over
// HTTP long-polling and, as soon as that works, over a WebSocket. `Socket` is a namespace of Socket.IO 5
// over it: events, acks, attachments, and reconnection.
//
//   const socket = new Socket("/");
//   socket.on("message", (text) => console.log(text));
//   socket.emit("message", "hello");
//   const [number, bytes] = await socket.ask("echo", 1, new Uint8Array([1, 2, 3]));

// Types of Engine.IO packets: the first character, but for binary, which has none on a WebSocket.
const [OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE] = "012345";
// Types of Socket.IO packets.
const [CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK] = "0123456";

/** Between the packets of a polling payload. */
const SEPARATOR = "\x1e";

const sizeOf = (packet) =>
  typeof packet === "string" ? new TextEncoder().encode(packet).length : packet.byteLength;

class Session {
  #url;
  #listener;
  #queue = []; // packets: text, or a Uint8Array
  #posting = null; // the POST that is under way
  #polling = null; // the GETs, one after another
  #paused = false; // no more GETs and POSTs: the WebSocket takes over
  #closing = false; // a close packet is queued, or sent
  #webSocket = null;
  #maxPayload = Infinity;
  #patience = 20_000; // for the next packet, in milliseconds
  #silence; // the timer of that
  #requests = new AbortController();

  /** Calls the listener's `opened()`, `received(text or bytes)`, `closed(reason)`, and `packet(arrow, packet)`. */
  constructor(path, listener) {
    this.#url = new URL(`${path}?EIO=4`, location);
    this.#listener = listener;
    this.transport = "polling";
    this.#start().catch((error) => this.#end(error.message));
  }

  /** Queues a message: text or a Uint8Array. */
  send(data) {
    this.#queue.push(typeof data === "string" ? MESSAGE + data : data);
    this.#flush();
  }

  close() {
    this.#closing = true;
    this.#queue.push(CLOSE);
    this.#flush();
  }

  async #start() {
    const [open] = await this.#get();
    const { sid, upgrades, pingInterval, pingTimeout, maxPayload } = JSON.parse(open.slice(1));
    if (open[0] !== OPEN) throw new Error("no Engine.IO handshake");
    this.#url.searchParams.set("sid", sid);
    this.#maxPayload = maxPayload;
    this.#patience = pingInterval + pingTimeout;
    this.#polling = this.#poll();
    this.#listener.opened();
    if (upgrades.includes("websocket")) this.#upgrade();
  }

  #request(transport) {
    const url = new URL(this.#url);
    url.searchParams.set("transport", transport);
    return url;
  }

  /** The packets that one GET brings. */
  async #get() {
    const { signal } = this.#requests;
    const answer = await fetch(this.#request("polling"), { signal, cache: "no-store" });
    const payload = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status} ${payload}`);
    const packets = payload.split(SEPARATOR);
    for (const packet of packets) this.#heard(packet);
    return packets;
  }

  async #poll() {
    try {
      while (!this.#paused && !this.#closing && !this.#requests.signal.aborted) {
        for (const packet of await this.#get()) this.#packet(packet);
      }
    } catch (error) {
      this.#end(error.message);
    }
  }

  /** Sends what is queued: over polling in one POST after another, each within `maxPayload`. */
  #flush() {
    if (this.transport === "websocket") {
      for (const packet of this.#queue.splice(0)) this.#say(packet);
    } else if (this.#posting === null && !this.#paused && this.#queue.length > 0) {
      this.#posting = this.#post().catch((error) => this.#end(error.message));
    }
  }

  async #post() {
    let body = "";
    let size = 0;
    while (this.#queue.length > 0) {
      const [packet] = this.#queue;
      const text = typeof packet === "string" ? packet : `b${btoa(String.fromCharCode(...packet))}`;
      size += sizeOf(text) + 1;
      if (body !== "" && size - 1 > this.#maxPayload) break;
      body += body === "" ? text : SEPARATOR + text;
      this.#queue.shift();
      this.#listener.packet("→", packet);
    }
    const { signal } = this.#requests;
    const answer = await fetch(this.#request("polling"), { method: "POST", body, signal });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    this.#posting = null;
    if (this.#closing && this.#queue.length === 0) this.#end("closed by this side");
    this.#flush();
  }

  #say(packet) {
    this.#listener.packet("→", packet);
    this.#webSocket.send(packet);
  }

  /** Tries a WebSocket beside the polling. Nothing changes until it has answered and all requests are done. */
  #upgrade() {
    const url = this.#request("websocket");
    url.protocol = url.protocol.replace("http", "ws");
    this.#webSocket = new WebSocket(url);
    this.#webSocket.binaryType = "arraybuffer";
    this.#webSocket.onopen = () => this.#say(`${PING}probe`);
    this.#webSocket.onmessage = async ({ data }) => {
      const packet = typeof data === "string" ? data : new Uint8Array(data);
      this.#heard(packet);
      if (this.transport === "websocket") return this.#packet(packet);
      if (packet !== `${PONG}probe` || this.#closing) return this.#webSocket.close();
      this.#paused = true;
      await Promise.all([this.#polling, this.#posting]); // The server answers the waiting GET with a noop.
      if (this.#webSocket.readyState !== WebSocket.OPEN) return;
      this.transport = "websocket";
      this.#say(UPGRADE);
      this.#flush();
    };
    this.#webSocket.onclose = async ({ code }) => {
      if (this.transport === "websocket") return this.#end(`WebSocket closed with ${code}`);
      if (!this.#paused) return; // The session goes on over polling,
      await Promise.all([this.#polling, this.#posting]); // or goes on again.
      this.#paused = false;
      this.#polling = this.#poll();
      this.#flush();
    };
  }

  /** Whatever comes shows that the server is there: it pings when it has nothing else to say. */
  #heard(packet) {
    this.#listener.packet("←", packet);
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#end("ping timeout"), this.#patience);
  }

  #packet(packet) {
    if (typeof packet !== "string") return this.#listener.received(packet);
    const data = packet.slice(1);
    if (packet[0] === MESSAGE) this.#listener.received(data);
    else if (packet[0] === "b") this.#listener.received(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
    else if (packet[0] === PING) { this.#queue.push(PONG + data); this.#flush(); }
    else if (packet[0] === CLOSE) this.#end("closed by the server");
  }

  #end(reason) {
    if (this.#requests.signal.aborted) return;
    this.#requests.abort();
    clearTimeout(this.#silence);
    this.#webSocket?.close();
    this.#listener.closed(reason);
  }
}

export class Socket {
  #namespace;
  #options;
  #session = null;
  #handlers = new Map();
  #asked = new Map(); // what waits for an ack, by its id
  #nextId = 0;
  #packet = null; // one whose attachments are still to come
  #wait;
  #wanted = true; // neither side has ended it

  /** `auth` goes to the server with each connection; `packet(arrow, packet)` sees all on the wire. */
  constructor(namespace = "/", { path = "/socket.io/", auth, packet = () => {}, wait = 500 } = {}) {
    this.#namespace = namespace === "/" ? "" : `${namespace},`;
    this.#options = { path, auth, packet, wait };
    this.#wait = wait;
    this.connected = false;
    queueMicrotask(() => this.connect()); // when the handlers are there
  }

  get transport() {
    return this.#session?.transport;
  }

  /** Handles an event; `connect`, `connect_error`, `disconnect`, `reconnecting` are the socket's own. */
  on(event, handler) {
    this.#handlers.set(event, handler);
    return this;
  }

  connect() {
    this.#wanted = true;
    const { path, auth, packet } = this.#options;
    this.#session = new Session(path, {
      packet,
      opened: () => this.#send(CONNECT, auth),
      received: (data) => (typeof data === "string" ? this.#text(data) : this.#attachment(data)),
      closed: (reason) => this.#closed(reason),
    });
  }

  /** Sends an event. Bytes (Uint8Array) may be anywhere in its arguments. */
  emit(event, ...args) {
    if (!this.connected) throw new Error("not connected");
    this.#send(EVENT, [event, ...args]);
  }

  /** Sends an event that the server is to answer: the arguments of its ack. */
  ask(event, ...args) {
    return new Promise((resolve, reject) => {
      if (!this.connected) throw new Error("not connected");
      this.#asked.set(this.#nextId, { resolve, reject });
      this.#send(EVENT, [event, ...args], this.#nextId++);
    });
  }

  /** Leaves, and does not come back before `connect` is called. */
  disconnect() {
    if (this.connected) this.#send(DISCONNECT);
    this.#session.close();
    this.#disconnected("io client disconnect");
  }

  /** Type, number of attachments, namespace, ack id, JSON; then the attachments, as messages of their own. */
  #send(type, data, id = "") {
    const attachments = [];
    const takeOut = (_, value) =>
      value instanceof Uint8Array ? { _placeholder: true, num: attachments.push(value) - 1 } : value;
    const json = data === undefined ? "" : JSON.stringify(data, takeOut);
    const binary = { [EVENT]: BINARY_EVENT, [ACK]: BINARY_ACK }[type];
    const head = attachments.length > 0 ? `${binary}${attachments.length}-` : type;
    this.#session.send(head + this.#namespace + id + json);
    for (const attachment of attachments) this.#session.send(attachment);
  }

  #text(text) {
    const [, type, count, namespace = "", id, json] = text.match(/^(\d)(?:(\d+)-)?(\/[^,]*,)?(\d*)(.*)$/s);
    if (namespace !== this.#namespace) return;
    if (count > 0) this.#packet = { type, id, json, attachments: [], count: Number(count) };
    else this.#received(type, id, json && JSON.parse(json));
  }

  #attachment(bytes) {
    const { type, id, json, attachments, count } = this.#packet;
    if (attachments.push(bytes) < count) return;
    this.#packet = null;
    const putBack = (_, value) => (value?._placeholder === true ? attachments[value.num] : value);
    this.#received(type, id, JSON.parse(json, putBack));
  }

  #received(type, id, data) {
    if (type === CONNECT) {
      this.connected = true;
      this.id = data.sid;
      this.#wait = this.#options.wait;
      this.#call("connect");
    } else if (type === CONNECT_ERROR) {
      this.#call("connect_error", data);
    } else if (type === DISCONNECT) {
      this.#disconnected("io server disconnect");
    } else if (type === EVENT || type === BINARY_EVENT) {
      const answer = id === "" ? [] : [(...args) => this.#send(ACK, args, id)];
      this.#call(...data, ...answer);
    } else if (type === ACK || type === BINARY_ACK) {
      this.#asked.get(Number(id))?.resolve(data);
      this.#asked.delete(Number(id));
    }
  }

  #call(event, ...args) {
    this.#handlers.get(event)?.(...args);
  }

  #disconnected(reason) {
    this.#wanted = false;
    for (const { reject } of this.#asked.values()) reject(new Error(reason));
    this.#asked.clear();
    this.#packet = null;
    if (this.connected) this.#call("disconnect", reason);
    this.connected = false;
  }

  /** Comes back after a while, which doubles; half of it is left to chance, so that not all come at once. */
  #closed(reason) {
    const again = this.#wanted;
    this.#disconnected(reason);
    if (!again) return;
    const pause = this.#wait * (0.5 + Math.random() / 2);
    this.#wait = Math.min(this.#wait * 2, 8000);
    this.#call("reconnecting", reason, pause);
    setTimeout(() => this.connect(), pause);
  }
}
