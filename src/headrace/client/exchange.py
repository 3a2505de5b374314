"""What is said to an API, without saying it: a request with all that belongs around it, as a generator.

A request is seldom one message. Before the first one the server's version is asked for, before a change a token; a busy
server wants to be asked again later. That is the same for blocking and for awaiting callers, so it is written once, as
generators that do no input or output: they yield what is to be done, and are told what came of it.

    yields httpx.Request    send it     -> is sent the httpx.Response, or the httpx.TransportError that came instead
    yields float            wait        -> is sent None when so many seconds have passed
    returns                 the answer

`connection.Connection` and `connection.AsyncConnection` carry such a `Talk` out, in a few lines each. Verbs of the
client are talks made of these, see `orchestration.verbs`. (psycopg 3 shares its protocol between its two colours so.)
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from itertools import takewhile
from math import isfinite
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import msgspec

from headrace.client.errors import status_error
from headrace.core.backoff import retry_delay
from headrace.exceptions import ServerVersionError
from headrace.schema.base import now, utc
from headrace.schema.responses import CsrfToken
from headrace.schema.versions import PREFECT_VERSION
from headrace.settings.program import ClientSettings

__all__ = ["Answer", "Exchange", "Step", "Talk", "retry_after"]

T = TypeVar("T")

Step = httpx.Request | float
Answer = httpx.Response | httpx.TransportError | None
Talk = Generator[Step, Answer, T]

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})

BUSY = frozenset({408, 429, 502, 503})
"""Statuses that say: ask again."""

DELAYS = tuple(2.0**doubling for doubling in range(7))
"""Seconds before the first retry, the second, and so on, where the server does not say."""

TOKENS = 3
"""How many tokens one change shows at most: threads that share a client can each outdate the other's."""

_log = logging.getLogger("headrace.client")
_compatible: set[str] = set()
_compatible_lock = threading.Lock()


class Exchange:
    """The state of a conversation with one API: whether it was reached, its version checked, the token for changes.

    Args:
        build: Makes a request of a method, an address below the API's and headers, as `httpx.Client.build_request` does.
        url: The API's URL, for messages and as its identity.
        settings: How requests are retried, and what is asked for before them.
    """

    def __init__(self, build: Callable[..., httpx.Request], url: str, settings: ClientSettings) -> None:
        self.url = url
        self._build = build
        self._settings = settings
        self._reached = False
        self._asks_for_tokens = settings.csrf_support_enabled
        self._client_id = str(uuid4())
        self._token: CsrfToken | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        retries: int | None = None,
    ) -> Talk[httpx.Response]:
        """Ask, as often as it takes.

        Args:
            method: `GET`, `POST`, ...
            path: Below the API's URL, with its slash; or a whole address that the API gave.
            content: The body; JSON unless `headers` say otherwise.
            params: What follows the `?`.
            headers: Headers besides those that every request has.
            retries: How often it is asked again; as the settings say when left out.

        Returns:
            The answer, whose status says that all went well.

        Raises:
            HeadraceHTTPStatusError: The answer's status says otherwise.
            ServerVersionError: The server speaks another version.
            httpx.TransportError: There is no answer.
        """
        retries = self._settings.max_retries if retries is None else retries
        yield from self.check_version_once(retries)
        request = self._build(method, path, content=content, params=params, headers=headers)
        if content is not None:
            request.headers.setdefault("Content-Type", "application/json")
        if method in CHANGES:
            yield from self._show_token(request, retries)
        response = yield from self._ask(request, retries)
        for _ in range(TOKENS):
            if not (_misses_token(response) and self._settings.csrf_support_enabled):
                break
            yield from self._show_token(request, retries, instead=True)
            response = yield from self._ask(request, retries)
        if not response.is_success:
            raise status_error(response)
        return response

    # --- Again and again ---------------------------------------------------------------------------------------

    def _ask(self, request: httpx.Request, retries: int) -> Talk[httpx.Response]:
        tries = 0
        while True:
            answer = yield request
            assert answer is not None
            self._reached |= isinstance(answer, httpx.Response)
            if tries >= retries or not self._is_worth_another_try(answer):
                if isinstance(answer, httpx.TransportError):
                    raise self._explained(answer) from answer
                return answer
            if not _is_under_maintenance(answer):
                tries += 1
            seconds = self._delay(answer, max(tries, 1))
            _log.debug("%s %s: %r; once more in %.1f s.", request.method, request.url.path, answer, seconds)
            yield seconds

    def _is_worth_another_try(self, answer: httpx.Response | httpx.TransportError) -> bool:
        if isinstance(answer, httpx.Response):
            return answer.status_code in BUSY or answer.status_code in self._settings.retry_extra_codes
        if isinstance(answer, httpx.ConnectError | httpx.ConnectTimeout):
            # A server that was there is being restarted; one that never was has probably another address.
            return self._reached
        return isinstance(answer, httpx.TimeoutException | httpx.NetworkError | httpx.RemoteProtocolError)

    def _delay(self, answer: httpx.Response | httpx.TransportError, attempt: int) -> float:
        jitter = self._settings.retry_jitter_factor
        after = retry_after(answer) if isinstance(answer, httpx.Response) else None
        if after is None:
            return retry_delay(DELAYS, attempt, jitter)
        return after + retry_delay((after * jitter / 2,), 1, 1.0)

    def _explained(self, error: httpx.TransportError) -> httpx.TransportError:
        reason = str(error) or type(error).__name__
        if isinstance(error, httpx.TimeoutException):
            message = (
                f"The API at {self.url} did not answer in time ({reason}). "
                "HEADRACE_API_REQUEST_TIMEOUT is how long it may take."
            )
        else:
            message = (
                f"The API at {self.url} cannot be reached: {reason}. "
                "Is the server running there? HEADRACE_API_URL says where it is looked for."
            )
        return type(error)(message, request=error.request)

    # --- Versions ----------------------------------------------------------------------------------------------

    def check_version_once(self, retries: int | None = None) -> Talk[None]:
        """As `check_version`, when no client of this process has done so; nothing where settings say so."""
        if self.url not in _compatible and self._settings.server_version_check_enabled:
            yield from self.check_version(retries)

    def check_version(self, retries: int | None = None) -> Talk[None]:
        """Ask for the server's version. An answer that is none is left to the request that follows to explain.

        Args:
            retries: How often it is asked again; as the settings say when left out.

        Raises:
            ServerVersionError: It is another major version.
            httpx.TransportError: There is no answer.
        """
        retries = self._settings.max_retries if retries is None else retries
        response = yield from self._ask(self._build("GET", "/admin/version"), retries)
        version = _version_in(response)
        if version is None:
            return
        if version[0] != _numbers(PREFECT_VERSION)[0]:
            raise ServerVersionError(
                f"The server at {self.url} speaks version {'.'.join(map(str, version))} of Prefect's API, "
                f"this client version {PREFECT_VERSION}; the first numbers must be equal. "
                "Use a server and a client of the same major version."
            )
        with _compatible_lock:
            known = self.url in _compatible
            _compatible.add(self.url)
        if not known and version < _numbers(PREFECT_VERSION):
            _log.warning(
                "The server at %s speaks version %s of Prefect's API, this client version %s: it may not know all that is "
                "asked of it. Update the server.",
                self.url,
                ".".join(map(str, version)),
                PREFECT_VERSION,
            )

    # --- Tokens ------------------------------------------------------------------------------------------------

    def _show_token(self, request: httpx.Request, retries: int, instead: bool = False) -> Talk[None]:
        """Put the token into a change; `instead` of the one in it, which the server does not know (any more)."""
        if instead:
            self._asks_for_tokens = True
            refused = request.headers.get("Prefect-Csrf-Token")
            if self._token is not None and self._token.token == refused:
                self._token = None
        token = self._token
        if token is None or token.expiration <= now():
            token = (yield from self._fetch_token(retries)) if self._asks_for_tokens else None
        if token is not None:
            request.headers["Prefect-Csrf-Token"] = token.token
            request.headers["Prefect-Csrf-Client"] = self._client_id

    def _fetch_token(self, retries: int) -> Talk[CsrfToken | None]:
        request = self._build("GET", "/csrf-token", params={"client": self._client_id})
        response = yield from self._ask(request, retries)
        if response.status_code in (404, 422):
            self._asks_for_tokens = False
            return None
        if not response.is_success:
            raise status_error(response)
        self._token = msgspec.json.decode(response.content, type=CsrfToken)
        return self._token


def _is_under_maintenance(answer: httpx.Response | httpx.TransportError) -> bool:
    """Whether the server says that it will be back, however long it takes."""
    return isinstance(answer, httpx.Response) and answer.headers.get("Prefect-Maintenance") == "true"


def _misses_token(response: httpx.Response) -> bool:
    return response.status_code == 403 and "CSRF token" in response.text


def retry_after(response: httpx.Response) -> float | None:
    """The seconds that the server wants to be left alone; it may have said until when."""
    said = response.headers.get("Retry-After")
    if said is None:
        return None
    try:
        seconds = float(said)
    except ValueError:
        until = _date(said)
        seconds = (until - now()).total_seconds() if until else float("nan")
    return max(seconds, 0.0) if isfinite(seconds) else None


def _date(text: str) -> datetime | None:
    try:
        return utc(parsedate_to_datetime(text))
    except ValueError:
        return None


def _version_in(response: httpx.Response) -> tuple[int, ...] | None:
    try:
        return _numbers(msgspec.json.decode(response.content, type=str)) if response.is_success else None
    except (msgspec.DecodeError, ValueError):
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of `3.8.8`, also of `3.8.8.dev2+abc` or `3.9.0rc1`."""
    parts = version.split("+")[0].split(".")[:3]
    return tuple(int("".join(takewhile(str.isdigit, part))) for part in parts)
