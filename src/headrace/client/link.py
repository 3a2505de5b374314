"""The link to a server: whether it answers, and how long it is worth waiting for it.

All that speaks with the server tells the link how that went, and asks it before waiting. A server that refuses
connections, does not answer in time, answers 5xx or wants to be left alone (429) is *away*; its outage lasts until the
next answer. Runs wait for it `patience` seconds of an outage, not each but together: once one has waited in vain, the
others go on at once, until the server answers again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic

__all__ = ["BRIEF_PATIENCE", "FIRST_PATIENCE", "Link", "ServerAway"]

BRIEF_PATIENCE = 5.0
"""Seconds to wait for a server where others wait in turn: a run that is being stopped, or that executes in a process of
its own. Also how long an answer is waited for at least, however little patience there is for a server that is away."""

FIRST_PATIENCE = 30.0
"""Seconds to wait for a server that has never answered this process: maybe it is starting, maybe its address is wrong."""

QUIET_SECONDS = 30.0
"""How long after one outage was reported the next is not: a server that answers now and then is away once."""

_log = logging.getLogger("headrace.client")


class ServerAway(Exception):
    """A server did not answer, or not what it was asked.

    Args:
        reason: What happened instead.
        retry_after: In how many seconds it wants to be asked again; None when it did not say.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


class Link:
    """What this process knows of one server. For any number of threads.

    Args:
        url: The server.
        patience: Seconds that runs wait for it in one outage.
        clock: The time in seconds, from any start.

    Attributes:
        changed: Notified when the server is back, and by others when something they wait for has come about.
    """

    def __init__(self, url: str, patience: float, clock: Callable[[], float] = monotonic) -> None:
        self.url = url
        self.patience = patience
        self.changed = threading.Condition()
        self._clock = clock
        self._reason: str | None = None
        self._away_since = 0.0
        self._heard: float | None = None
        self._reported = -QUIET_SECONDS
        self._given_up = False

    @property
    def isaway(self) -> bool:
        """Whether the server did not answer the last time."""
        return self._reason is not None

    @property
    def isknown(self) -> bool:
        """Whether the server has ever answered this process."""
        return self._heard is not None

    @property
    def reason(self) -> str:
        """Why it counts as away."""
        return self._reason or "it does not answer in time"

    def time(self) -> float:
        """The time, as the other methods take it."""
        return self._clock()

    def answered(self) -> None:
        """The server has answered."""
        with self.changed:
            self._heard = self._clock()
            reason, self._reason, self._given_up = self._reason, None, False
            if reason is not None:
                self.changed.notify_all()
        if reason is not None:
            _log.info("The server at %s is back.", self.url)

    def failed(self, problem: ServerAway, since: float) -> None:
        """The server did not answer what it was asked at the time `since`."""
        now = self._clock()
        with self.changed:
            begins = self._reason is None
            self._reason = problem.reason
            if begins:
                self._away_since = since
            reports = begins and now >= self._reported + QUIET_SECONDS
            if reports:
                self._reported = now
        if reports:
            _log.warning(
                "The server at %s is away: %s. Runs go on; what they record is kept on disk and sent when it is back.",
                self.url,
                problem.reason,
            )

    def patience_left(self, waiting_since: float, patience: float) -> float:
        """How many seconds more to wait for the server; 0 when it is to be waited for no longer.

        Args:
            waiting_since: When the waiting began.
            patience: How long it may take from the last sign of the server.
        """
        with self.changed:
            if self._given_up:
                return 0.0
            if self._heard is None:
                patience = min(patience, FIRST_PATIENCE)
            if self._reason is not None:
                begun = self._away_since
            else:
                begun = max(waiting_since, self._heard or waiting_since)
                patience = max(patience, BRIEF_PATIENCE)
            return max(0.0, patience - (self._clock() - begun))

    def give_up(self) -> None:
        """Nobody is to wait for the server any more, until it answers."""
        with self.changed:
            is_first, self._given_up = not self._given_up, True
            self.changed.notify_all()
        if is_first:
            _log.warning("The server at %s stays away (%s): runs go on without it.", self.url, self.reason)

    def await_change(self, seconds: float) -> None:
        """Wait until the server is back, `seconds` at most."""
        with self.changed:
            self.changed.wait_for(lambda: not self.isaway, timeout=seconds)

    def start_over(self) -> None:
        """In the child of a fork: other threads may have held the lock, and patience is new."""
        self.changed = threading.Condition()
        self._reason, self._given_up = None, False
