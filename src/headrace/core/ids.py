"""Identifiers: UUID version 7 (RFC 9562), which sort by the time they were made.

Sorted ids keep every index insertion at its right edge, and let `id` stand in for `created` in ORDER BY.
"""

from __future__ import annotations

import uuid_utils
from uuid_utils.compat import uuid7

__all__ = ["dynamic_key", "uuid7"]


def dynamic_key() -> str:
    """Twelve random hexadecimal digits: tells apart the runs of one task in one flow run.

    The random part of consecutive version 7 ids grows by small steps, so its digits would look alike.
    """
    return uuid_utils.uuid4().hex[:12]
