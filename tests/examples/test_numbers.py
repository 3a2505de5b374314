"""The numbers examples, sequential and concurrent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_sequential_numbers_come_out_and_are_recorded(
    example: Callable[..., Any], recorded: Callable[[], Any]
) -> None:
    ended = example("numbers_sequential.py")

    assert "The flow returned 62" in ended.out
    assert "Drew [2, 1, 5, 4, 4]" in ended.err
    runs = recorded()
    assert runs.flow_states() == {"numbers, sequential": "Completed", "sum of squares": "Completed"}
    tasks = runs.task_states()
    assert (tasks["draw", "Completed"], tasks["square", "Completed"], tasks["add", "Completed"]) == (1, 5, 1)


def test_concurrent_numbers_come_out_and_are_recorded(
    example: Callable[..., Any], recorded: Callable[[], Any]
) -> None:
    ended = example("numbers_concurrent.py")

    assert "submitted: the squares add up to 385" in ended.out
    assert "mapped: [1, 4, 9, 16, 25, 36, 49, 64, 81, 100]" in ended.out
    assert "gathered: [1, 8, 27, 64, 125, 216, 343, 512, 729, 1000]" in ended.out
    assert "10 squares are there, 0 are not" in ended.err
    runs = recorded()
    assert set(runs.flow_states().values()) == {"Completed"}
    tasks = runs.task_states()
    assert (tasks["slow_square", "Completed"], tasks["slow_cube", "Completed"]) == (20, 10)
