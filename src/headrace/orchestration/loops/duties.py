"""The duties of a server, and the loop that does them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import NamedTuple

from headrace.orchestration.loops import zombies
from headrace.schema.base import now
from headrace.settings.server import ServicesSettings
from headrace.store.connection import Connection
from headrace.store.store import Store

__all__ = ["Duty", "duties_of", "start"]


class Duty(NamedTuple):
    """Something that a server does at intervals.

    Args:
        name: Its name on the command line.
        about: What it does, in a sentence.
        seconds: From the end of one turn to the start of the next.
        enabled: Whether the settings want it.
        tick: Does it, in a transaction of its own. Several servers may do it at the same time.
    """

    name: str
    about: str
    seconds: float
    enabled: bool
    tick: Callable[[Connection, datetime], object]


def duties_of(settings: ServicesSettings) -> list[Duty]:
    """The duties of a server with these settings."""
    return [
        Duty(
            "zombies",
            "Records flow runs whose process has died as Crashed.",
            settings.repossessor.loop_seconds,
            settings.repossessor.enabled,
            zombies.tick,
        ),
    ]


def start(store: Store, duties: list[Duty]) -> Callable[[], None]:
    """Do the enabled duties at their intervals, on the store's writer thread.

    Returns:
        A function that stops them.
    """
    stops = [store.every(duty.seconds, partial(_turn, duty)) for duty in duties if duty.enabled]

    def stop() -> None:
        for each in stops:
            each()

    return stop


def _turn(duty: Duty, conn: Connection) -> None:
    duty.tick(conn, now())
