"""How a measured script reports: figures as one line of JSON, rows counted by SQLite alone."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import sys
import time
from collections.abc import Callable
from statistics import median


def timed_parts(parts: int, part: Callable[[], object]) -> list[float]:
    """Call `part` so many times; the seconds that each call took."""
    times = []
    for _ in range(parts):
        began = time.perf_counter()
        part()
        times.append(time.perf_counter() - began)
    return times


def by_median(times: list[float]) -> float:
    """The seconds that all parts would have taken, had each taken as long as the middle one."""
    return median(times) * len(times)


def report(**figures: object) -> None:
    """Print figures for whoever measures."""
    print("FIGURES " + json.dumps(figures), flush=True)


def recorded_task_runs() -> int:
    """Completed task runs in the store, as any other process would see them now."""
    connection = sqlite3.connect(f"file:{os.environ['BENCH_STORE']}?mode=ro", uri=True)
    try:
        return int(
            connection.execute("SELECT count(*) FROM task_run WHERE state_type = 'COMPLETED'").fetchone()[0]
        )
    finally:
        connection.close()


def peak_megabytes() -> float:
    """The most memory that this process has held so far (resident), in MB of a million bytes."""
    if sys.platform == "linux":
        # `getrusage` would count what the parent held when it forked.
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
