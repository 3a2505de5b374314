"""The access log: one line of JSON for each request, on the logger `headrace.api.access`.

    {"time":"2026-11-22T13:00:00.123456Z","method":"POST","path":"/api/flow_runs/{id:uuid}/set_state","status":201,
     "ms":1.8,"bytes":611,"client":"127.0.0.1"}

`path` is the route's template: ids and names stay out of the log, and lines of one route can be counted. Whether a line
is wanted is asked before anything is made of it.
"""

from __future__ import annotations

import logging
from typing import Any

from headrace.schema.base import encode, now

__all__ = ["LOGGER", "log_request"]

LOGGER = logging.getLogger("headrace.api.access")


def log_request(
    *, method: str, path: str, status: int, seconds: float, size: int, client: tuple[str, int] | None
) -> None:
    """Log a request that was answered.

    Args:
        method: Its method.
        path: Its route's template.
        status: The status of the answer; 499 when the client went away before it.
        seconds: How long it took.
        size: Bytes of the answer's body.
        client: The client's address.
    """
    line: dict[str, Any] = {
        "time": now(),
        "method": method,
        "path": path,
        "status": status,
        "ms": round(seconds * 1000, 3),
        "bytes": size,
        "client": client[0] if client else None,
    }
    LOGGER.info("%s", encode(line).decode())
