"""What runs report about themselves, in batches; see `schema.records`."""

from __future__ import annotations

from litestar import Router, post
from litestar.params import JSONBody

from headrace.api.dependencies import InjectedStore
from headrace.api.intake import commit
from headrace.api.json_body import ACCEPTS_NUL
from headrace.schema.records import RecordBatch
from headrace.store.executions import record_execution

__all__ = ["router"]


@post("/record", status_code=204, opt=ACCEPTS_NUL)
async def record_runs(data: JSONBody[RecordBatch], store: InjectedStore) -> None:
    """Store transitions of task runs, log lines and events; those that are stored already are passed over.

    It is answered when they are committed, all of them or none.
    """
    await commit(store, record_execution, data.records)


router = Router(path="/runs", route_handlers=[record_runs], tags=["Runs"])
