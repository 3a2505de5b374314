"""The table: medians, how far they spread, and whether the budgets were met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.rows import ROWS, Row

Taken = Mapping[str, Mapping[str, Sequence[float]]]
"""Every value taken: by row, then by contender."""

HEADINGS = ("what", "Headrace", "Prefect 3.8.8", "ratio", "budget", "")


def table(taken: Taken, counts: Mapping[str, Mapping[str, int]]) -> str:
    """A markdown table whose columns also line up as plain text.

    Args:
        taken: The values.
        counts: How many tasks each value comes of, by row and contender.
    """
    lines = [
        HEADINGS,
        *(_cells(row, taken[row.key], counts[row.key]) for row in ROWS.values() if row.key in taken),
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
    return [
        ROWS[key]
        for key, values in taken.items()
        if ROWS[key].verdict(list(values.get("headrace", ()))) == "missed"
    ]


def _cells(row: Row, values: Mapping[str, Sequence[float]], counts: Mapping[str, int]) -> tuple[str, ...]:
    ours, theirs = list(values.get("headrace", ())), list(values.get("prefect", ()))
    budget = (
        "" if row.budget is None else f"{'≥' if row.more_is_better else '≤'} {_number(row.budget)} {row.unit}"
    )
    count = counts.get("headrace", 0)
    return (
        row.title + (f" (of {count:,})" if count else ""),
        _spread(ours, row.unit),
        _spread(theirs, row.unit) + _other_count(counts),
        _ratio(row, ours, theirs),
        budget.strip(),
        row.verdict(ours),
    )


def _other_count(counts: Mapping[str, int]) -> str:
    """Says so where Prefect ran fewer tasks."""
    ours, theirs = counts.get("headrace", 0), counts.get("prefect", 0)
    return f" (of {theirs:,})" if theirs and theirs != ours else ""


def _spread(values: list[float], unit: str) -> str:
    if not values:
        return "-"
    middle = f"{_number(median(values))} {unit}".strip()
    if len(values) == 1 or min(values) == max(values):
        return middle
    return f"{middle} [{_number(min(values))}-{_number(max(values))}]"


def _ratio(row: Row, ours: list[float], theirs: list[float]) -> str:
    if row.unit == "%" or not ours or not theirs or median(ours) <= 0:
        return ""
    return f"{median(theirs) / median(ours):,.1f}x"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.3g}"
