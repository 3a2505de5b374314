"""Exceptions as answers: one status and one body for each."""

from __future__ import annotations

import inspect
import logging

import pytest
from litestar import Router, get
from litestar.exceptions import ClientException, InternalServerException, PermissionDeniedException

from headrace import exceptions
from headrace.api.errors import CONFLICT, Refusal, answer_to, not_found
from headrace.exceptions import (
    HeadraceException,
    ObjectAlreadyExists,
    ObjectNotFound,
    OverCapacityError,
    StoreConflictError,
    StoreUnavailableError,
)

UNAVAILABLE = {"exception_message": "Service Unavailable"}
FAILED = {"exception_message": "Internal Server Error"}


@pytest.fixture
def raising(app, api):
    """What a route answers that raises something."""

    async def ask(exc, **options):
        @get("/t", opt=options)
        async def fail() -> None:
            raise exc

        app.register(Router(path="/api", route_handlers=[fail]))
        return await api.get("/t")

    return ask


@pytest.mark.parametrize(
    ("exc", "status", "body"),
    [
        (Refusal(418, "No tea."), 418, {"detail": "No tea."}),
        (ObjectNotFound("There is none."), 404, {"exception_message": "There is none."}),
        (ObjectAlreadyExists("There is one."), 409, {"detail": "There is one."}),
        (StoreConflictError("UNIQUE"), 409, {"detail": CONFLICT}),
        (StoreUnavailableError("The disk is full."), 503, UNAVAILABLE),
        (OverCapacityError("Too much."), 503, UNAVAILABLE),
        (ClientException("What?"), 400, {"detail": "What?"}),
        (PermissionDeniedException("No."), 403, {"detail": "No."}),
        (InternalServerException("Secret."), 500, FAILED),
        (ZeroDivisionError("Secret."), 500, FAILED),
        (KeyError("Secret."), 500, FAILED),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
async def test_what_a_route_raises_is_answered(raising, exc, status, body):
    response = await raising(exc)
    assert (response.status_code, response.json()) == (status, body)
    assert response.headers["content-type"] == "application/json"


async def test_a_route_can_say_how_it_misses_an_object(raising):
    response = await raising(ObjectNotFound("There is none."), **not_found("Flow not found"))
    assert (response.status_code, response.json()) == (404, {"detail": "Flow not found"})


async def test_a_refusal_may_have_headers(raising):
    assert (await raising(Refusal(423, "Full.", {"Retry-After": "0.5"}))).headers["retry-after"] == "0.5"


async def test_whoever_is_told_to_come_again_is_told_when(raising):
    assert (await raising(OverCapacityError("Too much."))).headers["retry-after"] == "1"


async def test_a_failure_is_logged_in_full_and_not_shown(raising, caplog):
    with caplog.at_level(logging.ERROR, logger="headrace.api"):
        caplog.handler.setLevel(logging.ERROR)
        logging.getLogger("headrace.api").addHandler(caplog.handler)
        response = await raising(ZeroDivisionError("what went wrong"))
        logging.getLogger("headrace.api").removeHandler(caplog.handler)
    assert "what went wrong" not in response.text
    assert "GET /api/t failed." in caplog.text
    assert "what went wrong" in caplog.text
    assert "Traceback" in caplog.text


def every_exception():
    return [
        kind
        for _, kind in inspect.getmembers(exceptions, inspect.isclass)
        if issubclass(kind, HeadraceException)
    ]


@pytest.mark.parametrize("kind", every_exception())
def test_every_exception_of_ours_is_answered_with_its_status(kind):
    exc = kind.__new__(kind)
    exc.args = ("What is wrong.",)
    assert answer_to(exc).status == kind.status
