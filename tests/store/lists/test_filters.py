"""Whatever a filter says, the database chooses the rows that plain Python would."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.core.states import StateType
from headrace.schema.filters import flow_runs as of_flow_runs
from headrace.schema.filters import flows as of_flows
from headrace.schema.filters import logs as of_logs
from headrace.schema.filters import task_runs as of_task_runs
from headrace.schema.filters.shapes import Operator, Tags
from headrace.schema.requests.scope import RunScope
from headrace.store.lists.flow_runs import count_flow_runs, read_flow_runs
from headrace.store.lists.flows import count_flows, read_flows
from headrace.store.lists.logs import count_logs, read_logs
from headrace.store.lists.task_runs import count_task_runs, read_task_runs

MANY = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
TAGS = ["a", "b", "A", "c,d", 'quote"d', "", "none"]
PATTERNS = ["otter", "OTTER", "a%", "k-o", "_", "%", "/", "\\", "\\\\", "a\\", "", "zzz", "'", "-2", "a_b"]
STATE_NAMES = ["Scheduled", "Late", "Pending", "Running", "Completed", "Failed", "TimedOut", "completed", "x"]


# --- Filters, of values that are there and some that are not ---------------------------------------------------


def optional(strategy):
    return st.none() | strategy


def some(pool):
    return st.lists(st.sampled_from(pool), max_size=3)


def criterion(kind, pool=()):
    """Criteria of a kind whose values come from a pool."""
    fields = {
        "any_": lambda: some(pool),
        "not_any_": lambda: some(pool),
        "all_": lambda: some(pool),
        "is_null_": st.booleans,
        "exists_": st.booleans,
        "like_": lambda: st.sampled_from(PATTERNS),
        "before_": lambda: st.sampled_from(pool),
        "after_": lambda: st.sampled_from(pool),
        "ge_": lambda: st.sampled_from(pool),
        "le_": lambda: st.sampled_from(pool),
        "id_": lambda: some(pool[0]),
        "type_": lambda: some(pool[1]),
        "query": lambda: st.sampled_from(pool),
    }
    chosen = {name: optional(fields[name]()) for name in kind.__struct_fields__ if name in fields}
    return optional(st.builds(kind, **chosen, **operator_of(kind)))


def operator_of(kind):
    return {"operator": st.sampled_from(Operator)} if "operator" in kind.__struct_fields__ else {}


def in_states(kind, kind_of_type, kind_of_name):
    return optional(
        st.builds(
            kind,
            operator=st.sampled_from(Operator),
            type=criterion(kind_of_type, list(StateType)),
            name=criterion(kind_of_name, STATE_NAMES),
        )
    )


def values(rows, field, *more):
    return [*sorted({value for row in rows if (value := getattr(row, field)) is not None}, key=str), *more]


def times(rows, field):
    found = values(rows, field)
    return found + [time + timedelta(microseconds=step) for time in found for step in (-1, 1)]


def filters(kind, **criteria):
    return st.builds(kind, operator=st.sampled_from(Operator), **criteria)


def flow_filters(filled):
    module, rows = of_flows, filled.flows
    return filters(
        module.FlowFilter,
        id=criterion(module.FlowFilterId, values(rows, "id", uuid4())),
        name=criterion(module.FlowFilterName, values(rows, "name", "x")),
        tags=criterion(module.FlowFilterTags, TAGS),
        deployment=criterion(module.FlowFilterDeployment),
    )


def flow_run_filters(filled):
    module, rows = of_flow_runs, filled.flow_runs
    creators = (
        [run.created_by.id for run in rows if run.created_by and run.created_by.id][:1],
        ["SCHEDULE", "X"],
    )
    return filters(
        module.FlowRunFilter,
        id=criterion(module.FlowRunFilterId, values(rows, "id", uuid4())),
        name=criterion(module.FlowRunFilterName, values(rows, "name", "x")),
        tags=criterion(module.FlowRunFilterTags, TAGS),
        deployment_id=criterion(module.FlowRunFilterDeploymentId, values(rows, "deployment_id")),
        work_queue_name=criterion(module.FlowRunFilterWorkQueueName, ["default"]),
        state=in_states(
            module.FlowRunFilterState, module.FlowRunFilterStateType, module.FlowRunFilterStateName
        ),
        flow_version=criterion(module.FlowRunFilterFlowVersion, ["1", "2", "3"]),
        start_time=criterion(module.FlowRunFilterStartTime, times(rows, "start_time")),
        end_time=criterion(module.FlowRunFilterEndTime, times(rows, "end_time")),
        expected_start_time=criterion(
            module.FlowRunFilterExpectedStartTime, times(rows, "expected_start_time")
        ),
        next_scheduled_start_time=criterion(
            module.FlowRunFilterNextScheduledStartTime, times(rows, "next_scheduled_start_time")
        ),
        parent_flow_run_id=criterion(module.FlowRunFilterParentFlowRunId, values(rows, "id")[:8]),
        parent_task_run_id=criterion(module.FlowRunFilterParentTaskRunId, values(rows, "parent_task_run_id")),
        idempotency_key=criterion(module.FlowRunFilterIdempotencyKey, values(rows, "idempotency_key")[:3]),
        created_by=criterion(module.FlowRunFilterCreatedBy, creators),
    )


def task_run_filters(filled):
    module, rows = of_task_runs, filled.task_runs
    return filters(
        module.TaskRunFilter,
        id=criterion(module.TaskRunFilterId, values(rows, "id", uuid4())),
        name=criterion(module.TaskRunFilterName, values(rows, "name", "x")),
        tags=criterion(module.TaskRunFilterTags, TAGS),
        state=in_states(
            module.TaskRunFilterState, module.TaskRunFilterStateType, module.TaskRunFilterStateName
        ),
        start_time=criterion(module.TaskRunFilterStartTime, times(rows, "start_time")),
        end_time=criterion(module.TaskRunFilterEndTime, times(rows, "end_time")),
        expected_start_time=criterion(
            module.TaskRunFilterExpectedStartTime, times(rows, "expected_start_time")
        ),
        subflow_runs=criterion(module.TaskRunFilterSubFlowRuns),
        flow_run_id=criterion(module.TaskRunFilterFlowRunId, values(rows, "flow_run_id", uuid4())),
    )


QUERIES = [
    "disk",
    "FULL back",
    "disk -full",
    "+disk +back",
    '"is back"',
    "100%",
    "_",
    "net",
    "-disk",
    "a/b",
    "",
]


def log_filters(filled):
    module, rows = of_logs, filled.logs
    return filters(
        module.LogFilter,
        level=criterion(module.LogFilterLevel, values(rows, "level", 0, -1)),
        timestamp=criterion(module.LogFilterTimestamp, times(rows, "timestamp")),
        flow_run_id=criterion(module.LogFilterFlowRunId, values(rows, "flow_run_id", uuid4())),
        task_run_id=criterion(module.LogFilterTaskRunId, values(rows, "task_run_id", uuid4())),
        text=optional(st.builds(module.LogFilterTextSearch, query=st.sampled_from(QUERIES))),
    )


# --- What they mean --------------------------------------------------------------------------------------------


def joined(operator, facts):
    """Whether all facts are true, or any; no facts let everything pass."""
    found = list(facts)
    return all(found) if operator is Operator.and_ or not found else any(found)


def meets(wanted, value):
    """Whether a value meets a criterion. A value that is not there is neither in a list nor in a span."""
    if wanted is None:
        return None
    facts = []
    if isinstance(wanted, Tags):
        facts += [set(wanted.all_) <= set(value)] if wanted.all_ is not None else []
        any_ = getattr(wanted, "any_", None)
        facts += [bool(set(any_) & set(value))] if any_ is not None else []
        value = value or None
    else:
        for name, test in TESTS.items():
            bound = getattr(wanted, name, None)
            if bound is not None:
                facts.append((value is not None and test(value, bound)) or (name, bound) == ("not_any_", []))
    if getattr(wanted, "is_null_", None) is not None:
        facts.append((value is None) is wanted.is_null_)
    return joined(getattr(wanted, "operator", Operator.and_), facts)


def is_like(value, pattern):
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(letter, re.escape(letter)) for letter in f"%{pattern}%")
    return re.fullmatch(expression, value, re.IGNORECASE | re.DOTALL) is not None


TESTS = {
    "any_": lambda value, bound: value in bound,
    "not_any_": lambda value, bound: value not in bound,
    "like_": is_like,
    "before_": lambda value, bound: value <= bound,
    "after_": lambda value, bound: value >= bound,
    "ge_": lambda value, bound: value >= bound,
    "le_": lambda value, bound: value <= bound,
}


def passes(wanted, facts):
    """Whether a row passes a filter, given whether it meets its criteria; None for those that it does not have."""
    return joined(wanted.operator, (fact for fact in facts if fact is not None))


def meets_state(wanted, run):
    if wanted is None:
        return None
    facts = (meets(wanted.type, run.state_type), meets(wanted.name, run.state_name))
    return joined(wanted.operator, (fact for fact in facts if fact is not None))


def flow_passes(wanted, flow):
    deployed = wanted.deployment and wanted.deployment.is_null_ is not False
    return passes(
        wanted,
        [
            meets(wanted.id, flow.id),
            meets(wanted.name, flow.name),
            meets(wanted.tags, flow.tags),
            None if wanted.deployment is None else deployed,
        ],
    )


def meets_start(wanted, run):
    if wanted is None:
        return None
    at = run.start_time or run.expected_start_time
    in_time = (wanted.before_ is None or at <= wanted.before_) and (
        wanted.after_ is None or at >= wanted.after_
    )
    return in_time and (wanted.is_null_ is None or (run.start_time is None) is wanted.is_null_)


def meets_queue(wanted, run):
    if wanted is None:
        return None
    facts = [] if wanted.any_ is None else [False]
    facts += [] if wanted.is_null_ is None else [(run.work_queue_id is None) is wanted.is_null_]
    return joined(wanted.operator, facts)


def meets_creator(wanted, run):
    if wanted is None:
        return None
    creator, facts = run.created_by, []
    if wanted.id_ is not None:
        facts.append(creator is not None and creator.id in wanted.id_)
    if wanted.type_ is not None:
        facts.append(creator is not None and creator.type in wanted.type_)
    if wanted.is_null_ is not None:
        facts.append((creator is None) is wanted.is_null_)
    return joined(wanted.operator, facts)


def meets_parent(wanted, run, task_runs):
    if wanted is None or wanted.any_ is None:
        return None if wanted is None else True
    caller = {task.id: task.flow_run_id for task in task_runs}.get(run.parent_task_run_id)
    return caller is not None and caller in wanted.any_


def flow_run_passes(wanted, run, filled):
    return passes(
        wanted,
        [
            meets(wanted.id, run.id),
            meets(wanted.name, run.name),
            meets(wanted.tags, run.tags),
            meets(wanted.deployment_id, run.deployment_id),
            meets_queue(wanted.work_queue_name, run),
            meets_state(wanted.state, run),
            meets(wanted.flow_version, run.flow_version),
            meets_start(wanted.start_time, run),
            meets(wanted.end_time, run.end_time),
            meets(wanted.expected_start_time, run.expected_start_time),
            meets(wanted.next_scheduled_start_time, run.next_scheduled_start_time),
            meets_parent(wanted.parent_flow_run_id, run, filled.task_runs),
            meets(wanted.parent_task_run_id, run.parent_task_run_id),
            meets(wanted.idempotency_key, run.idempotency_key),
            meets_creator(wanted.created_by, run),
        ],
    )


def meets_flow_run(wanted, run):
    if wanted is None:
        return None
    if wanted.is_null_ or wanted.any_ is None:
        return (run.flow_run_id is None) is bool(wanted.is_null_)
    return run.flow_run_id in wanted.any_


def meets_subflows(wanted, run, flow_runs):
    if wanted is None or wanted.exists_ is None:
        return None if wanted is None else True
    return (run.id in {child.parent_task_run_id for child in flow_runs}) is wanted.exists_


def task_run_passes(wanted, run, filled):
    return passes(
        wanted,
        [
            meets(wanted.id, run.id),
            meets(wanted.name, run.name),
            meets(wanted.tags, run.tags),
            meets_state(wanted.state, run),
            meets(wanted.start_time, run.start_time),
            meets(wanted.end_time, run.end_time),
            meets(wanted.expected_start_time, run.expected_start_time),
            meets_subflows(wanted.subflow_runs, run, filled.flow_runs),
            meets_flow_run(wanted.flow_run_id, run),
        ],
    )


def meets_words(wanted, line):
    if wanted is None:
        return None
    words = re.findall(r'([-!+]?)(?:"([^"]*)"|(\S+))', wanted.query)
    text = f"{line.message}\n{line.name}".lower()
    found = [(sign, (phrase or word).lower() in text) for sign, phrase, word in words]
    any_of = [there for sign, there in found if not sign]
    return (
        all(there for sign, there in found if sign == "+")
        and not any(there for sign, there in found if sign in ("-", "!") and sign)
        and (not any_of or any(any_of))
    )


def log_passes(wanted, line):
    return passes(
        wanted,
        [
            meets(wanted.level, line.level),
            meets(wanted.timestamp, line.timestamp),
            meets(wanted.flow_run_id, line.flow_run_id),
            meets(wanted.task_run_id, line.task_run_id),
            meets_words(wanted.text, line),
        ],
    )


# --- The two agree ---------------------------------------------------------------------------------------------


def ids(rows):
    return {row.id for row in rows}


@MANY
@given(data=st.data())
def test_flows_that_a_filter_chooses(filled, data):
    wanted = data.draw(flow_filters(filled))
    scope = RunScope(flows=wanted)
    found = filled.store.read(lambda conn: read_flows(conn, scope))
    assert ids(found) == ids(flow for flow in filled.flows if flow_passes(wanted, flow))
    assert filled.store.read(lambda conn: count_flows(conn, scope)) == len(found)


@MANY
@given(data=st.data())
def test_flow_runs_that_a_filter_chooses(filled, data):
    wanted = data.draw(flow_run_filters(filled))
    scope = RunScope(flow_runs=wanted)
    found = filled.store.read(lambda conn: read_flow_runs(conn, scope))
    assert ids(found) == ids(run for run in filled.flow_runs if flow_run_passes(wanted, run, filled))
    assert filled.store.read(lambda conn: count_flow_runs(conn, scope)) == len(found)


@MANY
@given(data=st.data())
def test_task_runs_that_a_filter_chooses(filled, data):
    wanted = data.draw(task_run_filters(filled))
    scope = RunScope(task_runs=wanted)
    found = filled.store.read(lambda conn: read_task_runs(conn, scope))
    assert ids(found) == ids(run for run in filled.task_runs if task_run_passes(wanted, run, filled))
    assert filled.store.read(lambda conn: count_task_runs(conn, scope)) == len(found)


@MANY
@given(data=st.data())
def test_log_lines_that_a_filter_chooses(filled, data):
    wanted = data.draw(log_filters(filled))
    found = filled.store.read(lambda conn: read_logs(conn, wanted))
    assert ids(found) == ids(line for line in filled.logs if log_passes(wanted, line))
    assert filled.store.read(lambda conn: count_logs(conn, wanted)) == len(found)


@settings(MANY, max_examples=25)
@given(data=st.data())
def test_objects_that_belong_to_what_other_filters_choose(filled, data):
    scope = RunScope(
        flows=data.draw(optional(flow_filters(filled))),
        flow_runs=data.draw(optional(flow_run_filters(filled))),
        task_runs=data.draw(optional(task_run_filters(filled))),
    )
    flows = [flow for flow in filled.flows if scope.flows is None or flow_passes(scope.flows, flow)]
    tasks = [
        task for task in filled.task_runs
        if scope.task_runs is None or task_run_passes(scope.task_runs, task, filled)
    ]  # fmt: skip
    runs = [
        run for run in filled.flow_runs
        if scope.flow_runs is None or flow_run_passes(scope.flow_runs, run, filled)
    ]  # fmt: skip
    of_flows = [run for run in runs if scope.flows is None or run.flow_id in ids(flows)]
    with_tasks = {task.flow_run_id for task in tasks}
    expected_runs = [run for run in of_flows if scope.task_runs is None or run.id in with_tasks]
    asked = scope.flow_runs is not None or scope.task_runs is not None
    of_runs = {run.flow_id for run in expected_runs}
    expected_flows = [flow for flow in flows if not asked or flow.id in of_runs]
    by_runs = scope.flow_runs is not None or scope.flows is not None
    expected_tasks = [task for task in tasks if not by_runs or task.flow_run_id in ids(of_flows)]

    read = filled.store.read
    assert ids(read(lambda conn: read_flow_runs(conn, scope))) == ids(expected_runs)
    assert ids(read(lambda conn: read_flows(conn, scope))) == ids(expected_flows)
    assert ids(read(lambda conn: read_task_runs(conn, scope))) == ids(expected_tasks)
    assert read(lambda conn: count_flow_runs(conn, scope)) == len(expected_runs)


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE flow_run; --", "%s", ":name", "{}", "\x00", "half \udce9", "?"]
)
def test_no_text_in_a_filter_is_taken_for_sql(filled, text):
    names = of_flow_runs.FlowRunFilterName(any_=[text], like_=text)
    tags = of_flow_runs.FlowRunFilterTags(all_=[text], any_=[text])
    keys = of_flow_runs.FlowRunFilterIdempotencyKey(any_=[text])
    for wanted in ({"name": names}, {"tags": tags}, {"idempotency_key": keys}):
        scope = RunScope(flow_runs=of_flow_runs.FlowRunFilter(**wanted))
        assert filled.store.read(lambda conn, scope=scope: read_flow_runs(conn, scope)) == []
    search = of_logs.LogFilter(text=of_logs.LogFilterTextSearch(query=f'"{text}"'))
    assert filled.store.read(lambda conn: read_logs(conn, search)) == []


def test_an_id_that_is_in_no_list_chooses_nothing(filled):
    nobody = of_flow_runs.FlowRunFilter(id=of_flow_runs.FlowRunFilterId(any_=[UUID(int=0)]))
    assert filled.store.read(lambda conn: count_flow_runs(conn, RunScope(flow_runs=nobody))) == 0


def test_what_is_counted_of_any_criterion_is_what_is_listed(filled):
    since = of_task_runs.TaskRunFilterStartTime(
        after_=max(run.start_time for run in filled.task_runs if run.start_time)
    )
    wanted = of_task_runs.TaskRunFilter(
        operator=Operator.or_, start_time=since, subflow_runs=of_task_runs.TaskRunFilterSubFlowRuns()
    )
    scope = RunScope(task_runs=wanted)
    found = filled.store.read(lambda conn: read_task_runs(conn, scope))
    assert filled.store.read(lambda conn: count_task_runs(conn, scope)) == len(found) == len(filled.task_runs)
