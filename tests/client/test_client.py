"""Getting a client, and letting it go."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

import headrace
import headrace.client
from headrace.client.orchestration import (
    HeadraceClient,
    PrefectClient,
    SyncHeadraceClient,
    SyncPrefectClient,
    get_client,
)
from headrace.exceptions import ConfigurationError
from headrace.settings import temporary_settings


def test_the_configured_api_is_asked(server: Any) -> None:
    with temporary_settings({"api.url": server.url}):
        client = get_client({"transport": httpx.MockTransport(server)}, sync_client=True)
    with client:
        assert client.api_healthcheck() is None
        assert str(client.api_url) == server.url
    assert server.asked[-1] == "GET /health"


def test_it_is_exported_where_scripts_look_for_it() -> None:
    assert headrace.get_client is headrace.client.get_client is get_client
    assert (PrefectClient, SyncPrefectClient) == (HeadraceClient, SyncHeadraceClient)


def test_the_colour_is_chosen_with_a_flag() -> None:
    with temporary_settings({"api.url": "http://server/api"}):
        assert type(get_client()) is HeadraceClient
        assert type(get_client(sync_client=False)) is HeadraceClient
        assert type(get_client(sync_client=True)) is SyncHeadraceClient


def test_what_a_client_is_given_goes_before_the_settings(server: Any) -> None:
    transport = httpx.MockTransport(server)
    with temporary_settings({"api.url": "http://elsewhere/api", "api.key": "of-the-settings"}):
        with SyncHeadraceClient(
            server.url,
            api_key="mine",
            api_version="0.8.1",
            httpx_settings={"transport": transport, "headers": {"X-Team": "blue"}},
        ) as client:
            client.hello()
        with SyncHeadraceClient(
            server.url, auth_string="me:secret", httpx_settings={"transport": transport}
        ) as client:
            client.hello()
    first, second = server.asked_for("GET /hello")
    assert first.headers["Authorization"] == "Bearer mine"
    assert (first.headers["X-PREFECT-API-VERSION"], first.headers["X-Team"]) == ("0.8.1", "blue")
    assert second.headers["Authorization"] == "Basic bWU6c2VjcmV0"


def test_a_url_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="'server'"):
        SyncHeadraceClient("server")


def test_a_client_may_be_entered_again_while_it_is_open(server: Any) -> None:
    with SyncHeadraceClient(server.url, httpx_settings={"transport": httpx.MockTransport(server)}) as client:
        with client:
            client.hello()
        client.hello()
    with pytest.raises(RuntimeError, match="get_client"):
        client.__enter__()
    with pytest.raises(RuntimeError, match="closed"):
        client.hello()


def test_an_awaiting_client_may_be_entered_again_while_it_is_open(server: Any) -> None:
    async def main() -> None:
        client = HeadraceClient(server.url, httpx_settings={"transport": httpx.MockTransport(server)})
        async with client:
            async with client:
                await client.hello()
            await client.hello()
        with pytest.raises(RuntimeError, match="get_client"):
            await client.__aenter__()
        with pytest.raises(RuntimeError, match="closed"):
            await client.hello()

    asyncio.run(main())


def test_an_awaiting_client_says_how_it_is_entered() -> None:
    with pytest.raises(RuntimeError, match=r"async with.*sync_client=True"):
        with HeadraceClient("http://server/api"):
            pass


def test_a_client_works_without_being_entered(server: Any) -> None:
    client = SyncHeadraceClient(server.url, httpx_settings={"transport": httpx.MockTransport(server)})
    assert client.hello().status_code == 200


def test_verbs_of_one_client_run_at_a_time_with_others(server: Any) -> None:
    async def main() -> list[Any]:
        async with HeadraceClient(
            server.url, httpx_settings={"transport": httpx.MockTransport(server)}
        ) as client:
            return await asyncio.gather(*(client.hello() for _ in range(20)))

    assert len(asyncio.run(main())) == 20
