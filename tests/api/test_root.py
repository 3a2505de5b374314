"""Whether the server is there and ready, which API it speaks, and what web pages are told."""

from __future__ import annotations

import signal

import pytest

from headrace.api.app import create_app
from headrace.settings import get_current_settings
from headrace.store.store import Store, open_database
from headrace.store.upkeep import downgrade
from headrace.testing.postgres import PostgresServer


@pytest.mark.parametrize(
    ("path", "answer"),
    [("/health", True), ("/ready", {"message": "OK"}), ("/hello", "👋"), ("/version", "0.8.4")],
)
async def test_constants(api, path, answer):
    response = await api.get(path)
    assert (response.status_code, response.json()) == (200, answer)


@pytest.mark.parametrize("path", ["/nothing", "/nothing/", "/docs/nothing/at/all"])
async def test_unknown_paths_are_not_found(api, path):
    response = await api.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


async def test_other_methods_are_not_allowed(api):
    response = await api.delete("/health")
    assert (response.status_code, response.json()) == (405, {"detail": "Method Not Allowed"})
    assert "GET" in response.headers["allow"]


async def test_a_server_whose_database_is_away_is_alive_and_not_ready(configure, connect):
    with PostgresServer() as database, Store.open(database.create_database()) as store:
        api = connect(create_app(store, get_current_settings()))
        assert (await api.get("/ready")).status_code == 200

        database.stop(signal.SIGINT)
        assert (await api.get("/health")).status_code == 200
        response = await api.get("/ready")
        assert (response.status_code, response.json()) == (503, {"exception_message": "Service Unavailable"})
        assert response.headers["retry-after"] == "1"

        database.start()
        while (await api.get("/ready")).status_code != 200:
            assert (await api.get("/health")).status_code == 200


async def test_a_server_whose_store_has_another_schema_is_not_ready(api, store):
    downgrade(open_database(store.url))
    response = await api.get("/ready")
    assert (response.status_code, response.json()) == (503, {"exception_message": "Service Unavailable"})


async def test_the_base_path_can_be_chosen(make_app, connect):
    client = connect(make_app({"server.api.base_path": "there/"}), base_url="http://headrace.test")
    assert (await client.get("/there/health")).json() is True
    assert (await client.get("/api/health")).status_code == 404


async def test_web_pages_are_told_how_to_use_the_api(make_app, connect):
    client = connect(make_app(), base_url="http://headrace.test")
    assert (await client.get("/ui-settings")).json() == {
        "api_url": "http://127.0.0.1:4200/api",
        "csrf_enabled": False,
        "auth": None,
        "flags": [],
        "default_ui": "v2",
        "available_uis": ["v1", "v2"],
        "v1_base_url": "/",
        "v2_base_url": "/v2",
    }


async def test_web_pages_are_told_about_protection_without_showing_credentials(make_app, connect):
    app = make_app(
        {
            "server.api.auth_string": "me:secret",
            "server.api.csrf_protection_enabled": True,
            "server.ui.api_url": "https://there/api",
        }
    )
    told = (await connect(app, base_url="http://headrace.test").get("/ui-settings")).json()
    assert (told["api_url"], told["csrf_enabled"], told["auth"]) == ("https://there/api", True, "BASIC")
