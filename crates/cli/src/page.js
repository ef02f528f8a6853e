import { Socket } from "/socketio.js";

const element = (id) => document.getElementById(id);

function readable(bytes) {
  return bytes < 10_000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`;
}

/** One column: its state, its counters, and a log of the newest lines. */
class Column {
  static LINES = 200;

  constructor(name) {
    this.name = name;
    this.counts = { received: 0, sent: 0, opened: 0 };
    this.bytes = { received: 0, sent: 0 };
    this.log = element(`${name}-log`);
    this.input = element(`${name}-input`);
  }

  state(state) {
    const label = element(`${this.name}-state`);
    label.textContent = state;
    label.dataset.state = state;
  }

  /** Counts one more `received` or `sent`, with its bytes, or `opened`. */
  count(what, data) {
    this.counts[what] += 1;
    this.show(what, this.counts[what]);
    if (data === undefined) return;
    this.bytes[what] += typeof data === "string" ? new TextEncoder().encode(data).length : data.byteLength;
    this.show(`${what}-bytes`, readable(this.bytes[what]));
  }

  roundTrip(since) {
    this.show("round-trip", `${(performance.now() - since).toFixed(1)} ms`);
  }

  show(what, value) {
    element(`${this.name}-${what}`).textContent = value;
  }

  line(kind, text, style = "kind") {
    const stays = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight > 40;
    const item = document.createElement("div");
    const label = document.createElement("span");
    label.className = style;
    label.textContent = kind;
    item.append(label, ` ${text}`);
    this.log.append(item);
    while (this.log.childElementCount > Column.LINES) this.log.firstElementChild.remove();
    if (!stays) this.log.scrollTop = this.log.scrollHeight;
  }

  note(text) {
    this.line("·", text, "note");
  }

  /** Calls `send` with what is typed; keeps the text if it could not be sent. */
  onSend(send) {
    element(`${this.name}-form`).addEventListener("submit", async (submit) => {
      submit.preventDefault();
      const text = this.input.value;
      if (text === "") return;
      try {
        await send(text);
        if (this.input.value === text) this.input.value = "";
      } catch (error) {
        this.note(`not sent: ${error.message}`);
      }
    });
  }
}

/** The browser brings an EventSource back by itself, with the last event ID. */
function startEventSource() {
  const column = new Column("es");
  const source = new EventSource("/events");
  source.onopen = () => {
    column.state("open");
    column.count("opened");
  };
  source.onerror = () => {
    const over = source.readyState === EventSource.CLOSED;
    column.state(over ? "closed" : "connecting");
    column.note(over ? "the server refused the stream" : "connection lost");
  };
  const asked = new Map();
  const received = (event) => {
    column.count("received", event.data);
    if (asked.has(event.data)) column.roundTrip(asked.get(event.data));
    asked.delete(event.data);
    column.show("last-id", event.lastEventId);
    column.line(event.type, event.data);
  };
  source.addEventListener("tick", received);
  source.addEventListener("message", received);
  source.addEventListener("gap", (event) => {
    column.note(event.data === "" ? "events were missed" : `${event.data} events were missed`);
  });
  column.onSend(async (text) => {
    asked.set(text, performance.now());
    const answer = await fetch("/events", { method: "POST", body: text });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    column.count("sent", text);
  });
}

/** A WebSocket stays closed once it is; coming back is up to the page. */
function startWebSocket() {
  const FIRST_WAIT = 500;
  const LONGEST_WAIT = 8000;
  const column = new Column("ws");
  let socket = null;
  let wait = FIRST_WAIT;
  let asked = [];

  function send(text) {
    if (socket?.readyState !== WebSocket.OPEN) throw new Error("the WebSocket is not open");
    asked.push(performance.now());
    socket.send(text);
    column.count("sent", text);
  }

  function connect() {
    column.state("connecting");
    asked = [];
    socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    socket.onopen = () => {
      wait = FIRST_WAIT;
      column.state("open");
      column.count("opened");
      send("hello");
    };
    socket.onmessage = (message) => {
      column.count("received", message.data);
      const since = asked.shift();
      if (since !== undefined) column.roundTrip(since);
      column.line("echo", message.data);
    };
    socket.onclose = (close) => {
      column.state("closed");
      // Half of the wait is left to chance, so that the pages of a restarted server spread out.
      const pause = wait * (0.5 + Math.random() / 2);
      wait = Math.min(wait * 2, LONGEST_WAIT);
      column.note(`closed with ${close.code}; again in ${(pause / 1000).toFixed(1)} s`);
      setTimeout(connect, pause);
    };
  }

  column.onSend(send);
  connect();
}

/** The client brings itself back. What goes over the wire is shown as it is. */
function startSocketIo() {
  const column = new Column("io");
  const shown = (packet) => (typeof packet === "string" ? packet : `(${packet.byteLength} bytes)`);
  const socket = new Socket("/", {
    packet(arrow, packet) {
      column.count(arrow === "→" ? "sent" : "received", packet);
      column.line(arrow, shown(packet));
      column.show("transport", socket.transport ?? "polling");
    },
  });
  const time = async () => {
    const since = performance.now();
    await socket.ask("echo", new Uint8Array([1, 2, 3]));
    column.roundTrip(since);
  };
  socket.on("connect", () => {
    column.state("open");
    column.count("opened");
    // The connection is gone then, which is said elsewhere.
    time().catch(() => {});
  });
  socket.on("message", (text) => column.note(text));
  socket.on("reconnecting", (reason, pause) => {
    column.state("closed");
    column.note(`${reason}; again in ${(pause / 1000).toFixed(1)} s`);
    setTimeout(() => column.state("connecting"), pause);
  });
  column.onSend(async (text) => {
    socket.emit("message", text);
    await time();
  });
}

startEventSource();
startWebSocket();
startSocketIo();
