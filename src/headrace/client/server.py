"""Requests to a server: one attempt each, and either an answer or `ServerAway`.

How often to try, and how long, depends on what is at stake, so it is decided by those who ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import httpx

from headrace.client.connection import Connection, Endpoint
from headrace.client.errors import HeadraceHTTPStatusError
from headrace.client.exchange import retry_after
from headrace.client.link import BRIEF_PATIENCE, ServerAway
from headrace.settings import Settings

__all__ = ["REFUSED", "Answer", "Server"]

BUSY = frozenset({408, 425, 429})
"""Statuses below 500 by which a server says that the same request may succeed later."""

REFUSED = frozenset({401, 403})
"""Statuses by which it says that credentials are missing or wrong."""


class Answer(NamedTuple):
    """What a server answered, other than that it cannot answer now.

    Args:
        status: The HTTP status.
        body: The body.
        problem: What it says is wrong; None when nothing is.
    """

    status: int
    body: bytes
    problem: str | None = None

    @property
    def isgood(self) -> bool:
        """Whether it did what it was asked."""
        return self.problem is None


class Server:
    """A server's API. For any number of threads.

    Args:
        settings: The settings whose `api` and `client` are used.

    Raises:
        ConfigurationError: `api.url` is no URL of HTTP.
    """

    def __init__(self, settings: Settings) -> None:
        endpoint = Endpoint.configured(settings)
        self.url = str(httpx.URL(endpoint.url).copy_with(userinfo=b""))  # messages have it in them
        self._settings = settings
        self._connection = Connection(endpoint)
        self._hurried: Connection | None = None

    def post(
        self,
        path: str,
        body: bytes,
        *,
        headers: Mapping[str, str] | None = None,
        hurried: bool = False,
    ) -> Answer:
        """Send a body of JSON.

        Args:
            path: Where to, below the API's URL.
            body: The body.
            headers: Headers to add.
            hurried: Wait for the answer only for `BRIEF_PATIENCE`.

        Raises:
            ServerAway: The server does not answer, or cannot answer now.
            ServerVersionError: It speaks another version.
        """
        return self._ask("POST", path, hurried, content=body, headers=headers)

    def get(self, path: str) -> Answer:
        """Read something. Raises as `post`."""
        return self._ask("GET", path, False)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()
        if self._hurried is not None:
            self._hurried.close()

    def _ask(self, method: str, path: str, hurried: bool, **options: Any) -> Answer:
        connection = self._hurried_connection() if hurried else self._connection
        try:
            try:
                response = connection.request(method, path, retries=0, **options)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                # A connection that the server had just closed because it was idle; all that is sent may be sent twice.
                response = connection.request(method, path, retries=0, **options)
        except HeadraceHTTPStatusError as refusal:
            response = refusal.response
            status = response.status_code
            if status in BUSY or status >= 500:
                raise ServerAway(str(refusal), retry_after(response)) from refusal
            return Answer(status, response.content, str(refusal))
        except httpx.HTTPError as error:
            reason = error.__cause__ or error
            raise ServerAway(str(reason) or type(reason).__name__) from error
        return Answer(response.status_code, response.content)

    def _hurried_connection(self) -> Connection:
        # Two threads may both make one; the other is closed when it is collected.
        if self._hurried is None:
            timeout = httpx.Timeout(min(BRIEF_PATIENCE, self._settings.api.request_timeout))
            self._hurried = Connection(Endpoint.configured(self._settings, timeout=timeout))
        return self._hurried
