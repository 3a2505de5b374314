"""The caching example, in one process and across two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_a_second_process_computes_only_what_it_is_told_to(
    example: Callable[..., Any], recorded: Callable[[], Any]
) -> None:
    first = example("caching.py")
    second = example("caching.py")

    assert "Computed: {'area': 2, 'painted_area': 1, 'perimeter': 1, 'diagonal': 1}" in first.out
    assert "Computed: {'area': 1}" in second.out
    tasks = recorded().task_states()
    assert (tasks["area", "Completed"], tasks["area", "Cached"]) == (3, 3)
    assert (tasks["painted_area", "Completed"], tasks["painted_area", "Cached"]) == (1, 5)
