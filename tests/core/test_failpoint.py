"""Failpoints fire where and when they are armed, and tell that they did."""

from __future__ import annotations

import pytest

from headrace.core import failpoint


@pytest.fixture(autouse=True)
def disarmed():
    yield
    failpoint.disarm()


def test_nothing_is_armed_by_itself():
    assert failpoint.ARMED is False
    failpoint.reach("anything")


def test_an_armed_point_raises_every_time_and_others_do_not():
    failpoint.arm("a=raise")
    assert failpoint.ARMED is True
    for _ in range(2):
        with pytest.raises(failpoint.FailpointError, match="a fired"):
            failpoint.reach("a")
    failpoint.reach("b")
    assert (failpoint.fired("a"), failpoint.fired("b")) == (2, 0)


def test_a_point_fires_on_the_nth_passage_only():
    failpoint.arm("a=nth:2:raise, b=raise")
    failpoint.reach("a")
    with pytest.raises(failpoint.FailpointError):
        failpoint.reach("a")
    failpoint.reach("a")
    assert failpoint.fired("a") == 1


@pytest.mark.parametrize("spec", ["a=explode", "a", "a=nth:x:kill", "a=nth:2:explode"])
def test_an_action_that_does_not_exist_is_refused(spec):
    with pytest.raises(ValueError, match=r"a.*expected kill, raise"):
        failpoint.arm(spec)
