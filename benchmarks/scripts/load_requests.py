"""The requests that `load.py` sends: whole HTTP/1.1 requests as bytes."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any
from urllib.parse import SplitResult

TASK_RUNS_IN_A_BATCH = 500
"""With their three states each, about as much as the engine sends at once."""


def post(address: SplitResult, path: str, body: bytes, *headers: str) -> bytes:
    """A POST of JSON to a path below the API's."""
    lines = [
        f"POST {address.path}{path} HTTP/1.1",
        f"Host: {address.netloc}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def in_turn(address: SplitResult, options: Namespace, bodies: list[tuple[str, Any]]) -> Iterator[bytes]:
    """These requests, again and again, each a path and a body; as many as asked for."""
    requests = [post(address, path, json.dumps(body).encode()) for path, body in bodies]
    return islice(cycle(requests), options.requests)


def creations(address: SplitResult, options: Namespace) -> Iterator[bytes]:
    """Create flow runs of a flow, as a script does that calls one."""
    body = {
        "state": {"type": "PENDING", "name": "Pending", "message": None, "state_details": {}, "data": None},
        "name": None,
        "flow_id": options.arguments[0],
        "flow_version": "1",
        "parameters": {"number": 1, "label": "benchmark"},
        "context": {},
        "parent_task_run_id": None,
        "empirical_policy": {"retries": 0, "retry_delay": 0},
        "tags": ["benchmark"],
    }
    return in_turn(address, options, [("/flow_runs/", body)])


def filters(address: SplitResult, options: Namespace) -> Iterator[bytes]:
    """The newest flow runs, 50 on a page, twenty pages."""
    return in_turn(
        address,
        options,
        [
            ("/flow_runs/filter", {"sort": "EXPECTED_START_TIME_DESC", "limit": 50, "offset": 50 * page})
            for page in range(20)
        ],
    )


def scopes() -> list[dict[str, Any]]:
    """What people ask of task runs: all, by state, by name, by tag, by time, of some flow runs."""
    return [
        {},
        {"task_runs": {"state": {"type": {"any_": ["FAILED"]}}}},
        {"task_runs": {"state": {"name": {"any_": ["Completed"]}}}},
        {"task_runs": {"name": {"any_": ["step-7"]}}},
        {"task_runs": {"tags": {"all_": ["rare"]}}},
        {"task_runs": {"start_time": {"after_": "2026-01-01T00:00:00Z"}}},
        {"flow_runs": {"name": {"any_": ["benchmark-1"]}}},
        {
            "flow_runs": {"name": {"any_": ["benchmark-1"]}},
            "task_runs": {"state": {"type": {"any_": ["FAILED"]}}},
        },
    ]


def lists(address: SplitResult, options: Namespace) -> Iterator[bytes]:
    """Pages of task runs, in both of the orders that people ask for, and of flow runs."""
    sorts = ("EXPECTED_START_TIME_DESC", "END_TIME_DESC")
    bodies: list[tuple[str, Any]] = [
        ("/task_runs/filter", {**scope, "sort": sort, "limit": 200, "offset": offset})
        for scope in scopes()
        for sort in sorts
        for offset in (0, 400)
    ]
    bodies += [("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 200})]
    return in_turn(address, options, bodies)


def counts(address: SplitResult, options: Namespace) -> Iterator[bytes]:
    """Numbers of task runs, and of flow runs."""
    bodies: list[tuple[str, Any]] = [("/task_runs/count", scope) for scope in scopes()]
    return in_turn(address, options, [*bodies, ("/flow_runs/count", {})])


def records(address: SplitResult, options: Namespace) -> Iterator[bytes]:
    """Task runs with three states each, spread over flow runs, as our engine records them."""
    import zstandard

    from headrace.schema.records import body_of, encode_records

    compressor = zstandard.ZstdCompressor()
    for first in range(0, options.task_runs, TASK_RUNS_IN_A_BATCH):
        numbers = range(first, min(first + TASK_RUNS_IN_A_BATCH, options.task_runs))
        batch = [step for number in numbers for step in task_run(number, options.arguments)]
        body = compressor.compress(body_of(encode_records(batch)))
        yield post(address, "/runs/record", body, "Content-Encoding: zstd")


def task_run(number: int, flow_run_ids: list[str]) -> list[Any]:
    """The steps of one task run; one in a hundred has failed, one in a thousand has a tag."""
    from datetime import UTC, datetime
    from uuid import UUID

    from headrace.core.ids import dynamic_key, uuid7
    from headrace.core.states import StateType
    from headrace.schema.runs import TaskRun
    from headrace.schema.states import State
    from headrace.schema.transitions import TaskTransition

    now = datetime.now(UTC)
    run = TaskRun(
        name=f"step-{number % 1000}",
        task_key="step-benchmark",
        dynamic_key=dynamic_key(),
        flow_run_id=UUID(flow_run_ids[number % len(flow_run_ids)]),
        expected_start_time=now,
        tags=["rare"] if number % 1000 == 0 else [],
    )
    steps: list[Any] = []
    follows: UUID | None = None
    for type in (
        StateType.PENDING,
        StateType.RUNNING,
        StateType.FAILED if number % 100 == 0 else StateType.COMPLETED,
    ):
        state: State[Any] = State(type=type, timestamp=now, id=uuid7())
        began = None if type is StateType.PENDING else now
        steps.append(
            TaskTransition(
                run, state, follows, int(began is not None), began, now if state.is_final() else None, 0.001
            )
        )
        follows = state.id
    return steps


REQUESTS: dict[str, Callable[[SplitResult, Namespace], Iterator[bytes]]] = {
    "create": creations,
    "filter": filters,
    "list": lists,
    "count": counts,
    "record": records,
}
"""What can be sent, by kind."""
