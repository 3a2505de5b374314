"""What belongs around a request: retries, versions, tokens. Everything in both colours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from headrace.exceptions import HeadraceHTTPStatusError, ServerVersionError

FINE = httpx.Response(200, json=True)
BUSY = httpx.Response(503, json={"detail": "busy"})


def token(text: str, valid: timedelta = timedelta(hours=1)) -> httpx.Response:
    expiration = (datetime.now(UTC) + valid).isoformat()
    return httpx.Response(200, json={"token": text, "client": "c", "expiration": expiration})


# --- Again and again -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 429, 502, 503])
def test_a_busy_server_is_asked_again(server: Any, caller: Any, status: int) -> None:
    server.answer("POST /flows/filter", httpx.Response(status), httpx.Response(status), FINE)
    ask = caller.connect(server)
    assert ask("POST", "/flows/filter", content=b"{}").status_code == 200
    assert [each.content for each in server.asked_for("POST /flows/filter")] == [b"{}"] * 3
    assert len(caller.waits) == 2


@pytest.mark.parametrize("status", [400, 404, 413, 422, 500, 504])
def test_a_server_that_says_no_is_asked_once(server: Any, caller: Any, status: int) -> None:
    server.answer("GET /flows/1", httpx.Response(status))
    with pytest.raises(HeadraceHTTPStatusError) as caught:
        caller.connect(server)("GET", "/flows/1")
    assert caught.value.response.status_code == status
    assert len(server.asked_for("GET /flows/1")) == 1


def test_statuses_of_the_settings_are_retried_as_well(server: Any, caller: Any) -> None:
    server.answer("GET /flows/1", httpx.Response(504), FINE)
    caller.connect(server, client__retry_extra_codes={504})("GET", "/flows/1")
    assert len(server.asked_for("GET /flows/1")) == 2


def test_after_as_many_retries_as_the_settings_say_the_answer_is_what_it_is(server: Any, caller: Any) -> None:
    server.answer("GET /flows/1", BUSY)
    with pytest.raises(HeadraceHTTPStatusError, match="503 Service Unavailable: busy"):
        caller.connect(server, client__max_retries=3)("GET", "/flows/1")
    assert len(server.asked_for("GET /flows/1")) == 4


def test_a_caller_may_do_without_retries(server: Any, caller: Any) -> None:
    server.answer("GET /flows/1", BUSY)
    with pytest.raises(HeadraceHTTPStatusError):
        caller.connect(server)("GET", "/flows/1", retries=0)
    assert caller.waits == []


def test_waits_double(server: Any, caller: Any) -> None:
    server.answer("GET /flows/1", BUSY)
    with pytest.raises(HeadraceHTTPStatusError):
        caller.connect(server, client__retry_jitter_factor=0)("GET", "/flows/1")
    assert caller.waits == [1, 2, 4, 8, 16]


def test_waits_vary_by_the_share_that_the_settings_say(server: Any, caller: Any) -> None:
    server.answer("GET /flows/1", BUSY)
    with pytest.raises(HeadraceHTTPStatusError):
        caller.connect(server, client__retry_jitter_factor=0.5)("GET", "/flows/1")
    assert all(0 <= wait <= 1.5 * limit for wait, limit in zip(caller.waits, [1, 2, 4, 8, 16], strict=True))
    assert caller.waits != [1, 2, 4, 8, 16]


def test_a_server_is_left_alone_as_long_as_it_asks_for(server: Any, caller: Any) -> None:
    later = httpx.Response(503, headers={"Retry-After": "3.5"})
    server.answer("GET /flows/1", later, later, FINE)
    caller.connect(server, client__retry_jitter_factor=0.2)("GET", "/flows/1")
    assert len(caller.waits) == 2
    assert all(3.5 <= wait <= 4.2 for wait in caller.waits)


def test_a_server_may_say_until_when_it_is_busy(server: Any, caller: Any) -> None:
    until = datetime.now(UTC) + timedelta(seconds=100)
    later = httpx.Response(503, headers={"Retry-After": format_datetime(until, usegmt=True)})
    server.answer("GET /flows/1", later, FINE)
    caller.connect(server, client__retry_jitter_factor=0)("GET", "/flows/1")
    assert 90 < caller.waits[0] <= 100


@pytest.mark.parametrize("said", ["soon", "nan", "inf", "-5", "Thu, 01 Jan 1970 00:00:00 GMT"])
def test_what_a_server_says_about_when_need_not_make_sense(server: Any, caller: Any, said: str) -> None:
    server.answer("GET /flows/1", httpx.Response(503, headers={"Retry-After": said}), FINE)
    caller.connect(server, client__retry_jitter_factor=0)("GET", "/flows/1")
    assert caller.waits in ([0], [1])


def test_a_server_under_maintenance_is_asked_until_it_is_back(server: Any, caller: Any) -> None:
    away = httpx.Response(503, headers={"Prefect-Maintenance": "true"})
    server.answer("GET /flows/1", *[away] * 20, FINE)
    caller.connect(server, client__max_retries=1)("GET", "/flows/1")
    assert len(caller.waits) == 20


# --- No answer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("read"),
        httpx.PoolTimeout("pool"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.RemoteProtocolError("closed"),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("connect"),
    ],
)
def test_a_connection_that_breaks_is_made_again(server: Any, caller: Any, error: Exception) -> None:
    server.answer("GET /flows/1", error, error, FINE)
    caller.connect(server)("GET", "/flows/1")
    assert len(caller.waits) == 2


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ConnectTimeout("connect")])
def test_a_server_that_was_never_there_is_not_waited_for(server: Any, caller: Any, error: Exception) -> None:
    server.answer("GET /admin/version", error)
    with pytest.raises(type(error), match="HEADRACE_API_") as caught:
        caller.connect(server)("GET", "/flows/1")
    assert caller.waits == []
    assert server.url in str(caught.value)
    assert caught.value.request.url.path == "/api/admin/version"


def test_a_server_that_stays_away_is_named(server: Any, caller: Any) -> None:
    server.answer("GET /flows/1", FINE, httpx.ConnectError("[Errno 111] Connection refused"))
    ask = caller.connect(server)
    ask("GET", "/flows/1")
    with pytest.raises(httpx.ConnectError, match=r"cannot be reached: \[Errno 111\].*Is the server running"):
        ask("GET", "/flows/1")
    assert len(caller.waits) == 5


def test_a_server_that_is_too_slow_is_named_with_the_setting(server: Any, caller: Any) -> None:
    server.answer("GET /flows/1", httpx.ReadTimeout(""))
    with pytest.raises(httpx.ReadTimeout, match=r"did not answer in time \(ReadTimeout\).*REQUEST_TIMEOUT"):
        caller.connect(server, client__max_retries=0)("GET", "/flows/1")


# --- Versions --------------------------------------------------------------------------------------------------


def test_the_version_is_asked_for_once_per_process_and_server(server: Any, caller: Any) -> None:
    for ask in (caller.connect(server), caller.connect(server)):
        ask("GET", "/flows/1")
        ask("GET", "/flows/1")
    assert server.asked == ["GET /admin/version"] + ["GET /flows/1"] * 4


def test_a_server_of_another_major_version_is_refused(server: Any, caller: Any) -> None:
    server.answer("GET /admin/version", httpx.Response(200, json="2.20.1"))
    ask = caller.connect(server)
    for _ in range(2):
        with pytest.raises(
            ServerVersionError, match=r"2\.20\.1 of Prefect's API, this client version 3\.8\.8"
        ):
            ask("GET", "/flows/1")
    assert server.asked == ["GET /admin/version"] * 2


@pytest.mark.parametrize("version", ["3.8.8", "3.9.0", "3.10.0rc1", "3.8.9.dev2+4.gabc"])
def test_a_server_of_the_same_major_version_is_fine(
    server: Any, caller: Any, version: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer("GET /admin/version", httpx.Response(200, json=version))
    caller.connect(server)("GET", "/flows/1")
    assert caplog.records == []


def test_an_older_server_is_warned_of_once(
    server: Any, caller: Any, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer("GET /admin/version", httpx.Response(200, json="3.1.4"))
    ask = caller.connect(server)
    with caplog.at_level("WARNING", "headrace.client"):
        ask("GET", "/flows/1")
        ask("GET", "/flows/1")
    assert [each.getMessage() for each in caplog.records if "3.1.4" in each.getMessage()] != []
    assert len(caplog.records) == 1


def test_the_version_is_not_asked_for_when_settings_say_so(server: Any, caller: Any) -> None:
    caller.connect(server, client__server_version_check_enabled=False)("GET", "/flows/1")
    assert server.asked == ["GET /flows/1"]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(401, json={"exception_message": "Unauthorized"}),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json={"version": 3}),
        httpx.Response(200, json="latest"),
    ],
)
def test_what_is_no_version_is_left_to_the_request_to_explain(
    server: Any, caller: Any, answer: httpx.Response
) -> None:
    server.answer("GET /admin/version", answer)
    ask = caller.connect(server)
    ask("GET", "/flows/1")
    ask("GET", "/flows/1")
    assert server.asked == ["GET /admin/version", "GET /flows/1"] * 2


# --- Tokens ----------------------------------------------------------------------------------------------------


def test_a_token_is_fetched_before_the_first_change_and_shown_with_every_change(
    server: Any, caller: Any
) -> None:
    server.answer("GET /csrf-token", token("t1"))
    ask = caller.connect(server)
    ask("GET", "/flows/1")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        ask(method, "/flows/1")
    assert server.asked[1:4] == ["GET /flows/1", "GET /csrf-token", "POST /flows/1"]
    fetched = server.asked_for("GET /csrf-token")
    assert len(fetched) == 1
    for change in server.requests[3:]:
        assert change.headers["Prefect-Csrf-Token"] == "t1"
        assert change.headers["Prefect-Csrf-Client"] == fetched[0].url.params["client"]
    assert "Prefect-Csrf-Token" not in server.requests[1].headers


@pytest.mark.parametrize("status", [404, 422])
def test_a_server_without_tokens_is_asked_once(server: Any, caller: Any, status: int) -> None:
    server.answer("GET /csrf-token", httpx.Response(status))
    ask = caller.connect(server)
    ask("POST", "/flows/1")
    ask("POST", "/flows/1")
    assert server.asked[1:] == ["GET /csrf-token", "POST /flows/1", "POST /flows/1"]


def test_no_token_is_asked_for_when_settings_say_so(server: Any, caller: Any) -> None:
    caller.connect(server, client__csrf_support_enabled=False)("POST", "/flows/1")
    assert server.asked[1:] == ["POST /flows/1"]


def test_a_token_that_has_expired_is_replaced(server: Any, caller: Any) -> None:
    server.answer("GET /csrf-token", token("old", timedelta(seconds=-1)), token("new"))
    ask = caller.connect(server)
    ask("POST", "/flows/1")
    ask("POST", "/flows/1")
    assert [each.headers["Prefect-Csrf-Token"] for each in server.asked_for("POST /flows/1")] == [
        "old",
        "new",
    ]


def test_a_token_that_the_server_does_not_know_is_replaced(server: Any, caller: Any) -> None:
    refused = httpx.Response(403, json={"detail": "Invalid CSRF token or client identifier."})
    server.answer("GET /csrf-token", token("old"), token("new"))
    server.answer("POST /flows/1", refused, FINE)
    assert caller.connect(server)("POST", "/flows/1", content=b"{}").status_code == 200
    assert [each.headers["Prefect-Csrf-Token"] for each in server.asked_for("POST /flows/1")] == [
        "old",
        "new",
    ]
    assert caller.waits == []


def test_a_server_that_begins_to_want_tokens_gets_one(server: Any, caller: Any) -> None:
    missing = httpx.Response(403, json={"detail": "Missing CSRF token."})
    server.answer("GET /csrf-token", httpx.Response(422), token("t1"))
    server.answer("POST /flows/1", FINE, missing, FINE)
    ask = caller.connect(server)
    ask("POST", "/flows/1")
    ask("POST", "/flows/1")
    assert server.requests[-1].headers["Prefect-Csrf-Token"] == "t1"


def test_a_server_that_refuses_every_token_is_not_asked_for_ever(server: Any, caller: Any) -> None:
    server.answer("GET /csrf-token", token("t1"))
    server.answer("POST /flows/1", httpx.Response(403, json={"detail": "Invalid CSRF token"}))
    with pytest.raises(HeadraceHTTPStatusError, match="Invalid CSRF token"):
        caller.connect(server)("POST", "/flows/1")
    assert len(server.asked_for("POST /flows/1")) == 4


def test_a_refusal_of_another_kind_is_no_matter_of_tokens(server: Any, caller: Any) -> None:
    server.answer("POST /flows/1", httpx.Response(403, json={"detail": "Not yours"}))
    with pytest.raises(HeadraceHTTPStatusError, match="403 Forbidden: Not yours"):
        caller.connect(server)("POST", "/flows/1")
    assert len(server.asked_for("POST /flows/1")) == 1


def test_a_server_that_gives_no_token_says_why(server: Any, caller: Any) -> None:
    server.answer("GET /csrf-token", httpx.Response(401, json={"exception_message": "Unauthorized"}))
    with pytest.raises(HeadraceHTTPStatusError, match="401 Unauthorized.*HEADRACE_API_AUTH_STRING"):
        caller.connect(server)("POST", "/flows/1")
