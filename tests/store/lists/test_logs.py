"""Log lines: filtered, in order, in pages."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from headrace.schema.filters.logs import (
    LogFilter,
    LogFilterFlowRunId,
    LogFilterLevel,
    LogFilterTaskRunId,
    LogFilterTimestamp,
)
from headrace.schema.filters.shapes import Text
from headrace.schema.logs import Log
from headrace.schema.sorting import LogSort
from headrace.store.lists.logs import count_logs, read_logs
from headrace.store.records import record


@pytest.fixture
def chosen(store):
    """The messages of the lines that a filter chooses."""

    def choose(wanted=None, **options):
        return [line.message for line in store.read(lambda conn: read_logs(conn, wanted, **options))]

    return choose


def test_log_lines_are_chosen_by_run_and_level_and_come_in_pages(store, clock, chosen):
    flow_run_id, task_run_id = uuid4(), uuid4()
    lines = [
        Log(name="n", level=10 * number, message=str(number), timestamp=clock.now, flow_run_id=flow_run_id)
        for number in range(5)
    ]
    lines[2].task_run_id = task_run_id
    other = Log(name="n", level=20, message="other", timestamp=clock.now, flow_run_id=uuid4())
    store.write(lambda conn: record(conn, [*lines, other]))

    ours = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_id]))
    severe = LogFilter(flow_run_id=ours.flow_run_id, level=LogFilterLevel(ge_=30))
    assert chosen() == ["0", "1", "2", "3", "4", "other"]
    assert chosen(ours) == ["0", "1", "2", "3", "4"]
    assert chosen(ours, sort=LogSort.TIMESTAMP_DESC, limit=2) == ["4", "3"]
    assert chosen(ours, limit=2, offset=2) == ["2", "3"]
    assert chosen(ours, offset=3) == ["3", "4"]
    assert chosen(ours, limit=None, offset=3) == ["3", "4"]
    assert chosen(severe) == ["3", "4"]
    assert chosen(LogFilter(level=LogFilterLevel(ge_=10, le_=20))) == ["1", "2", "other"]
    assert chosen(LogFilter(task_run_id=LogFilterTaskRunId(any_=[task_run_id]))) == ["2"]
    assert chosen(LogFilter(task_run_id=LogFilterTaskRunId(is_null_=True))) == ["0", "1", "3", "4", "other"]
    assert chosen(LogFilter(task_run_id=LogFilterTaskRunId(is_null_=False))) == ["2"]
    assert store.read(lambda conn: count_logs(conn, ours)) == 5


def test_log_lines_come_in_the_order_of_time_whenever_they_were_recorded(store, clock, chosen):
    late, early = (
        Log(name="n", level=20, message=text, timestamp=clock.now + timedelta(seconds=seconds))
        for text, seconds in (("late", 1), ("early", 0))
    )
    store.write(lambda conn: record(conn, [late, early]))
    assert chosen() == ["early", "late"]
    assert chosen(sort=LogSort.TIMESTAMP_DESC) == ["late", "early"]
    until = LogFilterTimestamp(before_=clock.now)
    assert chosen(LogFilter(timestamp=until)) == ["early"]
    since = LogFilterTimestamp(after_=clock.now + timedelta(microseconds=1))
    assert chosen(LogFilter(timestamp=since)) == ["late"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("disk", ["Disk FULL", "the disk is back"]),
        ("full back", ["Disk FULL", "the disk is back"]),
        ("disk -full", ["the disk is back"]),
        ("disk !back", ["Disk FULL"]),
        ("+disk +back", ["the disk is back"]),
        ('"is back"', ["the disk is back"]),
        ('"disk back"', []),
        ("100%", ["100% sure"]),
        ("0_", []),
        ("net", ["Disk FULL"]),
        ("", ["Disk FULL", "the disk is back", "100% sure"]),
        ("-disk", ["100% sure"]),
    ],
)
def test_log_lines_are_found_by_the_words_of_their_message_and_logger(store, clock, chosen, query, expected):
    lines = [
        Log(name=name, level=20, message=text, timestamp=clock.now)
        for name, text in (("my.net", "Disk FULL"), ("n", "the disk is back"), ("n", "100% sure"))
    ]
    store.write(lambda conn: record(conn, lines))
    assert chosen(LogFilter(text=Text(query=query))) == expected
