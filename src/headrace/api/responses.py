"""How answers are encoded and sent: everything as JSON by the codec of the schemas, texts included.

Litestar's own way from a handler's result to the network takes 20 us of the 90 that it spends on a request: it makes a
dictionary of headers that knows no case, to put two headers into it. Few answers need more than those.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from litestar import MediaType, Response
from litestar.response.base import ASGIResponse

from headrace.schema.base import encode

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send

__all__ = ["JsonResponse"]

T = TypeVar("T")

_BODILESS = frozenset({204, 304})
_JSON = MediaType.JSON.value


class JsonResponse(Response[T]):
    """An answer in JSON.

    Args:
        content: What is encoded; bytes are taken to be encoded already.
        status_code: The status; the route's own when left out.
        headers: Headers beyond those of any answer.
        media_type: Another type, for content that is bytes.
        rest: What else Litestar's `Response` takes.
    """

    def __init__(
        self,
        content: T,
        *,
        status_code: int | None = None,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
        **rest: Any,
    ) -> None:
        if any(rest.values()):
            super().__init__(content, status_code=status_code, headers=headers, media_type=media_type, **rest)
            return
        self.content = content
        self.status_code = status_code
        self.headers = {**headers} if headers else {}
        self.media_type = media_type
        self.cookies = []
        self.background = None
        self.encoding = "utf-8"
        self.response_type_encoders = {}

    def render(self, content: Any, media_type: str, enc_hook: Any = None) -> bytes:
        """The answer's body."""
        return content if isinstance(content, bytes) else encode(content)

    def to_asgi_response(
        self,
        app: Any,
        request: Any,
        *,
        background: Any = None,
        cookies: Iterable[Any] | None = None,
        headers: dict[str, str] | None = None,
        is_head_response: bool = False,
        media_type: str | None = None,
        status_code: int | None = None,
        **rest: Any,
    ) -> ASGIResponse:
        """The answer, ready to be sent."""
        status = self.status_code or status_code or 200
        kind = self.media_type or media_type or _JSON
        background = self.background or background
        if self.cookies or cookies or background or is_head_response:
            return super().to_asgi_response(
                app,
                request,
                background=background,
                cookies=cookies,
                headers=headers,
                is_head_response=is_head_response,
                media_type=kind,
                status_code=status,
                **rest,
            )
        body = b"" if status in _BODILESS else self.render(self.content, kind)
        return _Prepared(status, body, str(getattr(kind, "value", kind)), {**(headers or {}), **self.headers})


class _Prepared(ASGIResponse):
    """An answer whose two messages are made.

    Args:
        status: Its status.
        body: Its body.
        media_type: What the body is.
        headers: Further headers.
    """

    def __init__(self, status: int, body: bytes, media_type: str, headers: Mapping[str, str]) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        sent = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        if status not in _BODILESS:
            sent.append((b"content-type", media_type.encode("latin-1")))
            sent.append((b"content-length", b"%d" % len(body)))
        self._sent = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self._sent})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})
