"""What the engine's tests share: a look at what was recorded, and tasks of both colours."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _recorded(recorded: Any) -> None:
    """Every test has a fresh home folder; when it is over, the invariant checker goes over what it left."""


@pytest.fixture
def add(colour) -> Any:
    """A task of one colour that adds its arguments."""

    @colour.task
    def add(a: Any, b: Any = 1) -> Any:
        return a + b

    return add


@pytest.fixture
def same(colour) -> Any:
    """A task of one colour that returns its argument."""
    return colour.task(lambda value: value, name="same")


@pytest.fixture
def boom(colour) -> Any:
    """A task of one colour that raises `ValueError("boom")`."""

    @colour.task
    def boom() -> None:
        raise ValueError("boom")

    return boom
