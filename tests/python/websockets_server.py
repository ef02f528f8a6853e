"""Python's `websockets` as a server. Each path behaves differently; how a connection ended goes to
stdout."""

import asyncio
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def fragments(ws):
    async def parts():
        text = "cut inside of €".encode()
        yield text[:-1]
        await ws.ping(b"in between")
        yield text[-1:]
        yield b""

    await ws.send(parts(), text=True)


async def close(ws):
    await ws.close(4002, "enough")


async def ping(ws):
    await (await ws.ping(b"are you there?"))
    await ws.send("are you there?")


async def binary(ws):
    size = int(parse_qs(urlsplit(ws.request.path).query)["size"][0])
    await ws.send(b"\x07" * size)


async def invalid_utf_8(ws):
    await ws.send(b"ok\xff", text=True)


async def protocol(ws):
    await ws.send(ws.subprotocol or "")


PATHS = {
    "/echo": echo,
    "/fragments": fragments,
    "/close": close,
    "/ping": ping,
    "/binary": binary,
    "/invalid-utf-8": invalid_utf_8,
    "/protocol": protocol,
}


async def handle(ws):
    try:
        await PATHS[urlsplit(ws.request.path).path](ws)
        # The end of this function would be the server's Close; the client's comes first here.
        await ws.wait_closed()
    except ConnectionClosed:
        pass
    print(f"closed {ws.close_code} {ws.close_reason}".rstrip(), flush=True)


def choose(ws, offered):
    return "second" if "second" in offered else None


async def main():
    options = {"select_subprotocol": choose, "max_size": 2 * 1024 * 1024}
    async with serve(handle, "127.0.0.1", 0, **options) as server:
        host, port = server.sockets[0].getsockname()
        print(f"listening on http://{host}:{port}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
