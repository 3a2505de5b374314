"""Records over HTTP: stored when they are acknowledged, all of a batch or none, once however often they come."""

from __future__ import annotations

import gzip
from uuid import uuid4

import httpx
import msgspec
import pytest
import zstandard

from headrace.store.lists.logs import read_logs
from headrace.store.states import read_states


def step(run, kind, *, follows=None, second=0, **fields):
    state = {"id": str(uuid4()), "type": kind, "timestamp": f"2026-11-22T12:00:{second:02}Z"}
    return {"kind": "task-run", "run": run, "state": state, "follows": follows, **fields}


def life(flow_run_id=None):
    """The records of a task run that completed; its facts come with the first of them."""
    run = {
        "id": str(uuid4()),
        "name": "step-1",
        "task_key": "step",
        "dynamic_key": "1",
        "flow_run_id": flow_run_id,
    }
    pending = step(run, "PENDING")
    running = step(run["id"], "RUNNING", follows=pending["state"]["id"], second=1, run_count=1)
    completed = step(run["id"], "COMPLETED", follows=running["state"]["id"], second=2, run_count=1)
    return run, [pending, running, completed]


def line(message, **ids):
    return {
        "kind": "log",
        "id": str(uuid4()),
        "name": "n",
        "level": 20,
        "message": message,
        "timestamp": "2026-11-22T12:00:00Z",
        **ids,
    }


def names(store, run):
    return [
        state.name
        for state in store.read(
            lambda conn: read_states(conn, msgspec.convert(run["id"], type=type(uuid4())))
        )
    ]


async def post(api: httpx.AsyncClient, *records, encode=None, **headers) -> httpx.Response:
    body = msgspec.json.encode({"records": records})
    return await api.post("/runs/record", content=encode(body) if encode else body, headers=headers)


async def test_what_is_acknowledged_is_stored(api, store):
    run, steps = life()

    answer = await post(api, *steps, line("said", task_run_id=run["id"]))

    assert (answer.status_code, answer.content) == (204, b"")
    assert names(store, run) == ["Pending", "Running", "Completed"]
    assert [log.message for log in store.read(read_logs)] == ["said"]


async def test_a_batch_that_is_sent_again_changes_nothing(api, store):
    run, steps = life()
    said = line("said")

    for _ in range(3):
        assert (await post(api, *steps, said)).status_code == 204

    assert names(store, run) == ["Pending", "Running", "Completed"]
    assert len(store.read(read_logs)) == 1


@pytest.mark.parametrize(
    ("encoding", "encode"), [("zstd", zstandard.ZstdCompressor().compress), ("gzip", gzip.compress)]
)
async def test_batches_may_be_compressed(api, store, encoding, encode):
    run, steps = life()

    answer = await post(api, *steps, encode=encode, **{"Content-Encoding": encoding})

    assert answer.status_code == 204
    assert names(store, run) == ["Pending", "Running", "Completed"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "unheard-of"},
        {"kind": "log", "message": "no name"},
        {"kind": "event", "event": "e", "resource": {}},
        {"kind": "task-run", "run": str(uuid4()), "state": {"type": "RUNNING"}},
    ],
    ids=lambda record: record["kind"],
)
async def test_of_a_batch_with_something_wrong_in_it_nothing_is_stored(api, store, wrong):
    run, steps = life()

    answer = await post(api, *steps, line("said"), wrong)

    assert answer.status_code == 422
    assert answer.json()["exception_message"]
    assert names(store, run) == []
    assert store.read(read_logs) == []


async def test_a_batch_that_is_too_large_says_what_to_do(make_app, connect):
    api = connect(make_app({"server.api.max_request_size": 5_000}))

    answer = await post(api, line("x" * 10_000))

    assert answer.status_code == 413
    assert "send less" in answer.json()["detail"]


async def test_a_nul_in_what_was_said_becomes_a_mark(api, store):
    assert (await post(api, line("a \x00 b"))).status_code == 204

    assert [log.message for log in store.read(read_logs)] == ["a \ufffd b"]


async def test_a_nul_in_an_input_leaves_what_kind_of_input_it_is(api):
    run, (pending, *_) = life()
    inputs = {
        "x": [{"input_type": "parameter", "name": "a \x00 b"}, {"input_type": "task_run", "id": run["id"]}]
    }
    run["task_inputs"] = inputs

    assert (await post(api, pending)).status_code == 204

    answer = await api.get(f"/task_runs/{run['id']}")
    inputs["x"][0]["name"] = "a \ufffd b"
    assert answer.json()["task_inputs"] == inputs


async def test_no_records_are_no_problem(api):
    assert (await post(api)).status_code == 204
