"""Python's `python-socketio` at the examples `socketio_client_suite` and `socketio_protocol_suite`:
`python socketio_suites.py URL CASE TRANSPORT`. TRANSPORT is `polling`, `websocket`, or `upgrade`.
"""

import asyncio
import datetime
import re
import sys
from urllib.parse import parse_qsl, urlsplit

import socketio

from socketio_client import EVERY_BYTE, TRANSPORTS, Client, opened

ASDF = b"asdfasdf"


def without_offset(heard):
    """The event as it was emitted: one that may be missed has its offset behind its arguments."""
    assert re.fullmatch(r"[\w-]+", heard[-1]), heard
    return heard[:-1]


async def answers(client, expected, *event, namespace="/"):
    await client.sio.emit(event[0], event[1:], namespace=namespace)
    heard = without_offset(await client.heard[namespace].get())
    assert heard == expected, f"{heard} instead of {expected}"


async def namespaces(url, transport):
    names = ["/", "/foo", "/timeout_socket", "/valid", "/asd"]
    client = await opened(url, transport, *names)
    ids = [client.sio.get_sid(name) for name in names]
    assert len({*ids, client.sio.eio.sid}) == 6, ids
    assert await client.ask("getId") == (ids[0],)
    assert await client.ask("getId", namespace="/foo") == (ids[1],)
    await client.close()


async def refused(url, transport):
    bystander = await opened(url, transport)
    for namespace, query, message in [
        ("/no", "", "Auth failed (custom namespace)"),
        ("/nowhere", "", "Invalid namespace"),
        ("/", "?fail=true", "Auth failed (main namespace)"),
    ]:
        client = Client(namespace)
        try:
            await client.connect(url + query, transport)
        except socketio.exceptions.ConnectionError:
            pass
        else:
            raise AssertionError(f"{namespace}{query} let it in")
        await client.hears("connect_error", {"message": message}, namespace=namespace)
    await bystander.heard_nothing()
    await bystander.close()


async def handshake(url, transport):
    client = Client("/abc")
    auth = {"token": "abc", "room": "é"}
    await client.sio.connect(
        f"{url}?key=v%C3%A4lue&empty=",
        headers={"X-Test": "yes"},
        auth=auth,
        namespaces=["/abc"],
        transports=TRANSPORTS[transport],
        wait_timeout=10,
    )
    await client.hears("connect", namespace="/abc")
    event, told = without_offset(await client.heard["/abc"].get())
    assert event == "handshake", event
    keys = "headers time address xdomain secure issued url query auth"
    assert sorted(told) == sorted(keys.split()), told
    assert told["headers"]["x-test"] == "yes", told
    assert told["headers"]["host"] == urlsplit(url).netloc, told
    assert (told["address"], told["xdomain"], told["secure"]) == ("127.0.0.1", False, False), told
    assert told["auth"] == auth, told
    issued = datetime.datetime.fromtimestamp(told["issued"] / 1000, datetime.timezone.utc)
    assert abs(datetime.datetime.now(datetime.timezone.utc) - issued).seconds < 60, told
    time = issued.strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")
    assert told["time"] == time, told
    first = "websocket" if transport == "websocket" else "polling"
    expected = {"key": "välue", "EIO": "4", "transport": first}
    assert {key: told["query"][key] for key in expected} == expected, told
    path, query = told["url"].split("?")
    assert path == "/socket.io/", told
    assert dict(parse_qsl(query, keep_blank_values=True)) == told["query"], told
    await client.close()


async def texts(url, transport):
    client = await opened(url, transport)
    await answers(client, ("hi",), "hi")
    await answers(client, ("false", False), "false")
    await client.sio.emit("getUtf8")
    for text in ["てすと", "Я Б Г Д Ж Й", "Ä ä Ü ü ß", "utf8 — string", "utf8 — string"]:
        heard = without_offset(await client.heard["/"].get())
        assert heard == ("takeUtf8", text), heard
    for value in ["", "é € 😀 \0 \u2028 \x1e", 0, -1.5, True, None, [], {"a": [{"ключ": "è"}]}]:
        assert await client.ask("echo", value) == (value,), value
    await client.close()


async def dates(url, transport):
    client = await opened(url, transport)
    (told,) = await client.ask("getAckDate", {"test": True})
    await client.sio.emit("getDate")
    await client.sio.emit("getDateObj")
    taken = without_offset(await client.heard["/"].get())
    within = without_offset(await client.heard["/"].get())
    assert (taken[0], within[0]) == ("takeDate", "takeDateObj"), (taken, within)
    now = datetime.datetime.now(datetime.timezone.utc)
    for date in [told, taken[1], within[1]["date"]]:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", date), date
        assert abs((now - datetime.datetime.fromisoformat(date)).total_seconds()) < 60, date
    await client.close()


async def binary(url, transport):
    client = await opened(url, transport)
    mixed = {"hello": "lol", "message": ASDF, "goodbye": "gotcha"}
    await answers(client, ("doge", ASDF), "doge")
    await answers(client, ("takebin", ASDF), "getbin")
    await answers(client, ("buffack",), "buffa", ASDF)
    await answers(client, ("jsonbuff-ack",), "jsonbuff", mixed)
    await answers(client, ("jsonblob-ack",), "jsonblob", mixed)
    await answers(client, ("back", EVERY_BYTE), "blob", EVERY_BYTE)
    await client.sio.emit("abuff1", ASDF)
    await answers(client, ("abuff2-ack",), "abuff2", b"hi")
    await client.sio.emit("blob1", ASDF)
    await client.sio.emit("blob2", "second")
    await answers(client, ("blob3-ack",), "blob3", b"")
    await client.sio.emit("buffa", "asdfasdf")
    await client.sio.emit("jsonbuff", {**mixed, "message": "asdfasdf"})
    await client.heard_nothing()
    for value in [
        EVERY_BYTE,
        {"deep": [{"one": EVERY_BYTE}], "two": b"two"},
        {"first": EVERY_BYTE, "list": ["é", b"second", {"third": b"\0\xff"}]},
    ]:
        assert await client.ask("echo", value) == (value,), value
    await client.close()


async def acks(url, transport):
    client = await opened(url, transport)
    for answer, is_right in [((5, {"test": False}), False), ("5", False), ((5, {"test": True}), True)]:
        client.answer = answer
        await client.sio.emit("ack")
        # It asks for an ack, and has no offset.
        await client.hears("ack")
        if is_right:
            heard = without_offset(await client.heard["/"].get())
            assert heard == ("got it",), heard
        await client.heard_nothing()
    try:
        await client.sio.call("unknown", timeout=1)
    except socketio.exceptions.TimeoutError:
        pass
    else:
        raise AssertionError("acked")
    order = []

    async def ask(number):
        order.append(await client.ask("echo", number, bytes([number])))

    await asyncio.gather(*(ask(number) for number in range(200)))
    assert order == [(number, bytes([number])) for number in range(200)], order
    await client.close()


async def protocol(url, transport):
    """The server of the protocol's suite."""
    for namespace in ["/", "/custom"]:
        for auth in [None, {"token": "123"}]:
            client = await opened(url, transport, namespace, auth=auth)
            await client.hears("auth", auth or {}, namespace=namespace)
            for args in [
                (1,),
                ("é", {"2": [True]}, None),
                (EVERY_BYTE,),
                (1, {"bytes": EVERY_BYTE}, b""),
            ]:
                await client.sio.emit("message", args, namespace=namespace)
                await client.hears("message-back", *args, namespace=namespace)
                assert await client.ask("message-with-ack", *args, namespace=namespace) == args
            for number in range(50):
                await client.sio.emit("message", (number, b"!"), namespace=namespace)
            for number in range(50):
                await client.hears("message-back", number, b"!", namespace=namespace)
            await client.close()
    client = Client("/random")
    try:
        await client.connect(url, transport)
    except socketio.exceptions.ConnectionError:
        pass
    await client.hears("connect_error", {"message": "Invalid namespace"}, namespace="/random")


CASES = [namespaces, refused, handshake, texts, dates, binary, acks, protocol]

if __name__ == "__main__":
    url, name, transport = sys.argv[1:]
    case = {case.__name__: case for case in CASES}[name]
    asyncio.run(asyncio.wait_for(case(url, transport), 40))
