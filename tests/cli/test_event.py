"""`headrace event`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from websockets.sync.server import ServerConnection, serve

from headrace.schema.base import encode
from headrace.schema.events import Event
from headrace.store.events import read_events
from headrace.store.store import Store

HIGH, LOW = (
    Event(event=f"tide.{name}", resource={"prefect.resource.id": "harbour"}) for name in ("high", "low")
)


@pytest.fixture
def emitted(home) -> Callable[[], list[Event]]:
    """The events that the store in the test's home folder has."""

    def emitted() -> list[Event]:
        with Store.open(home / "headrace.db") as store:
            return [stored.event for stored in store.read(read_events)]

    return emitted


@pytest.fixture
def tides() -> Iterator[str]:
    """The URL of an API whose stream of events has two, and then goes on without any."""

    def stream(socket: ServerConnection) -> None:
        socket.recv()
        socket.send('{"type":"auth_success"}')
        socket.recv()
        for event in (HIGH, LOW):
            socket.send(encode({"type": "event", "event": event}), text=True)
        for _ in socket:
            pass

    with serve(stream, "127.0.0.1", 0, subprotocols=["prefect"]) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/api"
        server.shutdown()
    thread.join(30)


def assert_misused(ended, *words):
    assert (ended.code, ended.out) == (2, "")
    assert "See `headrace event emit --help`." in ended.err
    for word in words:
        assert word in ended.err


@pytest.mark.parametrize("embedded", [True, False])
def test_an_event_is_recorded_with_all_that_is_said_of_it(command, serve, home, emitted, embedded):
    variables = {} if embedded else {"HEADRACE_API_URL": serve(home)}
    ended = command(
        "event",
        "emit",
        "orders.arrived",
        "--resource-id",
        "order.1",
        "--resource",
        "shop=north",
        "-r",
        '{"colour": "red"}',
        "--related",
        '[{"prefect.resource.id": "customer.2", "prefect.resource.role": "buyer"}]',
        "--payload",
        '{"items": [1, 2]}',
        **variables,
    )
    assert (ended.code, ended.err) == (0, "")
    [event] = emitted()
    assert ended.out == f"Emitted event 'orders.arrived' with id {event.id}.\n"
    assert event.event == "orders.arrived"
    assert event.resource == {"prefect.resource.id": "order.1", "shop": "north", "colour": "red"}
    assert event.related == [{"prefect.resource.id": "customer.2", "prefect.resource.role": "buyer"}]
    assert event.payload == {"items": [1, 2]}


def test_one_related_resource_need_not_be_a_list(command, emitted):
    related = '{"prefect.resource.id": "customer.2", "prefect.resource.role": "buyer"}'
    command("events", "emit", "orders.left", "--resource-id", "order.1", "--related", related)
    [event] = emitted()
    assert event.related == [{"prefect.resource.id": "customer.2", "prefect.resource.role": "buyer"}]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "prefect.resource.id"),
        (["--resource", "shop=north"], "prefect.resource.id"),
        (["--resource-id", ""], "prefect.resource.id"),
        (["--resource", "shop"], "--resource is 'shop'; expected KEY=VALUE"),
        (["--resource", "=north"], "expected KEY=VALUE"),
        (["--resource", '{"a": 1}'], "expected an object of texts"),
        (["--resource-id", "x", "--payload", "{"], "--payload is '{'; expected an object"),
        (["--resource-id", "x", "--payload", "[1]"], "expected an object"),
        (["--resource-id", "x", "--related", '"y"'], "expected a list of objects of texts"),
        (["--resource-id", "x", "--related", '[{"a": "b"}]'], "'prefect.resource.role'"),
    ],
)
def test_what_is_no_event_is_a_usage_error(command, words, reason):
    assert_misused(command("event", "emit", "x", *words), reason)


def test_an_api_that_cannot_be_reached_is_one_clear_line(command):
    ended = command("event", "emit", "x", "--resource-id", "y", HEADRACE_API_URL="http://127.0.0.1:1/api")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.count("\n") == 1
    assert "cannot be reached" in ended.err


def test_events_are_streamed_as_json_one_a_line(command, tides):
    ended = command("event", "stream", "--run-once", HEADRACE_API_URL=tides)
    assert (ended.code, ended.err) == (0, "Waiting for events; Ctrl-C ends this.\n")
    assert ended.out == encode(HIGH).decode() + "\n"


def test_events_are_streamed_as_text_into_a_file(command, tides, tmp_path):
    (tmp_path / "events.txt").write_text("before\n")
    words = ("--run-once", "--format", "text", "--output-file", "events.txt")
    assert command("event", "stream", *words, HEADRACE_API_URL=tides).out == ""
    assert (tmp_path / "events.txt").read_text() == f"before\n{HIGH.occurred.isoformat()} tide.high harbour\n"


def test_a_stream_goes_on_until_it_is_interrupted(tides, environment):
    words = [sys.executable, "-m", "headrace", "event", "stream"]
    with subprocess.Popen(
        words, env={**environment, "HEADRACE_API_URL": tides}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stderr.readline()
        lines = [process.stdout.readline() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60) == (b"", b"")
    assert [json.loads(line)["event"] for line in lines] == ["tide.high", "tide.low"]
    assert process.returncode == 130


def test_what_a_server_is_told_is_streamed(command, serve, environment):
    url = serve()
    words = [sys.executable, "-m", "headrace", "event", "stream", "--run-once"]
    with subprocess.Popen(
        words, env={**environment, "HEADRACE_API_URL": url}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stderr.readline()
        emit = ("event", "emit", "tide.turned", "--resource-id", "harbour")
        assert command(*emit, HEADRACE_API_URL=url).code == 0
        event = json.loads(process.communicate(timeout=60)[0])
    assert (event["event"], event["resource"]) == ("tide.turned", {"prefect.resource.id": "harbour"})
    assert process.returncode == 0


def test_a_stream_needs_an_api(command):
    ended = command("event", "stream")
    assert ended.code == 1
    assert "No API is configured" in ended.err


def test_a_file_that_cannot_be_written_is_named(command, tmp_path):
    ended = command("event", "stream", "--output-file", "none/events", HEADRACE_API_URL="http://127.0.0.1:1")
    assert (ended.code, ended.out) == (1, "")
    assert "Events cannot be written to none/events" in ended.err


def test_a_format_that_is_none_is_a_usage_error(command):
    ended = command("event", "stream", "--format", "xml")
    assert ended.code == 2
    assert '"json", "text"' in ended.err
