"""Who is measured: where its Python, its command and its store are, and which environment its processes get."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Contender:
    """An orchestrator that runs scripts which import `prefect`.

    Args:
        name: "headrace" or "prefect".
        python: Its interpreter.
        store: The name of the SQLite file in its home.
        template: A home whose store exists already; copied for measurements that should not pay for making it.
    """

    name: str
    python: Path
    store: str
    template: Path | None = field(default=None, compare=False)

    @property
    def command(self) -> Path:
        """Its command line program."""
        return self.python.with_name(self.name)

    @contextmanager
    def fresh_home(self, *, warm: bool = True) -> Iterator[Path]:
        """A home for one measurement, gone afterwards.

        Args:
            warm: With a store in it, made beforehand; otherwise empty, as on the very first run.
        """
        folder = Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-"))
        try:
            home = folder / "home"
            if warm and self.template is not None:
                shutil.copytree(self.template, home)
            yield home
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def environment(self, home: Path, *, quiet: bool) -> dict[str, str]:
        """The environment of its processes: the caller's, less everything that configures Python or a contender.

        Args:
            home: Its home folder.
            quiet: Log from WARNING on only.
        """
        ours = ("PREFECT_", "HEADRACE_", "PYTHON")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        levels = {"PREFECT_LOGGING_LEVEL": "WARNING"} if quiet else {}
        return {
            **inherited,
            **levels,
            "PREFECT_HOME": str(home),
            "HEADRACE_HOME": str(home),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # On a busy machine its own server is slow to start; that should cost it time, not the measurement.
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
            "DO_NOT_TRACK": "1",
        }


def headrace(python: Path) -> Contender:
    """Headrace with its shim, installed next to `python`."""
    return Contender("headrace", python, "headrace.db")


def prefect(python: Path) -> Contender:
    """Prefect, installed next to `python`."""
    return Contender("prefect", python, "prefect.db")
