"""`headrace server database`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from headrace.cli.output import say
from headrace.exceptions import ConfigurationError
from headrace.settings import get_current_settings

if TYPE_CHECKING:
    from headrace.store.database import Database
    from headrace.store.upkeep import Change

__all__ = ["app"]

app = App(name="database", help="Change the schema of the store.", help_format="plaintext")

Yes = Annotated[bool, Parameter(name=("--yes", "-y"), negative=(), help="Do not ask.")]
Revision = Annotated[str, Parameter(name=("--revision", "-r"), allow_leading_hyphen=True)]
DryRun = Annotated[bool, Parameter(negative=(), help="Try it, undo it, and say what came of it.")]


@app.command
def upgrade(*, yes: Yes = False, revision: Revision = "head", dry_run: DryRun = False) -> None:
    """Bring the store's schema up to date. Opening a store does the same.

    Args:
        revision: The revision to reach; `+1` is the next.
    """
    from headrace.store import upkeep

    database = _database()
    _confirm(yes or dry_run, f"Upgrade the store {database.place}?")
    _report(upkeep.upgrade(database, revision, dry_run=dry_run), database, dry_run)


@app.command
def downgrade(*, yes: Yes = False, revision: Revision = "-1", dry_run: DryRun = False) -> None:
    """Bring the store's schema back to an older revision, for an older version of Headrace.

    Args:
        revision: The revision to reach; `-1` is the one before, `base` none at all.
    """
    from headrace.store import upkeep

    database = _database()
    _confirm(
        yes or dry_run,
        f"Downgrade the store {database.place}? What only the newer schema can hold is lost.",
    )
    _report(upkeep.downgrade(database, revision, dry_run=dry_run), database, dry_run)


@app.command
def reset(*, yes: Yes = False) -> None:
    """Delete everything in the store."""
    from headrace.store import upkeep

    database = _database()
    _confirm(yes, f"Delete everything in the store {database.place}? It cannot be undone.")
    upkeep.reset(database)
    say(f"The store {database.place} is empty.")


@app.command
def stamp(revision: str, *, yes: Yes = False) -> None:
    """Say which revision the store's schema has, without changing the schema.

    Args:
        revision: The revision.
    """
    from headrace.store import upkeep

    database = _database()
    _confirm(yes, f"Mark the store {database.place} as revision {revision}?")
    _report(upkeep.stamp(database, revision), database, False)


def _database() -> Database:
    from headrace.store.store import open_database

    settings = get_current_settings().server.database
    return open_database(settings.sync_url(), synchronous=settings.sqlite_synchronous)


def _confirm(agreed: bool, question: str) -> None:
    """Ask before something that others may not expect.

    Raises:
        ConfigurationError: Nobody can be asked, or the answer is no.
    """
    if agreed:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(f"{question} Nobody can be asked here: say --yes.")
    if input(f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise ConfigurationError("Nothing was changed.")


def _report(change: Change, database: Database, dry_run: bool) -> None:
    before, after = change.before or "none", change.after or "none"
    if before == after:
        say(f"The store {database.place} has revision {after}; there is nothing to change.")
    elif dry_run:
        say(f"The store {database.place} would go from revision {before} to {after}.")
    else:
        say(f"The store {database.place} went from revision {before} to {after}.")
