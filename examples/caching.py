"""Caching: what was computed for the same inputs is not computed again, in this process or the next.

Shows the cache policy `INPUTS`, an expiry, policies added up, an input left out of the key, a key of your own, and
how to compute again all the same. Run it twice: the second time nothing is computed but what asks for it.

`INPUTS` alone makes one key of equal inputs whatever the task; `TASK_SOURCE` keeps tasks apart.

    python examples/caching.py
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from headrace import flow, task
from headrace.cache_policies import INPUTS, TASK_SOURCE

computed: Counter[str] = Counter()


@task(cache_policy=INPUTS, cache_expiration=timedelta(days=1), persist_result=True)
def area(width: int, height: int) -> int:
    """Cached by both inputs for a day."""
    computed["area"] += 1
    return width * height


@task(cache_policy=INPUTS + TASK_SOURCE - "colour", persist_result=True)
def painted_area(width: int, height: int, colour: str) -> int:
    """Cached by the inputs that matter."""
    computed["painted_area"] += 1
    return width * height


@task(cache_policy=INPUTS + TASK_SOURCE, persist_result=True)
def perimeter(width: int, height: int) -> int:
    """Cached until the inputs or this function change."""
    computed["perimeter"] += 1
    return 2 * (width + height)


def by_shape(_context: Any, parameters: dict[str, Any]) -> str:
    """One key for a rectangle and the same rectangle on its side."""
    return "rectangle-" + "x".join(str(side) for side in sorted(parameters.values()))


@task(cache_key_fn=by_shape, persist_result=True)
def diagonal(width: int, height: int) -> float:
    """Cached under a key of our own making."""
    computed["diagonal"] += 1
    return (width**2 + height**2) ** 0.5


@flow(name="caching", log_prints=True)
def caching(width: int = 3, height: int = 4) -> dict[str, int]:
    """Ask for everything more than once; count what was computed."""
    area(width, height)
    print(f"The second time: {area(width, height, return_state=True).name}")
    for colour in ("red", "green", "blue"):
        painted_area(width, height, colour)
    perimeter(width, height)
    perimeter(width, height)
    diagonal(width, height)
    diagonal(height, width)
    area.with_options(refresh_cache=True)(width, height)
    return dict(computed)


if __name__ == "__main__":
    print(f"Computed: {caching()}")
