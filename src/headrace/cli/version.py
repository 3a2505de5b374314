"""`headrace version`."""

from __future__ import annotations

import platform
import sys

from cyclopts import App

from headrace import __version__
from headrace.cli.output import Output, json_to, show_pairs
from headrace.schema.versions import API_VERSION
from headrace.settings import Settings, get_current_settings

__all__ = ["app"]

app = App(name="version", result_action="return_value", help_format="plaintext")


@app.default
def version(*, output: Output = "text") -> None:
    """Show the versions of Headrace and of what it stands on."""
    facts = _facts(get_current_settings())
    if output == "json":
        json_to({name.lower().replace("/", "_").replace(" ", "_"): value for name, value in facts.items()})
    else:
        show_pairs(list(facts.items()))


def _facts(settings: Settings) -> dict[str, str]:
    return {
        "Version": __version__,
        "API version": API_VERSION,
        "Python version": platform.python_version(),
        "OS/Arch": f"{sys.platform}/{platform.machine().lower()}",
        "Profile": settings.profile,
        "Server type": f"server at {settings.api.url}" if settings.api.url else "embedded",
        **_database_facts(settings),
    }


def _database_facts(settings: Settings) -> dict[str, str]:
    scheme = settings.server.database.sync_url().partition(":")[0]
    if not scheme.startswith("sqlite"):
        return {"Database": scheme.partition("+")[0]}
    import sqlite3

    return {"Database": "sqlite", "SQLite version": sqlite3.sqlite_version}
