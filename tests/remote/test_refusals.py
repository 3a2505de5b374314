"""Records that a server will not take as they are: they hold up nothing else, and none is dropped in silence."""

from __future__ import annotations

import json
import logging

import pytest

from headrace import get_run_logger
from headrace.client import intake
from headrace.engine.session import close_sessions
from headrace.exceptions import RequestRefusedError
from headrace.schema.logs import Log

COMPLETED = ["Pending", "Running", "Completed"]


@pytest.fixture
def refused(home):
    """What was put aside."""

    def read():
        lines = [
            line for path in home.glob("outbox/*.refused.jsonl") for line in path.read_text().splitlines()
        ]
        return [json.loads(line) for line in lines]

    return read


@pytest.fixture
def say(colour):
    @colour.task
    def say(text):
        get_run_logger().info(text)

    return say


def says(text):
    return lambda item: isinstance(item, Log) and item.message == text


def test_the_one_record_that_is_wrong_is_put_aside_and_all_others_arrive(
    colour, server, say, refused, caplog
):
    server.rejects = says("wrong")
    held = server.hold(path="/runs/record")

    async def body():
        for number in range(50):
            await colour.call(say, f"right {number}")
        await colour.call(say, "wrong")
        for number in range(50, 100):
            await colour.call(say, f"right {number}")
        held.set()

    colour.in_flow(body)

    (aside,) = refused()
    assert aside["refused"]["message"] == "wrong"
    assert "A record is wrong" in aside["problem"]
    assert aside["server"] == server.url
    (warning,) = [record for record in caplog.records if "refused 1 record" in record.getMessage()]
    assert ".refused.jsonl" in warning.getMessage()
    assert sorted(line for line in server.messages() if line.startswith("right ")) == sorted(
        f"right {number}" for number in range(100)
    )
    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 101


def test_a_refusal_amid_an_outage_is_put_aside_once(colour, server, say, refused):
    server.rejects = says("wrong")
    requests = iter(range(100))

    def falter():
        if next(requests) in (2, 4):
            server.answer(503, path="/runs/record")

    server.when(path="/runs/record", then=falter, times=100)

    async def body():
        for number in range(20):
            await colour.call(say, f"right {number}")
        await colour.call(say, "wrong")

    colour.in_flow(body)

    assert len(refused()) == 1
    assert len([line for line in server.messages() if line.startswith("right ")]) == 20


def test_a_batch_that_is_too_large_is_sent_in_parts(colour, server, say, refused):
    server.largest = 3_000

    async def body():
        for number in range(100):
            await colour.call(say, f"{number} " + "x" * 100)

    colour.in_flow(body)

    assert server.requests.count("/api/runs/record") > 100 * 300 // 3_000
    assert [server.history(run) for run in server.task_runs()] == [COMPLETED] * 100
    assert len([line for line in server.messages() if line.endswith("x")]) == 100
    assert refused() == []


def test_a_line_that_is_too_large_alone_is_cut_with_a_note(colour, server, say, refused, caplog):
    server.largest = 150_000

    async def body():
        await colour.call(say, "short")
        await colour.call(say, "x" * 900_000)

    colour.in_flow(body)

    (line,) = [line for line in server.messages() if line.startswith("xxx")]
    assert line.startswith("x" * 100_000)
    assert line.endswith("[800000 of 900000 characters cut: too large for the server]")
    assert "short" in server.messages()
    assert any("too large" in record.getMessage() for record in caplog.records)
    assert refused() == []


def test_what_is_too_large_even_when_cut_is_put_aside(colour, server, say, refused):
    server.largest = 900

    async def body():
        await colour.call(say, "x" * 5_000)

    colour.in_flow(body)

    (aside,) = refused()
    assert aside["refused"]["message"] == "x" * 5_000
    assert server.history(server.flow_run()) == COMPLETED


def test_a_message_of_a_state_that_is_too_large_is_cut(colour, server, monkeypatch):
    server.largest = 50_000

    @colour.task
    def fails():
        raise ValueError("x" * 60_000)

    async def body():
        with pytest.raises(ValueError, match="xxx"):
            await colour.call(fails)

    monkeypatch.setattr(logging.getLogger("headrace"), "disabled", True)
    colour.in_flow(body)

    (run,) = server.task_runs()
    assert server.history(run) == ["Pending", "Running", "Failed"]
    assert run.state.message.endswith("too large for the server]")


def test_requests_stay_small_whatever_is_logged(colour, server, say, monkeypatch):
    monkeypatch.setattr(intake, "BATCH_BYTES", 10_000)
    monkeypatch.setattr(intake, "BATCH_RECORDS", 50)
    server.largest = 15_000
    held = server.hold(path="/runs/record")

    async def body():
        for _ in range(100):
            await colour.call(say, "x" * 1_000)
        held.set()

    colour.in_flow(body)

    assert max(len(batch) for batch in server.batches) <= 50 * 4
    assert len([line for line in server.messages() if "xxx" in line]) == 100


@pytest.mark.parametrize("text", ["half a \ud800 pair", "a \x00 NUL"])
def test_text_that_json_has_no_form_for_arrives_with_a_mark_in_its_place(colour, server, say, text, refused):
    async def body():
        await colour.call(say, text)

    colour.in_flow(body)
    close_sessions()

    (line,) = [line for line in server.messages() if line.startswith(("half", "a "))]
    assert line.endswith(("pair", "NUL"))
    assert server.history(server.flow_run()) == COMPLETED
    assert refused() == []


def test_a_run_that_the_server_does_not_know_keeps_its_end_aside(colour, server, refused, remote):
    """Its database was replaced while it was away."""
    remote(HEADRACE_CLIENT_PATIENCE_SECONDS="0")

    def body():
        server.stop()

    colour.in_flow(body)
    server.answer(404, path="/set_state")
    server.start()
    close_sessions()

    (aside,) = refused()
    assert "404" in aside["problem"]
    assert aside["refused"]["body"]["state"]["type"] == "COMPLETED"


def test_a_server_that_does_not_understand_runs_is_asked_after(colour, server):
    server.answer(422, path="/flow_runs/")
    with pytest.raises(RequestRefusedError, match="told so by the test.* Is it a server of Headrace"):
        colour.in_flow(lambda: None)
