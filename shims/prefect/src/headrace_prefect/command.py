"""The command `prefect`: that of Headrace."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> int | None:
    """Run the command; returns its exit code."""
    try:
        import prefect  # noqa: F401
    except ImportError as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return 1
    from headrace.cli.main import main

    return main()
