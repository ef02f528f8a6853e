"use strict";

const element = (id) => document.getElementById(id);

/** One column: its state, its counters, and a log of the newest lines. */
class Column {
  static LINES = 200;

  constructor(name) {
    this.name = name;
    this.counts = { received: 0, sent: 0, opened: 0 };
    this.log = element(`${name}-log`);
    this.input = element(`${name}-input`);
  }

  state(state) {
    const label = element(`${this.name}-state`);
    label.textContent = state;
    label.dataset.state = state;
  }

  count(what) {
    this.counts[what] += 1;
    this.show(what, this.counts[what]);
  }

  show(what, value) {
    element(`${this.name}-${what}`).textContent = value;
  }

  line(kind, text, style = "kind") {
    const stays = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight > 40;
    const item = document.createElement("li");
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
        this.count("sent");
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
  const received = (event) => {
    column.count("received");
    column.show("last-id", event.lastEventId);
    column.line(event.type, event.data);
  };
  source.addEventListener("tick", received);
  source.addEventListener("message", received);
  source.addEventListener("gap", (event) => {
    column.note(event.data === "" ? "events were missed" : `${event.data} events were missed`);
  });
  column.onSend(async (text) => {
    const answer = await fetch("/events", { method: "POST", body: text });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
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
      column.count("sent");
    };
    socket.onmessage = (message) => {
      column.count("received");
      const since = asked.shift();
      if (since !== undefined) {
        column.show("round-trip", `${(performance.now() - since).toFixed(1)} ms`);
      }
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

startEventSource();
startWebSocket();
