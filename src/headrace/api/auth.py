"""Who may ask: CSRF tokens, credentials and the client's API version, checked in this order.

Routes with the option `PUBLIC` are open to everybody: probes of orchestrators send no credentials.

A CSRF token carries its expiration and is signed for one client, so nothing is stored, and every server process that has
the key knows the tokens of the others.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from litestar.enums import ScopeType

from headrace.api.errors import Refusal, Unauthorized
from headrace.schema.base import now
from headrace.schema.responses import CsrfToken

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send

__all__ = ["OLDEST_API_VERSION", "PUBLIC", "Credentials", "CsrfTokens", "Guard"]

PUBLIC = {"public": True}
"""The option of a route that asks for no credentials."""

OLDEST_API_VERSION = "0.8.0"
"""Clients of an older API are refused."""

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods that need a CSRF token."""

_VERSION = re.compile(r"\d+\.\d+\.\d+")


class Credentials:
    """The secret that clients must show, if there is one.

    Args:
        secret: `USER:PASSWORD`, or a key; None lets everybody in.
    """

    def __init__(self, secret: str | None) -> None:
        self._secret = secret.encode() if secret else None

    @property
    def required(self) -> bool:
        """Whether clients must show the secret."""
        return self._secret is not None

    def accept_token(self, token: str | None) -> bool:
        """Whether `token`, as WebSocket clients send it, is the secret."""
        return self._secret is None or (token is not None and self._is_secret(token.encode()))

    def accept_header(self, header: bytes | None) -> bool:
        """Whether an `Authorization` header shows the secret: `Basic` with it encoded, or `Bearer` with it as it is."""
        if self._secret is None:
            return True
        scheme, _, given = (header or b"").partition(b" ")
        match scheme.lower():
            case b"basic":
                try:
                    return self._is_secret(base64.b64decode(given.strip(), validate=True))
                except binascii.Error:
                    return False
            case b"bearer":
                return self._is_secret(given.strip())
            case _:
                return False

    def _is_secret(self, given: bytes) -> bool:
        return self._secret is not None and hmac.compare_digest(given, self._secret)


class CsrfTokens:
    """Makes and checks CSRF tokens.

    Args:
        key: What they are signed with; the same in every process that serves one database.
        lifetime: How long a token is valid.
    """

    def __init__(self, key: bytes, lifetime: timedelta) -> None:
        self._key = key
        self._lifetime = lifetime

    def issue(self, client: str, *, at: datetime) -> CsrfToken:
        """A new token for a client."""
        expiration = at + self._lifetime
        signed = f"{int(expiration.timestamp()):x}.{secrets.token_hex(16)}"
        token = f"{signed}.{self._signature(signed, client)}"
        return CsrfToken(token=token, client=client, expiration=expiration, created=at, updated=at)

    def accept(self, token: str, client: str, *, at: datetime) -> bool:
        """Whether a token was made for that client and has not expired."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed, client).encode()):
            return False
        return datetime.fromtimestamp(int(signed.partition(".")[0], 16), UTC) > at

    def _signature(self, signed: str, client: str) -> str:
        return hmac.new(self._key, f"{signed}.{client}".encode(), sha256).hexdigest()


class Guard:
    """Lets requests pass that show what they must, and refuses others; see the theory above.

    Args:
        app: What comes after.
        credentials: The secret that clients must show.
        csrf: The tokens that they must send along with changes; None asks for none.
    """

    def __init__(self, app: ASGIApp, credentials: Credentials, csrf: CsrfTokens | None) -> None:
        self._app = app
        self._credentials = credentials
        self._csrf = csrf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request. A WebSocket's client shows its credentials in the first message instead."""
        if scope["type"] == ScopeType.HTTP and not scope["route_handler"].opt.get("public"):
            self._check(scope["method"], dict(scope["headers"]))
        await self._app(scope, receive, send)

    def _check(self, method: str, headers: Mapping[bytes, bytes]) -> None:
        if self._csrf is not None and method in CHANGING:
            _check_csrf(self._csrf, headers)
        if not self._credentials.accept_header(headers.get(b"authorization")):
            raise Unauthorized
        version = headers.get(b"x-prefect-api-version")
        if version is not None and (problem := _problem_with(version)):
            raise Refusal(400, problem)


def _check_csrf(tokens: CsrfTokens, headers: Mapping[bytes, bytes]) -> None:
    token, client = headers.get(b"prefect-csrf-token"), headers.get(b"prefect-csrf-client")
    if not token:
        raise Refusal(403, "Missing CSRF token.")
    if not client:
        raise Refusal(403, "Missing client identifier.")
    if not tokens.accept(token.decode("latin-1"), client.decode("latin-1"), at=now()):
        raise Refusal(403, "Invalid CSRF token or client identifier.")


@lru_cache(maxsize=64)
def _problem_with(version: bytes) -> str | None:
    """What is wrong with the API version that a client speaks."""
    given = version.decode("latin-1")
    if not _VERSION.fullmatch(given):
        return (
            "Invalid X-PREFECT-API-VERSION header format."
            f"Expected header in format 'x.y.z' but received {given}"
        )
    if _parts(given) < _parts(OLDEST_API_VERSION):
        return (
            f"The request specified API version {given} but this server requires version "
            f"{OLDEST_API_VERSION} or higher."
        )
    return None


def _parts(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
