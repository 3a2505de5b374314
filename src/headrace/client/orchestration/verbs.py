"""What a verb of the client is: one declaration, of which the blocking and the awaiting method are made.

A verb is a generator that says what it asks the API, see `client.exchange`; each is written once, in the mixin of its
noun:

    class FlowVerbs(Verbs):
        @verb
        def read_flow(self, flow_id: UUID) -> Talk[Flow]:
            return (yield from self._call("GET", "/flows/{}", flow_id, into=Flow))

`HeadraceClient().read_flow` is then a coroutine function, and `SyncHeadraceClient().read_flow` a function that waits. To
type checkers too: which of the two an attribute is depends on the class of the client.

How errors map is the same for all verbs, and decided in `client.errors`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import cached_property, wraps
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload
from urllib.parse import quote

import httpx
import msgspec

from headrace.client.connection import AsyncConnection, Connection, Endpoint
from headrace.client.exchange import Exchange, Talk
from headrace.exceptions import HeadraceException

__all__ = ["Awaiting", "Blocking", "Verb", "Verbs", "quoted", "verb"]

P = ParamSpec("P")
T = TypeVar("T")


class Blocking:
    """The colour of a client whose verbs wait."""

    _endpoint: Endpoint

    @cached_property
    def _connection(self) -> Connection:
        return Connection(self._endpoint)

    @property
    def _exchange(self) -> Exchange:
        return self._connection.exchange


class Awaiting:
    """The colour of a client whose verbs are awaited."""

    _endpoint: Endpoint

    @cached_property
    def _connection(self) -> AsyncConnection:
        return AsyncConnection(self._endpoint)

    @property
    def _exchange(self) -> Exchange:
        return self._connection.exchange


class Verb(Generic[P, T]):
    """A method in both colours.

    Args:
        talk: What it asks the API, and what it returns in the end.
    """

    def __init__(self, talk: Callable[Concatenate[Any, P], Talk[T]]) -> None:
        returned = str(talk.__annotations__["return"])
        # What people see, in an editor or with `help`, is what the methods return, not that they are made of a talk.
        talk.__annotations__["return"] = returned.removeprefix("Talk[").removesuffix("]")
        self.__doc__ = talk.__doc__

        @wraps(talk)
        def blocking(client: Blocking, *args: P.args, **kwargs: P.kwargs) -> T:
            return client._connection.run(talk(client, *args, **kwargs))

        @wraps(talk)
        async def awaiting(client: Awaiting, *args: P.args, **kwargs: P.kwargs) -> T:
            return await client._connection.run(talk(client, *args, **kwargs))

        self._blocking, self._awaiting = blocking, awaiting

    @overload
    def __get__(self, client: Blocking, kind: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Awaiting, kind: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, client: None, kind: type) -> Callable[..., Any]: ...
    def __get__(self, client: Any, kind: type) -> Any:
        function: Callable[..., Any] = self._awaiting if issubclass(kind, Awaiting) else self._blocking
        return function if client is None else MethodType(function, client)


def verb(talk: Callable[Concatenate[Any, P], Talk[T]]) -> Verb[P, T]:
    """Make both methods of a verb, of the generator that says what it asks."""
    return Verb(talk)


class Verbs(ABC):
    """Base of the verbs of each noun."""

    @property
    @abstractmethod
    def _exchange(self) -> Exchange:
        """How the API is spoken to."""

    def _ask(
        self,
        method: str,
        path: str,
        *names: object,
        body: Any = None,
        params: dict[str, Any] | None = None,
    ) -> Talk[httpx.Response]:
        """Ask the API.

        Args:
            method: `GET`, `POST`, ...
            path: Below the API's URL, with `{}` for each of `names`.
            names: Ids and names of what it is about; any text can be one.
            body: What to send as JSON; nothing when None.
            params: What follows the `?`.
        """
        content = None if body is None else self._encoded(body, method, path)
        address = path.format(*map(quoted, names))
        return (yield from self._exchange.request(method, address, content=content, params=params))

    def _call(
        self,
        method: str,
        path: str,
        *names: object,
        into: type[T],
        body: Any = None,
        params: dict[str, Any] | None = None,
    ) -> Talk[T]:
        """Ask the API for something; see `_ask`.

        Args:
            into: What the answer is.
        """
        response = yield from self._ask(method, path, *names, body=body, params=params)
        return self._decoded(response, into)

    def _decoded(self, response: httpx.Response, into: type[T]) -> T:
        try:
            return msgspec.json.decode(response.content, type=into)
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise HeadraceException(
                f"{response.request.method} {response.request.url} was answered with something else than "
                f"{_name(into)}: {problem}. Is {self._exchange.url} the URL of an API?"
            ) from problem

    def _encoded(self, body: Any, method: str, path: str) -> bytes:
        try:
            return msgspec.json.encode(body)
        except (TypeError, ValueError, RecursionError) as problem:
            raise HeadraceException(
                f"What is to be sent with {method} {path} cannot be written as JSON: {problem}. "
                "Give values of JSON's types, dates, UUIDs or Structs."
            ) from problem


def quoted(name: object) -> str:
    """An id or a name as a part of an address."""
    return quote(str(name), safe="")


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
