"""The recorder: nothing is dropped, batches are retried, and a slow sink holds the work back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from headrace.engine import recorder as recorder_module
from headrace.engine.recorder import Recorder
from headrace.exceptions import StoreUnavailableError


class Sink:
    """Queues writes; the test decides when each is carried out, and how it ends."""

    def __init__(self) -> None:
        self.queue: list[tuple[Callable[[], list[Any]], Future[None]]] = []
        self.written: list[Any] = []
        self.queued = threading.Condition()

    def record(self, take: Callable[[], list[Any]]) -> Future[None]:
        future: Future[None] = Future()
        with self.queued:
            self.queue.append((take, future))
            self.queued.notify_all()
        return future

    def commit(self) -> None:
        take, future = self.queue.pop(0)
        self.written.extend(take())
        future.set_result(None)

    def fail(self) -> None:
        take, future = self.queue.pop(0)
        take()
        future.set_exception(StoreUnavailableError("There is no room left."))


def test_one_write_takes_all_that_was_appended_before_its_turn() -> None:
    sink = Sink()
    recorder = Recorder(sink)
    for item in range(5):
        recorder.append(item)
    assert len(sink.queue) == 1
    sink.commit()
    assert sink.written == [0, 1, 2, 3, 4]


def test_what_is_appended_after_a_write_was_taken_gets_a_write_of_its_own() -> None:
    sink = Sink()
    recorder = Recorder(sink)
    recorder.append("first")
    sink.commit()
    recorder.append("second")
    sink.commit()
    assert sink.written == ["first", "second"]


def test_a_write_that_is_run_again_takes_the_same_records_again() -> None:
    sink = Sink()
    recorder = Recorder(sink)
    recorder.append("once")
    take, _ = sink.queue[0]
    assert take() == ["once"]
    recorder.append("later")
    assert take() == ["once"]


def test_a_failed_write_loses_nothing_and_the_next_drain_tries_it_again() -> None:
    sink = Sink()
    recorder = Recorder(sink)
    recorder.append("kept")
    sink.fail()
    assert isinstance(recorder.problem, StoreUnavailableError)
    recorder.append("next")
    drained = recorder.drain()
    while sink.queue:
        sink.commit()
    drained.result()
    assert sink.written == ["kept", "next"]
    assert recorder.problem is None


def test_drain_reports_why_a_write_failed() -> None:
    sink = Sink()
    recorder = Recorder(sink)
    recorder.append("item")
    drained = recorder.drain()
    sink.fail()
    sink.fail()
    with pytest.raises(StoreUnavailableError, match="no room"):
        drained.result()
    assert recorder.waiting == 1


def test_append_waits_for_a_sink_that_is_too_far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "MAX_WAITING", 3)
    sink = Sink()
    recorder = Recorder(sink)
    appended: list[int] = []

    def append_many() -> None:
        for item in range(5):
            recorder.append(item)
            appended.append(item)

    thread = threading.Thread(target=append_many)
    thread.start()
    with sink.queued:
        sink.queued.wait_for(lambda: len(sink.queue) == 1)
    while thread.is_alive():
        if sink.queue:
            assert recorder.waiting <= 5
            sink.commit()
        thread.join(0.01)
    while sink.queue:
        sink.commit()
    assert sink.written == appended == [0, 1, 2, 3, 4]


def test_a_sink_that_fails_for_good_stops_the_work_when_no_more_can_be_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_WAITING", 2)
    sink = Sink()
    recorder = Recorder(sink)

    def append_for_ever() -> None:
        for item in range(100):
            recorder.append(item)
            while sink.queue:
                sink.fail()

    with pytest.raises(StoreUnavailableError):
        append_for_ever()
    assert recorder.waiting >= 2


def test_a_forked_child_forgets_what_is_the_parents_to_write() -> None:
    sink = Sink()
    recorder = Recorder(sink)
    recorder.append("the parent's")
    recorder.forget()
    recorder.append("the child's")
    sink.queue.pop(0)
    sink.commit()
    assert sink.written == ["the child's"]
