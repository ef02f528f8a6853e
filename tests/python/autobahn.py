"""Autobahn's cases, by `kosoku`: `python autobahn.py server HOST:PORT CASES` tests a server there,
`python autobahn.py client CASES` is the server that a client is to be tested with. CASES are patterns such
as `1.*`, with a comma between them.

Every case must be OK, also where Autobahn itself is content with less; but those where the specification
leaves it open."""

import asyncio
import os
import sys

from kosoku import FailureError, run_fuzzingclient, run_fuzzingserver

OPEN = {"7.1.6", "7.13.1", "7.13.2"}


async def main(role, *arguments):
    *address, cases = arguments
    include = cases.split(",")
    try:
        if role == "server":
            results = await run_fuzzingclient(*address, include)
        else:
            async with run_fuzzingserver(include, host="127.0.0.1", port=0) as server:
                print(f"listening on http://{server.address}:{server.port}", flush=True)
                results = await server.get_result()
    except FailureError as failure:
        results = failure.results
    others = []
    for result in results:
        verdicts = (result.behavior.value, result.behavior_close.value)
        wanted = "INFORMATIONAL" if result.case_id in OPEN else "OK"
        if verdicts != (wanted, wanted):
            others.append(f"{result.case_id}: {', '.join(verdicts)}")
    print(f"{len(results)} cases, of which {len(results) - len(others)} as they should be", flush=True)
    if others or not results:
        print("\n".join(others) or "no case was run", file=sys.stderr, flush=True)
        return 1
    return 0


# The verdict is out; in rare cases the interpreter aborts while it takes down what `kosoku` brought along.
os._exit(asyncio.run(main(*sys.argv[1:])))
