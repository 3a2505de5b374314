"""The engine's side of orchestration: an orchestrator and the recorder that writes to it, one pair per place.

The place is the server at `api.url`, if that is set, else the embedded store.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from typing import NamedTuple

from headrace.client.local import close_orchestrators, get_orchestrator
from headrace.client.port import Orchestrator
from headrace.engine.recorder import Recorder
from headrace.exceptions import StoreError
from headrace.settings import get_current_settings


class Session(NamedTuple):
    """What runs of this process report to."""

    orchestrator: Orchestrator
    recorder: Recorder


_log = logging.getLogger("headrace.engine")

_sessions: dict[int, Session] = {}
_lock = threading.Lock()


def current_session() -> Session:
    """The session on the configured server or database, begun on first use.

    Raises:
        ConfigurationError: The server's URL is none.
        StoreError: The database cannot be used; the message says why and what to do.
    """
    orchestrator = _configured_orchestrator()
    session = _sessions.get(id(orchestrator))
    if session is not None and session.orchestrator is orchestrator:
        return session
    with _lock:
        session = _sessions.get(id(orchestrator))
        if session is None or session.orchestrator is not orchestrator:
            session = _sessions[id(orchestrator)] = Session(orchestrator, Recorder(orchestrator))
            # After the orchestrator's own, so called before it.
            atexit.unregister(_drain_recorders)
            atexit.register(_drain_recorders)
        return session


def close_sessions() -> None:
    """Write what is waiting and close every store and every connection; the next use opens them again."""
    _drain_recorders()
    http = sys.modules.get("headrace.client.http")
    if http is not None:
        http.close_http_orchestrators()
    close_orchestrators()


def _drain_recorders() -> None:
    """Write what is waiting, and say so when that cannot be: nobody else will."""
    sessions = list(_sessions.values())
    _sessions.clear()
    for session in sessions:
        if not session.recorder.waiting:
            continue
        try:
            session.recorder.drain().result()
        except StoreError as problem:
            _log.error("%d record(s) are lost: %s", session.recorder.waiting, problem)


def _configured_orchestrator() -> Orchestrator:
    if get_current_settings().api.url is None:
        return get_orchestrator()
    from headrace.client.http import get_http_orchestrator

    return get_http_orchestrator()


def _forget_parents_records() -> None:
    """In a forked child: what the parent has yet to write is the parent's to write."""
    global _lock
    _lock = threading.Lock()
    for session in _sessions.values():
        session.recorder.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents_records)
