"""The timeline of a flow run: what is drawn of its task runs, whole or what has changed of it.

There may be 100,000 task runs, so the database puts together each column as one JSON text, of which most go out as they come: a
few strings instead of a million objects, made while the interpreter is free for other requests. Measured for 100,000 task runs on
SQLite: 0.75 s of processor time, 0.3 of it under the GIL; with rows that Python turns into columns 1.1 s, all of it under the GIL
but for 0.3.

What has changed is found in the event log. The cursor is taken first: what comes in while the rows are read is behind it, so it is
told twice rather than never.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from headrace.core.names import task_name
from headrace.core.states import StateType
from headrace.exceptions import ObjectNotFound
from headrace.schema.timeline import Timeline
from headrace.store import cursors
from headrace.store.connection import Connection, Dialect
from headrace.store.cursors import Cursor
from headrace.store.graph import PARENTS

__all__ = ["MAX_EVENTS", "MAX_TASK_RUNS", "read_timeline"]

MAX_TASK_RUNS = 200_000
"""Task runs of a timeline at most."""

MAX_EVENTS = 20_000
"""Events of all runs behind a cursor up to which they are looked through for what has changed; beyond that all of it is told."""


class _Forms(NamedTuple):
    """What a database calls things.

    Args:
        listed: Makes a JSON list of a column.
        joined: Joins a column of JSON texts with commas.
        digits: Joins the digits of a column of ids.
        id: An id as text.
        holds: Whether the first text has the second in it.
        least: The least of several values.
        tracked: Joins the newest subflow run that a task run stands for. There are several when the flow run was tried again.
    """

    listed: str
    joined: str
    digits: str
    id: str
    holds: str
    least: str
    tracked: str


_FORMS = {
    "sqlite": _Forms(
        listed="json_group_array({})",
        joined="group_concat({}, ',')",
        digits="lower(group_concat(hex({}), ''))",
        id="CASE WHEN {0} IS NOT NULL THEN lower(substr(hex({0}), 1, 8) || '-' || substr(hex({0}), 9, 4) || '-'"
        " || substr(hex({0}), 13, 4) || '-' || substr(hex({0}), 17, 4) || '-' || substr(hex({0}), 21)) END",
        holds="instr",
        least="min",
        tracked="LEFT JOIN flow_run AS subflow ON subflow.parent_task_run_id = task_run.id AND NOT EXISTS"
        " (SELECT 1 FROM flow_run AS newer WHERE newer.parent_task_run_id = task_run.id AND newer.id > subflow.id)",
    ),
    # PostgreSQL would look for such a subflow run by reading all flow runs.
    "postgresql": _Forms(
        listed="coalesce(json_agg({})::text, '[]')",
        joined="string_agg({}, ',')",
        digits="string_agg(encode(uuid_send({}), 'hex'), '')",
        id="{}",
        holds="strpos",
        least="least",
        tracked="LEFT JOIN LATERAL (SELECT newest.* FROM flow_run AS newest"
        " WHERE newest.parent_task_run_id = task_run.id ORDER BY newest.id DESC LIMIT 1) AS subflow ON true",
    ),
}


def _started(table: str) -> str:
    """When a run first ran; what ended without having run is stored as started then."""
    return (
        f"CASE WHEN {table}.run_count = 0 THEN nullif({table}.start_time, {table}.end_time)"
        f" ELSE {table}.start_time END"
    )


_COLUMNS = {
    "name": "coalesce(flow.name || ' / ' || subflow.name, task_run.name)",
    "task_key": "task_run.task_key",
    "dynamic_key": "task_run.dynamic_key",
    "state_type": "coalesce(subflow.state_type, task_run.state_type, 'PENDING')",
    "state_name": "coalesce(subflow.state_name, task_run.state_name, 'Pending')",
    # A run that was over when it was recorded is stored as created then; its first state says when it was to start.
    "created": "{least}(task_run.created, coalesce(task_run.expected_start_time, task_run.created),"
    " coalesce(task_run.start_time, task_run.created)) - :origin",
    "started": f"CASE WHEN subflow.id IS NULL THEN {_started('task_run')} ELSE {_started('subflow')} END - :origin",
    "ended": "CASE WHEN subflow.id IS NULL THEN task_run.end_time ELSE subflow.end_time END - :origin",
    "run_count": "coalesce(subflow.run_count, task_run.run_count)",
}
"""What of a task run is shown, but for its ids and inputs."""


def _compose(dialect: Dialect) -> str:
    """The query of all columns, each as one text; `{}` is a further condition."""
    forms = _FORMS[dialect]
    columns = {"subflow_id": forms.id.format("subflow.id"), **_COLUMNS}
    chosen = ", ".join(f"{expression} AS {name}" for name, expression in columns.items()).format(
        least=forms.least
    )
    taken = f"CASE WHEN {forms.holds}(task_run.task_inputs, 'task_run') > 0 THEN task_run.task_inputs ELSE 'null' END"
    texts = ", ".join(forms.listed.format(name) for name in columns)
    return (
        f"SELECT {forms.digits.format('id')}, {forms.joined.format('inputs')}, {texts}"
        f" FROM (SELECT task_run.id, {taken} AS inputs, {chosen} FROM task_run"
        f" {forms.tracked} LEFT JOIN flow ON flow.id = subflow.flow_id WHERE task_run.flow_run_id = :run{{}}"
        " ORDER BY task_run.id LIMIT :most) AS shown"
    )


_READ: dict[Dialect, str] = {"sqlite": _compose("sqlite"), "postgresql": _compose("postgresql")}

_COUNT = "SELECT count(*) FROM task_run WHERE flow_run_id = :run"
_LAST_SHOWN = "SELECT id FROM task_run WHERE flow_run_id = :run ORDER BY id LIMIT 1 OFFSET :place"
_BEHIND = "SELECT count(*) FROM (SELECT 1 FROM event WHERE {} LIMIT :most) AS behind"
_CHANGED = (
    " AND task_run.id IN (SELECT event.run_id FROM event WHERE {0} AND event.run_kind = 'task-run'"
    " AND event.flow_run_id = :run UNION SELECT subflow.parent_task_run_id FROM event"
    " JOIN flow_run AS subflow ON subflow.id = event.run_id WHERE {0} AND event.run_kind = 'flow-run'"
    " AND subflow.parent_task_run_id IS NOT NULL)"
)


class _Input(msgspec.Struct, gc=False):
    """As much of an input as says which run's result it is."""

    input_type: str
    id: str = ""


_decode_texts = msgspec.json.Decoder(list[str]).decode
_decode_inputs = msgspec.json.Decoder(list[dict[str, list[_Input]] | None]).decode


def read_timeline(
    conn: Connection, run_id: UUID, *, after: Cursor | None = None, most: int = MAX_TASK_RUNS
) -> Timeline:
    """The timeline of a flow run.

    Args:
        run_id: The flow run.
        after: Only the task runs of which something happened behind this place; all that there are when None, or when too
            much has happened since.
        most: Task runs that are shown at most, the first ones.

    Returns:
        The timeline. Most of its columns are JSON already (`msgspec.Raw`): it is made to be encoded.

    Raises:
        ObjectNotFound: There is no such run.
    """
    origin = conn.value("SELECT created FROM flow_run WHERE id = :run", run=run_id)
    if origin is None:
        raise ObjectNotFound(f"There is no flow run with the id {run_id}.")
    end = cursors.end_of(conn, "event")
    total = conn.value(_COUNT, run=run_id)
    condition, parameters = "", {}
    if after is not None and _is_near(conn, after, end):
        condition = _CHANGED.format(cursors.is_behind("event", conn.dialect))
        parameters = cursors.place_of(after)
        if total > most:
            condition += " AND task_run.id <= :last"
            parameters["last"] = conn.value(_LAST_SHOWN, run=run_id, place=most - 1)
    row = conn.row(_READ[conn.dialect].format(condition), run=run_id, origin=origin, most=most, **parameters)
    assert row is not None
    digits, inputs, subflow_ids, names, keys, dynamic_keys, types, state_names, *times_and_counts = row
    tasks, task = _tasks(keys, names, dynamic_keys)
    states, state = _states(types, state_names)
    created, started, ended, run_count = map(_raw, times_and_counts)
    return Timeline(
        cursor=str(end),
        origin=origin,
        total=total,
        is_whole=total <= most,
        tasks=tasks,
        states=states,
        id=_raw(_ids(digits or "")),
        name=_raw(names),
        task=task,
        state=state,
        created=created,
        started=started,
        ended=ended,
        run_count=run_count,
        flow_run_id=_raw(subflow_ids),
        inputs=_inputs(inputs),
    )


def _is_near(conn: Connection, after: Cursor, end: Cursor) -> bool:
    """Whether what is behind a place is worth looking through: there is not too much of it, and it is a place in this log."""
    if after > end:
        return False
    behind = _BEHIND.format(cursors.is_behind("event", conn.dialect))
    found: int = conn.value(behind, most=MAX_EVENTS + 1, **cursors.place_of(after))
    return found <= MAX_EVENTS


def _raw(text: str) -> Any:
    """A column that goes out as it is."""
    return msgspec.Raw(text.encode())


def _ids(digits: str) -> str:
    """The list of ids that are given by their 32 digits each; for SQLite to write them takes twice as long."""
    starts = range(0, len(digits), 32)
    ids = [
        f"{digits[at : at + 8]}-{digits[at + 8 : at + 12]}-{digits[at + 12 : at + 16]}-{digits[at + 16 : at + 20]}"
        f"-{digits[at + 20 : at + 32]}"
        for at in starts
    ]
    return '["' + '","'.join(ids) + '"]' if ids else "[]"


def _tasks(keys: str, names: str, dynamic_keys: str) -> tuple[list[tuple[str, str]], list[int]]:
    """The tasks, and which of them each run is of; a task is called as its first run says."""
    places: dict[str, int] = {}
    firsts: list[int] = []
    column: list[int] = []
    for number, key in enumerate(_decode_texts(keys)):
        place = places.get(key)
        if place is None:
            place = places[key] = len(places)
            firsts.append(number)
        column.append(place)
    run_names, marks = _decode_texts(names), _decode_texts(dynamic_keys)
    tasks = [
        (key, task_name(key, run_names[first], marks[first]))
        for key, first in zip(places, firsts, strict=True)
    ]
    return tasks, column


def _states(types: str, names: str) -> tuple[list[tuple[StateType, str]], list[int]]:
    """The states, and which of them each run is in."""
    places: dict[tuple[str, str], int] = {}
    pairs = zip(_decode_texts(types), _decode_texts(names), strict=True)
    column = [places.setdefault(pair, len(places)) for pair in pairs]
    return [(StateType(kind), name) for kind, name in places], column


def _inputs(text: str | None) -> list[Any]:
    """For each run the ids of the task runs whose results it takes."""
    return [() if taken is None else _ids_in(taken) for taken in _decode_inputs(f"[{text or ''}]")]


def _ids_in(taken: dict[str, list[_Input]]) -> list[str]:
    taken.pop(PARENTS, None)
    ids = [item.id for items in taken.values() for item in items if item.input_type == "task_run"]
    return ids if len(ids) < 2 else list(dict.fromkeys(ids))
