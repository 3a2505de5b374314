"""Lists of events: in SQL as in memory, page by page, and from indexes."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from headrace.core.ids import uuid7
from headrace.core.states import StateType
from headrace.schema.events import Event
from headrace.schema.filters.events import (
    EventAnyResourceFilter,
    EventFilter,
    EventIDFilter,
    EventNameFilter,
    EventOccurredFilter,
    EventOrder,
    EventRelatedFilter,
    EventResourceFilter,
    EventTextFilter,
)
from headrace.schema.filters.matching import event_passes
from headrace.schema.requests.events import TimeUnit
from headrace.schema.runs import FlowRun, TaskRun
from headrace.schema.states import State
from headrace.store import flow_runs, flows, task_runs
from headrace.store.events import end_of_log, read_events
from headrace.store.lists import queries
from headrace.store.lists.event_counts import (
    MAX_BUCKETS,
    TooManyBuckets,
    count_events_by_name,
    count_events_by_resource,
    count_events_by_time,
)
from headrace.store.lists.events import Place, count_events, events_query, read_events_where
from headrace.store.records import record
from headrace.store.store import Store

START = EventOccurredFilter().since.replace(year=2026, month=1, day=1, hour=12)
"""The clock's start."""


ALL = EventFilter(
    occurred=EventOccurredFilter(since=START - timedelta(hours=1), until=START + timedelta(hours=1))
)


def ids(*numbers):
    return [UUID(int=(0x0123456789AB7DEF8000000000000000 + number)) for number in numbers]


FLOW_RUN, CHILD, TRACKER, TASK_RUN, ALONE = ids(1, 2, 3, 4, 5)
DEPLOYMENT, QUEUE, POOL = ids(6, 7, 8)


def related(id, role, **labels):
    return {"prefect.resource.id": id, "prefect.resource.role": role, **labels}


def sent(clock):
    """Events that somebody sent, some of which look like transitions."""
    for name, resource, others, payload in (
        ("my.event", {"prefect.resource.id": "one", "color": "red", "prefect.resource.name": "One"}, [], {}),
        ("my.event", {"prefect.resource.id": "two", "color": "blue"}, [related("x", "r"), related("y", "s", k="v")], {}),
        ("my.other", {"prefect.resource.id": "one"}, [related("x", "s", k="w")], {"word": "Hello 100% \"World\""}),
        ("your.event", {"prefect.resource.id": "three", "color": "reddish"}, [], {"n": 42}),
        ("prefect.task-run.Completed", {"prefect.resource.id": f"prefect.task-run.{uuid4()}"}, [], {}),
        (
            "prefect.flow-run.heartbeat",
            {"prefect.resource.id": f"prefect.flow-run.{FLOW_RUN}", "prefect.resource.name": "fast-fox"},
            [related("prefect.tag.a", "tag"), related(f"prefect.flow-run.{CHILD}", "flow-run")],
            {},
        ),
    ):  # fmt: skip
        yield Event(event=name, resource=resource, related=others, payload=payload, occurred=clock.tick())


@pytest.fixture
def filled(store, clock, life):
    """A store with events of every kind."""

    def command(conn):
        flow = flows.read_or_create_flow(conn, "shipping", now=clock.now)
        run = FlowRun(
            id=FLOW_RUN, flow_id=flow.id, name="fast-fox", tags=["a", "b"],
            deployment_id=DEPLOYMENT, work_queue_id=QUEUE, work_pool_id=POOL,
        )  # fmt: skip
        flow_runs.create_flow_run(conn, run, now=clock.now)
        task_runs.create_task_run(
            conn,
            TaskRun(id=TRACKER, name="child-0", task_key="c", dynamic_key="0", flow_run_id=run.id),
            now=clock.now,
        )
        child = FlowRun(id=CHILD, flow_id=flow.id, name="slow-snail", parent_task_run_id=TRACKER)
        flow_runs.create_flow_run(conn, child, now=clock.now)
        for each in (FLOW_RUN, CHILD):
            state = State(type=StateType.RUNNING, timestamp=clock.tick(0.5))
            flow_runs.set_flow_run_state(conn, each, state, now=clock.now)
        task = TaskRun(
            id=TASK_RUN, name="t-0", task_key="t", dynamic_key="0", flow_run_id=run.id, tags=["b", "c"]
        )
        record(
            conn, life(task, StateType.PENDING, StateType.RUNNING, StateType.COMPLETED, start=clock.tick())
        )
        alone = TaskRun(id=ALONE, name="alone", task_key="t", dynamic_key="1")
        lost = TaskRun(id=uuid7(), name="lost", task_key="t", dynamic_key="2", flow_run_id=uuid7())
        for number, each in enumerate((alone, lost)):
            record(conn, life(each, StateType.PENDING, StateType.CRASHED, start=clock.tick(number / 8)))
        clock.tick(2)
        for each in (CHILD, FLOW_RUN):
            state = State(type=StateType.FAILED, message="Hello failure", timestamp=clock.tick(0.5))
            flow_runs.set_flow_run_state(conn, each, state, now=clock.now)
        record(conn, list(sent(clock)))
        return flow.id

    clock.flow_id = store.write(command)
    return store


NAMES = [
    "my.event", "my.other", "my.", "m", "", "your.event", "prefect.", "prefect.flow-run.", "prefect.flow-run.Failed",
    "prefect.flow-run.F", "prefect.task-run.Completed", "prefect.task-run.C", "prefect.task-run.", "nothing",
]  # fmt: skip
ROLES = ["r", "s", "tag", "flow", "flow-run", "task-run", "deployment", "work-queue", "work-pool", "nothing"]
LABELS = {
    "color": ["red", "red*", "!red", "!red*", "*", "", "!*"],
    "k": ["v", "!v", "*"],
    "prefect.resource.id": ["one", "prefect.flow-run.*", f"prefect.flow-run.{FLOW_RUN}", "!prefect.*", "prefect.tag.a"],
    "prefect.resource.name": ["One", "fast-fox", "t-0", "!t-0", "shipping", "child-0", "*", ""],
    "prefect.resource.role": ["flow", "tag", "!tag", "work-*"],
    "prefect.run-count": ["0", "1", "!0"],
    "prefect.state-message": ["", "Hello*", "!*"],
    "prefect.state-name": ["Failed", "!Failed", "C*"],
    "prefect.state-type": ["RUNNING", "!RUNNING"],
    "prefect.state-timestamp": ["2026-01-01T12:00:00+00:00", "2026-01-01T12:00:00.5*", "!2026-01-01T12:00:00.5*", "2026*"],
    "prefect.orchestration": ["client", "!client"],
    "nothing": ["*"],
}  # fmt: skip
WORDS = [
    "hello",
    "WORLD",
    "100%",
    "42",
    "color",
    "_",
    "fast",
    "t-0",
    "Completed",
    str(TASK_RUN)[:20],
    "nothing",
    "my.event",
]


@pytest.fixture
def filters(filled, clock):
    """Filters of all kinds that say something about what is in the store."""
    resource_ids = [
        "one", "two", "x", "y", "prefect.tag.a", "prefect.tag.b", "prefect.tag.c", "nothing",
        *(f"prefect.flow-run.{each}" for each in (FLOW_RUN, CHILD)),
        *(f"prefect.task-run.{each}" for each in (TRACKER, TASK_RUN, ALONE)),
        f"prefect.flow.{clock.flow_id}", f"prefect.deployment.{DEPLOYMENT}", f"prefect.work-queue.{QUEUE}",
        f"prefect.work-pool.{POOL}", f"prefect.flow-run.{str(FLOW_RUN).upper()}", f"prefect.task-run.{FLOW_RUN}",
    ]  # fmt: skip
    prefixes = [*resource_ids, "", "p", "prefect.", "prefect.flow-run.", "t", "prefect.tag.", "prefect.t", "prefect.flow-run.-",
                *(f"prefect.task-run.{str(TASK_RUN)[:length]}" for length in (1, 8, 9, 20, 36))]  # fmt: skip

    def some(values, most=3):
        return st.none() | st.lists(st.sampled_from(values), max_size=most)

    label = st.sampled_from(sorted(LABELS)).flatmap(
        lambda key: st.tuples(
            st.just(key),
            st.sampled_from(LABELS[key]) | st.lists(st.sampled_from(LABELS[key]), max_size=2),
        )
    )
    labels = st.none() | st.lists(label, max_size=2).map(dict)
    names = st.builds(
        EventNameFilter, **dict.fromkeys(("prefix", "exclude_prefix", "name", "exclude_name"), some(NAMES))
    )
    pairs = some([(id, role) for id in resource_ids for role in ROLES])
    one_related = st.builds(
        EventRelatedFilter,
        id=some(resource_ids),
        role=some(ROLES),
        resources_in_roles=st.none() | pairs,
        labels=labels,
    )
    one_involved = st.builds(
        EventAnyResourceFilter, id=some(resource_ids), id_prefix=some(prefixes), labels=labels
    )
    instants = st.integers(-2, 24).map(lambda halves: START + timedelta(seconds=halves / 2))
    spans = st.builds(EventOccurredFilter, since=instants, until=instants)
    known = [stored.event.id for stored in filled.read(lambda conn: read_events(conn, limit=None))]
    sign = st.sampled_from(["", "", "-", "+", "!"])
    words = st.lists(
        st.tuples(sign, st.sampled_from([*WORDS, '"hello failure"'])).map("".join), max_size=3
    ).map(" ".join)

    def rarely(strategy):
        return st.none() | st.none() | st.none() | strategy

    return st.builds(
        EventFilter,
        occurred=st.just(ALL.occurred) | st.just(ALL.occurred) | spans,
        event=rarely(names),
        resource=rarely(
            st.builds(EventResourceFilter, id=some(resource_ids), id_prefix=some(prefixes), labels=labels)
        ),
        related=rarely(one_related | st.lists(one_related, max_size=2)),
        any_resource=rarely(one_involved | st.lists(one_involved, max_size=2)),
        id=st.just(EventIDFilter())
        | st.just(EventIDFilter())
        | st.builds(EventIDFilter, id=some([*known, uuid4()], 9)),
        text=rarely(st.builds(EventTextFilter, query=words)),
        order=st.sampled_from(EventOrder),
    )


def everything(store):
    return store.read(lambda conn: read_events(conn, limit=None))


def found(store, wanted, **options):
    return store.read(lambda conn: read_events_where(conn, wanted, **{"limit": 1000, **options}))


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_a_filter_means_the_same_in_sql_and_in_memory(filled, filters, data):
    wanted = data.draw(filters)
    expected = sorted(
        (stored for stored in everything(filled) if event_passes(wanted, stored.event)),
        key=Place.of,
        reverse=wanted.order is EventOrder.DESC,
    )
    assert [stored.event for stored in found(filled, wanted)] == [stored.event for stored in expected]
    assert filled.read(lambda conn: count_events(conn, wanted)) == len(expected)


@pytest.mark.parametrize("order", EventOrder)
def test_pages_make_up_the_list(filled, order):
    wanted = structs.replace(ALL, order=order)
    whole = [stored.event.id for stored in found(filled, wanted)]
    pages, place = [], None
    while page := found(filled, wanted, limit=3, after=place):
        assert len(page) <= 3
        pages += [stored.event.id for stored in page]
        place = Place.of(page[-1])
    assert pages == whole
    assert len(whole) == len(everything(filled)) > 15
    assert found(filled, wanted, limit=0) == []


@pytest.mark.parametrize("order", EventOrder)
def test_the_first_event_of_each_resource_is_the_distinct_one(filled, order):
    whole = structs.replace(ALL, order=order)
    wanted = structs.replace(whole, resource=EventResourceFilter(distinct=True))
    first = {}
    for stored in found(filled, whole):
        first.setdefault(stored.event.resource["prefect.resource.id"], stored.event)
    assert [stored.event for stored in found(filled, wanted)] == list(first.values())
    assert filled.read(lambda conn: count_events(conn, wanted)) == len(first)
    place = Place.of(found(filled, wanted, limit=2)[-1])
    assert [stored.event for stored in found(filled, wanted, after=place)] == list(first.values())[2:]


def test_a_list_up_to_a_place_in_the_log_has_nothing_that_came_later(filled, clock):
    before = [stored.event.id for stored in found(filled, ALL)]
    end = filled.read(end_of_log)
    late = Event(event="late", resource={"prefect.resource.id": "r"}, occurred=START)
    filled.write(lambda conn: record(conn, [late]))
    assert [stored.event.id for stored in found(filled, ALL, until=end)] == before
    assert len(found(filled, ALL)) == len(before) + 1


# --- Counts ----------------------------------------------------------------------------------------------------


def test_events_are_counted_by_name(filled):
    counts = filled.read(lambda conn: count_events_by_name(conn, ALL))
    expected = {}
    for stored in everything(filled):
        expected.setdefault(stored.name, []).append(stored.event.occurred)
    assert {each.value: (each.count, each.start_time, each.end_time) for each in counts} == {
        name: (len(times), min(times), max(times)) for name, times in expected.items()
    }
    assert [each.count for each in counts] == sorted((each.count for each in counts), reverse=True)
    assert all(each.label == each.value for each in counts)


def test_events_are_counted_by_resource(filled):
    counts = filled.read(lambda conn: count_events_by_resource(conn, ALL))
    expected = {}
    for stored in everything(filled):
        resource = stored.event.resource["prefect.resource.id"]
        expected[resource] = expected.get(resource, 0) + 1
    assert {each.value: each.count for each in counts} == expected


def test_events_are_counted_by_time_in_buckets_without_gaps(filled):
    wanted = structs.replace(
        ALL, occurred=EventOccurredFilter(since=START, until=START + timedelta(seconds=12))
    )
    counts = filled.read(lambda conn: count_events_by_time(conn, wanted, unit=TimeUnit.SECOND, interval=2.0))
    assert [each.value for each in counts] == [str(number) for number in range(7)]
    for number, each in enumerate(counts):
        begin = START + timedelta(seconds=2 * number)
        assert (each.start_time, each.label) == (begin, begin.isoformat())
        assert each.end_time == begin + timedelta(seconds=2) - timedelta(microseconds=1)
        inside = [
            stored
            for stored in everything(filled)
            if begin <= stored.event.occurred <= min(each.end_time, wanted.occurred.until)
        ]
        assert each.count == len(inside)


@pytest.mark.parametrize(
    ("unit", "begin"),
    [
        (TimeUnit.WEEK, START.replace(year=2025, month=12, day=29, hour=0)),  # a Monday
        (TimeUnit.DAY, START.replace(hour=0)),
        (TimeUnit.HOUR, START),
    ],
)
def test_buckets_begin_where_people_expect(filled, unit, begin):
    wanted = EventFilter(occurred=EventOccurredFilter(since=START, until=START + timedelta(minutes=1)))
    (bucket,) = filled.read(lambda conn: count_events_by_time(conn, wanted, unit=unit, interval=1.0))
    assert bucket.start_time == begin
    assert bucket.count == filled.read(lambda conn: count_events(conn, wanted)) > 0


def test_too_many_buckets_are_refused(store):
    wanted = EventFilter(
        occurred=EventOccurredFilter(since=START, until=START + timedelta(seconds=MAX_BUCKETS))
    )
    with pytest.raises(TooManyBuckets, match=f"{MAX_BUCKETS + 1} buckets, at most {MAX_BUCKETS}"):
        store.read(lambda conn: count_events_by_time(conn, wanted, unit=TimeUnit.SECOND, interval=1.0))


# --- Indexes ---------------------------------------------------------------------------------------------------

SOMEBODY = f"prefect.flow-run.{FLOW_RUN}"


@pytest.mark.parametrize(
    ("wanted", "indexes"),
    [
        (EventFilter(), {"ix_event_occurred"}),
        (EventFilter(text=EventTextFilter(query="word")), {"ix_event_occurred"}),
        (EventFilter(event=EventNameFilter(prefix=["prefect.task-run."])), {"ix_event_occurred"}),
        (EventFilter(id=EventIDFilter(id=[FLOW_RUN])), {"sqlite_autoindex_event_1"}),
        (EventFilter(event=EventNameFilter(name=["my.event"])), {"ix_event_name"}),
        (EventFilter(event=EventNameFilter(prefix=["my."])), {"ix_event_name"}),
        (
            EventFilter(event=EventNameFilter(name=["my.event", "prefect.flow-run.Failed"])),
            {"ix_event_name", "ix_event_flow_run_state"},
        ),
        (
            EventFilter(event=EventNameFilter(prefix=["prefect.flow-run."])),
            {"ix_event_name", "ix_event_flow_run_state"},
        ),
        (
            EventFilter(resource=EventResourceFilter(id=["one", SOMEBODY])),
            {"ix_event_resource", "ix_event_run"},
        ),
        (
            EventFilter(related=EventRelatedFilter(id=[SOMEBODY])),
            {"ix_event_related", "ix_event_run", "ix_task_run_flow_run"},
        ),
        (
            EventFilter(any_resource=EventAnyResourceFilter(id=[SOMEBODY])),
            {"ix_event_resource", "ix_event_related", "ix_event_run", "ix_task_run_flow_run"},
        ),
    ],
)
def test_lists_and_counts_are_answered_from_indexes(tmp_path, wanted, indexes):
    with Store.open(tmp_path / "s.db") as store:
        listing = plan(store, lambda conn: queries.rows(conn, events_query(wanted, "sqlite", limit=50)))
        counting = plan(store, lambda conn: count_events(conn, wanted))
    for steps in (listing, counting):
        assert not [step for step in steps if step.startswith("SCAN event")]
        used = {word for step in steps for word in step.split() if word.startswith(("ix_", "sqlite_"))}
        assert indexes <= used
        assert used - indexes <= {"ix_event_name", "sqlite_autoindex_flow_run_1"}


def test_the_list_of_all_events_needs_no_sorting(tmp_path):
    with Store.open(tmp_path / "s.db") as store:
        steps = plan(store, lambda conn: queries.rows(conn, events_query(EventFilter(), "sqlite", limit=50)))
    assert not [step for step in steps if "TEMP B-TREE" in step]


def plan(store, query):
    """How SQLite goes about the statements of a query."""

    def traced(conn):
        statements = []
        conn.driver.set_trace_callback(statements.append)
        query(conn)
        conn.driver.set_trace_callback(None)
        return [row[-1] for sql in statements for row in conn.driver.execute(f"EXPLAIN QUERY PLAN {sql}")]

    return store.read(traced)
