"""Python's `sse-starlette` on uvicorn as a server of event streams. An argument is the port."""

import asyncio
import json
import os
import signal
import socket
import sys

import uvicorn
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

OF = 20


class Cut(Exception):
    """The connection is lost."""


async def numbers(request):
    """Twenty events, at most three to a connection, which is ended or cut."""
    first = int(request.headers.get("last-event-id", 0)) + 1
    if first > OF:
        return Response(status_code=204)

    async def events():
        for number in range(first, min(first + 3, OF + 1)):
            data = f"number {number}\nof {OF} €"
            yield ServerSentEvent(data, event="number", id=str(number), retry=1)
        if first % 2 == 1:
            raise Cut

    return EventSourceResponse(events())


async def live(request):
    """Says where it was left, and stays open."""
    after = request.headers.get("last-event-id", "nothing")

    async def events():
        try:
            yield ServerSentEvent(f"after {after}", id=str(os.getpid()), retry=1)
            while True:
                await asyncio.sleep(0.02)
                yield ServerSentEvent(comment="")
        finally:
            print("gone", flush=True)

    return EventSourceResponse(events())


async def words(request):
    """The words of a POST, and that these were all."""
    text = json.loads(await request.body())["text"]

    async def events():
        for word in text.split(" "):
            yield {"data": json.dumps({"word": word})}
        yield {"data": "[DONE]"}

    return EventSourceResponse(events())


async def not_found(_request, _error):
    return PlainTextResponse("there is nothing", status_code=404)


APP = Starlette(
    routes=[
        Route("/numbers", numbers),
        Route("/live", live),
        Route("/words", words, methods=["POST"]),
    ],
    exception_handlers={404: not_found},
)


def main():
    # uvicorn sends itself the signal once more when it has shut down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    host, port = listener.getsockname()
    listener.listen()
    print(f"listening on http://{host}:{port}", flush=True)
    config = uvicorn.Config(APP, log_level="critical", timeout_graceful_shutdown=5)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
