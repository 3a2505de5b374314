"""Log lines: filtered, in order, in pages."""

from __future__ import annotations

from uuid import uuid4

from headrace.schema.logs import Log
from headrace.store import logs
from headrace.store.records import record
from headrace.store.where import LogFilter


def test_log_lines_are_chosen_by_run_and_level_and_come_in_pages(store, clock):
    flow_run_id, task_run_id = uuid4(), uuid4()
    lines = [
        Log(name="n", level=10 * number, message=str(number), timestamp=clock.now, flow_run_id=flow_run_id)
        for number in range(5)
    ]
    lines[2].task_run_id = task_run_id
    other = Log(name="n", level=20, message="other", timestamp=clock.now, flow_run_id=uuid4())
    store.write(lambda conn: record(conn, [*lines, other]))

    def chosen(wanted=None, **options):
        return [line.message for line in store.read(lambda conn: logs.read_logs(conn, wanted, **options))]

    ours = LogFilter(flow_run_ids=[flow_run_id])
    assert chosen() == ["0", "1", "2", "3", "4", "other"]
    assert chosen(ours) == ["0", "1", "2", "3", "4"]
    assert chosen(ours, descending=True, limit=2) == ["4", "3"]
    assert chosen(ours, limit=2, offset=2) == ["2", "3"]
    assert chosen(LogFilter(flow_run_ids=[flow_run_id], min_level=30)) == ["3", "4"]
    assert chosen(LogFilter(task_run_ids=[task_run_id])) == ["2"]
    assert store.read(lambda conn: logs.count_logs(conn, ours)) == 5
