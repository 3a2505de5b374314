"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

LOOK_SECONDS = 3.0

PAUSE_SECONDS = 0.001
"""The longest step of an undisturbed loop, by far."""


def describe(python: Path) -> dict[str, Any]:
    """The machine, its load, and the interpreter that the children run on."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load_at_start": [round(load, 1) for load in os.getloadavg()],
        "paused": [percent_paused()],
        "python": _python_version(python),
        "sqlite": sqlite3.sqlite_version,
        "headrace": version("headrace"),
    }


def sentence(machine: dict[str, Any]) -> str:
    """One line of it, to print above a table."""
    return (
        f"{machine['date']}, {machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB, "
        f"{machine['system']}, Python {machine['python']}, SQLite {machine['sqlite']}, load {machine['load_at_start']}; "
        f"a busy loop stood still {_percents(machine['paused'])} of the time (before, after)"
    )


def percent_paused() -> int:
    """How much of a busy loop's time passes without it: another process has the processor then, or the host."""
    began = last = perf_counter()
    paused = 0.0
    while last - began < LOOK_SECONDS:
        this = perf_counter()
        if this - last > PAUSE_SECONDS:
            paused += this - last
        last = this
    return round(100 * paused / (last - began))


def _percents(values: list[int]) -> str:
    return ", ".join(f"{value} %" for value in values)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _python_version(python: Path) -> str:
    script = "import platform; print(platform.python_version())"
    return subprocess.run([python, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
