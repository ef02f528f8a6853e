"""Python's `python-engineio` as a client of the example `engineio_echo`: `python engineio_client.py URL CASE
TRANSPORT`. TRANSPORT is `polling`, `websocket`, or `upgrade`, which is what the client does if nobody tells
it otherwise. Where heartbeats matter, the interval is 100 ms.
"""

import asyncio
import logging
import sys

import aiohttp
import engineio

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}

# No text that is JSON, of which this client makes something else.
MESSAGES = [
    "plain",
    "",
    "two: é, three: €, four: 😀, none: \0, lines: \r\n\u2028",
    "b is for binary",
    "2probe",
    bytes(range(256)),
    b"",
    b"\x1e",
]


class Client:
    """A session. What it hears waits in `heard`, in order; `("disconnect", reason)` is the last."""

    def __init__(self):
        self.heard = asyncio.Queue()
        self.pings = asyncio.Queue()
        # Its pings it tells to its log alone.
        logger = logging.Logger("client", logging.INFO)
        logger.addFilter(self.log)
        self.eio = engineio.AsyncClient(logger=logger, handle_sigint=False)
        self.eio.on("message", self.heard.put_nowait)
        self.eio.on(
            "disconnect", lambda reason: self.heard.put_nowait(("disconnect", reason))
        )

    def log(self, record):
        if record.msg.startswith("Received packet") and record.args[0] == "PING":
            self.pings.put_nowait(record)
        return False

    async def connect(self, url, transport):
        await self.eio.connect(url, transports=TRANSPORTS[transport])
        used = "websocket" if transport == "upgrade" else transport
        assert self.eio.transport() == used, self.eio.transport()

    async def hears(self, *expected):
        for message in expected:
            heard = await self.heard.get()
            assert heard == message, f"{heard!r:.100}, not {message!r:.100}"

    async def close(self):
        # Else it may close without telling anybody, and wait for the answer to its GET.
        await self.eio.queue.join()
        await self.eio.disconnect()
        await self.hears(("disconnect", "client disconnect"))


async def opened(url, transport):
    client = Client()
    await client.connect(url, transport)
    return client


async def handshake(url, transport):
    client = await opened(url, transport)
    upgrades = [] if transport == "websocket" else ["websocket"]
    told = (client.eio.upgrades, client.eio.ping_interval, client.eio.ping_timeout)
    assert told == (upgrades, 0.1, 20), told
    assert len(client.eio.sid) == 20, client.eio.sid
    await client.close()


async def echo(url, transport):
    client = await opened(url, transport)
    for message in MESSAGES:
        await client.eio.send(message)
        await client.hears(message)
    # All at once: over polling, in one payload.
    for message in MESSAGES:
        await client.eio.send(message)
    await client.hears(*MESSAGES)
    await client.close()


async def order(url, transport):
    """From before the upgrade: what is sent on connecting waits for the transport that stays."""
    client = Client()
    numbered = [f"{number}." if number % 5 else b"%d" % number for number in range(2000)]

    async def connected():
        for message in numbered[:1000]:
            await client.eio.send(message)

    client.eio.on("connect", connected)
    await client.connect(url, transport)
    for message in numbered[1000:]:
        await client.eio.send(message)
    await client.hears(*numbered)
    await client.close()


async def large(url, transport):
    client = await opened(url, transport)
    # A POST carries `b`, and base64, 4 bytes for 3: all in 1 000 000 bytes.
    most = 749_997 if transport == "polling" else 1_000_000
    for message in ["€" * 333_333, bytes(range(250)) * (most // 250) + b"x" * (most % 250)]:
        await client.eio.send(message)
        await client.hears(message)
    await client.close()


async def too_large(url, transport):
    client = await opened(url, transport)
    await client.eio.send("x" * 1_000_000)
    await client.hears(("disconnect", "transport error"))


async def heartbeats(url, transport):
    client = await opened(url, transport)
    for number in range(6):
        await client.pings.get()
        await client.eio.send(f"after ping {number}")
        await client.hears(f"after ping {number}")
    await client.close()


async def client_close(url, transport):
    """The server forgets whom it hears a close from."""
    client = await opened(url, transport)
    sid = client.eio.sid
    # Before its loops run, this client would close without telling anybody.
    await client.eio.send("before")
    await client.hears("before")
    await client.close()
    # No handshake of a WebSocket, which is refused either way and disturbs nobody.
    ask = f"{url}/engine.io/?EIO=4&transport=websocket&sid={sid}"
    async with aiohttp.ClientSession() as http:
        answer = {"code": 3}
        # Until the close has arrived there.
        while answer["code"] == 3:
            async with http.get(ask) as response:
                answer = await response.json()
    assert answer == {"code": 1, "message": "Session ID unknown"}, answer


async def server_gone(url, transport):
    """Once `open` is printed the server is killed."""
    client = await opened(url, transport)
    await client.eio.send("before")
    await client.hears("before")
    print("open", flush=True)
    await client.hears(("disconnect", "transport error"))


CASES = [
    handshake,
    echo,
    order,
    large,
    too_large,
    heartbeats,
    client_close,
    server_gone,
]

if __name__ == "__main__":
    url, name, transport = sys.argv[1:]
    case = {case.__name__: case for case in CASES}[name]
    asyncio.run(asyncio.wait_for(case(url, transport), 40))
