"""Python's `websockets` as a client: `python websockets_client.py URL CASE`."""

import asyncio
import os
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory, PerMessageDeflate

MIB = 1024 * 1024


def client(url, **options):
    return connect(url, proxy=None, max_size=4 * MIB, **options)


async def echoed(ws, sent):
    await ws.send(sent)
    received = await ws.recv()
    assert type(received) is type(sent), f"{type(received)} for {type(sent)}"
    assert received == sent, f"{len(received)} for {len(sent)}"


async def closed(ws):
    """The code and reason of the server's Close frame."""
    try:
        while True:
            await ws.recv()
    except ConnectionClosed as end:
        assert end.rcvd is not None, "no Close frame"
        return end.rcvd.code, end.rcvd.reason


async def messages(url):
    async with client(url) as ws:
        assert ws.protocol.extensions == [], "nothing was negotiated"
        assert ws.subprotocol is None
        for text in ["", "plain", "two: é, three: €, four: 😀, none: \0"]:
            await echoed(ws, text)
        # Both sides of each length's form (RFC 6455 §5.2).
        for length in [0, 1, 125, 126, 127, 65535, 65536]:
            await echoed(ws, os.urandom(length))


async def one_mib(url):
    async with client(url) as ws:
        await echoed(ws, "é" * (MIB // 2))
        await echoed(ws, os.urandom(MIB))


async def fragments(url):
    async with client(url) as ws:
        text = "cut inside of € and 😀"
        encoded = text.encode()
        for cut in range(len(encoded) + 1):
            await ws.send([encoded[:cut], encoded[cut:]], text=True)
            assert await ws.recv() == text, f"cut at {cut}"

        one_by_one = os.urandom(256)
        await ws.send([b"", *(bytes([byte]) for byte in one_by_one), b""])
        assert await ws.recv() == one_by_one

        async def with_pings():
            for _ in range(16):
                yield "é" * (MIB // 32)
                # §5.4: a control frame between two fragments is answered there.
                await (await ws.ping())

        await ws.send(with_pings())
        assert await ws.recv() == "é" * (MIB // 2)


async def pings(url):
    async with client(url) as ws:
        # `ping` waits for a Pong with the same payload.
        for payload in [b"", b"hello", os.urandom(125)]:
            await (await ws.ping(payload))
        # A Pong that nobody asked for is no reason to answer (§5.5.3).
        await ws.pong(b"unasked")
        await echoed(ws, "still here")


async def close_codes(url):
    for code, reason in [(4001, "bye"), (1000, ""), (3000, "é" * 61)]:
        async with client(url) as ws:
            await ws.close(code, reason)
            # §5.5.1: the answer echoes the code; it gives no reason of its own.
            assert await closed(ws) == (code, "")


async def shutdown(url):
    """The server is told to shut down once `open` is printed."""
    async with client(url) as ws:
        await echoed(ws, "before")
        print("open", flush=True)
        code, _ = await closed(ws)
        assert code == 1001, code


async def too_big(url):
    for message in [bytes(MIB + 1), [bytes(MIB), b"x"]]:
        async with client(url) as ws:
            try:
                await ws.send(message)
            except ConnectionClosed:
                pass  # The server may have closed before everything was written to it.
            code, _ = await closed(ws)
            assert code == 1009, code


async def invalid_utf8(url):
    # A stray continuation byte, an overlong form, a surrogate, one past the last, and a cut one.
    for encoded in ["80", "c080", "eda080", "f4908080", "e282"]:
        async with client(url) as ws:
            await ws.send(bytes.fromhex(encoded), text=True)
            code, _ = await closed(ws)
            assert code == 1007, f"{code} for {encoded}"


async def compression(url):
    """With a server that compresses, and takes 1 MiB."""
    repeated = "compresses well, also é, € and 😀. " * 2000
    for parameters in [
        {},
        {"server_no_context_takeover": True},
        {"client_no_context_takeover": True},
        {"server_max_window_bits": 9, "client_max_window_bits": 9},
        {"client_max_window_bits": True, "server_no_context_takeover": True},
    ]:
        offer = ClientPerMessageDeflateFactory(**parameters)
        async with client(url, compression=None, extensions=[offer]) as ws:
            [agreed] = ws.protocol.extensions
            assert isinstance(agreed, PerMessageDeflate), agreed
            if "server_no_context_takeover" in parameters:
                assert agreed.remote_no_context_takeover
            if parameters.get("server_max_window_bits"):
                assert (agreed.remote_max_window_bits, agreed.local_max_window_bits) == (9, 9)
            for text in ["", "a", "plain", repeated, repeated, "é" * (MIB // 2)]:
                await echoed(ws, text)
            for length in [0, 1, 125, 126, 65535, 65536, MIB]:
                await echoed(ws, os.urandom(length))
            await echoed(ws, bytes(MIB))
            # Fragments, of which only the first says that it is compressed.
            await ws.send(repeated[at : at + 1000] for at in range(0, len(repeated), 1000))
            assert await ws.recv() == repeated
            await (await ws.ping())
    async with client(url, compression=None) as ws:
        assert ws.protocol.extensions == []
        await echoed(ws, repeated)


async def bomb(url):
    """A little that inflates to a byte more than the server takes, and to exactly that."""
    async with client(url) as ws:
        await echoed(ws, bytes(MIB))
    for length in [MIB + 1, MIB + 2, 64 * MIB]:
        async with client(url) as ws:
            try:
                await ws.send(bytes(length))
            except ConnectionClosed:
                pass
            code, _ = await closed(ws)
            assert code == 1009, code


async def chosen_subprotocol(url):
    """With a server that prefers `second`, then `first`."""
    for offered, chosen in [(["first", "second"], "second"), (["other", "first"], "first")]:
        async with client(url, subprotocols=offered) as ws:
            assert ws.subprotocol == chosen, ws.subprotocol
            await ws.send("hello")
            assert await ws.recv() == "hello"


async def subprotocol(url):
    # The server chooses none and says so by silence (§4.2.2).
    async with client(url, subprotocols=["chat", "superchat"]) as ws:
        assert ws.subprotocol is None, ws.subprotocol
        assert "Sec-WebSocket-Protocol" not in ws.response.headers
        await echoed(ws, "still here")


CASES = [
    compression,
    bomb,
    messages,
    one_mib,
    fragments,
    pings,
    close_codes,
    shutdown,
    too_big,
    invalid_utf8,
    subprotocol,
    chosen_subprotocol,
]

if __name__ == "__main__":
    url, name = sys.argv[1:]
    asyncio.run({case.__name__: case for case in CASES}[name](url))
