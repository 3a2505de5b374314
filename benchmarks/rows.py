"""The rows of the table: what is measured, in which unit, and what it may cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Taken = Mapping[str, Mapping[str, Sequence[float]]]
"""Every value taken: by row, then by contender."""


@dataclass(frozen=True)
class Pace:
    """How fast the machine is, next to the one that budgets were set on: Prefect 3.8.8 runs on both.

    Args:
        row: The row, a cost, whose figure of Prefect tells.
        reference: That figure on the machine that budgets were set on.
    """

    row: str
    reference: float


IMPORT = Pace("import-decorators", 985)
COMMAND = Pace("help", 1_100)
TASK = Pace("sequential", 3_300)
MAPPED_TASK = Pace("map", 4_040)


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        key: Short name.
        title: What is measured.
        unit: Of the values: "ms", "µs", "s", "MB", "/s", "%" or "" for a count.
        budget: The most (or, for a share or a rate, the least) that Headrace may show; None where none was set.
        pace: What a budget of time is relative to; None for budgets that hold on every machine.
        more_is_better: The budget is a least value.
    """

    key: str
    title: str
    unit: str
    budget: float | None = None
    pace: Pace | None = None
    more_is_better: bool = False

    @property
    def is_rate(self) -> bool:
        """Whether the values are so many a second."""
        return self.unit == "/s"

    def budget_here(self, taken: Taken) -> float | None:
        """The budget at this machine's pace; as it was set where Prefect was not measured beside."""
        theirs = taken.get(self.pace.row, {}).get("prefect") if self.pace else None
        if self.budget is None or self.pace is None or not theirs:
            return self.budget
        slower = median(theirs) / self.pace.reference
        return self.budget / slower if self.is_rate else self.budget * slower

    def verdict(self, taken: Taken) -> str:
        """ "met", "missed", or nothing where there is no budget or no value.

        A share must be reached every time; a cost, or a rate, is judged by its median.
        """
        budget, ours = self.budget_here(taken), taken[self.key].get("headrace")
        if budget is None or not ours:
            return ""
        if self.more_is_better:
            met = (median if self.is_rate else min)(ours) >= budget
        else:
            met = median(ours) <= budget
        return "met" if met else "missed"


ALL = 100.0
CLIENTS = "16 clients at once"

ROWS = {
    row.key: row
    for row in (
        Row("import", "`import headrace`", "ms", 60, IMPORT),
        Row("import-modules", "`import headrace`: modules", "", 120),
        Row("import-decorators", "`from prefect import flow, task`", "ms"),
        Row("import-decorators-modules", "`from prefect import flow, task`: modules", ""),
        Row("hello-warm", "two-line flow, nothing configured", "s", 0.35, Pace("hello-warm", 7.9)),
        Row("hello-first", "two-line flow, first ever", "s", 0.5, Pace("hello-first", 15.1)),
        Row("help", "`--help`", "ms", 150, COMMAND),
        Row("version", "`version`", "ms", 150, COMMAND),
        Row("sequential", "sequential no-op task, in the flow", "µs", 40, TASK),
        Row("sequential-median", "sequential no-op task, in the flow, median of 100 parts", "µs", 40, TASK),
        Row("sequential-returned", "sequential no-op task, until the flow has returned", "µs", 60, TASK),
        Row("sequential-ended", "sequential no-op task, until the process has ended", "µs"),
        Row("sequential-recorded", "recorded when the flow returned", "%", ALL, more_is_better=True),
        Row("map", "mapped no-op task, in the flow", "µs", 80, MAPPED_TASK),
        Row(
            "map-median",
            "mapped no-op task, in the flow, median of parts of 200",
            "µs",
            80,
            MAPPED_TASK,
        ),
        Row("map-returned", "mapped no-op task, until the flow has returned", "µs", 80, MAPPED_TASK),
        Row("map-recorded", "recorded when the flow returned", "%", ALL, more_is_better=True),
        Row("map-recorded-later", "recorded when the process has ended", "%", ALL, more_is_better=True),
        Row("submit", "submitted no-op task, until the flow has returned", "µs"),
        Row("submit-recorded", "recorded when the flow returned", "%", ALL, more_is_better=True),
        Row("gather", "gathered async no-op task, until the flow has returned", "µs", 100, TASK),
        Row("gather-recorded", "recorded when the flow returned", "%", ALL, more_is_better=True),
        Row(
            "gather-median", "gathered async no-op task, in the flow, median of parts of 200", "µs", 100, TASK
        ),
        Row("cache-hit", "cache hit, local storage", "µs", 150, TASK),
        Row("cache-hit-median", "cache hit, local storage, median of parts of 10", "µs", 150, TASK),
        Row("log-line", "log line, printed and recorded", "µs", 25, TASK),
        Row("log-line-median", "log line, printed and recorded, median of parts of 100", "µs", 25, TASK),
        Row("memory", "peak memory of sequential tasks in one flow", "MB", 150),
        Row("memory-growth", "of it, grown after the first tenth", "MB"),
        Row("memory-recorded", "recorded when the flow returned", "%", ALL, more_is_better=True),
        Row("killed", "SIGKILL amid tasks: age of the oldest record lost", "ms", 100),
        Row("killed-lost", "SIGKILL amid tasks: records lost", ""),
        Row("killed-clean", "store opens clean afterwards", "%", ALL, more_is_better=True),
        Row("server-ready", "server: from its start until it is ready", "ms", 1_000, COMMAND),
        Row("server-idle-memory", "server: memory, idle", "MB", 80),
        Row(
            "server-create",
            f"server: flow runs created, {CLIENTS}",
            "/s",
            5_000,
            TASK,
            more_is_better=True,
        ),
        Row("server-create-failed", "of them failed", "", 0),
        Row("server-create-p99", "slowest of a hundred", "ms"),
        Row(
            "server-create-postgres",
            f"server on PostgreSQL: flow runs created, {CLIENTS}",
            "/s",
            3_000,
            TASK,
            more_is_better=True,
        ),
        Row("server-create-postgres-failed", "of them failed", "", 0),
        Row("server-create-postgres-p99", "slowest of a hundred", "ms"),
        Row(
            "server-filter",
            f"server: lists of 50 flow runs, {CLIENTS}",
            "/s",
            3_000,
            TASK,
            more_is_better=True,
        ),
        Row("server-filter-failed", "of them failed", "", 0),
        Row("server-filter-p99", "slowest of a hundred", "ms"),
        Row(
            "server-filter-postgres",
            f"server on PostgreSQL: lists of 50 flow runs, {CLIENTS}",
            "/s",
            more_is_better=True,
        ),
        Row("server-filter-postgres-failed", "of them failed", "", 0),
        Row("server-filter-postgres-p99", "slowest of a hundred", "ms"),
        Row(
            "server-generator-short",
            "load generator, against a server that only answers, 1.5 kB",
            "/s",
            more_is_better=True,
        ),
        Row(
            "server-generator-long",
            "load generator, against a server that only answers, 75 kB",
            "/s",
            more_is_better=True,
        ),
        Row("server-flow-10000", "flow through a server: from its end until all task runs are shown", "s", 1),
        Row("server-flow-10000-task", "no-op task, until the flow has returned", "µs"),
        Row("server-flow-10000-within", "shown within 1 s", "%", ALL, more_is_better=True),
        Row("server-flow-10000-seen", "shown within 60 s", "%", ALL, more_is_better=True),
        Row(
            "server-memory-1e6", "server: memory grown after the first tenth of streamed task runs", "MB", 20
        ),
        Row("server-memory-1e6-end", "server: memory in the end", "MB"),
        Row("server-stream-1e6", "server: task runs taken in", "/s", more_is_better=True),
        Row("server-lists-1e6", "server: lists of up to 200 task runs, slowest of a hundred", "ms", 50),
        Row("server-counts-1e6", "server: counts of task runs, slowest of a hundred", "ms", 50),
        Row("page-first-paint", "page: first paint", "ms", 300, COMMAND),
        Row("page-overview", "page: the overview is there", "ms"),
        Row("page-change", "page: from the commit of a state until it is shown", "ms", 250, COMMAND),
        Row("page-change-slowest", "the slowest of them", "ms"),
        Row(
            "page-runs-1e6",
            "page: from a click until the rows of the list of runs are there",
            "ms",
            200,
            COMMAND,
        ),
        Row("page-runs-1e6-opened", "page: the same, when the browser has not been there before", "ms"),
        Row("page-runs-1e6-filtered", "page: opened by state and a part of the name", "ms"),
        Row("page-overview-1e6", "page: opened at the overview of all of them", "ms"),
        Row(
            "page-timeline-1e4",
            "page: frames of the timeline, zoomed and panned",
            "/s",
            30,
            more_is_better=True,
        ),
        Row("page-timeline-1e4-slow", "slowest of a hundred", "/s", more_is_better=True),
        Row("page-timeline-1e4-unfolded", "with a task unfolded", "/s", more_is_better=True),
        Row("page-timeline-1e4-opened", "until it is there", "ms"),
        Row(
            "page-timeline-1e5", "page: frames of the timeline, zoomed and panned", "/s", more_is_better=True
        ),
        Row("page-timeline-1e5-slow", "slowest of a hundred", "/s", more_is_better=True),
        Row("page-timeline-1e5-unfolded", "with a task unfolded", "/s", more_is_better=True),
        Row("page-timeline-1e5-opened", "until it is there", "ms"),
    )
}
