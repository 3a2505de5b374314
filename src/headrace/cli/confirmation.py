"""Asking before something is done that cannot be undone."""

from __future__ import annotations

import sys
from typing import Annotated

from cyclopts import Parameter

from headrace.cli.output import cli_settings

__all__ = ["Yes", "is_confirmed"]

Yes = Annotated[bool, Parameter(name=("--yes", "-y"), negative=(), help="Do it without asking.")]
"""The option of every command that asks."""


def is_confirmed(question: str, yes: bool = False) -> bool:
    """Whether the user agrees. Where nobody can be asked, as in scripts, calling the command was agreement enough.

    Args:
        question: A question that `y` agrees to.
        yes: What the option said; nobody is asked then.
    """
    if yes or not _may_ask():
        return True
    sys.stderr.write(f"{question} [y/N]: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _may_ask() -> bool:
    prompt = cli_settings().prompt
    return prompt if prompt is not None else sys.stdin.isatty() and sys.stderr.isatty()
