"""Parts of `inspect` that flow runs and task runs share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headrace.cli.output import Cell, Column, say, show_pairs, show_table
from headrace.cli.words import duration, instant, state_cell
from headrace.schema.base import encode
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State

__all__ = ["show_history", "shown_parameters", "shown_tags", "timing"]

_LONGEST_VALUE = 300
"""Characters of a parameter's value that are shown as text; JSON has it whole."""


def timing(run: FlowRun | TaskRun) -> list[tuple[str, Cell | str]]:
    """The run's state and times as names and values."""
    state = run.state
    pairs: list[tuple[str, Cell | str]] = [("State", state_cell(run.state_type, run.state_name))]
    if state is not None and state.message:
        pairs.append(("Message", state.message.strip()))
    return [
        *pairs,
        ("Created", instant(run.created)),
        ("Expected", instant(run.expected_start_time)),
        ("Started", instant(run.start_time)),
        ("Ended", instant(run.end_time)),
        ("Duration", duration(run.estimated_run_time) if run.start_time else "-"),
        ("Attempts", str(run.run_count)),
    ]


def shown_tags(tags: Sequence[str]) -> str:
    """Tags in a row."""
    return ", ".join(tags) or "none"


def shown_parameters(parameters: Mapping[str, Any]) -> None:
    """Write parameters, one a line, as JSON."""
    if parameters:
        say("\nParameters")
        show_pairs([(name, _short(encode(value).decode())) for name, value in parameters.items()], indent=2)


def show_history(states: Sequence[State[Any]]) -> None:
    """Write the states that a run went through, and how long it was in each."""
    if not states:
        return
    say("\nHistory")
    columns = [Column("Entered", 27), Column("State"), Column("For"), Column("Message")]
    ends = [*(state.timestamp for state in states[1:]), None]
    rows = [
        [
            Cell(instant(state.timestamp)),
            state_cell(state.type, state.name),
            Cell(duration((end - state.timestamp).total_seconds()) if end else "-"),
            Cell(_first_line(state.message or "")),
        ]
        for state, end in zip(states, ends, strict=True)
    ]
    show_table(columns, rows)


def _first_line(text: str) -> str:
    first, _, rest = text.strip().partition("\n")
    return f"{first} ..." if rest else first


def _short(text: str) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[:_LONGEST_VALUE]}... ({len(text):,} characters; `--output json` has all)"
