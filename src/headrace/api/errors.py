"""Errors as the API answers them: one status and one body for each exception.

Clients of Prefect read two shapes. What a route refuses is `{"detail": ...}`; what the layers below a route raise is
`{"exception_message": ...}`, and a body that does not fit its schema adds `exception_detail` and `request_body`.

    Refusal(status, detail)             its status      {"detail"}
    Unauthorized                        401             {"exception_message"}
    InvalidRequest                      422             {"exception_message", "exception_detail", "request_body"}
    ObjectNotFound                      404             {"exception_message"}, or {"detail"} where the route has `not_found`
    StoreConflictError                  409             {"detail"}
    other StoreError                    503             {"exception_message"}, Retry-After
    other HeadraceException below 500   its status      {"detail"}
    anything else                       500             {"exception_message"}; logged with its traceback
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from litestar import Request
from litestar.exceptions import HTTPException, ValidationException

from headrace.api.problems import Problem, read_message, sentence
from headrace.api.responses import JsonResponse
from headrace.exceptions import HeadraceException, ObjectNotFound, StoreError

__all__ = [
    "RETRY_AFTER",
    "Answer",
    "InvalidRequest",
    "Refusal",
    "Unauthorized",
    "answer_to",
    "not_found",
    "respond",
]

RETRY_AFTER = "1"
"""Seconds after which a client that was told 503 may try again."""

INVALID = "Invalid request received."

CONFLICT = (
    "Data integrity conflict. This usually means a unique or foreign key constraint was violated. "
    "See server logs for details."
)

_MISSING = re.compile(r"Missing required (?P<where>\w+) parameter '(?P<name>[^']+)'")

_log = logging.getLogger("headrace.api")


class Refusal(HeadraceException):
    """A request that is understood and refused.

    Args:
        status: The HTTP status.
        detail: What is wrong, and what to do.
        headers: Headers of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


class Unauthorized(HeadraceException):
    """A request without the credentials that the server asks for."""

    status = 401


class InvalidRequest(HeadraceException):
    """A request that does not fit its schema.

    Args:
        problems: What is wrong.
        body: The request's body, as far as it could be read.
    """

    status = 422

    def __init__(self, problems: list[Problem], body: Any = None) -> None:
        super().__init__("; ".join(problem.msg for problem in problems))
        self.problems = problems
        self.body = body


class Answer(NamedTuple):
    """How an error is answered.

    Args:
        status: The HTTP status.
        body: What JSON is made of.
        headers: Headers beyond those of any answer.
    """

    status: int
    body: dict[str, Any]
    headers: dict[str, str]


def not_found(detail: str | None) -> dict[str, Any]:
    """The option of a route or router that answers ObjectNotFound with `{"detail": detail}`; None takes it back.

    Example:
        @get("/{id:uuid}", opt=not_found("Flow not found"))
    """
    return {"not_found": detail}


def respond(request: Request[Any, Any, Any], exc: Exception) -> JsonResponse[Any]:
    """Answer an exception that a request has caused; the application's handler of exceptions."""
    handler = request.scope.get("route_handler")
    options: Mapping[str, Any] = getattr(handler, "opt", None) or {}
    answer = answer_to(exc, options)
    if answer.status >= 500:
        report(exc, f"{request.method} {request.scope.get('path_template') or request.scope['path']}")
    return JsonResponse(
        answer.body, status_code=answer.status, headers=answer.headers, media_type="application/json"
    )


def answer_to(exc: Exception, options: Mapping[str, Any] | None = None) -> Answer:
    """The answer to an exception.

    Args:
        exc: What was raised.
        options: The options of the route that raised it.
    """
    if isinstance(exc, Refusal):
        return Answer(exc.status, {"detail": exc.detail}, exc.headers)
    if isinstance(exc, Unauthorized):
        return _failure(401)
    if isinstance(exc, InvalidRequest):
        return _invalid(exc.problems, exc.body)
    if isinstance(exc, ObjectNotFound):
        detail = (options or {}).get("not_found")
        return Answer(404, {"detail": detail} if detail else {"exception_message": str(exc)}, {})
    if isinstance(exc, ValidationException):
        return _invalid(_problems_of(exc))
    if isinstance(exc, HTTPException):
        return _of_framework(exc)
    if isinstance(exc, HeadraceException):
        return _of_ours(exc)
    return _failure(500)


def report(exc: Exception, where: str) -> None:
    """Log an error that is not the client's: in full when nobody expected it, in one line when the store is away."""
    if isinstance(exc, StoreError):
        _log.warning("%s: %s", where, exc)
    else:
        _log.error("%s failed.", where, exc_info=exc)


def _of_framework(exc: HTTPException) -> Answer:
    if exc.status_code >= 500:
        return _failure(exc.status_code)
    phrase = HTTPStatus(exc.status_code).phrase
    detail = phrase if exc.status_code in (404, 405) else exc.detail or phrase
    return Answer(exc.status_code, {"detail": detail}, dict(exc.headers or {}))


def _of_ours(exc: HeadraceException) -> Answer:
    if exc.status == 409 and isinstance(exc, StoreError):
        return Answer(409, {"detail": CONFLICT}, {})
    if exc.status == 422:
        return _invalid([Problem("value_error", ["body"], str(exc))])
    if exc.status >= 500:
        return _failure(exc.status)
    return Answer(exc.status, {"detail": str(exc)}, {})


def _failure(status: int) -> Answer:
    headers = {"Retry-After": RETRY_AFTER} if status == 503 else {}
    return Answer(status, {"exception_message": HTTPStatus(status).phrase}, headers)


def _invalid(problems: list[Problem], body: Any = None) -> Answer:
    return Answer(422, {"exception_message": INVALID, "exception_detail": problems, "request_body": body}, {})


def _problems_of(exc: ValidationException) -> list[Problem]:
    """What the framework found wrong with what it reads itself: parameters, and a body that is missing."""
    if missing := _MISSING.match(exc.detail):
        return [Problem("missing", [missing["where"], missing["name"]], "This parameter is required.")]
    extra = exc.extra if isinstance(exc.extra, list) else []
    return [_problem_of(found) for found in extra] or [Problem("value_error", [], sentence(exc.detail))]


def _problem_of(found: Mapping[str, Any]) -> Problem:
    if found.get("key") == "data":
        return Problem("missing", ["body"], "This request needs a body.")
    kind, place, text = read_message(str(found.get("message", "")))
    return Problem(kind, [_source(found.get("source")), str(found.get("key")), *place], text)


def _source(source: Any) -> str:
    return str(getattr(source, "value", source or "query"))
