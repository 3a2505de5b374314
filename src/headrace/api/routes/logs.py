"""Log lines."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

from litestar import Router, get, post
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from headrace.api.bridge import Bridge
from headrace.api.dependencies import InjectedSettings, InjectedStore
from headrace.api.errors import not_found
from headrace.api.json_body import ACCEPTS_NUL
from headrace.api.pages import limit_of
from headrace.api.responses import JsonResponse
from headrace.schema.logs import Log
from headrace.schema.requests.logs import LogCreate, LogsCountBody, LogsFilterBody
from headrace.store import flow_runs
from headrace.store.lists.logs import count_logs, read_logs, read_logs_after
from headrace.store.records import record

__all__ = ["router"]

PAGE = 1_000
"""Lines of a download that are read at a time."""

HEADER = ("timestamp", "level", "flow_run_id", "task_run_id", "message")


@post("/logs/", status_code=201, opt=ACCEPTS_NUL)
async def create_logs(
    data: JSONBody[list[LogCreate]], store: InjectedStore, settings: InjectedSettings
) -> JsonResponse[None]:
    """Record log lines; those that are too long are cut."""
    most = settings.logging.to_api.max_log_size
    lines = [line.to_log(most) for line in data]
    if lines:
        await store.write(lambda conn: record(conn, lines))
    return JsonResponse(None, status_code=201)


@post("/logs/filter", status_code=200)
async def list_logs(
    store: InjectedStore, settings: InjectedSettings, data: JSONBody[LogsFilterBody | None] = None
) -> list[Log]:
    """The log lines that meet a filter."""
    body = data or LogsFilterBody()
    limit = limit_of(body.limit, settings)
    return await store.read(
        lambda conn: read_logs(conn, body.logs, sort=body.sort, limit=limit, offset=body.offset)
    )


@post("/logs/count", status_code=200)
async def count(store: InjectedStore, data: JSONBody[LogsCountBody | None] = None) -> int:
    """How many log lines meet a filter."""
    return await store.read(lambda conn: count_logs(conn, data.logs if data is not None else None))


@get("/flow_runs/{id:uuid}/logs/download", tags=["Flow Runs"], opt=not_found("Flow run not found"))
async def download_logs(id: FromPath[UUID], store: InjectedStore) -> Stream:
    """All log lines of a flow run and of its task runs, as CSV."""
    run = await store.read(lambda conn: flow_runs.read_flow_run(conn, id))
    name = quote(f"{run.name}-logs.csv", safe="")
    return Stream(
        _lines_of(store, id),
        media_type="text/csv",
        headers={
            "content-disposition": f"attachment; filename=\"flow-run-logs.csv\"; filename*=UTF-8''{name}"
        },
    )


async def _lines_of(store: Bridge, run_id: UUID) -> AsyncIterator[bytes]:
    """The CSV of a run's log lines, in pieces; at no time are all of them in memory."""
    yield _csv([HEADER])
    page = await _page(store, run_id, None)
    while page:
        yield _csv(
            (log.timestamp, log.level, log.flow_run_id, log.task_run_id or "", log.message) for _, log in page
        )
        number, line = page[-1]
        page = await _page(store, run_id, (line.timestamp, number))


async def _page(store: Bridge, run_id: UUID, last: tuple[datetime, int] | None) -> list[tuple[int, Log]]:
    return await store.read(lambda conn: read_logs_after(conn, run_id, last, limit=PAGE))


def _csv(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(errors="replace")


router = Router(path="/", route_handlers=[create_logs, list_logs, count, download_logs], tags=["Logs"])
