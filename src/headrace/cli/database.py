"""`headrace server database`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from headrace.cli.confirmation import Yes, confirm
from headrace.cli.output import say
from headrace.settings import get_current_settings

if TYPE_CHECKING:
    from headrace.store.database import Database
    from headrace.store.upkeep import Change

__all__ = ["app"]

app = App(name="database", help="Change the schema of the store.", help_format="plaintext")

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
    confirm(f"Upgrade the store {database.place}?", yes or dry_run)
    _report(upkeep.upgrade(database, revision, dry_run=dry_run), database, dry_run)


@app.command
def downgrade(*, yes: Yes = False, revision: Revision = "-1", dry_run: DryRun = False) -> None:
    """Bring the store's schema back to an older revision, for an older version of Headrace.

    Args:
        revision: The revision to reach; `-1` is the one before, `base` none at all.
    """
    from headrace.store import upkeep

    database = _database()
    confirm(
        f"Downgrade the store {database.place}? What only the newer schema can hold is lost.",
        yes or dry_run,
    )
    _report(upkeep.downgrade(database, revision, dry_run=dry_run), database, dry_run)


@app.command
def reset(*, yes: Yes = False) -> None:
    """Delete everything in the store."""
    from headrace.store import upkeep

    database = _database()
    confirm(f"Delete everything in the store {database.place}? It cannot be undone.", yes)
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
    confirm(f"Mark the store {database.place} as revision {revision}?", yes)
    _report(upkeep.stamp(database, revision), database, False)


def _database() -> Database:
    from headrace.store.store import open_database

    settings = get_current_settings().server.database
    return open_database(settings.sync_url(), synchronous=settings.sqlite_synchronous)


def _report(change: Change, database: Database, dry_run: bool) -> None:
    before, after = change.before or "none", change.after or "none"
    if before == after:
        say(f"The store {database.place} has revision {after}; there is nothing to change.")
    elif dry_run:
        say(f"The store {database.place} would go from revision {before} to {after}.")
    else:
        say(f"The store {database.place} went from revision {before} to {after}.")
