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
        row: The row whose figure of Prefect tells.
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
        unit: Of the values: "ms", "µs", "s", "MB", "%" or "" for a count.
        budget: The most (or, for a share, the least) that Headrace may show; None where none was set.
        pace: What a budget of time is relative to; None for budgets that hold on every machine.
        more_is_better: The budget is a least value.
    """

    key: str
    title: str
    unit: str
    budget: float | None = None
    pace: Pace | None = None
    more_is_better: bool = False

    def budget_here(self, taken: Taken) -> float | None:
        """The budget at this machine's pace; as it was set where Prefect was not measured beside."""
        theirs = taken.get(self.pace.row, {}).get("prefect") if self.pace else None
        if self.budget is None or self.pace is None or not theirs:
            return self.budget
        return self.budget * median(theirs) / self.pace.reference

    def verdict(self, taken: Taken) -> str:
        """ "met", "missed", or nothing where there is no budget or no value.

        A share must be reached every time; a cost is judged by its median.
        """
        budget, ours = self.budget_here(taken), taken[self.key].get("headrace")
        if budget is None or not ours:
            return ""
        met = min(ours) >= budget if self.more_is_better else median(ours) <= budget
        return "met" if met else "missed"


ALL = 100.0

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
    )
}
