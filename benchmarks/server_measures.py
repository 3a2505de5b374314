"""What is run for the rows about servers. The clients that load one are on the same machine, and share its cores."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.contenders import Contender
from benchmarks.processes import SCRIPTS, ChildFailed, run_script, started
from benchmarks.servers import Served, free_port, load, serving
from benchmarks.stored_runs import store_flow_runs
from headrace.testing.postgres import PostgresServer

CLIENTS = 16
LOAD_SECONDS = 10.0
WARM_UP_SECONDS = 1.0
IDLE_SECONDS = 5.0
FLOW_RUNS = 100
"""Among which streamed task runs are divided."""

LOOKS = 1_000
"""How many lists and counts the slowest one in a hundred is taken of."""

Values = dict[str, float]


def take_ready(contender: Contender, _count: int) -> Values:
    """A server starts on a store that exists, and does nothing."""
    with contender.fresh_home() as home, serving(contender, home) as server:
        time.sleep(IDLE_SECONDS)
        return {"server-ready": 1e3 * server.ready_seconds, "server-idle-memory": server.megabytes()}


def take_create(contender: Contender, _count: int) -> Values:
    """Flow runs are created."""
    with contender.fresh_home() as home:
        return _created(contender, home, {}, "server-create")


def take_create_postgres(contender: Contender, _count: int) -> Values:
    """Flow runs are created, on PostgreSQL."""
    with contender.fresh_home() as home, postgres() as variables:
        return _created(contender, home, variables, "server-create-postgres")


def _created(contender: Contender, home: Path, variables: dict[str, str], key: str) -> Values:
    with serving(contender, home, variables) as server:
        flow = server.post("/flows/", {"name": "benchmark"})
        load(contender, home, server.url, "create", flow["id"], clients=CLIENTS, seconds=WARM_UP_SECONDS)
        before = server.post("/flow_runs/count", {})
        made = load(contender, home, server.url, "create", flow["id"], clients=CLIENTS, seconds=LOAD_SECONDS)
        stored = server.post("/flow_runs/count", {}) - before
    if stored < made["succeeded"]:
        raise ChildFailed(f"{made['succeeded']} creations were acknowledged, {stored} flow runs are stored")
    return _figures(key, made)


def take_filter(contender: Contender, count: int) -> Values:
    """Flow runs are listed."""
    with contender.fresh_home() as home:
        return _filtered(contender, home, count, {}, "server-filter")


def take_filter_postgres(contender: Contender, count: int) -> Values:
    """Flow runs are listed, on PostgreSQL."""
    with contender.fresh_home() as home, postgres() as variables:
        return _filtered(contender, home, count, variables, "server-filter-postgres")


def _filtered(contender: Contender, home: Path, count: int, variables: dict[str, str], key: str) -> Values:
    store_flow_runs(contender, home, count, variables)
    with serving(contender, home, variables) as server:
        load(contender, home, server.url, "filter", clients=CLIENTS, seconds=WARM_UP_SECONDS)
        return _figures(
            key, load(contender, home, server.url, "filter", clients=CLIENTS, seconds=LOAD_SECONDS)
        )


def _figures(key: str, done: dict[str, Any]) -> Values:
    return {
        key: done["succeeded"] / done["seconds"],
        f"{key}-failed": done["failed"],
        f"{key}-p99": done["p99"],
    }


def take_generator(contender: Contender, _count: int) -> Values:
    """The load generator against servers that only answer, as long as the answers to a creation and to a list are."""
    with contender.fresh_home() as home:
        return {
            "server-generator-short": _answered(contender, home, 1_500),
            "server-generator-long": _answered(contender, home, 75_000),
        }


def _answered(contender: Contender, home: Path, size: int) -> float:
    port = free_port()
    command = [str(contender.python), str(SCRIPTS / "answering.py"), str(port), str(size)]
    with started(contender, home, *command, name="answering"):
        url = f"http://127.0.0.1:{port}/api"
        done = load(contender, home, url, "filter", clients=CLIENTS, seconds=LOAD_SECONDS / 2)
    return float(done["per_second"])


def take_flow(contender: Contender, count: int) -> Values:
    """A flow is recorded through a server."""
    with contender.fresh_home() as home, serving(contender, home) as server:
        variables = {"PREFECT_API_URL": server.url, "HEADRACE_API_URL": server.url}
        figures = run_script(contender, home, "through_server.py", count, variables=variables).figures
    return {
        "server-flow-10000": figures["visible"],
        "server-flow-10000-task": 1e6 * figures["returned"] / count,
        "server-flow-10000-within": 100 * figures["within_a_second"] / count,
        "server-flow-10000-seen": 100 * figures["seen"] / count,
    }


def take_million(contender: Contender, count: int) -> Values:
    """Task runs stream in; then people look at them."""
    with contender.fresh_home() as home, serving(contender, home) as server:
        flow = server.post("/flows/", {"name": "benchmark"})
        runs = [
            server.post("/flow_runs/", {"flow_id": flow["id"], "name": f"benchmark-{number}"})["id"]
            for number in range(FLOW_RUNS)
        ]
        before = server.post("/task_runs/count", {})
        _stream(contender, home, server, runs, count // 10)
        early = server.megabytes()
        streamed = _stream(contender, home, server, runs, count - count // 10)
        late = server.megabytes()
        stored = server.post("/task_runs/count", {}) - before
        if stored != count:
            raise ChildFailed(f"{count} task runs were acknowledged, {stored} are stored")
        listed = load(contender, home, server.url, "list", clients=1, requests=LOOKS)
        counted = load(contender, home, server.url, "count", clients=1, requests=LOOKS)
    if listed["failed"] or counted["failed"]:
        raise ChildFailed(f"lists and counts failed: {listed['statuses']}, {counted['statuses']}")
    return {
        "server-memory-1e6": late - early,
        "server-memory-1e6-end": late,
        "server-stream-1e6": (count - count // 10) / streamed["seconds"],
        "server-lists-1e6": listed["p99"],
        "server-counts-1e6": counted["p99"],
        **{
            f"median of {request}": time
            for request, time in {**listed["requests"], **counted["requests"]}.items()
        },
    }


def _stream(contender: Contender, home: Path, server: Served, runs: list[str], count: int) -> dict[str, Any]:
    done = load(contender, home, server.url, "record", *runs, clients=4, task_runs=count)
    if done["failed"]:
        raise ChildFailed(f"of the batches of {count} task runs, {done['failed']} failed: {done['statuses']}")
    return done


@contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """Variables that put a server's store on an empty PostgreSQL database, whose commits survive a loss of power."""
    with PostgresServer(durable=True) as server:
        url = server.create_database()
        yield {
            "HEADRACE_SERVER_DATABASE_CONNECTION_URL": url,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": url.replace("postgresql://", "postgresql+asyncpg://"),
        }
