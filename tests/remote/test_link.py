"""How long a server that is away is waited for."""

from __future__ import annotations

import pytest

from headrace.client.link import BRIEF_PATIENCE, FIRST_PATIENCE, QUIET_SECONDS, Link, ServerAway


@pytest.fixture
def remote():
    """These tests need no server."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def link(clock):
    link = Link("http://there/api", 300, clock)
    link.answered()
    return link


def test_an_outage_is_waited_for_from_its_beginning_whoever_waits(link, clock):
    link.failed(ServerAway("refused"), clock())
    clock.now += 100
    link.failed(ServerAway("refused"), clock())

    assert link.patience_left(waiting_since=clock(), patience=300) == 200


def test_a_server_that_never_answered_is_waited_for_only_so_long(clock):
    link = Link("http://there/api", 300, clock)
    link.failed(ServerAway("refused"), clock())

    assert link.patience_left(clock(), 300) == FIRST_PATIENCE


def test_an_outage_begins_when_the_question_was_asked_that_got_no_answer(link, clock):
    asked = clock()
    clock.now += 60
    link.failed(ServerAway("timed out"), asked)

    assert link.patience_left(clock(), 300) == 240


def test_a_server_that_is_working_on_something_is_given_time_however_little_patience_there_is(link, clock):
    assert link.patience_left(clock(), 0) == BRIEF_PATIENCE


def test_a_server_that_is_working_on_something_is_not_waited_for_without_end(link, clock):
    waiting_since = clock()
    clock.now += 299
    assert link.patience_left(waiting_since, 300) == 1
    clock.now += 2
    assert link.patience_left(waiting_since, 300) == 0


def test_every_sign_of_the_server_prolongs_the_wait(link, clock):
    waiting_since = clock()
    clock.now += 299
    link.answered()

    assert link.patience_left(waiting_since, 300) == 300


def test_when_one_has_waited_in_vain_the_others_do_not_wait(link, clock):
    link.failed(ServerAway("refused"), clock())
    link.give_up()

    assert link.patience_left(clock(), 300) == 0


def test_an_answer_gives_new_patience(link, clock):
    link.failed(ServerAway("refused"), clock())
    link.give_up()
    link.answered()

    assert not link.isaway
    link.failed(ServerAway("refused"), clock())
    assert link.patience_left(clock(), 300) == 300


def test_an_outage_is_reported_once_with_its_reason(link, clock, caplog):
    for _ in range(3):
        link.failed(ServerAway("Connection refused"), clock())

    (record,) = caplog.records
    assert "http://there/api" in record.getMessage()
    assert "Connection refused" in record.getMessage()


def test_a_server_that_comes_and_goes_is_reported_now_and_then(link, clock, caplog):
    for _ in range(10):
        link.failed(ServerAway("it answers 503"), clock())
        link.answered()
        clock.now += QUIET_SECONDS / 5

    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 2
