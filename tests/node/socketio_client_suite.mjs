// npm's `socket.io-client` at the example `socketio_client_suite`, asking for all that the client's own test suite
// asks its server for: `node socketio_client_suite.mjs URL CASE TRANSPORT [HEADERS [CLIENT]]`.

import assert from "node:assert/strict";
import { connection, isMsgpack, isVersion2, join, open, run } from "./socketio_connection.mjs";

const asdf = Buffer.from("asdfasdf");
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

/** A time that the server has told, as a date has it in JSON, or as the parser brings it. */
function isNow(date) {
  assert.match(date, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Math.abs(Date.now() - new Date(date)) < 60_000, date);
}

/** What the server knows of how a client has connected. */
function isHandshake(handshake, transport, auth, query = {}) {
  const { headers, time, address, xdomain, secure, issued, url, query: asked, auth: given, ...rest } = handshake;
  assert.deepEqual(rest, {});
  assert.match(headers.host, /^127\.0\.0\.1:\d+$/);
  assert.equal(headers["x-test"], "yes");
  assert.equal(new Date(time).getTime(), Math.floor(issued / 1000) * 1000);
  assert.ok(Math.abs(Date.now() - issued) < 60_000, `${issued}`);
  assert.deepEqual([address, xdomain, secure], ["127.0.0.1", false, false]);
  const first = transport === "websocket" ? "websocket" : "polling";
  const { EIO, t, b64, ...others } = asked;
  const [path, parameters] = url.split("?");
  assert.equal(path, "/socket.io/");
  assert.deepEqual(Object.fromEntries(new URLSearchParams(parameters)), asked);
  assert.deepEqual([EIO, others], [isVersion2 ? "3" : "4", { transport: first, ...query }]);
  assert.deepEqual(given, auth);
}

const cases = {
  async namespaces(url, transport) {
    const manager = connection(url, transport);
    const names = ["/", "/foo", "/timeout_socket", "/valid", "/asd"];
    const [main, foo, ...others] = names.map((name) => join(manager, name));
    for (const client of [main, foo, ...others]) await client.hears("connect");
    assert.deepEqual(await main.ask("getId"), [main.socket.id]);
    assert.deepEqual(await foo.ask("getId"), [foo.socket.id]);
    if (isVersion2) {
      const { id } = manager.engine;
      assert.deepEqual([main.socket.id, foo.socket.id], [id, `/foo#${id}`]);
    } else {
      assert.equal(new Set([main.socket.id, foo.socket.id, manager.engine.id]).size, 3);
    }
    // Each is left without the others.
    await foo.close();
    for (const client of others) await client.close();
    await main.heardNothing();
    foo.socket.connect();
    await foo.hears("connect");
    assert.deepEqual(await foo.ask("getId"), [foo.socket.id]);
    await main.close();
    await foo.close();
  },

  async refusals(url, transport) {
    const bystander = await open(url, transport);
    const manager = connection(url, transport);
    const no = join(manager, "/no", { token: "any" });
    const nowhere = join(manager, "/nowhere");
    await no.isRefused("Auth failed (custom namespace)");
    await nowhere.isNowhere();
    const failing = join(connection(url, transport, { query: { fail: "true" } }));
    await failing.isRefused("Auth failed (main namespace)");
    // The connection is still there, for a namespace that lets it in.
    const foo = join(failing.socket.io, "/foo");
    await foo.hears("connect");
    assert.deepEqual(await foo.ask("getId"), [foo.socket.id]);
    await foo.close();
    await bystander.heardNothing();
    await bystander.close();
    manager.engine.close();
    failing.engine?.close();
  },

  async handshakes(url, transport) {
    const query = { key: "välue & more", empty: "" };
    const auth = { token: "abc", room: "é" };
    const options = { query, extraHeaders: { "x-test": "yes" } };
    const manager = connection(url, transport, options);
    const [main, abc] = [join(manager), join(manager, "/abc", auth)];
    await main.hears("connect");
    await abc.hears("connect");
    const [event, handshake] = await abc.next("handshake");
    assert.equal(event, "handshake");
    isHandshake(handshake, transport, auth, query);
    const [asked] = await main.ask("getHandshake");
    isHandshake(asked, transport, {}, query);
    await abc.close();
    await main.close();
  },

  async texts(url, transport) {
    const client = await open(url, transport);
    client.socket.emit("hi");
    await client.hears("hi");
    client.socket.emit("false");
    await client.hears("false", false);
    client.socket.emit("getUtf8");
    for (const text of ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"]) {
      await client.hears("takeUtf8", text);
    }
    for (const value of ["", "é € 😀 \0 \u2028 \x1e", 0, -1.5, true, null, [], { a: [{ ключ: "è" }] }]) {
      assert.deepEqual(await client.ask("echo", value), [value]);
    }
    await client.close();
  },

  async dates(url, transport) {
    const client = await open(url, transport);
    const [date] = await client.ask("getAckDate", { test: true });
    isNow(date);
    client.socket.emit("getDate");
    const [, taken] = await client.next("takeDate");
    isNow(taken);
    client.socket.emit("getDateObj");
    const [, { date: within, ...rest }] = await client.next("takeDateObj");
    isNow(within);
    assert.deepEqual(rest, {});
    // JSON has no dates: they are texts.
    const sent = new Date(1_234_567_890_123);
    assert.deepEqual(await client.ask("echo", { sent }), [{ sent: sent.toISOString() }]);
    await client.close();
  },

  async binary(url, transport) {
    const client = await open(url, transport);
    const emit = (...event) => client.socket.emit(...event);
    emit("doge");
    await client.hears("doge", asdf);
    emit("getbin");
    await client.hears("takebin", asdf);
    emit("buffa", asdf);
    await client.hears("buffack");
    for (const kind of ["jsonbuff", "jsonblob"]) {
      emit(kind, { hello: "lol", message: asdf, goodbye: "gotcha" });
      await client.hears(`${kind}-ack`);
    }
    emit("blob", everyByte);
    await client.hears("back", everyByte);
    emit("abuff1", asdf);
    emit("abuff2", Buffer.from("hi"));
    await client.hears("abuff2-ack");
    emit("blob1", asdf);
    emit("blob2", "second");
    emit("blob3", Buffer.alloc(0));
    await client.hears("blob3-ack");
    // What is not as it should be, or out of order, is not answered.
    for (const event of [
      ["buffa", "asdfasdf"],
      ["jsonbuff", { hello: "lol", message: "asdfasdf", goodbye: "gotcha" }],
      ["jsonblob", { hello: "no", message: asdf, goodbye: "gotcha" }],
      ["no such event", asdf],
    ]) {
      emit(...event);
    }
    await client.heardNothing();
    const other = await open(url, transport);
    for (const event of ["abuff2", "blob3", "blob1", "blob3"]) other.socket.emit(event, asdf);
    await other.heardNothing();
    await other.close();

    // One to three fields of bytes, anywhere, there and back.
    for (const value of [
      everyByte,
      { bytes: everyByte },
      { deep: [{ one: everyByte }], two: Buffer.from("two") },
      [everyByte, Buffer.alloc(0)],
      { first: everyByte, list: ["x", Buffer.from("second"), { third: Buffer.of(0, 255) }], text: "é" },
    ]) {
      assert.deepEqual(await client.ask("echo", value), [value]);
    }
    await client.close();
  },

  async acks(url, transport) {
    const client = await open(url, transport);
    const asked = async () => {
      client.socket.emit("ack");
      const [event, answer] = await client.next("ack");
      assert.deepEqual([event, typeof answer], ["ack", "function"]);
      return answer;
    };
    (await asked())(5, { test: true });
    await client.hears("got it");
    // Other answers, none, and one too many.
    (await asked())(5, { test: false });
    (await asked())("5");
    const late = await asked();
    await client.heardNothing();
    late(5, { test: true });
    await client.hears("got it");
    late(5, { test: true });
    await client.heardNothing();

    // Nobody acks what nobody knows.
    if (isVersion2) {
      client.socket.emit("unknown", () => assert.fail("acked"));
    } else {
      const unknown = client.socket.timeout(300).emitWithAck("unknown");
      await assert.rejects(unknown, { message: "operation has timed out" });
    }
    const answers = Array.from({ length: 200 }, (_, number) => client.ask("echo", number));
    assert.deepEqual(await Promise.all(answers), answers.map((_, number) => [number]));
    await client.heardNothing();
    await client.close();
  },

  /** Acks and the events that ask for them keep their order, also while the transport changes. */
  async order(url, transport) {
    for (let round = 0; round < (transport === "upgrade" ? 5 : 1); round += 1) {
      const client = join(connection(url, transport));
      await client.hears("connect");
      const order = [];
      let sent = 0;
      const send = () => {
        const number = sent++;
        const value = number % 3 === 0 ? { number, bytes: Buffer.from(`${number}`) } : { number };
        return client.ask("echo", value).then(([echo]) => {
          assert.deepEqual(echo, value);
          order.push(echo.number);
        });
      };
      const final = transport === "upgrade" ? "websocket" : transport;
      while (sent < 300 || client.engine.transport.name !== final) {
        await Promise.all(Array.from({ length: 25 }, send));
      }
      assert.deepEqual(order, order.map((_, index) => index));
      assert.equal(order.length, sent);
      await client.heardNothing();
      await client.close();
    }
  },

  /** Of version 4: its state is recovered. */
  async recovery(url, transport) {
    const client = await open(url, transport);
    client.socket.emit("hi");
    await client.hears("hi");
    const { id } = client.socket;
    client.engine.close();
    await client.hears("disconnect", "forced close");
    client.socket.connect();
    await client.hears("connect");
    assert.deepEqual([client.socket.id, client.socket.recovered], [id, true]);
    assert.deepEqual(await client.ask("getId"), [client.socket.id]);
    await client.heardNothing();
    // Who leaves by itself is not waited for.
    await client.close();
    client.socket.connect();
    await client.hears("connect");
    assert.notEqual(client.socket.id, id);
    assert.equal(client.socket.recovered, false);
    await client.close();
  },

  /** From heartbeat to heartbeat; of version 2 they are the client's. */
  async heartbeats(url, transport) {
    const client = await open(url, transport);
    const beats = Array.from({ length: 2 }, () => isVersion2 ? "pong" : "ping");
    for (const beat of beats) await new Promise((resolve) => client.engine.once(beat, resolve));
    await client.heardNothing();
    await client.close();
  },
};

await run(cases);
