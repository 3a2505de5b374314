"""Page tokens: what a client that has read one page of events shows to be given the next.

A token says all that is needed to read on: the filter, the place of the last event, how many there are. It is signed, so
that nobody has the server run filters that it has not checked. Every server process on a database knows the key.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

import msgspec

from headrace.api.bridge import Bridge
from headrace.api.errors import Refusal
from headrace.schema.base import encode
from headrace.schema.filters.events import EventFilter
from headrace.store import meta
from headrace.store.lists.events import Place

__all__ = ["PageToken", "open_token", "seal"]

_SIGNATURE = sha256().digest_size


class PageToken(msgspec.Struct, array_like=True, frozen=True):
    """What a token says.

    Args:
        filter: Which events.
        limit: How many on a page.
        total: How many on all pages.
        last: The place of the last event that was read.
    """

    filter: EventFilter
    limit: int
    total: int
    last: Place


_decode = msgspec.json.Decoder(PageToken).decode


async def seal(token: PageToken, store: Bridge) -> str:
    """A token as text for a URL.

    Args:
        token: What it says.
        store: Where the key is kept.
    """
    body = encode(token)
    return urlsafe_b64encode(_sign(body, await _key(store)) + body).decode()


async def open_token(text: str, store: Bridge) -> PageToken:
    """What a token says.

    Args:
        text: What the client shows.
        store: Where the key is kept.

    Raises:
        Refusal: No server on this database has made it.
    """
    try:
        sealed = urlsafe_b64decode(text.encode())
    except ValueError:
        sealed = b""
    signature, body = sealed[:_SIGNATURE], sealed[_SIGNATURE:]
    if not hmac.compare_digest(signature, _sign(body, await _key(store))):
        raise Refusal(403, "Forbidden")
    return _decode(body)


def _sign(body: bytes, key: bytes) -> bytes:
    return hmac.new(key, body, sha256).digest()


async def _key(store: Bridge) -> bytes:
    known = await store.read(lambda conn: meta.read_fact(conn, meta.PAGE_KEY))
    if known is None:
        proposed = secrets.token_hex(32)
        known = await store.write(lambda conn: meta.read_or_write_fact(conn, meta.PAGE_KEY, proposed))
    return bytes.fromhex(known)
