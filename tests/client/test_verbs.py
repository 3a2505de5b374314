"""Each verb asks what Prefect's does, and returns what it should; in both colours."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import httpx
import pytest

from headrace import flow, task
from headrace.client.orchestration import HeadraceClient, SyncHeadraceClient
from headrace.client.schemas.actions import LogCreate
from headrace.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    EventFilter,
    EventNameFilter,
    EventOccurredFilter,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterStartTime,
    LogFilter,
    LogFilterLevel,
    TaskRunFilter,
    TaskRunFilterTags,
    WorkPoolFilter,
    WorkPoolFilterName,
    WorkQueueFilter,
    WorkQueueFilterName,
)
from headrace.client.schemas.objects import FlowRunPolicy, Parameter
from headrace.client.schemas.responses import OrchestrationResult, SetStateStatus, StateRejectDetails
from headrace.client.schemas.sorting import FlowRunSort, FlowSort, LogSort, TaskRunSort
from headrace.exceptions import HeadraceException, ObjectNotFound
from headrace.results.records import ResultRecord
from headrace.states import Completed, Pending, Scheduled

ID = UUID("019a0000-0000-7000-8000-000000000001")
OTHER = UUID("019a0000-0000-7000-8000-000000000002")
TIME = datetime(2026, 11, 22, 12, tzinfo=UTC)

FLOW = {"id": str(ID), "name": "add", "created": "2026-11-22T12:00:00Z", "updated": "2026-11-22T12:00:00Z"}
FLOW_RUN = {
    "id": str(OTHER),
    "name": "run",
    "flow_id": str(ID),
    "state_type": "PENDING",
    "parameters": {"x": "1"},
}
TASK_RUN = {"id": str(OTHER), "name": "t-0", "task_key": "t", "dynamic_key": "0", "flow_run_id": str(ID)}
STATE = {"id": str(OTHER), "type": "RUNNING", "name": "Running", "timestamp": "2026-11-22T12:00:00Z"}
VERDICT = {"state": STATE, "status": "REJECT", "details": {"type": "reject_details", "reason": "Retrying"}}
LOG = {"id": str(OTHER), "name": "n", "level": 20, "message": "hi", "timestamp": "2026-11-22T12:00:00Z"}
INPUT = {"id": str(OTHER), "flow_run_id": str(ID), "key": "k", "value": "1", "sender": None}
EVENT = {
    "id": str(OTHER),
    "event": "e",
    "occurred": "2026-11-22T12:00:00Z",
    "received": "2026-11-22T12:00:01Z",
    "resource": {"prefect.resource.id": "r"},
    "related": [],
    "payload": {},
}
PAGE = {"events": [EVENT], "total": 2, "next_page": "http://server/api/events/filter/next?page-token=abc"}
STORAGE = {"default_result_storage_block_id": str(OTHER)}


@flow(name="add", version="7", retries=2, retry_delay_seconds=1.5)
def add(x: int) -> int:
    return x


@task(tags={"b", "a"}, retries=1, retry_delay_seconds=[1, 2.5], version="3")
def t() -> None: ...


class Case(NamedTuple):
    """A call of a verb: what it asks, and what it returns for an answer."""

    verb: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    asks: str
    body: Any = None
    answer: Any = None
    returns: Callable[[Any], Any] = lambda returned: returned is None
    status: int = 200


CASES = [
    Case("hello", (), {}, "GET /hello", None, "hi", lambda got: got.json() == "hi"),
    Case("api_healthcheck", (), {}, "GET /health", None, True),
    Case("api_version", (), {}, "GET /admin/version", None, "3.8.8", lambda got: got == "3.8.8"),
    Case("raise_for_api_version_mismatch", (), {}, "GET /admin/version", None, "3.8.8"),
    Case("create_flow", (add,), {}, "POST /flows/", {"name": "add"}, FLOW, lambda got: got == ID),
    Case("create_flow_from_name", ("add",), {}, "POST /flows/", {"name": "add"}, FLOW, lambda got: got == ID),
    Case(
        "read_flow",
        (ID,),
        {},
        f"GET /flows/{ID}",
        None,
        FLOW,
        lambda got: (got.id, got.created) == (ID, TIME),
    ),
    Case(
        "read_flow_by_name",
        ("50 % sure?",),
        {},
        "GET /flows/name/50%20%25%20sure%3F",
        None,
        FLOW,
        lambda got: got.name == "add",
    ),
    Case("delete_flow", (ID,), {}, f"DELETE /flows/{ID}", status=204),
    Case(
        "read_flows",
        (),
        {
            "flow_filter": FlowFilter(name=FlowFilterName(like_="a")),
            "work_queue_filter": WorkQueueFilter(name=WorkQueueFilterName(any_=["q"])),
            "sort": FlowSort.CREATED_DESC,
            "limit": 3,
            "offset": 1,
        },
        "POST /flows/filter",
        {
            "flows": {"name": {"like_": "a"}},
            "work_queues": {"name": {"any_": ["q"]}},
            "sort": "CREATED_DESC",
            "limit": 3,
            "offset": 1,
        },
        [FLOW],
        lambda got: [each.id for each in got] == [ID],
    ),
    Case(
        "update_flow_run",
        (ID,),
        {
            "flow_version": "2",
            "parameters": {},
            "name": "new",
            "tags": {"z"},
            "empirical_policy": FlowRunPolicy(retries=1),
            "infrastructure_pid": "12",
            "job_variables": {"a": 1},
        },
        f"PATCH /flow_runs/{ID}",
        {
            "flow_version": "2",
            "parameters": {},
            "name": "new",
            "tags": ["z"],
            "empirical_policy": {
                "max_retries": 0,
                "retry_delay_seconds": 0,
                "retries": 1,
                "retry_delay": None,
                "pause_keys": [],
                "resuming": False,
                "retry_type": None,
            },
            "infrastructure_pid": "12",
            "job_variables": {"a": 1},
        },
        returns=lambda got: got.status_code == 204,
        status=204,
    ),
    Case("update_flow_run", (ID,), {}, f"PATCH /flow_runs/{ID}", {}, None, lambda got: True, 204),
    Case(
        "set_flow_run_name",
        (ID, "new"),
        {},
        f"PATCH /flow_runs/{ID}",
        {"name": "new"},
        returns=lambda got: got.status_code == 204,
        status=204,
    ),
    Case(
        "update_flow_run_labels",
        (ID, {"k": 1.5, "b": True}),
        {},
        f"PATCH /flow_runs/{ID}/labels",
        {"k": 1.5, "b": True},
        status=204,
    ),
    Case("delete_flow_run", (ID,), {}, f"DELETE /flow_runs/{ID}", status=204),
    Case("read_flow_run", (ID,), {}, f"GET /flow_runs/{ID}", None, FLOW_RUN, lambda got: got.flow_id == ID),
    Case(
        "read_flow_run", (str(ID),), {}, f"GET /flow_runs/{ID}", None, FLOW_RUN, lambda got: got.name == "run"
    ),
    Case(
        "read_flow_runs",
        (),
        {
            "flow_filter": FlowFilter(),
            "flow_run_filter": FlowRunFilter(
                id=FlowRunFilterId(any_=[ID]),
                start_time=FlowRunFilterStartTime(after_=TIME.replace(tzinfo=None)),
            ),
            "task_run_filter": TaskRunFilter(tags=TaskRunFilterTags(all_=["a"])),
            "deployment_filter": DeploymentFilter(name=DeploymentFilterName(like_="d")),
            "work_pool_filter": WorkPoolFilter(name=WorkPoolFilterName(any_=["p"])),
            "work_queue_filter": WorkQueueFilter(name=WorkQueueFilterName(startswith_=["q"])),
            "sort": FlowRunSort.START_TIME_ASC,
            "limit": 2,
        },
        "POST /flow_runs/filter",
        {
            "flows": {},
            "flow_runs": {"id": {"any_": [str(ID)]}, "start_time": {"after_": "2026-11-22T12:00:00Z"}},
            "task_runs": {"tags": {"all_": ["a"]}},
            "deployments": {"name": {"like_": "d"}},
            "work_pools": {"name": {"any_": ["p"]}},
            "work_pool_queues": {"name": {"startswith_": ["q"]}},
            "sort": "START_TIME_ASC",
            "limit": 2,
        },
        [FLOW_RUN, FLOW_RUN],
        lambda got: [each.id for each in got] == [OTHER, OTHER],
    ),
    Case("read_flow_runs", (), {}, "POST /flow_runs/filter", {}, [], lambda got: got == []),
    Case(
        "count_flow_runs",
        (),
        {"flow_filter": FlowFilter(name=FlowFilterName(any_=["a"]))},
        "POST /flow_runs/count",
        {"flows": {"name": {"any_": ["a"]}}},
        12,
        lambda got: got == 12,
    ),
    Case(
        "resume_flow_run",
        (ID,),
        {"run_input": {"age": 3}},
        f"POST /flow_runs/{ID}/resume",
        {"run_input": {"age": 3}},
        VERDICT,
        lambda got: got.details.reason == "Retrying",
    ),
    Case(
        "read_flow_run_state",
        (OTHER,),
        {},
        f"GET /flow_run_states/{OTHER}",
        None,
        STATE,
        lambda got: (got.name, got.timestamp) == ("Running", TIME),
    ),
    Case(
        "read_flow_run_states",
        (ID,),
        {},
        f"GET /flow_run_states/?flow_run_id={ID}",
        None,
        [STATE],
        lambda got: [each.id for each in got] == [OTHER],
    ),
    Case(
        "create_flow_run_input",
        (ID, "k", '{"a": 1}'),
        {"sender": "me"},
        f"POST /flow_runs/{ID}/input",
        {"key": "k", "value": '{"a": 1}', "sender": "me"},
        status=201,
    ),
    Case(
        "filter_flow_run_input",
        (ID, "k", 4, {"kk"}),
        {},
        f"POST /flow_runs/{ID}/input/filter",
        {"prefix": "k", "limit": 4, "exclude_keys": ["kk"]},
        [INPUT],
        lambda got: got[0].decoded_value == 1,
    ),
    Case(
        "read_flow_run_input",
        (ID, "a/b"),
        {},
        f"GET /flow_runs/{ID}/input/a%2Fb",
        None,
        {"a": 1},
        lambda got: json.loads(got) == {"a": 1},
    ),
    Case("delete_flow_run_input", (ID, "k"), {}, f"DELETE /flow_runs/{ID}/input/k", status=204),
    Case(
        "read_task_run", (OTHER,), {}, f"GET /task_runs/{OTHER}", None, TASK_RUN, lambda got: got.id == OTHER
    ),
    Case("delete_task_run", (OTHER,), {}, f"DELETE /task_runs/{OTHER}", status=204),
    Case(
        "set_task_run_name",
        (OTHER, "new"),
        {},
        f"PATCH /task_runs/{OTHER}",
        {"name": "new"},
        returns=lambda got: got.status_code == 204,
        status=204,
    ),
    Case(
        "read_task_runs",
        (),
        {"flow_run_filter": FlowRunFilter(id=FlowRunFilterId(any_=[ID])), "sort": TaskRunSort.NAME_ASC},
        "POST /task_runs/filter",
        {"flow_runs": {"id": {"any_": [str(ID)]}}, "sort": "NAME_ASC"},
        [TASK_RUN],
        lambda got: got[0].flow_run_id == ID,
    ),
    Case(
        "read_task_run_states",
        (OTHER,),
        {},
        f"GET /task_run_states/?task_run_id={OTHER}",
        None,
        [STATE],
        lambda got: got[0].is_running(),
    ),
    Case(
        "create_logs",
        (
            [
                LogCreate(name="n", level=20, message="hi", timestamp=TIME, flow_run_id=ID),
                {"name": "d", "level": 10, "message": "dict", "timestamp": TIME},
            ],
        ),
        {},
        "POST /logs/",
        [
            {
                "name": "n",
                "level": 20,
                "message": "hi",
                "timestamp": "2026-11-22T12:00:00Z",
                "flow_run_id": str(ID),
            },
            {"name": "d", "level": 10, "message": "dict", "timestamp": "2026-11-22T12:00:00Z"},
        ],
        status=201,
    ),
    Case(
        "read_logs",
        (LogFilter(level=LogFilterLevel(ge_=30)),),
        {"limit": 5, "offset": None, "sort": LogSort.TIMESTAMP_DESC},
        "POST /logs/filter",
        {"logs": {"level": {"ge_": 30}}, "limit": 5, "sort": "TIMESTAMP_DESC"},
        [LOG],
        lambda got: got[0].message == "hi",
    ),
    Case(
        "read_events",
        (
            EventFilter(
                event=EventNameFilter(prefix=["prefect."]),
                occurred=EventOccurredFilter(since=TIME, until=TIME),
            ),
        ),
        {"limit": 10},
        "POST /events/filter",
        {
            "filter": {
                "occurred": {"since": "2026-11-22T12:00:00Z", "until": "2026-11-22T12:00:00Z"},
                "event": {"prefix": ["prefect."]},
                "id": {},
            },
            "limit": 10,
        },
        PAGE,
        lambda got: (got.total, got.events[0].event) == (2, "e"),
    ),
    Case(
        "read_events_page",
        (PAGE["next_page"],),
        {},
        "GET /events/filter/next?page-token=abc",
        None,
        {**PAGE, "next_page": None},
        lambda got: got.next_page is None,
    ),
    Case(
        "read_server_default_result_storage",
        (),
        {},
        "GET /admin/storage",
        None,
        STORAGE,
        lambda got: got.default_result_storage_block_id == OTHER,
    ),
    Case(
        "update_server_default_result_storage",
        (OTHER,),
        {},
        "PUT /admin/storage",
        STORAGE,
        STORAGE,
        lambda got: got.default_result_storage_block_id == OTHER,
    ),
    Case("clear_server_default_result_storage", (), {}, "DELETE /admin/storage", status=204),
    Case(
        "request",
        ("POST", "/flow_runs/{id}/odd"),
        {"path_params": {"id": ID}, "params": {"a": 1}, "json": [1]},
        f"POST /flow_runs/{ID}/odd?a=1",
        [1],
        "fine",
        lambda got: got.json() == "fine",
    ),
]


@pytest.fixture
def client(server: Any, caller: Any) -> Any:
    """A client of the server, of each colour."""
    kind = HeadraceClient if caller.is_async else SyncHeadraceClient
    return kind(server.url, httpx_settings={"transport": httpx.MockTransport(server)})


def asked(request: httpx.Request) -> str:
    """A request as cases write it."""
    return f"{request.method} {request.url.raw_path.decode().removeprefix('/api')}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.verb)
def test_a_verb_asks_the_api_and_returns_what_it_answers(
    server: Any, caller: Any, client: Any, case: Case
) -> None:
    content = b"" if case.status == 204 else json.dumps(case.answer).encode()
    server.answer(case.asks.partition("?")[0], httpx.Response(case.status, content=content))
    returned = caller.call(getattr(client, case.verb), *case.args, **case.kwargs)
    assert case.returns(returned)
    request = server.requests[-1]
    assert asked(request) == case.asks
    assert (json.loads(request.content) if request.content else None) == case.body


def test_a_flow_run_is_created_in_a_flow_that_is_made_known(server: Any, caller: Any, client: Any) -> None:
    server.answer("POST /flows/", httpx.Response(200, json=FLOW))
    server.answer("POST /flow_runs/", httpx.Response(201, json=FLOW_RUN))
    given = {"x": 1}
    run = caller.call(client.create_flow_run, add, name="n", parameters=given, tags=["a"], work_pool_name="p")
    assert run.id == OTHER
    assert run.parameters is given
    body = json.loads(server.requests[-1].content)
    assert (body["state"]["type"], body["state"]["name"]) == ("PENDING", "Pending")
    assert (body["flow_id"], body["flow_version"], body["name"]) == (str(ID), "7", "n")
    assert (body["parameters"], body["tags"], body["work_pool_name"]) == ({"x": 1}, ["a"], "p")
    assert (body["empirical_policy"]["retries"], body["empirical_policy"]["retry_delay"]) == (2, 1)
    assert "idempotency_key" not in body


def test_a_flow_run_starts_in_the_state_that_is_given(server: Any, caller: Any, client: Any) -> None:
    server.answer("POST /flows/", httpx.Response(200, json=FLOW))
    server.answer("POST /flow_runs/", httpx.Response(201, json=FLOW_RUN))
    caller.call(client.create_flow_run, add, state=Scheduled(scheduled_time=TIME))
    state = json.loads(server.requests[-1].content)["state"]
    assert (state["type"], state["state_details"]["scheduled_time"]) == ("SCHEDULED", "2026-11-22T12:00:00Z")


def test_a_task_run_is_created_with_what_its_task_says(server: Any, caller: Any, client: Any) -> None:
    server.answer("POST /task_runs/", httpx.Response(201, json=TASK_RUN))
    inputs = {"x": [Parameter(name="x")]}
    run = caller.call(
        client.create_task_run, t, ID, 0, id=OTHER, name="t-0", extra_tags=["c"], task_inputs=inputs
    )
    assert run.id == OTHER
    body = json.loads(server.requests[-1].content)
    assert (body["id"], body["flow_run_id"], body["dynamic_key"]) == (str(OTHER), str(ID), "0")
    assert (body["tags"], body["task_version"], body["task_key"]) == (["a", "b", "c"], "3", t.task_key)
    assert body["empirical_policy"]["retry_delay"] == [1, 2.5]
    assert body["task_inputs"] == {"x": [{"input_type": "parameter", "name": "x"}]}
    assert body["state"]["type"] == "PENDING"


@pytest.mark.parametrize(
    ("verb", "noun", "detail"),
    [
        ("set_flow_run_state", "flow_runs", "flow_run_id"),
        ("set_task_run_state", "task_runs", "task_run_id"),
    ],
)
def test_a_proposal_is_told_apart_from_every_other(
    server: Any, caller: Any, client: Any, verb: str, noun: str, detail: str
) -> None:
    server.answer(f"POST /{noun}/{ID}/set_state", httpx.Response(201, json=VERDICT))
    proposed = Pending()
    for _ in range(2):
        answer = caller.call(getattr(client, verb), ID, proposed, force=True)
    assert isinstance(answer, OrchestrationResult)
    assert (answer.status, answer.details) == (SetStateStatus.REJECT, StateRejectDetails(reason="Retrying"))
    assert answer.state.is_running()
    first, second = (json.loads(each.content) for each in server.asked_for(f"POST /{noun}/{ID}/set_state"))
    assert first["force"] is True
    assert first["state"]["state_details"][detail] == str(ID)
    ids = [each["state"]["state_details"]["transition_id"] for each in (first, second)]
    assert len({UUID(each) for each in ids}) == 2
    assert proposed.state_details.transition_id is None


def test_the_result_in_a_state_stays_where_it_is(server: Any, caller: Any, client: Any) -> None:
    server.answer(f"POST /flow_runs/{ID}/set_state", httpx.Response(201, json=VERDICT))
    for data, sent in [
        (ResultRecord(object()), None),
        (object(), None),
        ({"storage_key": "/r/1"}, {"storage_key": "/r/1"}),
    ]:
        caller.call(client.set_flow_run_state, str(ID), Completed(data=data))
        assert json.loads(server.requests[-1].content)["state"].get("data") == sent


# --- What goes wrong -------------------------------------------------------------------------------------------


def test_health_is_the_reason_why_there_is_none(server: Any, caller: Any, client: Any) -> None:
    server.answer("GET /health", httpx.Response(500, json={"exception_message": "broken"}))
    reason = caller.call(client.api_healthcheck)
    assert "500 Internal Server Error: broken" in str(reason)


def test_what_is_not_there_is_not_found(server: Any, caller: Any, client: Any) -> None:
    server.answer(f"GET /flow_runs/{ID}", httpx.Response(404, json={"detail": "Flow run not found"}))
    with pytest.raises(ObjectNotFound, match="Flow run not found"):
        caller.call(client.read_flow_run, ID)


@pytest.mark.parametrize("content", [b"<html>", b'{"name": 3}', b"", b"\xff"])
def test_an_answer_of_something_else_is_named(server: Any, caller: Any, client: Any, content: bytes) -> None:
    server.answer(f"GET /flows/{ID}", httpx.Response(200, content=content))
    with pytest.raises(HeadraceException, match=f"/flows/{ID} was answered with something else than Flow"):
        caller.call(client.read_flow, ID)


def test_a_list_of_something_else_is_named(server: Any, caller: Any, client: Any) -> None:
    server.answer("POST /flows/filter", httpx.Response(200, json={"a": 1}))
    with pytest.raises(HeadraceException, match=r"something else than list\[.*Flow\]"):
        caller.call(client.read_flows)


def test_what_json_cannot_hold_is_not_sent(server: Any, caller: Any, client: Any) -> None:
    server.answer("POST /flows/", httpx.Response(200, json=FLOW))
    circle: list[Any] = []
    circle.append(circle)
    for value in (object(), circle):
        with pytest.raises(HeadraceException, match="POST /flow_runs/ cannot be written as JSON"):
            caller.call(client.create_flow_run, add, parameters={"x": value})
    assert "POST /flow_runs/" not in server.asked


# --- Both colours ----------------------------------------------------------------------------------------------

VERBS = sorted({case.verb for case in CASES} | {"create_flow_run", "create_task_run", "set_flow_run_state"})


@pytest.mark.parametrize("name", VERBS)
def test_the_methods_of_both_colours_look_alike(name: str) -> None:
    blocking, awaiting = getattr(SyncHeadraceClient, name), getattr(HeadraceClient, name)
    assert inspect.iscoroutinefunction(awaiting)
    assert not inspect.iscoroutinefunction(blocking)
    assert inspect.signature(awaiting) == inspect.signature(blocking)
    assert not str(inspect.signature(blocking).return_annotation).startswith("Talk")
    assert blocking.__doc__ == awaiting.__doc__ != None  # noqa: E711
    assert blocking.__name__ == name


def test_a_method_is_called_with_what_its_signature_says() -> None:
    client = SyncHeadraceClient("http://server/api")
    assert list(inspect.signature(client.set_flow_run_state).parameters) == ["flow_run_id", "state", "force"]
    with pytest.raises(TypeError, match="force_it"):
        client.set_flow_run_state(ID, Pending(), force_it=True)  # type: ignore[call-arg]
