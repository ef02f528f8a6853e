"""Python's `httpx-sse` as a client: `python httpx_sse_client.py URL CASE`."""

import sys
from contextlib import contextmanager

import httpx
from httpx_sse import connect_sse


@contextmanager
def events(url, headers=None):
    """The events of a new stream."""
    timeout = httpx.Timeout(40)
    with httpx.Client(trust_env=False, timeout=timeout) as client:
        with connect_sse(client, "GET", f"{url}/events", headers=headers or {}) as source:
            assert source.response.status_code == 200, source.response
            yield source.iter_sse()


def next_of(stream, event_type):
    """The data and the id of the next event of this type."""
    event = next(event for event in stream if event.event == event_type)
    return event.data, event.id


def all_events(url):
    with events(url) as stream:
        next_of(stream, "tick")
        for text in ["plain", "two\nlines", " é, €, 😀 ", ":colon", "\u2028", "", "a\n\ndata: b\n\n"]:
            answer = httpx.post(f"{url}/events", content=text.encode(), trust_env=False)
            assert answer.status_code == 204, answer
            data, event_id = next_of(stream, "message")
            assert data == text, f"{data!r}, not {text!r}"
            assert event_id.isdigit(), event_id


def resume(url):
    with events(url) as stream:
        _, seen = next_of(stream, "tick")
        missed = [next_of(stream, "tick"), next_of(stream, "tick")]
    with events(url, {"Last-Event-ID": seen}) as stream:
        resumed = [next_of(stream, "tick"), next_of(stream, "tick")]
        assert resumed == missed, f"{resumed}, not {missed}"
    with events(url, {"Last-Event-ID": "0"}) as stream:
        assert next(stream).event == "gap"


def shutdown(url):
    with events(url) as stream:
        next_of(stream, "tick")
        print("live", flush=True)
        # A body that is cut off is an error.
        for event in stream:
            assert event.event == "tick", event


CASES = {"events": all_events, "resume": resume, "shutdown": shutdown}

if __name__ == "__main__":
    url, name = sys.argv[1:]
    CASES[name](url)
