"""Answers that say no are exceptions that say why."""

from __future__ import annotations

import json
import pickle
from typing import Any

import httpx
import pytest

import headrace.exceptions
from headrace.client.errors import HeadraceHTTPStatusError, status_error
from headrace.exceptions import HeadraceException, ObjectAlreadyExists, ObjectNotFound


def error(status: int, body: Any = None, url: str = "http://server/api/flows/1") -> HeadraceHTTPStatusError:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return status_error(httpx.Response(status, content=content, request=httpx.Request("GET", url)))


def test_what_is_missing_can_be_caught_in_three_ways() -> None:
    for kind in (ObjectNotFound, httpx.HTTPStatusError, HeadraceException):
        with pytest.raises(kind) as caught:
            raise error(404, {"detail": "Flow not found"})
    assert caught.value.response.status_code == 404
    assert caught.value.http_exc.response.status_code == 404
    assert caught.value.status == 404


def test_what_is_there_already_can_be_caught_in_two_ways() -> None:
    for kind in (ObjectAlreadyExists, httpx.HTTPStatusError):
        with pytest.raises(kind) as caught:
            raise error(409, {"detail": "There is one"})
    assert caught.value.http_exc.response.status_code == 409


def test_prefects_name_is_an_alias() -> None:
    assert headrace.exceptions.PrefectHTTPStatusError is HeadraceHTTPStatusError
    assert headrace.exceptions.HeadraceHTTPStatusError is HeadraceHTTPStatusError
    assert type(error(500)) is HeadraceHTTPStatusError


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, {"detail": "Flow not found"}, "404 Not Found: Flow not found"),
        (503, {"exception_message": "Service Unavailable"}, "503 Service Unavailable: Service Unavailable"),
        (
            422,
            {
                "exception_message": "Invalid request received.",
                "exception_detail": [
                    {"loc": ["body", "limit"], "msg": "must be 50 or less", "type": "x"},
                    {"msg": "and more"},
                ],
                "request_body": {},
            },
            "422 Unprocessable Entity: Invalid request received. body.limit: must be 50 or less; and more",
        ),
        (
            422,
            {"detail": [{"loc": ["query", "id"], "msg": "no UUID"}]},
            "422 Unprocessable Entity: query.id: no UUID",
        ),
        (422, {"exception_message": "Bad", "exception_detail": "very"}, "422 Unprocessable Entity: Bad very"),
        (502, b"<h1>Bad gateway</h1>", "502 Bad Gateway: <h1>Bad gateway</h1>"),
        (500, ["odd"], '500 Internal Server Error: ["odd"]'),
        (500, b"", "500 Internal Server Error."),
        (500, {}, "500 Internal Server Error."),
    ],
)
def test_the_message_has_the_servers_reason(status: int, body: Any, message: str) -> None:
    assert str(error(status, body)) == f"GET http://server/api/flows/1 was answered {message}"


def test_a_long_answer_is_cut() -> None:
    assert len(str(error(500, b"x" * 100_000))) < 2200


def test_the_message_has_no_password() -> None:
    assert "secret" not in str(error(500, url="http://me:secret@server/api/flows/1"))


@pytest.mark.parametrize("status", [404, 409, 500])
def test_an_error_survives_the_way_to_another_process(status: int) -> None:
    again = pickle.loads(pickle.dumps(error(status, {"detail": "why"})))
    assert type(again) is type(error(status))
    assert (str(again), again.response.status_code, again.status) == (
        str(error(status, {"detail": "why"})),
        status,
        status,
    )
