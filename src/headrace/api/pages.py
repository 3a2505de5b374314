"""Which part of a list is answered: how many objects at most, and which page of them."""

from __future__ import annotations

from typing import TypeVar

from headrace.api.errors import Refusal
from headrace.schema.responses import PaginationResponse
from headrace.settings import Settings

__all__ = ["limit_of", "offset_of", "page_of"]

T = TypeVar("T")


def limit_of(asked: int | None, settings: Settings) -> int:
    """How many objects are answered at most.

    Args:
        asked: What the client asked for; None for as many as there may be.
        settings: `server.api.default_limit` is the most that anybody gets.

    Raises:
        Refusal: It asked for more.
    """
    most = settings.server.api.default_limit
    if asked is None:
        return most
    if asked > most:
        raise Refusal(422, f"Invalid limit: must be less than or equal to {most}.")
    return asked


def offset_of(page: int, limit: int) -> int:
    """How many objects come before a page.

    Args:
        page: Which page, from 1.
        limit: How many fit on a page.
    """
    return (page - 1) * limit


def page_of(results: list[T], *, count: int, limit: int, page: int) -> PaginationResponse[T]:
    """A page of a list.

    Args:
        results: What is on it.
        count: How many there are on all pages.
        limit: How many fit on a page.
        page: Which it is, from 1.
    """
    pages = -(-count // limit) if limit else 0
    return PaginationResponse(results=results, count=count, limit=limit, pages=pages, page=page)
