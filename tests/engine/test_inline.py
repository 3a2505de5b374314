"""`run_inline`: an engine coroutine as an ordinary call."""

from __future__ import annotations

import asyncio

import pytest

from headrace.engine.inline import run_inline


def test_it_returns_what_the_coroutine_returns() -> None:
    async def inner() -> int:
        return 20

    async def outer() -> int:
        return await inner() + 1

    assert run_inline(outer()) == 21


def test_it_raises_what_the_coroutine_raises() -> None:
    async def fails() -> None:
        raise KeyError("missing")

    with pytest.raises(KeyError, match="missing"):
        run_inline(fails())


def test_a_coroutine_that_suspends_is_a_defect_and_is_closed() -> None:
    closed = []

    async def suspends() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError, match="suspended"):
        run_inline(suspends())
    assert closed == [True]
