"""Tables: rich on a terminal that is wide enough, aligned text elsewhere; ids are never cut."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from headrace.cli.output import Cell, Column, show_pairs, show_table

pty = pytest.importorskip("pty")


def on_a_terminal(words, environment, columns, **variables):
    """What `headrace WORDS` writes to a terminal of that width."""
    controller, terminal = pty.openpty()
    env = {**environment, "TERM": "xterm-256color", "COLUMNS": str(columns), **variables}
    child = subprocess.Popen(
        [sys.executable, "-m", "headrace", *words], stdout=terminal, stderr=terminal, env=env
    )
    os.close(terminal)
    written = b""
    while chunk := _read(controller):
        written += chunk
    os.close(controller)
    assert child.wait(30) == 0
    return written.decode()


def _read(controller):
    try:
        return os.read(controller, 65536)
    except OSError:  # Linux's way to say that the other side is closed
        return b""


def test_a_wide_terminal_gets_a_table_in_colour(recorded, environment):
    written = on_a_terminal(["flow-run", "ls"], environment, 150)
    assert "━" in written
    assert "\x1b[" in written
    assert str(recorded.good.id) in written


def test_colours_can_be_switched_off(recorded, environment):
    written = on_a_terminal(["flow-run", "ls"], environment, 150, HEADRACE_CLI_COLORS="false")
    assert "\x1b[3" not in written


@pytest.mark.parametrize("columns", [30, 100, 200])
def test_ids_are_whole_on_a_terminal_of_any_width(recorded, environment, columns):
    written = on_a_terminal(["flow-run", "ls"], environment, columns)
    for run in (recorded.good, recorded.child, recorded.bad):
        assert str(run.id) in written


def test_inspect_on_a_terminal(recorded, environment):
    written = on_a_terminal(["flow-run", "inspect", "laughing-nightingale"], environment, 150)
    assert "Completed" in written
    assert str(recorded.child.id) in written


def test_a_table_is_aligned_when_piped(capsys):
    show_table([Column("Id"), Column("Note")], [[Cell("1"), Cell("a\nb")], [Cell("22"), Cell("")]])
    assert capsys.readouterr().out == "ID  NOTE\n1   a b\n22  -\n"


def test_pairs_are_aligned(capsys):
    show_pairs([("a", "1"), ("long", "2\n3")], indent=2)
    assert capsys.readouterr().out == "  a:    1\n  long: 2\n        3\n"
