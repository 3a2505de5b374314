"""The sender: one thread that brings what waits in the outboxes to the server, one request at a time.

One request at a time keeps the order of what is in an outbox, and with it the order within each run. What processes that
are gone have left behind is sent in turn with this process's own: it delays a flow by one request, not by all of it.

Where no thread can be started any more, late in the interpreter's exit, whoever waits does the work.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from pathlib import Path

from headrace.client.delivery import Delivery
from headrace.client.link import BRIEF_PATIENCE, Link, ServerAway
from headrace.client.outbox import UNREADABLE, Frame, Outbox, orphans

__all__ = ["MAX_PAUSE", "Sender"]

FIRST_PAUSE, MAX_PAUSE = 0.1, 10.0
"""Seconds between two tries while the server is away: first, and at most; each is twice the one before."""

SLICE = 0.25
"""The longest wait without a look around, so that Ctrl-C gets through to a main thread that waits."""

_log = logging.getLogger("headrace.client")


class Sender:
    """Sends outboxes.

    Args:
        outbox: The outbox of this process.
        folder: Where the outboxes of others are.
        delivery: What brings one piece to the server.
        link: What is known of the server.
    """

    def __init__(self, outbox: Outbox, folder: Path, delivery: Delivery, link: Link) -> None:
        self._outbox = outbox
        self._folder = folder
        self._delivery = delivery
        self._link = link
        self._inherited: list[Outbox] = []  # replaced, never changed
        self._own_turn = True
        self._sending = threading.Lock()  # held while something is sent
        self._tries = 0
        self._hurries = False  # not to pause before the next try
        self._rests = False  # because the server asked for it
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def isbusy(self) -> bool:
        """Whether something of this process is not acknowledged yet."""
        return not self._outbox.isempty

    @property
    def waiting(self) -> list[Outbox]:
        """The outboxes in which something waits."""
        return [box for box in (self._outbox, *self._inherited) if not box.isempty]

    def wake(self) -> None:
        """There is something to send."""
        if self._thread is None:
            self._start()
        with self._link.changed:
            self._link.changed.notify_all()

    def adopt(self) -> None:
        """Take over what processes that are gone have left."""
        for orphan in orphans(self._folder, self._link.url):
            if orphan.isempty:
                orphan.close()
                continue
            _log.info(
                "Sending %d record(s) to %s that an earlier process has left in %s.",
                orphan.records,
                self._link.url,
                orphan.paths[0],
            )
            with self._link.changed:
                self._inherited = [*self._inherited, orphan]
            self.wake()

    def wait(self, patience: float, *, leaving: bool = False) -> bool:
        """Wait until all is acknowledged that is in this process's outbox now.

        However long the server has been away, it is tried once more first, unless it asked to be left alone.

        Args:
            patience: Seconds to wait from the last sign of the server.
            leaving: For the last time: wait also for what others have left, and for a request that is under way.

        Returns:
            Whether it is; if not, nobody should wait until the server answers again.
        """
        target, since = self._outbox.appended, self._link.time()
        tries = self._tries + (self._hurry() or (leaving and not self._rests))
        while self._outbox.advanced < target or (leaving and self._inherited):
            left = self._link.patience_left(since, patience)
            if not left and (self._tries >= tries or self._link.time() - since > BRIEF_PATIENCE):
                self._link.give_up()
                return False
            if self._thread is None and not self._start():
                self._send_here(left)
                continue
            with self._link.changed:
                self._link.changed.wait(min(left or SLICE, SLICE))
        return True

    def _hurry(self) -> bool:
        """Have the next try made now, if none is under way; whether it is."""
        if self._rests or self._sending.locked():
            return False
        self._hurries = True
        self.wake()
        return True

    def send_directly(self, body: bytes) -> None:
        """Send records that could not be put in the outbox, after all that is in it.

        Args:
            body: The batch, compressed.

        Raises:
            ServerAway: They could not be sent either.
        """
        with self._sending:
            while frames := self._outbox.next():
                self._try(self._outbox, frames)
            since = self._link.time()
            try:
                self._delivery.send_records(body)
            except ServerAway as problem:
                self._link.failed(problem, since)
                raise
            self._link.answered()

    def close(self) -> None:
        """Send nothing more, after the request under way."""
        self._closed = True
        with self._link.changed:
            self._link.changed.notify_all()
        inherited, self._inherited = self._inherited, []
        for box in inherited:
            box.close()

    def start_over(self) -> None:
        """In the child of a fork: the thread is not here, and what was taken over is the parent's to send."""
        for box in self._inherited:
            box.start_over()
        self._inherited = []
        self._sending = threading.Lock()
        self._thread = None

    # --- the thread -------------------------------------------------------------------------------------------

    def _start(self) -> bool:
        with self._link.changed:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="headrace-sender", daemon=True)
                with suppress(RuntimeError):  # the interpreter is exiting
                    thread.start()
                    self._thread = thread
            return self._thread is not None

    def _run(self) -> None:
        pause = FIRST_PAUSE
        while not self._closed:
            was_away = self._link.isaway
            try:
                sent = self._send_next()
            except ServerAway as problem:
                self._pause(problem.retry_after or pause, rests=problem.retry_after is not None)
                pause = min(2 * pause, MAX_PAUSE)
            except Exception:
                _log.exception("Sending to the server at %s failed; it will be tried again.", self._link.url)
                self._pause(pause)
                pause = min(2 * pause, MAX_PAUSE)
            else:
                pause = FIRST_PAUSE
                if was_away and not self._link.isaway:
                    self.adopt()  # others may have ended meanwhile
                if not sent:
                    self._await_work()

    def _send_next(self) -> bool:
        """Send one piece; False when nothing waits."""
        with self._sending:
            self._hurries = False
            for box in self._turns():
                frames = box.next()
                if frames:
                    self._try(box, frames)
                    return True
                if box is not self._outbox:
                    box.close()
                    with self._link.changed:
                        self._inherited = [other for other in self._inherited if other is not box]
                        self._link.changed.notify_all()
        return False

    def _turns(self) -> list[Outbox]:
        """The outboxes, the one first whose turn it is."""
        self._own_turn = not self._own_turn
        inherited = self._inherited[:1]  # one after the other: the order may matter among them
        return [*inherited, self._outbox] if self._own_turn else [self._outbox, *inherited]

    def _try(self, box: Outbox, frames: list[Frame]) -> None:
        since = self._link.time()
        try:
            self._delivery.deliver(frames)
        except ServerAway as problem:
            self._link.failed(problem, since)
            self._tries += 1
            raise
        if frames[0].kind != UNREADABLE:
            self._link.answered()
        box.advance(frames)
        self._tries += 1
        with self._link.changed:
            self._link.changed.notify_all()

    def _await_work(self) -> None:
        with self._link.changed:
            self._link.changed.wait_for(lambda: self._closed or self.isbusy or bool(self._inherited))

    def _pause(self, seconds: float, *, rests: bool = False) -> None:
        """Let some time pass before the next try.

        Args:
            seconds: How long.
            rests: Not less, whatever happens; else the pause ends when somebody hears of the server, or is in a hurry.
        """

        def is_over() -> bool:
            return self._closed or (not rests and (self._hurries or not self._link.isaway))

        self._rests = rests
        with self._link.changed:
            self._link.changed.wait_for(is_over, timeout=seconds)
        self._rests = False

    def _send_here(self, left: float) -> None:
        try:
            self._send_next()
        except ServerAway as problem:
            self._pause(min(left, problem.retry_after or FIRST_PAUSE), rests=True)
