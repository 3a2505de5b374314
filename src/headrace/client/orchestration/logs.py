"""Verbs of log lines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headrace.client.exchange import Talk
from headrace.client.orchestration.verbs import Verbs, verb
from headrace.schema.filters.logs import LogFilter
from headrace.schema.logs import Log
from headrace.schema.requests.logs import LogCreate, LogsFilterBody
from headrace.schema.sorting import LogSort


class LogVerbs(Verbs):
    """Verbs of log lines."""

    @verb
    def create_logs(self, logs: Iterable[LogCreate | dict[str, Any]]) -> Talk[None]:
        """Record log lines."""
        yield from self._ask("POST", "/logs/", body=list(logs))

    @verb
    def read_logs(
        self,
        log_filter: LogFilter | None = None,
        limit: int | None = None,
        offset: int | None = None,
        sort: LogSort | None = None,
    ) -> Talk[list[Log]]:
        """The log lines that meet a filter.

        Args:
            log_filter: Which lines.
            limit: How many at most; as many as the server gives when left out.
            offset: How many to leave out at the start.
            sort: The order; oldest first when left out.
        """
        body = LogsFilterBody(
            logs=log_filter, limit=limit, offset=offset or 0, sort=sort or LogSort.TIMESTAMP_ASC
        )
        return (yield from self._call("POST", "/logs/filter", body=body, into=list[Log]))
