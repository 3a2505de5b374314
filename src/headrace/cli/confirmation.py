"""Asking before something is done that cannot be undone."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from headrace.cli.output import cli_settings
from headrace.exceptions import ConfigurationError

__all__ = ["Yes", "confirm", "is_confirmed"]

Yes = Annotated[bool, Parameter(name=("--yes", "-y"), negative=(), help="Do it without asking.")]
"""The option of every command that asks."""


def is_confirmed(question: str, yes: bool = False) -> bool:
    """Whether the user agrees. Where nobody can be asked, as in scripts, calling the command was agreement enough.

    Args:
        question: A question that `y` agrees to.
        yes: What the option said; nobody is asked then.
    """
    return yes or not _may_ask() or _is_answered_yes(question)


def confirm(question: str, yes: bool = False) -> None:
    """Go on only if the user agrees in so many words: in scripts too.

    Args:
        question: A question that `y` agrees to.
        yes: What the option said; nobody is asked then.

    Raises:
        ConfigurationError: Nobody can be asked, or the answer is no.
    """
    if yes:
        return
    if not _may_ask():
        raise ConfigurationError(f"{question} Nobody can be asked here: say --yes.")
    if not _is_answered_yes(question):
        raise ConfigurationError("Nothing was changed.")


def _may_ask() -> bool:
    prompt = cli_settings().prompt
    return prompt if prompt is not None else sys.stdin.isatty() and sys.stderr.isatty()


def _is_answered_yes(question: str) -> bool:
    sys.stderr.write(f"{question} [y/N]: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
