"""What is run for which rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import page_measures, server_measures
from benchmarks.contenders import Contender
from benchmarks.killing import kill_amid_tasks
from benchmarks.processes import ChildFailed, run, run_script

Values = dict[str, float]
"""Values by the key of their row."""


@dataclass(frozen=True)
class Measure:
    """One thing to run, and the rows that come of it.

    Args:
        rows: Keys of the rows.
        take: Runs it once, for a contender and a count; gives a value for each row.
        counts: How many tasks (or lines), by contender: fewer where it would take minutes.
        repeats: How often, by contender; None is as often as asked for.
        contenders: Who takes part.
    """

    rows: tuple[str, ...]
    take: Callable[[Contender, int], Values]
    counts: dict[str, int] = field(default_factory=dict)
    repeats: dict[str, int] = field(default_factory=dict)
    contenders: tuple[str, ...] = ("headrace", "prefect")

    def count(self, contender: str, quick: bool) -> int:
        """How many tasks it runs."""
        count = self.counts.get(contender, 0)
        return max(count // 10, 200) if quick and count else count


def take_import(contender: Contender, _count: int) -> Values:
    """What `import headrace` takes over bare Python."""
    return _import(contender, "headrace", "import headrace", "import")


def take_import_decorators(contender: Contender, _count: int) -> Values:
    """What importing the decorators takes over bare Python."""
    return _import(contender, "decorators", "from prefect import flow, task", "import-decorators")


def _import(contender: Contender, name: str, statement: str, key: str) -> Values:
    with contender.fresh_home() as home:
        bare = run(contender, home, str(contender.python), "-c", "pass")
        with_import = run(contender, home, str(contender.python), "-c", statement)
        modules = run_script(contender, home, "modules.py", name).figures["modules"]
    return {key: 1e3 * (with_import.seconds - bare.seconds), f"{key}-modules": modules}


def take_hello(contender: Contender, _count: int) -> Values:
    """The two-line flow with a store from earlier runs."""
    with contender.fresh_home() as home:
        return {"hello-warm": run_script(contender, home, "hello.py", quiet=False).seconds}


def take_hello_first(contender: Contender, _count: int) -> Values:
    """The two-line flow on a machine that never ran one."""
    with contender.fresh_home(warm=False) as home:
        return {"hello-first": run_script(contender, home, "hello.py", quiet=False).seconds}


def take_commands(contender: Contender, _count: int) -> Values:
    """Two commands that only print."""
    with contender.fresh_home() as home:
        return {
            "help": 1e3 * run(contender, home, str(contender.command), "--help").seconds,
            "version": 1e3 * run(contender, home, str(contender.command), "version").seconds,
        }


def take_sequential(contender: Contender, count: int) -> Values:
    """No-op tasks in turn."""
    with contender.fresh_home() as home:
        ended = run_script(contender, home, "sequential.py", count)
    figures = ended.figures
    return {
        "sequential": 1e6 * figures["in_flow"] / count,
        "sequential-median": 1e6 * figures["in_flow_by_median"] / count,
        "sequential-returned": 1e6 * figures["returned"] / count,
        "sequential-ended": 1e6 * (ended.end - figures["began"]) / count,
        "sequential-recorded": 100 * figures["recorded"] / count,
    }


def take_map(contender: Contender, count: int) -> Values:
    """No-op tasks mapped."""
    with contender.fresh_home() as home:
        before = _recorded(home / contender.store) + WARM_UP_TASKS
        figures = run_script(contender, home, "side_by_side.py", "mapped", count).figures
        later = _recorded(home / contender.store) - before
    return {
        "map": 1e6 * figures["in_flow"] / count,
        "map-returned": 1e6 * figures["returned"] / count,
        "map-recorded": 100 * figures["recorded"] / count,
        "map-recorded-later": 100 * later / count,
    }


WARM_UP_TASKS = 200
"""Tasks that the script runs before it measures; a contender that loses some of them has fewer than all recorded."""


def take_map_in_parts(contender: Contender, count: int) -> Values:
    """No-op tasks mapped, 200 at a time."""
    return _in_parts(contender, count, "mapped_in_parts", "map-median")


def take_gather_in_parts(contender: Contender, count: int) -> Values:
    """Async no-op tasks gathered, 200 at a time."""
    return _in_parts(contender, count, "gathered_in_parts", "gather-median")


def _in_parts(contender: Contender, count: int, style: str, key: str) -> Values:
    with contender.fresh_home() as home:
        figures = run_script(contender, home, "side_by_side.py", style, count).figures
    return {key: 1e6 * figures["in_flow"] / count}


def take_submit(contender: Contender, count: int) -> Values:
    """No-op tasks submitted."""
    return _concurrent(contender, count, "submitted", "submit")


def take_gather(contender: Contender, count: int) -> Values:
    """Async no-op tasks gathered."""
    return _concurrent(contender, count, "gathered", "gather")


def _concurrent(contender: Contender, count: int, style: str, key: str) -> Values:
    with contender.fresh_home() as home:
        figures = run_script(contender, home, "side_by_side.py", style, count).figures
    return {
        key: 1e6 * figures["returned"] / count,
        f"{key}-recorded": 100 * figures["recorded"] / count,
    }


def take_cache_hit(contender: Contender, count: int) -> Values:
    """The same input again and again."""
    with contender.fresh_home() as home:
        figures = run_script(contender, home, "caching.py", count).figures
    return {
        "cache-hit": 1e6 * figures["in_flow"] / count,
        "cache-hit-median": 1e6 * figures["in_flow_by_median"] / count,
    }


def take_log_line(contender: Contender, count: int) -> Values:
    """Lines at WARNING, until the flow has returned."""
    with contender.fresh_home() as home:
        figures = run_script(contender, home, "logging_lines.py", count).figures
    return {
        "log-line": 1e6 * figures["returned"] / count,
        "log-line-median": 1e6 * figures["in_flow_by_median"] / count,
    }


def take_memory(contender: Contender, count: int) -> Values:
    """Peak memory of the process that runs a flow with many tasks."""
    with contender.fresh_home() as home:
        figures = run_script(contender, home, "memory.py", count).figures
    return {
        "memory": figures["peak"],
        "memory-growth": figures["peak"] - figures["peaks"][1],
        "memory-recorded": 100 * figures["recorded"] / count,
    } | {f"memory-after-{tenth}0%": peak for tenth, peak in enumerate(figures["peaks"])}


def take_killed(contender: Contender, count: int) -> Values:
    """SIGKILL at a random instant of a flow with many tasks."""
    with contender.fresh_home() as home:
        loss = kill_amid_tasks(contender, home, count)
        clean = _opens_clean(contender, home)
    return {
        "killed": loss.oldest_milliseconds,
        "killed-lost": loss.records,
        "killed-clean": 100.0 if clean else 0.0,
    }


def _opens_clean(contender: Contender, home: Path) -> bool:
    """Whether SQLite finds no fault, the runs can be listed, and another flow can be run."""
    with closing(sqlite3.connect(home / contender.store)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            return False
    try:
        run(contender, home, str(contender.command), "flow-run", "ls")
        run_script(contender, home, "hello.py")
    except ChildFailed:
        return False
    return True


def _recorded(store: Path) -> int:
    with closing(sqlite3.connect(store)) as connection:
        found = connection.execute("SELECT count(*) FROM task_run WHERE state_type = 'COMPLETED'").fetchone()
    return int(found[0])


def warm_up(contender: Contender, home: Path) -> None:
    """Make the store, and let Python compile what the contender imports."""
    run_script(contender, home, "hello.py")
    run_script(contender, home, "side_by_side.py", "submitted", 100)


def _tasks(headrace: int, prefect: int) -> dict[str, int]:
    return {"headrace": headrace, "prefect": prefect}


MEASURES = (
    Measure(("import", "import-modules"), take_import, contenders=("headrace",)),
    Measure(("import-decorators", "import-decorators-modules"), take_import_decorators),
    Measure(("hello-warm",), take_hello),
    Measure(("hello-first",), take_hello_first, repeats={"prefect": 3}),
    Measure(("help", "version"), take_commands),
    Measure(
        ("sequential", "sequential-median", "sequential-returned", "sequential-ended", "sequential-recorded"),
        take_sequential,
        counts=_tasks(10_000, 1_000),
        repeats={"prefect": 3},
    ),
    Measure(
        ("map", "map-returned", "map-recorded", "map-recorded-later"),
        take_map,
        counts=_tasks(10_000, 10_000),
        repeats={"prefect": 2},
    ),
    Measure(("map-median",), take_map_in_parts, counts=_tasks(10_000, 2_000), repeats={"prefect": 2}),
    Measure(("submit", "submit-recorded"), take_submit, counts=_tasks(10_000, 1_000), repeats={"prefect": 3}),
    Measure(
        ("gather", "gather-recorded"), take_gather, counts=_tasks(10_000, 10_000), repeats={"prefect": 1}
    ),
    Measure(("gather-median",), take_gather_in_parts, counts=_tasks(10_000, 2_000), repeats={"prefect": 1}),
    Measure(
        ("cache-hit", "cache-hit-median"), take_cache_hit, counts=_tasks(5_000, 500), repeats={"prefect": 3}
    ),
    Measure(
        ("log-line", "log-line-median"), take_log_line, counts=_tasks(10_000, 1_000), repeats={"prefect": 3}
    ),
    Measure(
        ("memory", "memory-growth", "memory-recorded"),
        take_memory,
        counts=_tasks(100_000, 5_000),
        repeats={"headrace": 2, "prefect": 1},
    ),
    Measure(
        ("killed", "killed-lost", "killed-clean"),
        take_killed,
        counts=_tasks(10_000, 10_000),
        repeats={"headrace": 10, "prefect": 1},
    ),
    Measure(("server-ready", "server-idle-memory"), server_measures.take_ready, repeats={"prefect": 3}),
    Measure(
        ("server-create", "server-create-failed", "server-create-p99"),
        server_measures.take_create,
        repeats={"headrace": 3, "prefect": 2},
    ),
    Measure(
        ("server-create-postgres", "server-create-postgres-failed", "server-create-postgres-p99"),
        server_measures.take_create_postgres,
        repeats={"headrace": 3, "prefect": 2},
    ),
    Measure(
        ("server-filter", "server-filter-failed", "server-filter-p99"),
        server_measures.take_filter,
        counts=_tasks(100_000, 100_000),
        repeats={"headrace": 2, "prefect": 1},
    ),
    Measure(
        ("server-filter-postgres", "server-filter-postgres-failed", "server-filter-postgres-p99"),
        server_measures.take_filter_postgres,
        counts=_tasks(100_000, 0),
        repeats={"headrace": 2},
        contenders=("headrace",),
    ),
    Measure(
        ("server-generator-short", "server-generator-long"),
        server_measures.take_generator,
        repeats={"headrace": 1},
        contenders=("headrace",),
    ),
    Measure(
        ("server-flow-10000", "server-flow-10000-task", "server-flow-10000-within", "server-flow-10000-seen"),
        server_measures.take_flow,
        counts=_tasks(10_000, 1_000),
        repeats={"headrace": 3, "prefect": 1},
    ),
    Measure(
        (
            "server-memory-1e6",
            "server-memory-1e6-end",
            "server-stream-1e6",
            "server-lists-1e6",
            "server-counts-1e6",
        ),
        server_measures.take_million,
        counts=_tasks(1_000_000, 0),
        repeats={"headrace": 1},
        contenders=("headrace",),
    ),
    Measure(
        ("page-first-paint", "page-overview", "page-change", "page-change-slowest"),
        page_measures.take_open,
        contenders=("headrace",),
    ),
    Measure(
        ("page-runs-1e6", "page-runs-1e6-opened", "page-runs-1e6-filtered", "page-overview-1e6"),
        page_measures.take_runs,
        counts=_tasks(1_000_000, 0),
        repeats={"headrace": 3},
        contenders=("headrace",),
    ),
    Measure(
        tuple(f"page-timeline-1e4{part}" for part in ("", "-slow", "-unfolded", "-opened")),
        page_measures.take_timeline,
        counts=_tasks(10_000, 0),
        repeats={"headrace": 3},
        contenders=("headrace",),
    ),
    Measure(
        tuple(f"page-timeline-1e5{part}" for part in ("", "-slow", "-unfolded", "-opened")),
        page_measures.take_timeline,
        counts=_tasks(100_000, 0),
        repeats={"headrace": 1},
        contenders=("headrace",),
    ),
)
