"""What commands write: tables, JSON and errors; rich on a terminal, plain text when piped."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from cyclopts import Parameter

from headrace.exceptions import HeadraceException

if TYPE_CHECKING:
    from headrace.settings.program import CLISettings

__all__ = [
    "Cell",
    "Column",
    "Output",
    "cli_settings",
    "json_to",
    "say",
    "say_error",
    "say_warning",
    "show_pairs",
    "show_table",
    "stdout_to_stderr",
]

Output = Annotated[
    Literal["text", "json"],
    Parameter(name=("--output", "-o"), help="`json` writes JSON and nothing else."),
]
"""The option `--output` of every command that shows something."""

_NARROWEST = 12
"""The fewest characters that a column of free text is worth showing in."""


class Column(NamedTuple):
    """A column of a table.

    Args:
        name: Its heading.
        width: Its cells' width where they must not be wrapped; 0 for free text.
    """

    name: str
    width: int = 0


class Cell(NamedTuple):
    """A cell's text and, on a terminal, its style."""

    text: str
    style: str = ""


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(text + "\n")


def say_error(text: str) -> None:
    """Write what went wrong, as one message, where errors go."""
    sys.stderr.write(f"Error: {text}\n")


def say_warning(text: str) -> None:
    """Write what the user should know although the command did what was asked, where errors go."""
    sys.stderr.write(f"Warning: {text}\n")


def cli_settings() -> CLISettings:
    """The command line's own settings; the defaults if none can be loaded, for commands that mend them must still talk."""
    from headrace.settings import get_current_settings
    from headrace.settings.program import CLISettings

    try:
        return get_current_settings().cli
    except HeadraceException:
        return CLISettings()


def json_to(value: Any) -> None:
    """Write a value, schemas included, as indented JSON."""
    import msgspec

    from headrace.schema.base import encode

    say(msgspec.json.format(encode(value), indent=2).decode())


def show_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """Write a table: with lines and colours where the terminal is wide enough for it, else aligned text."""
    if sys.stdout.isatty() and _terminal_width() >= _width_needed(columns):
        _show_rich(columns, rows)
    else:
        _show_plain(columns, rows)


def show_pairs(pairs: Sequence[tuple[str, Cell | str]], indent: int = 0) -> None:
    """Write names and values, aligned, one pair a line; further lines of a value begin where its first does."""
    width = max((len(name) for name, _ in pairs), default=0) + 2
    for name, value in pairs:
        text, style = value if isinstance(value, Cell) else Cell(value)
        text = text.replace("\n", "\n" + " " * (indent + width))
        say(f"{' ' * indent}{name + ':':<{width}}{_coloured(text, style)}")


@contextlib.contextmanager
def stdout_to_stderr() -> Iterator[None]:
    """Send what anything writes to standard output, child processes included, to standard error instead."""
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


def _show_plain(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    lines = [
        [column.name.upper() for column in columns],
        *([_one_line(cell.text) for cell in row] for row in rows),
    ]
    widths = [max(map(len, texts)) for texts in zip(*lines, strict=True)]
    for line in lines:
        say("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _one_line(text: str) -> str:
    return " ".join(text.split()) or "-"


def _show_rich(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for column in columns:
        if column.width:
            table.add_column(column.name, no_wrap=True, min_width=column.width)
        else:
            table.add_column(column.name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_one_line(cell.text), cell.style) for cell in row))
    _console().print(table)


def _console() -> Any:
    from rich.console import Console

    return Console(no_color=not cli_settings().colors, width=_terminal_width())


def _coloured(text: str, style: str) -> str:
    if not style or not sys.stdout.isatty():
        return text
    from rich.text import Text

    console = _console()
    with console.capture() as captured:
        console.print(Text(text, style), end="", soft_wrap=True)
    return str(captured.get())


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns


def _width_needed(columns: Sequence[Column]) -> int:
    """The least width of a terminal in which rich cuts no fixed column: each has a line and two blanks around it."""
    return sum((column.width or _NARROWEST) + 3 for column in columns) + 1
