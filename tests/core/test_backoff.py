from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.backoff import (
    MAX_DELAYS,
    exponential_backoff,
    jittered,
    resolve_delays,
    retry_delay,
    validate_jitter,
)

examples = settings(max_examples=60)
seconds = st.floats(min_value=0, max_value=1e9, allow_nan=False)
attempts = st.integers(min_value=1, max_value=1000)
draws = st.floats(min_value=0, max_value=1, exclude_max=True)


def test_no_option_is_no_delay() -> None:
    assert resolve_delays(None, 3) == ()
    assert retry_delay((), 1) == 0.0


@examples
@given(seconds, attempts)
def test_a_number_is_the_delay_of_every_retry(delay: float, attempt: int) -> None:
    assert retry_delay(resolve_delays(delay, 3), attempt) == delay


@examples
@given(st.lists(seconds, min_size=1, max_size=MAX_DELAYS), attempts)
def test_a_list_gives_each_retry_its_delay_and_the_last_repeats(delays: list[float], attempt: int) -> None:
    expected = delays[attempt - 1] if attempt <= len(delays) else delays[-1]
    assert retry_delay(resolve_delays(delays, len(delays)), attempt) == expected


def test_a_function_gets_the_number_of_retries() -> None:
    assert resolve_delays(lambda retries: [retries, retries + 1], 4) == (4, 5)
    assert resolve_delays(lambda retries: retries, 4) == (4,)


def test_exponential_backoff_doubles() -> None:
    assert exponential_backoff(10)(3) == [10, 20, 40]
    assert exponential_backoff(1.5)(2) == [1.5, 3.0]
    assert exponential_backoff(10)(0) == []


@examples
@given(st.integers(min_value=0, max_value=10_000), st.floats(min_value=0, max_value=1e6))
def test_exponential_backoff_is_accepted_for_any_number_of_retries(retries: int, factor: float) -> None:
    delays = resolve_delays(exponential_backoff(factor), retries)
    assert len(delays) == min(retries, MAX_DELAYS)
    assert all(later == 2 * earlier for earlier, later in zip(delays, delays[1:], strict=False))


def test_more_delays_than_the_limit_are_refused() -> None:
    assert len(resolve_delays([1] * MAX_DELAYS, 3)) == MAX_DELAYS
    with pytest.raises(ValueError, match=r"more than 50 retry delays.*`retry_delay_seconds` has 51"):
        resolve_delays([1] * 51, 60)


@pytest.mark.parametrize("option", ["5", b"5", {"a": 1}, object(), True, [1, "2"], [True], lambda _: "soon"])
def test_other_types_are_refused_by_name(option: object) -> None:
    with pytest.raises(TypeError, match="retry_delay_seconds"):
        resolve_delays(option, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("option", [-1, -0.5, math.inf, math.nan, 10**400, [1, -1], lambda _: -1])
def test_delays_that_are_no_times_are_refused_by_name(option: object) -> None:
    with pytest.raises(ValueError, match=r"`retry_delay_seconds.*got"):
        resolve_delays(option, 3)  # type: ignore[arg-type]


def test_a_negative_backoff_factor_is_refused() -> None:
    with pytest.raises(ValueError, match="`backoff_factor`"):
        exponential_backoff(-1)


def test_the_jitter_factor_is_checked() -> None:
    assert validate_jitter(None) is None
    assert validate_jitter(2) == 2.0
    with pytest.raises(ValueError, match="`retry_jitter_factor` must be >= 0"):
        validate_jitter(-0.1)
    with pytest.raises(ValueError, match="`retry_jitter_factor`"):
        validate_jitter(math.inf)
    with pytest.raises(TypeError, match="`retry_jitter_factor`"):
        validate_jitter("1")


@examples
@given(st.floats(min_value=1e-3, max_value=1e6), st.floats(min_value=0, max_value=100), draws)
def test_jitter_stays_within_its_factor(delay: float, factor: float, drawn: float) -> None:
    assert 0 <= jittered(delay, factor, drawn) <= delay * (1 + factor)


@examples
@given(st.floats(min_value=1e-3, max_value=1e6), st.floats(min_value=0.01, max_value=10))
def test_jitter_grows_with_the_draw_and_its_median_is_the_delay(delay: float, factor: float) -> None:
    assert jittered(delay, factor, 0.5) == pytest.approx(delay)
    assert jittered(delay, factor, 0.1) < jittered(delay, factor, 0.9)


def test_retries_without_jitter_draw_nothing() -> None:
    def refuse() -> float:
        raise AssertionError("drawn")

    assert retry_delay((3.0,), 1, None, refuse) == 3.0
    assert retry_delay((3.0,), 1, 0, refuse) == 3.0
    assert retry_delay((0.0,), 1, 1.0, refuse) == 0.0


def test_jitter_leaves_the_random_numbers_of_the_program_alone() -> None:
    random.seed(7)
    before = random.getstate()
    assert 0 < retry_delay((10.0,), 1, 0.5) <= 15.0
    assert random.getstate() == before
