"""Instants and durations in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headrace.cli.exit_codes import exit_code
from headrace.cli.words import ago, duration, instant
from headrace.core.states import StateType

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 ms"),
        (0.0032, "3 ms"),
        (1, "1.00 s"),
        (59.994, "59.99 s"),
        (60, "1 m 0 s"),
        (125, "2 m 5 s"),
        (3600, "1 h 0 m"),
        (3780, "1 h 3 m"),
        (187_200, "2 d 4 h"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=1), "1 second ago"),
        (timedelta(seconds=59), "59 seconds ago"),
        (timedelta(minutes=2), "2 minutes ago"),
        (timedelta(hours=23), "23 hours ago"),
        (timedelta(days=400), "400 days ago"),
        (-timedelta(minutes=2), "in 2 minutes"),
    ],
)
def test_how_long_ago(delta, words):
    assert ago(NOW - delta, NOW) == words


def test_what_has_not_happened():
    assert (ago(None, NOW), instant(None)) == ("-", "-")


def test_an_instant_is_local_to_the_millisecond():
    assert instant(NOW.replace(microsecond=45_678)).partition(".")[2].startswith("045 ")


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (StateType.COMPLETED, 0),
        (StateType.FAILED, 1),
        (StateType.CRASHED, 3),
        (StateType.CANCELLED, 4),
        (StateType.PAUSED, 5),
        (StateType.SCHEDULED, 5),
    ],
)
def test_the_exit_code_says_how_a_run_ended(state, code):
    assert exit_code(state) == code
