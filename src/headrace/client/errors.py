"""Answers of the API that say no, as exceptions.

Each is an `httpx.HTTPStatusError`, so its `response` has all; those for which Prefect has an exception of its own are
that as well. So a script catches a missing flow run as `ObjectNotFound` or by the status 404, whichever it was written for.
"""

from __future__ import annotations

import json
from typing import Any

import httpx

from headrace.exceptions import HeadraceException, ObjectAlreadyExists, ObjectNotFound

__all__ = [
    "AlreadyExistsError",
    "HeadraceHTTPStatusError",
    "NotFoundError",
    "PrefectHTTPStatusError",
    "status_error",
]

LONGEST = 2000
"""Characters of an answer that are shown, when it does not say what is wrong in one of the ways that are known."""

ADVICE = {401: " (HEADRACE_API_AUTH_STRING or HEADRACE_API_KEY is what the client shows to the server)"}
"""What to do, by status, where the server does not say."""


class HeadraceHTTPStatusError(httpx.HTTPStatusError, HeadraceException):
    """The API answered a request with a status that says no; the message has its reason."""

    def __init__(self, message: str, *, request: httpx.Request, response: httpx.Response) -> None:
        super().__init__(message, request=request, response=response)
        self.status = response.status_code

    def __reduce__(self) -> Any:
        return _remade, (type(self), str(self), self.request, self.response)


class NotFoundError(HeadraceHTTPStatusError, ObjectNotFound):
    """The API does not have what was asked for."""

    def __init__(self, message: str, *, request: httpx.Request, response: httpx.Response) -> None:
        HeadraceHTTPStatusError.__init__(self, message, request=request, response=response)
        self.http_exc, self.help_message = self, None


class AlreadyExistsError(HeadraceHTTPStatusError, ObjectAlreadyExists):
    """The API has something already that it must not have twice."""

    def __init__(self, message: str, *, request: httpx.Request, response: httpx.Response) -> None:
        HeadraceHTTPStatusError.__init__(self, message, request=request, response=response)
        self.http_exc = self


PrefectHTTPStatusError = HeadraceHTTPStatusError


def status_error(response: httpx.Response) -> HeadraceHTTPStatusError:
    """The exception that an answer stands for."""
    request = response.request
    url = request.url.copy_with(userinfo=b"")
    reason = _reason(response)
    message = (
        f"{request.method} {url} was answered {response.status_code} {response.reason_phrase}"
        f"{': ' if reason else '.'}{reason}{ADVICE.get(response.status_code, '')}"
    )
    kind = {404: NotFoundError, 409: AlreadyExistsError}.get(response.status_code, HeadraceHTTPStatusError)
    return kind(message, request=request, response=response)


def _remade(kind: type[HeadraceHTTPStatusError], message: str, request: Any, response: Any) -> Any:
    return kind(message, request=request, response=response)


def _reason(response: httpx.Response) -> str:
    """What the API says is wrong: `detail`, or `exception_message` with the places in the body that it is about."""
    try:
        answer = json.loads(response.content)
    except ValueError:
        return response.text[:LONGEST]
    if not isinstance(answer, dict):
        return response.text[:LONGEST]
    message = answer.get("exception_message", answer.get("detail", ""))
    places = answer.get("exception_detail", [])
    if isinstance(message, list):
        message, places = "", message
    if not isinstance(places, list):
        places = [places]
    return " ".join(filter(None, [str(message or ""), "; ".join(map(_place, places))]))[:LONGEST]


def _place(problem: Any) -> str:
    if not isinstance(problem, dict) or "msg" not in problem:
        return str(problem)
    where = ".".join(str(step) for step in problem.get("loc", ()))
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])
