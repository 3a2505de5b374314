"""CSRF tokens, for clients that ask before their first change."""

from __future__ import annotations

from litestar import Router, get
from litestar.datastructures import State
from litestar.params import FromQuery

from headrace.api.auth import CsrfTokens
from headrace.api.errors import Refusal
from headrace.schema.base import now
from headrace.schema.responses import CsrfToken

__all__ = ["router"]


@get("/csrf-token")
async def create_csrf_token(state: State, client: FromQuery[str]) -> CsrfToken:
    """A token for the client that asks."""
    tokens: CsrfTokens | None = state.csrf
    if tokens is None:
        raise Refusal(422, "CSRF protection is disabled.")
    return tokens.issue(client, at=now())


router = Router(path="/", route_handlers=[create_csrf_token], tags=["Root"])
