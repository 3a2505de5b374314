"""The timeline of a flow run: its task runs in columns, and what has changed of them."""

from __future__ import annotations

import json
from itertools import zip_longest
from uuid import uuid4

import pytest

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.exceptions import ObjectNotFound
from headrace.schema.base import encode
from headrace.schema.logs import Log
from headrace.schema.runs import Constant, FlowRun, FlowRunResult, Parameter, TaskRun, TaskRunResult
from headrace.schema.states import State
from headrace.store import flow_runs, flows, task_runs, timeline
from headrace.store.connection import micros
from headrace.store.cursors import Cursor
from headrace.store.records import record
from headrace.store.store import Store, open_database
from headrace.store.timeline import read_timeline

SCHEDULED, PENDING, RUNNING = StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING
COMPLETED, FAILED, CRASHED = StateType.COMPLETED, StateType.FAILED, StateType.CRASHED

COLUMNS = (
    "id", "name", "task", "state", "created", "started", "ended", "run_count", "flow_run_id", "inputs",
)  # fmt: skip


def read(store, run, after=None, **options):
    """The timeline as a client has it."""
    place = None if after is None else Cursor.parse(after["cursor"])
    made = store.read(lambda conn: encode(read_timeline(conn, run.id, after=place, **options)))
    return json.loads(made)


def rows(answer):
    """What a timeline says of each task run, by its id, with the dictionaries looked up."""
    columns = [answer[name] for name in COLUMNS]
    assert len({len(column) for column in columns}) == 1
    found = {}
    for row in zip(*columns, strict=True):
        said = dict(zip(COLUMNS, row, strict=True))
        said |= {"task": answer["tasks"][said["task"]][1], "state": answer["states"][said["state"]]}
        found[said.pop("id")] = said
    assert len(found) == len(columns[0])
    return found


@pytest.fixture
def run(make_flow_run, clock):
    return make_flow_run(State(type=RUNNING, timestamp=clock.tick()))


@pytest.fixture
def task(run):
    """Makes a task run of the flow run, without storing it."""

    def make(function="load", flow_run=run, **fields):
        key = fields.pop("dynamic_key", uuid4().hex[:12])
        names = {"name": f"{function}-{key[:3]}", "task_key": f"{function}-1a2b3c4d", "dynamic_key": key}
        return TaskRun(**{**names, "flow_run_id": flow_run.id, **fields})

    return make


@pytest.fixture
def put(store):
    def put(steps):
        store.write(lambda conn: record(conn, steps))

    return put


def test_each_column_has_a_value_for_each_task_run_in_the_order_of_ids(store, run, task, life, put, clock):
    first, second = task("load"), task("save")
    begin = clock.tick()
    put([*life(first, start=begin), *life(second, PENDING, RUNNING, FAILED, start=begin)][::-1])
    answer = read(store, run)
    assert answer["origin"] == micros(run.created)
    at = micros(begin) - answer["origin"]
    assert {name: answer[name] for name in COLUMNS} == {
        "id": [str(first.id), str(second.id)],
        "name": [first.name, second.name],
        "task": [0, 1],
        "state": [0, 1],
        "created": [at, at],
        "started": [at, at],
        "ended": [at + 2_000_000, at + 2_000_000],
        "run_count": [1, 1],
        "flow_run_id": [None, None],
        "inputs": [[], []],
    }
    assert answer["tasks"] == [["load-1a2b3c4d", "load"], ["save-1a2b3c4d", "save"]]
    assert answer["states"] == [["COMPLETED", "Completed"], ["FAILED", "Failed"]]
    assert (answer["total"], answer["is_whole"]) == (2, True)


def test_a_flow_run_without_task_runs_has_empty_columns(store, run):
    answer = read(store, run)
    assert [answer[name] for name in (*COLUMNS, "tasks", "states")] == [[]] * 12
    assert (answer["total"], answer["is_whole"]) == (0, True)
    assert rows(read(store, run, after=answer)) == {}


def test_there_is_no_timeline_of_an_unknown_run(store, run):
    with pytest.raises(ObjectNotFound):
        store.read(lambda conn: read_timeline(conn, uuid7()))


def test_a_task_run_is_known_from_its_first_state_on_whenever_it_was_recorded(
    store, run, task, life, put, clock
):
    late = task(expected_start_time=clock.tick())
    put(life(late, start=clock.now))
    [said] = rows(read(store, run)).values()
    assert said["created"] == micros(clock.now) - micros(run.created)


def test_what_ended_without_having_run_never_started(store, run, task, clock):
    waiting, skipped = task(), task()

    def command(conn):
        for each in (waiting, skipped):
            each.state = State(type=PENDING, timestamp=clock.now)
            task_runs.create_task_run(conn, each, now=clock.now)
        crash = State(type=CRASHED, timestamp=clock.tick())
        task_runs.set_task_run_state(conn, skipped.id, crash, now=clock.now)

    store.write(command)
    found = rows(read(store, run))
    assert (found[str(waiting.id)]["started"], found[str(waiting.id)]["ended"]) == (None, None)
    assert found[str(skipped.id)]["started"] is None
    assert found[str(skipped.id)]["ended"] > found[str(skipped.id)]["created"]


def test_inputs_are_the_task_runs_whose_results_are_taken_each_once(store, run, task, life, put):
    first, second, caller = task(), task(), task()
    taken = {
        "x": [TaskRunResult(id=first.id), TaskRunResult(id=second.id), Constant(type="int")],
        "y": [TaskRunResult(id=first.id), FlowRunResult(id=uuid7()), Parameter(name="task_run")],
        "z": [],
        "__parents__": [TaskRunResult(id=caller.id)],
    }
    put([step for each in (first, second, caller, task(task_inputs=taken)) for step in life(each)])
    assert read(store, run)["inputs"] == [[], [], [], [str(first.id), str(second.id)]]


def test_tasks_are_called_as_their_runs_say_or_else_as_their_functions_are(store, run, task, life, put):
    plain = task("load", name="a name of the user's own")
    named = task("load", task_key="load-99999999", name="Load the data-9f8", dynamic_key="9f8e7d6c5b4a")
    foreign = task("x", task_key="module.Class", name="x")
    put([step for each in (plain, named, foreign) for step in life(each)])
    assert read(store, run)["tasks"] == [
        ["load-1a2b3c4d", "load"],
        ["load-99999999", "Load the data"],
        ["module.Class", "module.Class"],
    ]


def test_names_are_told_as_they_are(store, run, task, life, put):
    odd = task(name='<img onerror="x">\\ \n\t \u2028 日本 \U0001f600')
    put(life(odd))
    assert read(store, run)["name"] == [odd.name]


# --- Subflows --------------------------------------------------------------------------------------------------


@pytest.fixture
def subflow(store, run, task, clock):
    """Makes a subflow run, of a task run that may stand for another one already."""

    def make(tracker=None, **fields):
        tracker = tracker or task("child", name="child-0", dynamic_key="0")

        def command(conn):
            tracker.state = State(type=PENDING, timestamp=clock.tick())
            task_runs.create_task_run(conn, tracker, now=clock.now)
            state = State(type=PENDING, timestamp=clock.tick())
            made = FlowRun(flow_id=run.flow_id, parent_task_run_id=tracker.id, state=state, **fields)
            return flow_runs.create_flow_run(conn, made, now=clock.now)

        return tracker, store.write(command)

    return make


@pytest.fixture
def move(store, clock):
    """Moves a flow run to a state."""

    def move(run, kind):
        state = State(type=kind, timestamp=clock.tick())
        store.write(lambda conn: flow_runs.set_flow_run_state(conn, run.id, state, now=clock.now))
        return micros(clock.now)

    return move


def test_a_task_run_that_stands_for_a_subflow_run_is_shown_as_that_run(store, run, subflow, move):
    tracker, child = subflow(name="the child")
    [said] = rows(read(store, run)).values()
    assert (said["name"], said["flow_run_id"]) == ("f / the child", str(child.id))
    assert (said["state"], said["started"]) == (["PENDING", "Pending"], None)
    started, ended = move(child, RUNNING), move(child, FAILED)
    answer = read(store, run)
    said = rows(answer)[str(tracker.id)]
    assert (said["state"], said["run_count"], said["task"]) == (["FAILED", "Failed"], 1, "child")
    assert (said["started"], said["ended"]) == (started - answer["origin"], ended - answer["origin"])


def test_of_several_subflow_runs_of_one_task_run_the_newest_is_shown(store, run, subflow, move):
    tracker, first = subflow()
    move(first, FAILED)
    _, second = subflow(tracker)
    assert read(store, run)["flow_run_id"] == [str(second.id)]
    assert read(store, run)["states"] == [["PENDING", "Pending"]]


def test_what_has_changed_of_a_subflow_run_is_told_of_its_task_run(store, run, subflow, move, make_flow_run):
    tracker, child = subflow()
    before = read(store, run)
    move(child, RUNNING)
    after = read(store, run, after=before)
    assert rows(after)[str(tracker.id)]["state"] == ["RUNNING", "Running"]
    assert rows(read(store, child, after=before)) == {}
    assert rows(read(store, make_flow_run(), after=before)) == {}


def test_the_end_of_a_subflow_run_is_told_though_its_task_run_has_ended_before(
    store, run, subflow, move, clock
):
    tracker, child = subflow()
    crash = State(type=CRASHED, timestamp=clock.tick())
    store.write(lambda conn: task_runs.set_task_run_state(conn, tracker.id, crash, now=clock.now))
    before = read(store, run)
    move(child, COMPLETED)
    [said] = rows(read(store, run, after=before)).values()
    assert said["state"] == ["COMPLETED", "Completed"]


# --- What has changed ------------------------------------------------------------------------------------------


def test_only_what_has_changed_behind_the_cursor_is_told(store, run, task, life, put, clock, make_flow_run):
    done, going, other = task(), task(), task(flow_run=make_flow_run())
    pending, *rest = life(going)
    put([*life(done), pending])
    before = read(store, run)
    put([Log(name="n", level=20, message="m", timestamp=clock.now, flow_run_id=run.id), *life(other)])
    nothing = read(store, run, after=before)
    assert rows(nothing) == {}
    put(rest)
    changed = read(store, run, after=nothing)
    assert {run_id: said["state"][1] for run_id, said in rows(changed).items()} == {
        str(going.id): "Completed"
    }
    assert (changed["total"], changed["origin"]) == (2, before["origin"])
    assert rows(read(store, run, after=changed)) == {}


def test_the_parts_of_a_history_add_up_to_the_whole(store, run, task, life, put, subflow, move):
    lives = [life(task(), PENDING, RUNNING, SCHEDULED, RUNNING, COMPLETED), life(task()), life(task())]
    _, child = subflow()
    answer = read(store, run)
    known = rows(answer)
    for steps in zip_longest(*lives):
        put([step for step in steps if step is not None])
        if child.state_type is not COMPLETED:
            move(child, RUNNING)
        answer = read(store, run, after=answer)
        known |= rows(answer)
        assert known == rows(read(store, run))
    assert len(known) == 4


def test_after_too_many_events_everything_is_told(store, run, task, life, put, monkeypatch):
    runs = [task(), task()]
    put(life(runs[0]))
    before = read(store, run)
    put(life(runs[1]))
    assert len(rows(read(store, run, after=before))) == 1
    monkeypatch.setattr(timeline, "MAX_EVENTS", 2)
    assert len(rows(read(store, run, after=before))) == 2


def test_behind_a_cursor_of_another_log_everything_is_told(store, run, task, life, put):
    put(life(task()))
    assert len(rows(read(store, run, after={"cursor": "9999999999-9999999999999999999"}))) == 1


def test_a_timeline_shows_no_more_than_it_may(store, run, task, life, put):
    runs = [task(), task(), task()]
    first, second, third = (life(each) for each in runs)
    put([first[0], second[0], third[0]])
    answer = read(store, run, most=2)
    assert (list(rows(answer)), answer["total"]) == ([str(each.id) for each in runs[:2]], 3)
    assert not answer["is_whole"]
    put([*second[1:], *third[1:]])
    changed = read(store, run, after=answer, most=2)
    assert (list(rows(changed)), changed["is_whole"]) == ([str(runs[1].id)], False)


def test_what_is_committed_late_is_told_then(postgres_url, life, clock):
    """PostgreSQL gives numbers before the commit."""
    with Store.open(postgres_url) as store:
        flow = store.write(lambda conn: flows.read_or_create_flow(conn, "f", now=clock.now))
        run = FlowRun(flow_id=flow.id)
        store.write(lambda conn: flow_runs.create_flow_run(conn, run, now=clock.now))
        slow, quick = (
            TaskRun(name="t", task_key="t", dynamic_key=key, flow_run_id=run.id) for key in ("a", "b")
        )
        conn = open_database(postgres_url).connect()
        conn.driver.execute("BEGIN")
        record(conn, life(slow))
        store.write(lambda conn: record(conn, life(quick)))
        before = read(store, run)
        assert before["id"] == [str(quick.id)]
        conn.driver.execute("COMMIT")
        conn.close()
        assert str(slow.id) in read(store, run, after=before)["id"]
