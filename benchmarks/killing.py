"""Kills a flow at a random instant and finds out which of its task records are lost.

Every task that has returned has left its time in a file that the killer shares (see `scripts/killed.py`); the kernel
keeps such a file when the process dies. What has a time there and no completed run in the store is lost. How long ago
it had returned when the process died is its age; the store may lose young records, and none that is older than the
guarantee says.
"""

from __future__ import annotations

import mmap
import os
import random
import signal
import sqlite3
import struct
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import Contender
from benchmarks.processes import SCRIPTS, ChildFailed, started

SETTLED_SECONDS = 3.0
"""A store to which nothing was added for so long has all it will get from a server that survives its client."""


@dataclass(frozen=True)
class Loss:
    """What a kill cost.

    Args:
        records: How many tasks had returned and are not recorded as completed.
        oldest_milliseconds: How long before the end the first of them had returned; 0 if none is lost.
    """

    records: int
    oldest_milliseconds: float


def kill_amid_tasks(contender: Contender, home: Path, count: int) -> Loss:
    """Start a flow of `count` tasks, kill it with SIGKILL between a fifth and four fifths of them.

    Raises:
        ChildFailed: The flow ended by itself before that.
    """
    shared = home.parent / "times"
    shared.write_bytes(bytes(8 * count))
    target = random.randint(count // 5, 4 * count // 5)
    script = str(SCRIPTS / "killed.py")
    with started(
        contender, home, str(contender.python), script, str(count), str(shared), quiet=True
    ) as child:
        with shared.open("r+b") as file, mmap.mmap(file.fileno(), 8 * count) as times:
            while not struct.unpack_from("d", times, 8 * target)[0]:
                if child.process.poll() is not None:
                    raise ChildFailed(f"ended before it was killed\n{child.complaint()[-3000:]}")
                time.sleep(0.0005)
            killed = time.monotonic()
            os.kill(child.process.pid, signal.SIGKILL)
            child.process.wait()
            returned = struct.unpack(f"{count}d", times[:])
        recorded = _completed_when_settled(home / contender.store)
    lost = [at for number, at in enumerate(returned) if at and f"step-{number}" not in recorded]
    died = max(killed, *returned)
    return Loss(len(lost), 1e3 * (died - min(lost)) if lost else 0.0)


def _completed_when_settled(store: Path) -> set[str]:
    completed, since = _completed(store), time.monotonic()
    while time.monotonic() - since < SETTLED_SECONDS:
        time.sleep(0.2)
        if len(now := _completed(store)) != len(completed):
            completed, since = now, time.monotonic()
    return completed


def _completed(store: Path) -> set[str]:
    with closing(sqlite3.connect(store, timeout=60)) as connection:
        return {
            name for (name,) in connection.execute("SELECT name FROM task_run WHERE state_type = 'COMPLETED'")
        }
