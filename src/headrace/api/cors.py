"""Pages of other origins: which may call the API from a browser, and how (CORS).

Litestar has the rules, and applies them after parsing all headers of every request. Nearly no request comes from a
page of another origin: those that say of no origin pass here for the price of a look.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from litestar.config.cors import CORSConfig

from headrace.settings.server import ServerAPISettings

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["OtherOrigins"]


class OtherOrigins:
    """Answers the questions that browsers ask before they call, and marks the answers that pages may read.

    Args:
        app: What comes after.
        api: The settings that say who may call, and how.
    """

    def __init__(self, app: ASGIApp, api: ServerAPISettings) -> None:
        self._app = app
        self._rules = CORSConfig(
            allow_origins=_listed(api.cors_allowed_origins),
            allow_methods=_listed(api.cors_allowed_methods),
            allow_headers=_listed(api.cors_allowed_headers),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stand between a browser and the application."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is None:
            await self._app(scope, receive, send)
        elif scope.get("method") == "OPTIONS" and b"access-control-request-method" in headers:
            await self._answer_question(headers, origin, send)
        else:
            await self._app(scope, receive, self._marking(origin, send))

    async def _answer_question(self, asked: Mapping[bytes, bytes], origin: bytes, send: Send) -> None:
        headers = _encoded(self._rules.preflight_headers) + self._permission(origin)
        if self._rules.is_allow_all_headers and b"access-control-request-headers" in asked:
            headers.append((b"access-control-allow-headers", asked[b"access-control-request-headers"]))
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _marking(self, origin: bytes, send: Send) -> Send:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    *_encoded(self._rules.simple_headers),
                    *self._permission(origin),
                ]
            await send(message)

        return marked

    def _permission(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        """What lets a page read an answer, where that depends on the page."""
        if self._rules.is_allow_all_origins:
            return []
        headers = [(b"vary", b"Origin")]
        if self._rules.is_origin_allowed(origin.decode("latin-1")):
            headers.append((b"access-control-allow-origin", origin))
        return headers


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [
        (name.lower().encode(), value.encode()) for name, value in headers.items() if name.lower() != "vary"
    ]


def _listed(text: str) -> list[Any]:
    return [part.strip() for part in text.split(",") if part.strip()]
