"""The entry point of the command line: its groups, its global options, and how every error ends.

A command's module is named here by a string and imported when the command is called, so that `headrace --help` costs
no more than the parser.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, CycloptsError, Parameter

from headrace import __version__
from headrace.cli.exit_codes import INTERRUPTED, PIPE_CLOSED, TERMINATED, UNSUCCESSFUL, USAGE
from headrace.cli.output import say_error
from headrace.exceptions import ExternalSignal, HeadraceException

if TYPE_CHECKING:
    from headrace.settings import Settings

__all__ = ["build_app", "main"]

RUN_HELP = """Run a flow from a file or a module.

The exit code says how the run ended: 0 Completed, 1 Failed, 3 Crashed, 4 Cancelled, 5 not ended (paused, suspended);
2 means that the command line was not understood, 130 and 143 that Ctrl-C and SIGTERM stopped the run."""

COMMANDS = (
    ("run", "run", (), RUN_HELP),
    ("flow_run", "flow-run", ("flow-runs",), "Look at flow runs."),
    ("task_run", "task-run", ("task-runs",), "Look at task runs."),
    ("config", "config", (), "Look at settings."),
    ("version", "version", (), "Show the versions of Headrace and of what it stands on."),
)
"""A command's module, its name, other names, and its help."""

HELP = "Run Python workflows, and look at what they did."


def main(tokens: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        tokens: The words after the program's name; those of the process when left out.

    Returns:
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # What runs logged may hold characters that the terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if tokens is None else tokens)
    return _ending(lambda: _dispatch(words))


def build_app() -> App:
    """The parser of the command line, with all groups named and none imported."""
    app = App(
        name="headrace",
        help=HELP,
        help_format="plaintext",
        help_flags=("--help", "-h"),
        version=__version__,
        version_flags=("--version", "-v"),
        result_action="return_value",
    )
    for module, name, aliases, text in COMMANDS:
        app.command(f"headrace.cli.{module}:app", name=(name, *aliases), help=text)

    @app.default
    def show_help(*, profile: Annotated[str | None, Parameter(name=("--profile", "-p"))] = None) -> None:
        """Show this page.

        Args:
            profile: The profile to use, given before the command.
        """
        app.help_print([])

    return app


def _dispatch(words: list[str]) -> int:
    profile, rest = split_profile(words)
    _check_command(rest)
    if profile is not None:
        _use(profile)
    code = build_app()(rest, exit_on_error=False, print_error=False)
    sys.stdout.flush()
    return code or 0


def split_profile(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The profile named before the command, and the remaining words.

    Taken by hand because `-p` means something else to commands.

    Raises:
        CycloptsError: `--profile` has no name after it.
    """
    if words and words[0].startswith("--profile="):
        return words[0].partition("=")[2], list(words[1:])
    if words and words[0] in ("--profile", "-p"):
        if len(words) < 2:
            raise CycloptsError(msg=f"{words[0]} needs the name of a profile.")
        return words[1], list(words[2:])
    return None, list(words)


def _check_command(words: Sequence[str]) -> None:
    names = [name for _, command, aliases, _ in COMMANDS for name in (command, *aliases)]
    if words and not words[0].startswith("-") and words[0] not in names:
        import difflib

        close = difflib.get_close_matches(words[0], names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise CycloptsError(msg=f"There is no command {words[0]!r}.{hint}")


def _use(profile: str) -> None:
    from headrace.settings import use_settings
    from headrace.settings.load import load_settings

    settings: Settings = load_settings(profile=profile)
    os.environ["HEADRACE_PROFILE"] = profile  # for the processes that a flow starts
    use_settings(settings)


def _ending(command: Callable[[], int]) -> int:
    """The exit code of `command`, with one message for any error that a user can cause."""
    try:
        return command()
    except CycloptsError as exc:
        say_error(f"{_sentence(exc)}\nSee `{_help_command(exc)}`.")
        return USAGE
    except HeadraceException as exc:
        say_error(str(exc))
        return UNSUCCESSFUL
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python flushes stdout once more at exit: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except ExternalSignal:
        return TERMINATED


def _sentence(exc: CycloptsError) -> str:
    return str(exc).strip()


def _help_command(exc: CycloptsError) -> str:
    return " ".join(["headrace", *(exc.command_chain or ()), "--help"])
