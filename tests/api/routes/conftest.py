"""The application on both databases, and what its tests put into them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from headrace.api.app import create_app
from headrace.settings.load import load_settings
from headrace.store.connection import Connection
from headrace.store.store import Store
from headrace.store.tables import metadata
from headrace.testing.invariants import assert_history


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def lasting_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """A store on each database, which all tests use one after the other."""
    if request.param == "sqlite":
        target = str(tmp_path_factory.mktemp("store") / "server.db")
    else:
        target = request.getfixturevalue("postgres").create_database()
    with Store.open(target) as opened:
        yield opened


@pytest.fixture(scope="session")
def lasting_app(lasting_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Litestar:
    """The application on that store, without any configuration. Putting it together takes longer than most tests."""
    return create_app(lasting_store, load_settings({}, tmp_path_factory.mktemp("home")))


@pytest.fixture
def store(lasting_store: Store) -> Iterator[Store]:
    """An empty store on each database; its history is checked afterwards."""
    yield lasting_store
    assert_history(lasting_store)
    lasting_store.write(_empty)


def _empty(conn: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        conn.execute(f"DELETE FROM {table.name}")


@pytest.fixture
def app(lasting_app: Litestar, store: Store) -> Litestar:
    """The application as it is without any configuration, on an empty store."""
    return lasting_app


class Caller:
    """Asks the API, and expects to be given what it asked for.

    Args:
        api: A client of it.
    """

    def __init__(self, api: httpx.AsyncClient) -> None:
        self.api = api

    async def get(self, path: str) -> Any:
        return self._answer(await self.api.get(path))

    async def post(self, path: str, body: Any = None) -> Any:
        return self._answer(await self.api.post(path, json=body))

    async def patch(self, path: str, body: Any) -> None:
        self._answer(await self.api.patch(path, json=body))

    async def delete(self, path: str) -> None:
        self._answer(await self.api.delete(path))

    def _answer(self, response: httpx.Response) -> Any:
        assert response.is_success, response.text
        return response.json() if response.content else None


@pytest.fixture
def ask(api: httpx.AsyncClient) -> Caller:
    """Asks and returns the answer's body: `await ask.post("/flows/count")`."""
    return Caller(api)


@pytest.fixture
def new_flow(ask: Caller) -> Callable[..., Awaitable[Any]]:
    """Makes a flow of a name of its own."""

    async def make(**fields: Any) -> Any:
        return await ask.post("/flows/", {"name": f"flow-{uuid4().hex}", **fields})

    return make


@pytest.fixture
def new_flow_run(ask: Caller, new_flow: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Makes a flow run; `state` may be a type alone. Without a `flow_id` it is of a flow of its own."""

    async def make(state: str | dict[str, Any] | None = None, **fields: Any) -> Any:
        if isinstance(state, str):
            state = {"type": state}
        if "flow_id" not in fields:
            fields["flow_id"] = (await new_flow())["id"]
        return await ask.post("/flow_runs/", {"state": state, **fields})

    return make


@pytest.fixture
def new_task_run(ask: Caller) -> Callable[..., Awaitable[Any]]:
    """Makes a task run, each of another key; `state` may be a type alone."""

    async def make(state: str | dict[str, Any] | None = None, **fields: Any) -> Any:
        if isinstance(state, str):
            state = {"type": state}
        return await ask.post(
            "/task_runs/", {"task_key": "t", "dynamic_key": uuid4().hex, "state": state, **fields}
        )

    return make
