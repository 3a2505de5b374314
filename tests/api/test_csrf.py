"""CSRF tokens: asked for with changes if the server is set up so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from headrace.api.auth import CsrfTokens

START = datetime(2026, 1, 1, tzinfo=UTC)
TOKENS = CsrfTokens(b"key", timedelta(hours=1))


@pytest.fixture
def protected(make_app, connect):
    return connect(make_app({"server.api.csrf_protection_enabled": True}))


def change(client, **headers):
    body = {"default_result_storage_block_id": str(uuid4())}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.put("/admin/storage", json=body, headers=named)


async def test_clients_learn_that_protection_is_off(api):
    response = await api.get("/csrf-token", params={"client": "a"})
    assert (response.status_code, response.json()) == (422, {"detail": "CSRF protection is disabled."})
    assert (await change(api)).status_code == 200


async def test_a_token_lets_its_client_make_changes(protected):
    issued = (await protected.get("/csrf-token", params={"client": "a"})).json()
    assert set(issued) == {"id", "created", "updated", "token", "client", "expiration"}
    assert issued["client"] == "a"
    allowed = await change(protected, Prefect_Csrf_Token=issued["token"], Prefect_Csrf_Client="a")
    assert allowed.status_code == 200


async def test_a_token_is_made_for_somebody(protected):
    response = await protected.get("/csrf-token")
    assert response.status_code == 422
    problem = response.json()["exception_detail"][0]
    assert (problem["type"], problem["loc"]) == ("missing", ["query", "client"])


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "Missing CSRF token."),
        ({"Prefect_Csrf_Client": "a"}, "Missing CSRF token."),
        ({"Prefect_Csrf_Token": "x"}, "Missing client identifier."),
        ({"Prefect_Csrf_Token": "x", "Prefect_Csrf_Client": "a"}, "Invalid CSRF token or client identifier."),
        (
            {"Prefect_Csrf_Token": "x.y.z", "Prefect_Csrf_Client": "a"},
            "Invalid CSRF token or client identifier.",
        ),
        (
            {"Prefect_Csrf_Token": b"\xff", "Prefect_Csrf_Client": b"\xff"},
            "Invalid CSRF token or client identifier.",
        ),
    ],
)
async def test_changes_without_the_right_token_are_refused(protected, headers, detail):
    response = await change(protected, **headers)
    assert (response.status_code, response.json()) == (403, {"detail": detail})


async def test_reading_needs_no_token(protected):
    assert (await protected.get("/admin/storage")).status_code == 200


async def test_tokens_are_looked_at_before_credentials(make_app, connect):
    app = make_app({"server.api.csrf_protection_enabled": True, "server.api.auth_string": "a:b"})
    assert (await change(connect(app))).status_code == 403


async def test_servers_on_one_store_know_each_others_tokens(make_app, connect):
    one, other = (connect(make_app({"server.api.csrf_protection_enabled": True})) for _ in range(2))
    token = (await one.get("/csrf-token", params={"client": "a"})).json()["token"]
    assert (await change(other, Prefect_Csrf_Token=token, Prefect_Csrf_Client="a")).status_code == 200


def test_a_token_expires():
    token = TOKENS.issue("a", at=START).token
    assert TOKENS.accept(token, "a", at=START + timedelta(minutes=59))
    assert not TOKENS.accept(token, "a", at=START + timedelta(hours=1))


def test_a_token_is_for_one_client_and_one_key():
    token = TOKENS.issue("a", at=START).token
    assert not TOKENS.accept(token, "b", at=START)
    assert not CsrfTokens(b"other", timedelta(hours=1)).accept(token, "a", at=START)


def test_a_token_cannot_be_made_to_last_longer():
    expiration, rest = TOKENS.issue("a", at=START).token.split(".", 1)
    assert not TOKENS.accept(f"{int(expiration, 16) + 9999:x}.{rest}", "a", at=START)
