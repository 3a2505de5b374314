"""The few shapes that filters are made of.

A filter of a noun has a field for each of its criteria, and each criterion has one of these shapes; so whoever turns
filters into queries handles shapes, not a hundred classes. Fields end in `_` where their names are the wire's
operators. A criterion that is None, or has no field set, lets everything pass.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Generic, TypeVar

from msgspec import Meta

from headrace.schema.base import Body, Int32, utc

__all__ = [
    "AnyOf",
    "AnyOrNoneOf",
    "AnyOrNull",
    "AnyOrPattern",
    "Between",
    "Filter",
    "Operator",
    "Tags",
    "Text",
    "Within",
    "WithinOrNull",
]

T = TypeVar("T")


class Operator(StrEnum):
    """How the criteria of one filter are joined."""

    and_ = "and_"
    or_ = "or_"


class Filter(Body, kw_only=True):
    """Base of all filters and of their criteria."""


class AnyOf(Filter, Generic[T], kw_only=True):
    """The value is one of several.

    Args:
        any_: The values; an empty list matches nothing.
    """

    any_: list[T] | None = None


class AnyOrNoneOf(AnyOf[T], Generic[T], kw_only=True):
    """The value is one of several, or none of several.

    Args:
        not_any_: The values that must not be.
    """

    not_any_: list[T] | None = None


class AnyOrNull(AnyOf[T], Generic[T], kw_only=True):
    """The value is one of several, or is absent.

    Args:
        operator: How `any_` and `is_null_` are joined.
        is_null_: True: there is no value. False: there is one.
    """

    operator: Operator = Operator.and_
    is_null_: bool | None = None


class AnyOrPattern(AnyOf[str], kw_only=True):
    """The value is one of several, or contains a text.

    Args:
        like_: The text, in any case of letters; `%` in it stands for anything.
    """

    like_: str | None = None


class Tags(Filter, kw_only=True):
    """The tags include all of several.

    Args:
        operator: How the criteria are joined.
        all_: The tags that must all be there.
        is_null_: True: there are no tags. False: there are some.
    """

    operator: Operator = Operator.and_
    all_: list[str] | None = None
    is_null_: bool | None = None


class Within(Filter, kw_only=True):
    """The time lies in a span, its ends included.

    Args:
        before_: The latest time (UTC).
        after_: The earliest time (UTC).
    """

    before_: datetime | None = None
    after_: datetime | None = None

    def __post_init__(self) -> None:
        self.before_, self.after_ = utc(self.before_), utc(self.after_)


class WithinOrNull(Within, kw_only=True):
    """The time lies in a span, or is absent.

    Args:
        is_null_: True: there is no time. False: there is one.
    """

    is_null_: bool | None = None


class Between(Filter, kw_only=True):
    """The number lies between two, which are included."""

    ge_: Int32 | None = None
    le_: Int32 | None = None


class Text(Filter, kw_only=True):
    """Words are found in a text, in any case of letters.

    Args:
        query: Words of which one must be found; `-word` must not be, `+word` must, `"several words"` stay together.
    """

    query: Annotated[str, Meta(max_length=200)]
