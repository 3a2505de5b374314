"""Consoles of all kinds: terminals, odd encodings, and those that are gone."""

from __future__ import annotations

import io
import logging
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.engine.context import FlowRunContext
from headrace.logging import get_logger, get_run_logger
from headrace.logging.handlers import ConsoleHandler, shows_colors

RUN_LINES = """
    import logging, uuid
    from headrace.logging import get_logger
    from headrace.logging.engine_lines import log_flow_run
    from headrace.schema.runs import FlowRun
    get_logger("x").warning("Watch https://example.com/a out")
    run = FlowRun(flow_id=uuid.uuid4(), name="two-words")
    log_flow_run(run, logging.INFO, "Beginning flow run 'two-words' for flow 'greet'", None)
    log_flow_run(run, logging.ERROR, "Finished in state Failed('no rows')", None)
"""


def on_a_terminal(source: str, folder: Path, **variables: str) -> str:
    """What a program shows on a terminal."""
    (folder / "script.py").write_text("import textwrap\nexec(textwrap.dedent('''" + source + "'''))")
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", **variables}
    try:
        subprocess.run([sys.executable, "script.py"], stderr=slave, env=environment, cwd=folder, check=True)
        return os.read(master, 65536).decode()
    finally:
        os.close(slave)
        os.close(master)


def test_a_terminal_gets_colours(tmp_path: Path) -> None:
    text = on_a_terminal(RUN_LINES, tmp_path)
    assert "\x1b[33mWARNING\x1b[0m | headrace.x - Watch \x1b[94mhttps://example.com/a\x1b[0m out" in text
    assert "\x1b[36mINFO\x1b[0m    | Flow run \x1b[35m'two-words'\x1b[0m - Beginning" in text
    assert "for flow \x1b[1;35m'greet'\x1b[0m" in text
    assert "in state \x1b[31mFailed\x1b[0m('no rows')" in text


@pytest.mark.parametrize("variable", [{"HEADRACE_LOGGING_COLORS": "0"}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_gets_no_colours_where_they_are_not_wanted(
    tmp_path: Path, variable: dict[str, str]
) -> None:
    assert "\x1b" not in on_a_terminal(RUN_LINES, tmp_path, **variable)


def test_anything_but_a_terminal_gets_no_colours(
    run_program: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run_program(RUN_LINES, TERM="xterm-256color")
    assert "two-words" in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stdout == ""


def test_old_windows_consoles_get_no_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    assert shows_colors(Terminal())
    monkeypatch.setattr(sys, "platform", "win32")
    for name in ("WT_SESSION", "ANSICON", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert not shows_colors(Terminal())
    monkeypatch.setenv("WT_SESSION", "1")
    assert shows_colors(Terminal())


def test_markup_is_read_when_it_is_switched_on(
    way: str, flow_context: FlowRunContext, configure: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().info("[red]hot[/red]")
    configure(HEADRACE_LOGGING_MARKUP="1")
    get_run_logger().info("[red]hot[/red]")
    get_run_logger().info("[/red] is no markup")
    lines = [text.partition(" - ")[2] for text in capsys.readouterr().err.splitlines()]
    assert lines == ["[red]hot[/red]", "hot", "[/red] is no markup"]


def test_markup_is_drawn_on_a_terminal(tmp_path: Path) -> None:
    text = on_a_terminal(
        'from headrace.logging import get_logger; get_logger().warning("[red]hot[/red]")',
        tmp_path,
        HEADRACE_LOGGING_MARKUP="1",
    )
    assert "\x1b[31mhot\x1b[0m" in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-16"])
def test_characters_that_a_console_cannot_show_are_escaped(
    way: str, flow_context: FlowRunContext, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    body = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(body, encoding=encoding, line_buffering=True))
    get_run_logger().info("Größe \U0001f600 \udcff")
    shown = body.getvalue().decode(encoding)
    assert shown.endswith("\\udcff\n")
    assert ("\U0001f600" in shown) == (encoding == "utf-16")


def test_bytes_of_file_names_that_are_not_utf_8_pass(
    run_program: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    done = run_program(
        """
        import os
        from headrace.logging import get_logger
        get_logger().warning("Cannot read %s", os.fsdecode(b"caf\\xe9"))
        """
    )
    assert "Cannot read caf\\udce9" in done.stderr


class Gone(io.StringIO):
    """A console that fails as the operating system makes it fail."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str) -> int:
        raise self._error


@pytest.mark.parametrize(
    "stream",
    [
        None,
        Gone(BrokenPipeError()),
        Gone(OSError(9, "EBADF")),
        Gone(RuntimeError("a user's own stream")),
        object(),
    ],
    ids=["none", "broken pipe", "closed descriptor", "own stream", "no stream at all"],
)
def test_a_console_that_is_gone_costs_only_the_line(
    way: str, flow_context: FlowRunContext, recorder: object, monkeypatch: pytest.MonkeyPatch, stream: object
) -> None:
    logger = get_run_logger()
    monkeypatch.setattr(sys, "stderr", stream)
    logger.info("Still recorded")
    assert recorder.messages == ["Still recorded"]  # type: ignore[attr-defined]


def test_a_closed_console_costs_only_the_line(
    way: str, flow_context: FlowRunContext, recorder: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    get_run_logger().info("Still recorded")
    assert recorder.messages == ["Still recorded"]  # type: ignore[attr-defined]


def test_a_program_whose_reader_left_goes_on(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from headrace.logging import get_logger\n"
        "sys.stdin.read()\n"  # until the other end of stderr is closed
        "for number in range(10_000): get_logger().warning('line %s', number)\n"
        "print('done')\n"
    )
    program = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert program.stderr is not None
    program.stderr.close()
    program.stderr = None
    out, _ = program.communicate()
    assert out == b"done\n"
    assert program.returncode == 0


def test_a_line_of_ten_megabytes_is_one_line(
    way: str, flow_context: FlowRunContext, capsys: pytest.CaptureFixture[str]
) -> None:
    get_run_logger().info("x" * 10_000_000)
    assert re.fullmatch(r".{12} \| INFO    \| Flow run 'two-words' - x{10000000}\n", capsys.readouterr().err)


def test_lines_of_threads_do_not_mix(run_program: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run_program(
        """
        import threading, uuid
        from headrace.logging import get_logger
        from headrace.logging.engine_lines import log_flow_run
        from headrace.schema.runs import FlowRun
        get_logger()
        run = FlowRun(flow_id=uuid.uuid4(), name="two-words")
        def work(letter):
            for _ in range(200):
                log_flow_run(run, 20, letter * 300, None)
        threads = [threading.Thread(target=work, args=(letter,)) for letter in "abcd"]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        """
    )
    lines = done.stderr.splitlines()
    assert len(lines) == 800
    assert all(
        re.fullmatch(r".{12} \| INFO    \| Flow run 'two-words' - (a+|b+|c+|d+)", text) for text in lines
    )


def test_a_formatter_of_the_users_that_raises_is_reported(
    way: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            raise KeyError("tenant")

    handler = ConsoleHandler()
    handler.setFormatter(Broken())
    logger = get_logger("reports")
    logger.addHandler(handler)
    try:
        logger.warning("Hm")
    finally:
        logger.removeHandler(handler)
    assert re.search(
        r"--- Logging error at .*test_console_streams\.py:\d+ ---", text := capsys.readouterr().err
    )
    assert "KeyError: 'tenant'" in text


def test_an_error_report_without_a_console_costs_nothing(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = ConsoleHandler()
    monkeypatch.setattr(sys, "stderr", None)
    handler.handleError(logging.makeLogRecord({}))


def test_a_stream_of_ones_own_is_written_to() -> None:
    stream = io.StringIO()
    handler = ConsoleHandler(stream)
    handler.emit(logging.makeLogRecord({"name": "mine", "msg": "Hello", "levelname": "INFO"}))
    assert stream.getvalue().endswith(" | INFO    | mine - Hello\n")
