"""`/api/logs/out`: log lines as they are recorded."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from headrace.schema.filters.logs import (
    LogFilter,
    LogFilterFlowRunId,
    LogFilterLevel,
    LogFilterTaskRunId,
    LogFilterTextSearch,
    LogFilterTimestamp,
)
from headrace.schema.filters.matching import log_passes
from headrace.schema.filters.shapes import Operator
from headrace.schema.logs import Log
from headrace.store.lists.logs import read_logs
from headrace.store.records import record
from headrace.store.store import Store

PATIENCE = 60.0
START = datetime(2026, 1, 1, tzinfo=UTC)

on_both_databases = pytest.mark.parametrize("target", ["sqlite", "postgres"], indirect=True)


def line(message, **fields):
    return Log(**{"name": "prefect.flow_runs", "level": 20, "message": message, "timestamp": START, **fields})


def write(store, *lines):
    store.write(lambda conn: record(conn, lines))


async def until(socket, text):
    """The lines up to the next one of that text."""
    lines = []
    async with asyncio.timeout(PATIENCE):
        while not lines or lines[-1]["message"] != text:
            message = json.loads(await socket.recv())
            assert message["type"] == "log"
            lines.append(message["log"])
    return lines


async def listen(socket, store, filter=None, **fields):
    """Subscribe, and wait until lines are sent."""
    await socket.send(json.dumps({"type": "filter", "filter": filter or {}}))
    marked = asyncio.create_task(until(socket, "marker"))
    while not marked.done():
        await asyncio.to_thread(write, store, line("marker", **fields))
        await asyncio.wait([marked], timeout=0.05)
    await marked


@on_both_databases
async def test_lines_are_sent_as_they_are_recorded(server, store):
    write(store, line("before"))
    run_id = uuid4()
    async with server.socket("/logs/out") as socket:
        await listen(socket, store)
        written = line("hello", level=30, flow_run_id=run_id)
        write(store, written)
        sent = await until(socket, "hello")
    assert sent[-1] == {
        "id": str(written.id),
        "created": "2026-01-01T00:00:00Z",
        "updated": "2026-01-01T00:00:00Z",
        "name": "prefect.flow_runs",
        "level": 30,
        "message": "hello",
        "timestamp": "2026-01-01T00:00:00Z",
        "flow_run_id": str(run_id),
        "task_run_id": None,
        "worker_id": None,
    }


async def test_only_lines_that_pass_the_filter_are_sent(server, store):
    mine, other = uuid4(), uuid4()
    async with server.socket("/logs/out") as socket:
        wanted = {"flow_run_id": {"any_": [str(mine)]}, "level": {"ge_": 20}}
        await listen(socket, store, wanted, flow_run_id=mine)
        write(
            store,
            line("other", flow_run_id=other),
            line("fine", flow_run_id=mine, level=10),
            line("mine", flow_run_id=mine),
        )
        sent = await until(socket, "mine")
    assert {each["message"] for each in sent} <= {"marker", "mine"}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('{"type":"subscribe"}', "Expected 'filter' message"),
        (
            '{"type":"filter","filter":{"flow_runs":1}}',
            "Invalid filter: Object contains unknown field `flow_runs`",
        ),
    ],
)
async def test_a_client_that_does_not_say_what_it_wants_is_sent_away(server, message, reason):
    async with server.socket("/logs/out") as socket:
        await socket.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), PATIENCE)
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1002, reason)


async def test_a_stream_that_is_off_says_so(serve):
    server = serve({"server.logs.stream_out_enabled": False})
    async with server.socket("/logs/out") as socket:
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), PATIENCE)
    assert closed.value.rcvd.code == 1008


# --- Filters ---------------------------------------------------------------------------------------------------

RUNS = [uuid4() for _ in range(3)]
LINES = [
    line("Hello world", level=10, flow_run_id=RUNS[0]),
    line("hello", level=20, timestamp=START + timedelta(seconds=1), flow_run_id=RUNS[0], task_run_id=RUNS[2]),
    line(
        "100% done", level=30, timestamp=START + timedelta(seconds=2), flow_run_id=RUNS[1], name="my.logger"
    ),
    line("", level=40, timestamp=START + timedelta(seconds=3)),
    line("a_b", level=50, timestamp=START + timedelta(seconds=4), task_run_id=RUNS[2]),
]

ids = st.none() | st.lists(st.sampled_from([*RUNS, uuid4()]), max_size=2)
instants = st.none() | st.integers(-1, 5).map(lambda second: START + timedelta(seconds=second))
levels = st.none() | st.sampled_from([10, 20, 25, 40, 60])
filters = st.builds(
    LogFilter,
    operator=st.sampled_from(Operator),
    level=st.none() | st.builds(LogFilterLevel, ge_=levels, le_=levels),
    timestamp=st.none() | st.builds(LogFilterTimestamp, before_=instants, after_=instants),
    flow_run_id=st.none() | st.builds(LogFilterFlowRunId, any_=ids),
    task_run_id=st.none() | st.builds(LogFilterTaskRunId, any_=ids, is_null_=st.none() | st.booleans()),
    text=st.none()
    | st.builds(
        LogFilterTextSearch,
        query=st.sampled_from(
            ["hello", "-hello", "+world HELLO", "100%", "_", "logger", '"hello world"', ""]
        ),
    ),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters)
def test_a_filter_means_the_same_in_sql_and_in_memory(filled, wanted):
    expected = [each.message for each in LINES if log_passes(wanted, each)]
    assert [each.message for each in filled.read(lambda conn: read_logs(conn, wanted))] == expected


@pytest.fixture(params=["memory", "postgres"])
def filled(request):
    target = "sqlite://" if request.param == "memory" else request.getfixturevalue("postgres_url")
    with Store.open(target) as opened:
        write(opened, *LINES)
        yield opened
