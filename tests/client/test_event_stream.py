"""Listening to events: what is said to open the stream, and what happens when it breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from websockets.sync.server import ServerConnection, serve

from headrace.client.event_stream import stream_events
from headrace.client.listening import listening_filter
from headrace.core.ids import uuid7
from headrace.exceptions import ConfigurationError, HeadraceException
from headrace.schema.events import Event
from headrace.schema.filters.events import EventFilter, EventNameFilter
from headrace.settings import get_current_settings, temporary_settings

Play = Callable[["Peer", ServerConnection], None]


class Peer:
    """A server of events that plays one part after another, one for each connection; the last again and again.

    Attributes:
        said: What listeners have said, by connection.
        requests: The headers with which they came.
    """

    def __init__(self, *parts: Play) -> None:
        self.said: list[list[Any]] = []
        self.requests: list[Any] = []
        self._parts = list(parts)

    def __call__(self, socket: ServerConnection) -> None:
        self.said.append([])
        self.requests.append(socket.request)
        part = self._parts[min(len(self.said), len(self._parts)) - 1]
        part(self, socket)

    def hear(self, socket: ServerConnection) -> Any:
        """The next message of the listener."""
        message = json.loads(socket.recv(timeout=30))
        self.said[-1].append(message)
        return message

    def welcome(self, socket: ServerConnection) -> None:
        """Hear who listens and to what, and accept it."""
        self.hear(socket)
        socket.send('{"type":"auth_success"}')
        self.hear(socket)


def sends(*events: Event, code: int | None = None, reason: str = "") -> Play:
    """A part: welcome the listener, send it events, then close with a code or wait until it leaves."""

    def play(peer: Peer, socket: ServerConnection) -> None:
        peer.welcome(socket)
        for event in events:
            socket.send(json.dumps({"type": "event", "event": {**json.loads(encoded(event)), "unknown": 1}}))
        if code is not None:
            socket.close(code, reason)
        for _ in socket:
            pass

    return play


def refuses(code: int, reason: str) -> Play:
    """A part: hear who listens, and close."""

    def play(peer: Peer, socket: ServerConnection) -> None:
        peer.hear(socket)
        socket.close(code, reason)

    return play


def encoded(event: Event) -> bytes:
    from headrace.schema.base import encode

    return encode(event)


def made(number: int) -> Event:
    return Event(event=f"thing.{number}", resource={"prefect.resource.id": f"thing.{number}"}, id=uuid7())


@contextmanager
def running(peer: Peer, **options: Any) -> Iterator[str]:
    """The URL of the API below which a peer serves."""
    with serve(peer, "127.0.0.1", 0, subprotocols=["prefect"], **options) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/api"
        server.shutdown()
    thread.join(30)


@pytest.fixture
def paused() -> list[float]:
    """The pauses that a listener made."""
    return []


@pytest.fixture
def listen(configure: Callable[..., None], paused: list[float]) -> Iterator[Callable[..., Iterator[Event]]]:
    """Listen to the API at a URL; without waiting between attempts."""
    streams = []

    def listen(url: str | None, wanted: EventFilter | None = None, **settings: Any) -> Iterator[Event]:
        with temporary_settings(
            {"api.url": url, **{f"api.{name}": value for name, value in settings.items()}}
        ):
            streams.append(stream_events(get_current_settings(), wanted, sleep=paused.append))
        return streams[-1]

    yield listen
    for stream in streams:
        stream.close()


def names(events: Iterator[Event], count: int) -> list[str]:
    return [next(events).event for _ in range(count)]


def test_events_come_one_by_one(listen):
    with running(Peer(sends(made(1), made(2)))) as url:
        events = listen(url)
        assert names(events, 2) == ["thing.1", "thing.2"]
        events.close()


def test_what_a_listener_says(listen):
    peer = Peer(sends(made(1)))
    with running(peer) as url:
        events = listen(url, EventFilter(event=EventNameFilter(prefix=["thing."])))
        next(events)
        events.close()
    [[who, what]] = peer.said
    assert who == {"type": "auth", "token": None}
    assert (what["type"], what["backfill"]) == ("filter", True)
    assert what["filter"]["event"]["prefix"] == ["thing."]
    assert peer.requests[0].path == "/api/events/out"
    assert peer.requests[0].headers["Sec-WebSocket-Protocol"] == "prefect"
    assert peer.requests[0].headers["User-Agent"].startswith("prefect/3.")


@pytest.mark.parametrize(
    ("settings", "token", "header"),
    [
        ({"auth_string": "me:sesame"}, "me:sesame", "Basic bWU6c2VzYW1l"),
        ({"key": "pnu"}, "pnu", "Bearer pnu"),
    ],
)
def test_a_listener_says_who_it_is(listen, settings, token, header):
    peer = Peer(sends(made(1)))
    with running(peer) as url:
        events = listen(url, **settings)
        next(events)
        events.close()
    assert peer.said[0][0] == {"type": "auth", "token": token}
    assert peer.requests[0].headers["Authorization"] == header


def test_without_a_filter_everything_from_a_minute_ago_is_wanted():
    occurred = listening_filter().occurred
    assert occurred.until - occurred.since == timedelta(days=365, minutes=1)


def test_a_lost_connection_is_opened_again_and_nothing_comes_twice(listen, paused):
    first, second, third = made(1), made(2), made(3)
    peer = Peer(sends(first, second, code=1001), sends(first, second, third))
    with running(peer) as url:
        events = listen(url)
        assert names(events, 3) == ["thing.1", "thing.2", "thing.3"]
        events.close()
    assert paused == [1.0]
    assert peer.said[0] == peer.said[1]


def test_a_server_that_stays_away_ends_the_stream_after_some_attempts(listen, paused):
    with running(Peer(sends(made(1), code=1011, reason="no more"))) as url:
        events = listen(url)
        next(events)
    with pytest.raises(
        HeadraceException, match=r"^There is no connection to ws://127\.0\.0\.1:\d+/api/events/out: .*refused"
    ):
        next(events)
    assert paused == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0, 30.0]


def test_a_server_that_was_never_there_is_an_error_at_once(listen, paused):
    with pytest.raises(HeadraceException, match=r"ws://127\.0\.0\.1:1/api/events/out: .*refused"):
        next(listen("http://127.0.0.1:1/api"))
    assert paused == []


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [(1008, "Invalid token", "Invalid token"), (1002, "", "code 1002")],
)
def test_a_refusal_is_final(listen, paused, code, reason, said):
    peer = Peer(refuses(code, reason))
    with running(peer) as url, pytest.raises(HeadraceException, match=f"refuses at ws://.*: {said}"):
        next(listen(url))
    assert (len(peer.said), paused) == (1, [])


def test_a_server_without_such_a_stream_is_an_error(listen, paused):
    def absent(connection, request):
        return connection.respond(404, "Not Found")

    with running(Peer(sends()), process_request=absent) as url:
        with pytest.raises(HeadraceException, match="HTTP 404"):
            next(listen(url))
    assert paused == []


def test_a_busy_server_is_asked_again_by_a_listener_that_it_had(listen, paused):
    answers = iter([None, 503, None])

    def busy(connection, request):
        status = next(answers)
        return connection.respond(status, "busy") if status else None

    first, second = made(1), made(2)
    with running(Peer(sends(first, code=1012), sends(second)), process_request=busy) as url:
        events = listen(url)
        assert names(events, 2) == ["thing.1", "thing.2"]
        events.close()
    assert paused == [1.0, 2.0]


@pytest.mark.parametrize("text", ["no JSON", '{"type":"other"}', '{"type":"event","event":{}}'])
def test_what_is_no_event_is_an_error(listen, text):
    def play(peer, socket):
        peer.welcome(socket)
        socket.send(text)
        for _ in socket:
            pass

    with running(Peer(play)) as url:
        events = listen(url)
        with pytest.raises(HeadraceException, match="something else than was expected"):
            next(events)


def test_events_may_be_large(listen):
    event = made(1)
    event.payload = {"much": "x" * 1_400_000}
    with running(Peer(sends(event))) as url:
        events = listen(url)
        assert next(events) == event
        events.close()


def test_no_api_is_an_error(listen):
    with pytest.raises(ConfigurationError, match="No API is configured"):
        next(listen(None))


def test_a_listener_goes_on_behind_the_place_that_it_was_at(listen):
    def sends_places(*events, code=None):
        def play(peer, socket):
            peer.welcome(socket)
            for number, event in enumerate(events):
                socket.send(encoded({"type": "event", "event": event, "cursor": f"0-{number}"}))
            if code is not None:
                socket.close(code)
            for _ in socket:
                pass

        return play

    first, second, third = made(1), made(2), made(3)
    peer = Peer(sends_places(first, second, code=1012), sends_places(third))
    with running(peer) as url:
        events = listen(url)
        assert names(events, 3) == ["thing.1", "thing.2", "thing.3"]
        events.close()
    assert "after" not in peer.said[0][1]
    assert peer.said[1][1]["after"] == "0-1"
