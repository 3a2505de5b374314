"""Listening to events: what is said on the API's WebSocket, whoever waits for it, a thread or a coroutine.

The server first sends what is stored already of the last minute, then each new event. With each comes its place in the server's
log, and a listener that has lost the connection says where it was: so it misses none, however long that took, and gets none
twice. A server of Prefect's says no places; there the last minute is asked for again, and what was had of it is dropped.
"""

from __future__ import annotations

import ssl
from collections import OrderedDict
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from msgspec import structs
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from headrace.client.connection import Endpoint
from headrace.exceptions import HeadraceException
from headrace.schema.base import encode, now
from headrace.schema.events import Event
from headrace.schema.filters.events import EventFilter, EventOccurredFilter
from headrace.settings import Settings

__all__ = [
    "ATTEMPTS",
    "OPEN_SECONDS",
    "Listener",
    "Lost",
    "Message",
    "Reconnection",
    "Socket",
    "listening_filter",
]

SUBPROTOCOL = Subprotocol("prefect")

OPEN_SECONDS = 10.0
"""How long the server may take to accept a connection, and to answer what opens the conversation."""

ATTEMPTS = 10
"""How often a lost connection is opened again, one after the other, before that is an error."""

LONGEST_PAUSE = 30.0
"""Seconds between two of these attempts, at most."""

REMEMBERED = 50_000
"""Events by which repetitions are known; a server repeats what occurred in the last quarter of an hour."""

REFUSALS = frozenset({1002, 1003, 1007, 1008})
"""Codes with which a server closes a connection that it would close again."""


class Welcome(msgspec.Struct, tag_field="type", tag="auth_success"):
    """The server has accepted who it is."""


class Message(msgspec.Struct, tag_field="type", tag="event"):
    """One event, and its place in the server's log."""

    event: Event
    cursor: str | None = None


class Lost(Exception):
    """The connection is gone; another one may work."""


def listening_filter(wanted: EventFilter | None = None) -> EventFilter:
    """A filter that lets pass what occurs from a minute ago on, for as long as anybody will listen.

    Args:
        wanted: What else an event must be; when it occurred is not among that, whose default ends now.
    """
    start = now()
    occurred = EventOccurredFilter(since=start - timedelta(minutes=1), until=start + timedelta(days=365))
    return structs.replace(wanted or EventFilter(), occurred=occurred)


class Socket:
    """A WebSocket of an API: how it is opened, and what its end means.

    Args:
        settings: Where the API is, and who speaks.
        path: The socket's path below the API's URL.

    Raises:
        ConfigurationError: No API is configured.
    """

    def __init__(self, settings: Settings, path: str) -> None:
        self._endpoint = Endpoint.configured(settings)
        self._secret = settings.api.auth_string or settings.api.key
        self.address = "ws" + self._endpoint.url.removeprefix("http").rstrip("/") + path

    def options(self) -> dict[str, Any]:
        """The options of either `connect` of websockets."""
        headers = dict(self._endpoint.options["headers"])
        return {
            "subprotocols": [SUBPROTOCOL],
            "user_agent_header": headers.pop("User-Agent", None),
            "additional_headers": headers,
            "ssl": self._tls() if self.address.startswith("wss:") else None,
            "open_timeout": OPEN_SECONDS,
            "max_size": None,  # how large messages may be is the server's to say
        }

    def credentials(self) -> bytes:
        """The message that shows who speaks."""
        token = self._secret.get_secret_value() if self._secret else None
        return encode({"type": "auth", "token": token})

    def check_welcome(self, text: str | bytes) -> None:
        """Take the server's answer to the credentials.

        Raises:
            HeadraceException: It is something else than a welcome.
        """
        self.decode(text, Welcome)

    def decode(self, text: str | bytes, kind: Any) -> Any:
        """A message of the server.

        Raises:
            HeadraceException: It is something else than was expected.
        """
        try:
            return msgspec.json.decode(text, type=kind)
        except msgspec.DecodeError as problem:
            raise HeadraceException(
                f"The API sent something else than was expected of it: {problem}. Is it of another version?"
            ) from problem

    def failure(self, problem: BaseException) -> Exception:
        """What a failure to connect, to be welcomed or to go on means: `Lost`, or an error that another try would meet again."""
        match problem:
            case ConnectionClosed():
                return self._end(problem)
            case InvalidStatus() if problem.response.status_code >= 500:
                return Lost(str(problem))
            case InvalidURI() | InvalidStatus():
                return HeadraceException(f"{self.address} cannot be used: {problem}.")
            case TimeoutError():
                return Lost("it does not answer in time")
            case InvalidHandshake() | OSError():
                return Lost(str(problem) or "it does not answer in time")
        return HeadraceException(f"{self.address} cannot be used: {problem}.")

    def _end(self, closed: ConnectionClosed) -> Exception:
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")
        if code in REFUSALS:
            return HeadraceException(f"The API refuses at {self.address}: {reason or f'code {code}'}.")
        return Lost(reason or f"the connection was closed, code {code}")

    def _tls(self) -> ssl.SSLContext:
        verify = self._endpoint.options.get("verify", True)
        if isinstance(verify, ssl.SSLContext):
            return verify
        context = ssl.create_default_context()
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Reconnection:
    """How often, and after which pauses, a connection that was lost is opened again.

    Args:
        attempts: How often one after the other.
        at_first: Whether also the first connection is tried so often.
    """

    def __init__(self, attempts: int = ATTEMPTS, *, at_first: bool = True) -> None:
        self._attempts = attempts
        self._left = attempts if at_first else 0

    def succeeded(self) -> None:
        """Note that there is a connection: the next loss has all attempts."""
        self._left = self._attempts

    def pause(self, problem: Lost, address: str) -> float:
        """Seconds to wait before the next attempt.

        Raises:
            HeadraceException: There were attempts enough.
        """
        if self._left == 0:
            raise HeadraceException(f"There is no connection to {address}: {problem}.") from problem
        seconds = min(2.0 ** (self._attempts - self._left), LONGEST_PAUSE)
        self._left -= 1
        return seconds


class Listener:
    """What one listens to, and how far one has come.

    Args:
        wanted: Which events; all when None. In any case from a minute ago on.
    """

    def __init__(self, wanted: EventFilter | None) -> None:
        self._wanted = listening_filter(wanted)
        self._cursor: str | None = None
        self._seen: OrderedDict[UUID, None] = OrderedDict()

    def subscription(self) -> bytes:
        """The message that says what is wanted: what is behind the last event, if there was one."""
        message: dict[str, Any] = {"type": "filter", "filter": self._wanted, "backfill": True}
        return encode(message if self._cursor is None else {**message, "after": self._cursor})

    def take(self, message: Message) -> Event | None:
        """The event in a message; None when it was had before."""
        self._cursor = message.cursor
        event = message.event
        if event.id in self._seen:
            return None
        self._seen[event.id] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return event
