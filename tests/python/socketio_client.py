"""Python's `python-socketio` as a client: `python socketio_client.py URL CASE TRANSPORT`. TRANSPORT
is `polling`, `websocket`, or `upgrade`, which is what the client does if nobody tells it otherwise.
"""

import asyncio
import os
import sys

import engineio.payload
import socketio

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}

EVERY_BYTE = bytes(range(256))

# What an event or an ack carries. One argument goes as it is, several as a tuple, none as nothing.
ARGUMENTS = [
    (),
    ("plain",),
    ("",),
    (None, True),
    (0, -1, 0.1),
    (1e21, 2**53 - 1),
    ("two: é, three: €, four: 😀, none: \0, lines: \r\n\u2028, separator: \x1e",),
    ({"": {"ключ": [1, [2, [3, {}]], None, "é"]}}, [], [[]]),
    ("first", 2, {"third": [4, "5", {"six": False}]}),
]

BINARIES = [
    (EVERY_BYTE,),
    (b"",),
    ("before", EVERY_BYTE, "after"),
    ({"deep": [{"in": ["the", {"heap": EVERY_BYTE, "and": b"more"}]}]},),
    ([bytes([number]) * number for number in range(10)],),
]


class Client:
    """A connection. What a namespace of it hears waits in order: `("echo", 1, 2)`, ..."""

    def __init__(self, *namespaces):
        self.sio = socketio.AsyncClient(reconnection=False, handle_sigint=False)
        self.heard = {}
        self.answer = None
        for namespace in namespaces or ["/"]:
            self.listen(namespace)

    def listen(self, namespace):
        heard = self.heard[namespace] = asyncio.Queue()

        async def hear(event, *args):
            heard.put_nowait((event, *args))
            # Only a server that asks for an ack gets it.
            return self.answer

        def connected():
            heard.put_nowait(("connect",))

        def refused(data):
            heard.put_nowait(("connect_error", data))

        def disconnected(reason):
            heard.put_nowait(("disconnect", reason))

        self.sio.on("*", hear, namespace=namespace)
        self.sio.on("connect", connected, namespace=namespace)
        self.sio.on("connect_error", refused, namespace=namespace)
        self.sio.on("disconnect", disconnected, namespace=namespace)

    async def connect(self, url, transport, auth=None):
        await self.sio.connect(
            url, auth=auth, transports=TRANSPORTS[transport], wait_timeout=10
        )
        used = "websocket" if transport == "upgrade" else transport
        assert self.sio.transport() == used, self.sio.transport()
        for namespace in self.heard:
            await self.hears("connect", namespace=namespace)

    async def hears(self, *expected, namespace="/"):
        heard = await self.heard[namespace].get()
        assert heard == expected, f"{shortened(heard)} instead of {shortened(expected)}"

    async def ask(self, event, *args, namespace="/"):
        """Emits, and waits for the arguments of the ack."""
        answer = asyncio.get_running_loop().create_future()
        await self.sio.emit(
            event, args, namespace=namespace, callback=lambda *args: answer.set_result(args)
        )
        return await answer

    async def heard_nothing(self):
        """Nothing came before the ack of what is asked now, and so nothing sent before it."""
        assert await self.ask("echo", "nothing?") == ("nothing?",)
        assert self.heard["/"].empty(), self.heard["/"].get_nowait()

    async def has_sent(self):
        """Waits until all is sent and, over polling, answered. Closed before that, this client may
        close without telling anybody, and wait for the answer to its GET."""
        await self.sio.eio.queue.join()

    async def close(self):
        await self.has_sent()
        await self.sio.disconnect()
        for namespace in self.heard:
            await self.hears("disconnect", "client disconnect", namespace=namespace)


def shortened(value):
    text = repr(value)
    return text if len(text) < 500 else f"{text[:500]} and so on"


async def opened(url, transport, *namespaces, auth=None):
    client = Client(*namespaces)
    await client.connect(url, transport, auth)
    return client


async def connects(url, transport):
    client = await opened(url, transport)
    assert client.sio.get_sid() != client.sio.eio.sid, "the session's id is a secret"
    await client.sio.emit("message", "hello, €")
    await client.hears("message", "You said: hello, €")
    await client.close()


async def events(url, transport):
    client = await opened(url, transport)
    for args in ARGUMENTS + BINARIES:
        await client.sio.emit("echo", args)
        await client.hears("echo", *args)
    # All at once, but not so many that one polling answer is too long for the client.
    for args in BINARIES[:4]:
        await client.sio.emit("echo", args)
    for args in BINARIES[:4]:
        await client.hears("echo", *args)
    await client.close()


async def acks_of_the_server(url, transport):
    client = await opened(url, transport)
    for args in ARGUMENTS + BINARIES:
        assert await client.ask("echo", *args) == args
    answers = await asyncio.gather(*(client.ask("echo", number) for number in range(10)))
    assert answers == [(number,) for number in range(10)], answers
    await client.heard_nothing()
    await client.close()


async def acks_of_the_client(url, transport):
    client = await opened(url, transport)
    for args in ARGUMENTS + BINARIES:
        client.answer = (*args, "and yes")
        await client.sio.emit("ask", args)
        await client.hears("question", *args)
        await client.hears("answer", *args, "and yes")
    await client.close()


async def no_ack_of_the_server(url, transport):
    client = await opened(url, transport)
    try:
        await client.sio.call("nobody listens", 1, timeout=0.5)
    except socketio.exceptions.TimeoutError:
        pass
    else:
        raise AssertionError("an ack of nobody")
    await client.heard_nothing()
    await client.close()


async def large(url, transport):
    client = await opened(url, transport)
    # A POST carries base64, 4 bytes for 3, and no more than 1 000 000 bytes.
    most_bytes = 700_000 if transport == "polling" else 900_000
    texts = ["é" * 50_000, "x" * 900_000]
    for payload in [*texts, os.urandom(100_000), os.urandom(most_bytes)]:
        assert await client.ask("echo", payload) == (payload,)
        client.answer = payload
        await client.sio.emit("ask", payload)
        await client.hears("question", payload)
        await client.hears("answer", payload)
    await client.close()


async def order(url, transport):
    client = await opened(url, transport)
    for start in range(0, 200, 10):
        for number in range(start, start + 10):
            await client.sio.emit("echo", number)
        for number in range(start, start + 10):
            await client.hears("echo", number)
    await client.close()


async def queued(url, transport):
    """The client sends what it has in one request, and gets what waits for its next GET. It takes
    16 packets of it, not more, as long as nobody tells it otherwise."""
    client = await opened(url, transport)
    for number in range(100):
        await client.sio.emit("echo", number)
    for number in range(100):
        await client.hears("echo", number)
    await client.heard_nothing()
    await client.close()


async def queued_for_a_patient_client(url, transport):
    """As before, but the client was told otherwise, as its documentation has it."""
    engineio.payload.Payload.max_decode_packets = 10_000
    client = await opened(url, transport)
    for number in range(2_000):
        await client.sio.emit("echo", number)
    for number in range(2_000):
        await client.hears("echo", number)
    await client.close()


async def namespaces(url, transport):
    client = await opened(url, transport, "/", "/chat", auth={"name": "Ada"})
    sids = {client.sio.get_sid("/"), client.sio.get_sid("/chat"), client.sio.eio.sid}
    assert len(sids) == 3, sids
    await client.sio.emit("chat message", "nobody listens", namespace="/")
    await client.sio.emit("echo", "nobody listens", namespace="/chat")
    assert await client.ask("echo", "main") == ("main",)
    assert await client.ask("chat message", "chat", namespace="/chat") == (1,)
    await client.hears("chat message", "Ada", "chat", namespace="/chat")

    await client.sio.emit("kick me", namespace="/chat")
    await client.hears("disconnect", "server disconnect", namespace="/chat")
    await client.heard_nothing()
    del client.heard["/chat"]
    await client.close()


async def refused(url, transport):
    for namespace, auth, error in [
        ("/nowhere", None, {"message": "Invalid namespace"}),
        ("/chat", None, {"message": "name required", "data": {"max": 32}}),
        ("/chat", {"name": "x" * 33}, {"message": "name required", "data": {"max": 32}}),
    ]:
        client = Client(namespace)
        try:
            await client.connect(url, transport, auth)
        except socketio.exceptions.ConnectionError as refusal:
            assert str(refusal).endswith(f"failed to connect: {namespace}"), refusal
        else:
            raise AssertionError(f"{namespace} let {auth} in")
        await client.hears("connect_error", error, namespace=namespace)


async def rooms(url, transport):
    one = await opened(url, transport)
    two = await opened(url, "websocket")
    three = await opened(url, "polling")

    def in_rooms(client, *rooms):
        return (sorted([client.sio.get_sid(), *rooms]),)

    assert await one.ask("join", "red") == in_rooms(one, "red")
    assert await one.ask("join", "blå") == in_rooms(one, "red", "blå")
    assert await two.ask("join", "red") == in_rooms(two, "red")
    assert await three.ask("join", "blå") == in_rooms(three, "blå")
    await one.sio.emit("room message", ("red", "to two"))
    await two.hears("room message", "red", "to two")
    await two.sio.emit("room message", ("blå", "to one and three"))
    await one.hears("room message", "blå", "to one and three")
    await three.hears("room message", "blå", "to one and three")
    assert await one.ask("leave", "red") == in_rooms(one, "blå")
    await three.sio.emit("room message", ("red", "to two"))
    await two.hears("room message", "red", "to two")

    await one.sio.emit("broadcast", "to two and three")
    await two.hears("broadcast", "to two and three")
    await three.hears("broadcast", "to two and three")
    for client in [one, two, three]:
        await client.heard_nothing()
    for client in [one, two, three]:
        await client.close()


async def put_out(url, transport):
    witness = await opened(url, transport, "/chat", auth={"name": "witness"})
    client = await opened(url, transport, "/", "/chat", auth={"name": "Ada"})
    await witness.hears("joined", "Ada", namespace="/chat")
    await client.sio.emit("close me")
    await client.hears("disconnect", "server disconnect")
    await client.hears("disconnect", "server disconnect", namespace="/chat")
    await witness.hears("left", "Ada", "server namespace disconnect", namespace="/chat")

    client = await opened(url, transport)
    await client.sio.emit("disconnect me")
    await client.hears("disconnect", "server disconnect")
    await witness.close()


async def leaves(url, transport):
    witness = await opened(url, transport, "/chat", auth={"name": "witness"})
    client = await opened(url, transport, "/chat", auth={"name": "Ada"})
    await witness.hears("joined", "Ada", namespace="/chat")
    await client.close()
    # The client closes its connection together with it, over WebSocket even before it.
    event, name, reason = await witness.heard["/chat"].get()
    assert (event, name) == ("left", "Ada"), event
    assert reason in ("client namespace disconnect", "transport close"), reason

    client = await opened(url, transport, "/chat", auth={"name": "Bob"})
    await witness.hears("joined", "Bob", namespace="/chat")
    await client.has_sent()
    await client.sio.eio.disconnect()
    await client.hears("disconnect", "client disconnect", namespace="/chat")
    await witness.hears("left", "Bob", "transport close", namespace="/chat")
    await witness.close()


async def restart(url, transport):
    """Once `up` is printed the server is stopped; after `down` another starts in its place."""
    client = Client()
    client.sio.reconnection = True
    client.sio.reconnection_delay = 0.05
    await client.connect(url, transport)
    assert await client.ask("echo", "before") == ("before",)
    print("up", flush=True)
    if transport == "polling":
        # To this client the close packet of polling is final; a WebSocket's end is an accident.
        await client.hears("disconnect", "server disconnect")
        print("down", flush=True)
        return
    await client.hears("disconnect", "transport error")
    print("down", flush=True)
    # Some attempts may find nobody there.
    while (heard := await client.heard["/"].get())[0] == "connect_error":
        pass
    assert heard == ("connect",), heard
    assert await client.ask("echo", "again") == ("again",)
    await client.close()


CASES = [
    connects,
    events,
    acks_of_the_server,
    acks_of_the_client,
    no_ack_of_the_server,
    large,
    order,
    queued,
    queued_for_a_patient_client,
    namespaces,
    refused,
    rooms,
    put_out,
    leaves,
    restart,
]

if __name__ == "__main__":
    url, name, transport = sys.argv[1:]
    case = {case.__name__: case for case in CASES}[name]
    asyncio.run(asyncio.wait_for(case(url, transport), 40))
