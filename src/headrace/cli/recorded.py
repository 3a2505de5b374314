"""What commands look at and change: through the configured API, or through that in this process on the embedded store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from headrace.schema.base import now
from headrace.settings import get_current_settings

if TYPE_CHECKING:
    from headrace.client.orchestration import SyncHeadraceClient

__all__ = ["NOTHING_YET", "connected", "pages"]

T = TypeVar("T")

NOTHING_YET = "Nothing is recorded yet. Run a flow: `python SCRIPT.py`, or `headrace run FILE.py:FLOW`."

PAGE = 200
"""The most objects that servers put into one answer, unless they are set otherwise."""


@contextmanager
def connected() -> Iterator[SyncHeadraceClient]:
    """A client of the configured API, else of the embedded store; there, runs whose process has died are crashed first.

    Raises:
        ConfigurationError: The API's URL is none.
        StoreError: The store cannot be used; the message says why and what to do.
    """
    from headrace.client.orchestration import get_client

    if not get_current_settings().api.url:
        _reap_dead_runs()
    with get_client(sync_client=True) as client:
        yield client


def pages(read: Callable[[int | None, int], list[T]], count: int | None = None) -> Iterator[list[T]]:
    """A list in pages, none of them empty.

    Args:
        read: Reads so many objects at most (None: as many as the server gives at once) after so many others.
        count: How many objects to read; all when left out.
    """
    offset = 0
    while count is None or offset < count:
        wanted = None if count is None or count - offset > PAGE else count - offset
        page = read(wanted, offset)
        if page:
            yield page if count is None else page[: count - offset]
        offset += len(page)
        if not page or wanted is not None:
            return


def _reap_dead_runs() -> None:
    from headrace.client.local import get_store
    from headrace.store.reaping import reap_dead_runs

    at = now()
    get_store().write(lambda conn: reap_dead_runs(conn, now=at))
