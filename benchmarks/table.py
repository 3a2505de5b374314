"""The table: medians, how far they spread, and whether the budgets were met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.rows import ROWS, Row, Taken

HEADINGS = ("what", "Headrace", "Prefect 3.8.8", "ratio", "budget", "at this pace", "")


def table(taken: Taken, counts: Mapping[str, Mapping[str, int]]) -> str:
    """A markdown table whose columns also line up as plain text.

    Args:
        taken: The values.
        counts: How many tasks each value comes of, by row and contender.
    """
    lines = [
        HEADINGS,
        *(_cells(row, taken, counts[row.key]) for row in ROWS.values() if row.key in taken),
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    rows = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    ]
    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([rows[0], rule, *rows[1:]])


def missed(taken: Taken) -> list[Row]:
    """The rows whose budget Headrace did not keep."""
    return [ROWS[key] for key in taken if ROWS[key].verdict(taken) == "missed"]


def _cells(row: Row, taken: Taken, counts: Mapping[str, int]) -> tuple[str, ...]:
    ours, theirs = taken[row.key].get("headrace", ()), taken[row.key].get("prefect", ())
    budget_here = row.budget_here(taken)
    count = counts.get("headrace", 0)
    return (
        row.title + (f" (of {count:,})" if count else ""),
        _spread(ours, row.unit),
        _spread(theirs, row.unit) + _other_count(counts),
        _ratio(row, ours, theirs),
        _bound(row, row.budget),
        _bound(row, budget_here) if budget_here != row.budget else "",
        row.verdict(taken),
    )


def _bound(row: Row, budget: float | None) -> str:
    if budget is None:
        return ""
    return f"{'≥' if row.more_is_better else '≤'} {_number(budget)} {row.unit}".strip()


def _other_count(counts: Mapping[str, int]) -> str:
    """Says so where Prefect ran fewer tasks."""
    ours, theirs = counts.get("headrace", 0), counts.get("prefect", 0)
    return f" (of {theirs:,})" if theirs and theirs != ours else ""


def _spread(values: Sequence[float], unit: str) -> str:
    if not values:
        return "-"
    middle = f"{_number(median(values))} {unit}".strip()
    if len(values) == 1 or min(values) == max(values):
        return middle
    return f"{middle} [{_number(min(values))}-{_number(max(values))}]"


def _ratio(row: Row, ours: Sequence[float], theirs: Sequence[float]) -> str:
    if row.unit == "%" or not ours or not theirs or median(ours) <= 0:
        return ""
    ratio = median(theirs) / median(ours)
    return f"{1 / ratio if row.is_rate and ratio else ratio:,.1f}x"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.3g}"
