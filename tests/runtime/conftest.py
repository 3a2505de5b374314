"""A home folder of its own for each test."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture(autouse=True)
def _own_home(configure: Callable[..., None]) -> None:
    """Nothing configured but an empty home folder."""
