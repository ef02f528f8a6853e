"""Python's `python-engineio` on uvicorn as a server: `engineio_server.py PING_INTERVAL PING_TIMEOUT`, in
milliseconds. It sends back what it is sent, but for a few words. How a session ended goes to stdout."""

import json
import socket
import sys
from urllib.parse import parse_qs

import engineio
import uvicorn

# Its open packet has whole seconds. On aiohttp it would read as much of a POST as there is at once.
PING_INTERVAL, PING_TIMEOUT = (int(argument) / 1000 for argument in sys.argv[1:])

server = engineio.AsyncServer(
    async_mode="asgi", ping_interval=PING_INTERVAL, ping_timeout=PING_TIMEOUT
)
# Of each session: the name in its query, and its authorization.
who = {}


@server.on("connect")
def connect(sid, environ):
    [name] = parse_qs(environ["QUERY_STRING"]).get("name", [None])
    who[sid] = {"name": name, "authorization": environ.get("HTTP_AUTHORIZATION")}


@server.on("message")
async def message(sid, data):
    if data == "close":
        await server.disconnect(sid)
    elif data == "count":
        for number in range(100):
            await server.send(sid, f"number {number}")
    elif data == "who":
        await server.send(sid, json.dumps(who[sid]))
    elif data == "a lot":
        await server.send(sid, b"\x07" * 2_000_000)
    else:
        await server.send(sid, data)


@server.on("disconnect")
def disconnect(_sid, reason):
    print(f"closed {reason}", flush=True)


def main():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    host, port = listener.getsockname()
    listener.listen()
    print(f"listening on http://{host}:{port}", flush=True)
    config = uvicorn.Config(engineio.ASGIApp(server), log_level="critical", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
