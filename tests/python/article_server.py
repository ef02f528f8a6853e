"""The Python server of the article, as it is written there, for a release of `websockets` that calls a
handler with the connection and its path (before 14); and as it is written today. `python
article_server.py SCRIPT` runs one of them, on a free port in place of its own."""

import runpy
import sys
from pathlib import Path

import websockets

real_serve = websockets.serve


class Announced:
    """What `serve` returns: to be awaited, or entered. It then says where it listens."""

    def __init__(self, serving):
        self.serving = serving

    def __await__(self):
        return self.listen().__await__()

    async def listen(self):
        return announce(await self.serving)

    async def __aenter__(self):
        return announce(await self.serving.__aenter__())

    async def __aexit__(self, *error):
        return await self.serving.__aexit__(*error)


def announce(server):
    host, port = server.sockets[0].getsockname()
    print(f"listening on http://{host}:{port}", flush=True)
    return server


def serve(handler, host, port):
    assert (host, port) == ("localhost", 8765)
    return Announced(real_serve(handler, "127.0.0.1", 0))


websockets.serve = serve
runpy.run_path(str(Path(__file__).with_name(sys.argv[1])), run_name="__main__")
