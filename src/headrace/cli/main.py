"""The entry point of the command line: its groups, its global options, and how every error ends.

A command's module is named here by a string and imported when the command is called, so that `headrace --help` costs
no more than the parser.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple

from cyclopts import App, CycloptsError, Parameter

from headrace import __version__
from headrace.cli.exit_codes import INTERRUPTED, PIPE_CLOSED, TERMINATED, UNSUCCESSFUL, USAGE
from headrace.cli.output import say_error
from headrace.exceptions import ExternalSignal, HeadraceException

__all__ = ["build_app", "main"]

RUN_HELP = """Run a flow from a file or a module.

The exit code says how the run ended: 0 Completed, 1 Failed, 3 Crashed, 4 Cancelled, 5 not ended (paused, suspended);
2 means that the command line was not understood, 130 and 143 that Ctrl-C and SIGTERM stopped the run."""

COMMANDS = (
    ("run", "run", (), RUN_HELP),
    ("flow", "flow", ("flows",), "Look at flows."),
    ("flow_run", "flow-run", ("flow-runs",), "Look at flow runs; cancel, retry and delete them."),
    ("task_run", "task-run", ("task-runs",), "Look at task runs."),
    ("server", "server", (), "Start, stop and look at the server."),
    ("profile", "profile", ("profiles",), "Named sets of settings: make, choose and look at them."),
    ("config", "config", (), "Look at settings and change them."),
    ("event", "event", ("events",), "Emit events, and watch them as they happen."),
    ("api", "api", (), "Send a request to the API."),
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
    def show_help(
        *,
        profile: Annotated[str | None, Parameter(name=("--profile", "-p"))] = None,
        prompt: bool | None = None,
    ) -> None:
        """Show this page.

        Args:
            profile: The profile to use, given before the command.
            prompt: Whether commands may ask questions, given before the command; only on a terminal when left out.
        """
        app.help_print([])

    return app


class GlobalOptions(NamedTuple):
    """What is given before the command.

    Args:
        profile: The profile to use.
        prompt: Whether commands may ask questions.
    """

    profile: str | None = None
    prompt: bool | None = None


def _dispatch(words: list[str]) -> int:
    options, rest = split_options(words)
    _check_command(rest)
    _apply(options)
    code = build_app()(rest, exit_on_error=False, print_error=False)
    sys.stdout.flush()
    return code or 0


def split_options(words: Sequence[str]) -> tuple[GlobalOptions, list[str]]:
    """The options given before the command, and the remaining words.

    Taken by hand because `-p` means something else to commands.

    Raises:
        CycloptsError: `--profile` has no name after it.
    """
    options, rest = GlobalOptions(), list(words)
    while rest:
        if rest[0].startswith("--profile="):
            options = options._replace(profile=rest.pop(0).partition("=")[2])
        elif rest[0] in ("--profile", "-p"):
            if len(rest) < 2:
                raise CycloptsError(msg=f"{rest[0]} needs the name of a profile.")
            options, rest = options._replace(profile=rest[1]), rest[2:]
        elif rest[0] in ("--prompt", "--no-prompt"):
            options = options._replace(prompt=rest.pop(0) == "--prompt")
        else:
            break
    return options, rest


def _check_command(words: Sequence[str]) -> None:
    names = [name for _, command, aliases, _ in COMMANDS for name in (command, *aliases)]
    if words and not words[0].startswith("-") and words[0] not in names:
        import difflib

        close = difflib.get_close_matches(words[0], names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise CycloptsError(msg=f"There is no command {words[0]!r}.{hint}")


def _apply(options: GlobalOptions) -> None:
    """Put the options where this process and those that it starts find them: the environment.

    The settings themselves are read when the command asks for them, so that it can also mend a profile whose values
    cannot be used.
    """
    if options == GlobalOptions():
        return
    from headrace.settings.current import forget_settings
    from headrace.settings.load import find_profiles_path
    from headrace.settings.profiles import read_profiles

    if options.profile is not None:
        os.environ["HEADRACE_PROFILE"] = read_profiles(find_profiles_path())[options.profile].name
    if options.prompt is not None:
        os.environ["HEADRACE_CLI_PROMPT"] = str(options.prompt).lower()
    forget_settings()


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
    except _network_errors() as exc:
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


def _network_errors() -> tuple[type[Exception], ...]:
    """What the client raises when the API cannot be reached, if the command has used it."""
    httpx = sys.modules.get("httpx")
    return () if httpx is None else (httpx.TransportError, httpx.InvalidURL)


def _sentence(exc: CycloptsError) -> str:
    return str(exc).strip()


def _help_command(exc: CycloptsError) -> str:
    return " ".join(["headrace", *(exc.command_chain or ()), "--help"])
