"""The engine's side of orchestration: an orchestrator and the recorder that writes to it, one pair per database."""

from __future__ import annotations

import os
import threading
from typing import NamedTuple

from headrace.client.local import LocalOrchestrator, get_orchestrator
from headrace.engine.recorder import Recorder


class Session(NamedTuple):
    """What runs of this process report to."""

    orchestrator: LocalOrchestrator
    recorder: Recorder


_sessions: dict[int, Session] = {}
_lock = threading.Lock()


def current_session() -> Session:
    """The session on the configured database, begun on first use.

    Raises:
        StoreError: The database cannot be used; the message says why and what to do.
    """
    orchestrator = get_orchestrator()
    session = _sessions.get(id(orchestrator))
    if session is not None and session.orchestrator is orchestrator:
        return session
    with _lock:
        session = _sessions.get(id(orchestrator))
        if session is None or session.orchestrator is not orchestrator:
            session = _sessions[id(orchestrator)] = Session(orchestrator, Recorder(orchestrator))
        return session


def _forget_parents_records() -> None:
    """In a forked child: what the parent has yet to write is the parent's to write."""
    global _lock
    _lock = threading.Lock()
    for session in _sessions.values():
        session.recorder.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents_records)
