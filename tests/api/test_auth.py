"""Who may ask: credentials and API versions."""

from __future__ import annotations

import base64
import logging

import pytest

SECRET = "me:pass:wörd"


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.fixture
def guarded(make_app, connect):
    return connect(make_app({"server.api.auth_string": SECRET}))


@pytest.mark.parametrize("path", ["/health", "/ready"])
async def test_probes_need_no_credentials(guarded, path):
    assert (await guarded.get(path)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ***"},
        {"Authorization": "Basic " + base64.b64encode(b"me:other").decode()},
        {"Authorization": "Bearer other"},
        {"Authorization": "Digest " + base64.b64encode(SECRET.encode()).decode()},
        {"Authorization": b"Basic \xff\xfe"},
        basic(SECRET + "x"),
        basic(SECRET[:-1]),
    ],
)
@pytest.mark.parametrize("path", ["/version", "/admin/settings", "/openapi.json", "/docs", "/metrics"])
async def test_everything_else_is_refused_without_the_right_ones(guarded, path, headers):
    response = await guarded.get(path, headers=headers)
    assert (response.status_code, response.json()) == (401, {"exception_message": "Unauthorized"})


@pytest.mark.parametrize(
    "headers",
    [
        basic(SECRET),
        {"Authorization": b"Bearer " + SECRET.encode()},
        {"authorization": basic(SECRET)["Authorization"].replace("Basic", "basic")},
    ],
)
async def test_both_ways_to_show_the_secret_are_accepted(guarded, headers):
    assert (await guarded.get("/version", headers=headers)).status_code == 200


async def test_credentials_that_nobody_asks_for_do_no_harm(api):
    assert (await api.get("/version", headers=basic("any:body"))).status_code == 200


async def test_refusals_do_not_show_the_secret_in_the_log(guarded, caplog):
    with caplog.at_level(logging.DEBUG):
        await guarded.get("/version", headers=basic("me:guess"))
    assert "guess" not in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("version", ["0.8.0", "0.8.4", "0.10.0", "1.0.0", "99.1.1"])
async def test_api_versions_from_0_8_0_on_are_served(api, version):
    assert (await api.get("/hello", headers={"X-PREFECT-API-VERSION": version})).status_code == 200


@pytest.mark.parametrize("version", ["abc", "0.8", "0.8.4rc1", "0.8.4.1", "-1.0.0", ""])
async def test_api_versions_that_are_none_are_refused(api, version):
    response = await api.get("/hello", headers={"X-PREFECT-API-VERSION": version})
    assert response.status_code == 400
    assert response.json() == {
        "detail": "Invalid X-PREFECT-API-VERSION header format."
        f"Expected header in format 'x.y.z' but received {version}"
    }


async def test_older_api_versions_are_refused(api):
    response = await api.get("/hello", headers={"X-PREFECT-API-VERSION": "0.7.9"})
    assert response.status_code == 400
    assert response.json() == {
        "detail": "The request specified API version 0.7.9 but this server requires version 0.8.0 or higher."
    }


async def test_probes_do_not_look_at_the_version(api):
    assert (await api.get("/health", headers={"X-PREFECT-API-VERSION": "abc"})).status_code == 200
