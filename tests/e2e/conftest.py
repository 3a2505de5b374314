"""What the end-to-end tests share: servers, and an unmodified Prefect client that uses them.

The tests in `stories/` look at one server of each kind, on which the client has run all its scripts once; the scheduler in
`tests/conftest.py` keeps them together in one process. Tests that kill have a server of their own. When a server is no longer
needed it is stopped, and the invariant checker goes over everything that it has recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from headrace.store.store import Store
from headrace.testing.invariants import assert_history

from .prefect_client import Account, PrefectClient
from .servers import Api, Server, eventually, headrace_server, prefect_server

ROOT = Path(__file__).parents[2]


SCRIPTS = {"pipeline": (5,), "asynchronous": (), "endings": ()}
"""The scripts that run on the shared server, and their arguments."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test that uses a server, with each kind of server."""
    if "server_name" in metafunc.fixturenames:
        names = metafunc.config.getoption("--e2e-server") or ["sqlite", "postgres"]
        metafunc.parametrize("server_name", names, scope="session")


@pytest.fixture(scope="session")
def prefect_python() -> Path:
    """The interpreter of a virtual environment with Prefect 3.8.8, which the Makefile sets up."""
    python = ROOT / ".prefect-venv" / "bin" / "python"
    if not python.exists():
        pytest.fail(
            f"{python} does not exist; run `make prefect`, which installs Prefect 3.8.8 there", pytrace=False
        )
    return python


MakeServer = Callable[[], AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def make_server(
    server_name: str,
    prefect_python: Path,
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> MakeServer:
    """A new server, ready, on an empty database; when its block ends it is stopped, and its history is checked."""

    def make() -> Server:
        folder = tmp_path_factory.mktemp(server_name)
        if server_name == "prefect":
            return prefect_server(folder, prefect_python)
        if server_name == "postgres":
            return headrace_server(folder, request.getfixturevalue("postgres").create_database())
        return headrace_server(folder, f"sqlite:///{folder / 'headrace.db'}")

    @contextmanager
    def started() -> Iterator[Server]:
        server = make()
        try:
            server.start()
            yield server
        finally:
            status = server.stop()
        if server.database is not None:
            with Store.open(server.database) as store:
                assert_history(store)
            assert "Traceback" not in server.log.read_text()
            assert status == 0

    return started


@pytest.fixture(scope="session")
def server(make_server: MakeServer) -> Iterator[Server]:
    """The server that tests share which only look."""
    with make_server() as started:
        yield started


@pytest.fixture(scope="session")
def api(server: Server) -> Iterator[Api]:
    """Reads what the shared server has recorded."""
    with closing(Api(server.url)) as opened:
        yield opened


@pytest.fixture(scope="session")
def make_client(
    prefect_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Server], PrefectClient]:
    """A new Prefect client of a server."""
    return lambda server: PrefectClient(prefect_python, server.url, tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="session")
def prefect(server: Server, make_client: Callable[[Server], PrefectClient]) -> Iterator[PrefectClient]:
    """A Prefect client of the shared server."""
    with closing(make_client(server)) as client:
        yield client


@pytest.fixture(scope="session")
def stories(prefect: PrefectClient, api: Api) -> dict[str, Account]:
    """What the scripts say of themselves that have run on the shared server, side by side, once all of it is recorded."""
    scripts = {name: prefect.start(name, *arguments) for name, arguments in SCRIPTS.items()}
    accounts = {name: script.finish() for name, script in scripts.items()}
    for account in accounts.values():
        eventually(partial(assert_recorded, account, api))
    return accounts


class Stage(NamedTuple):
    """A server of the test's own, one that reads it, and a client."""

    server: Server
    api: Api
    prefect: PrefectClient


@pytest.fixture
def stage(make_server: MakeServer, make_client: Callable[[Server], PrefectClient]) -> Iterator[Stage]:
    """A server on an empty database, and a client of it."""
    with make_server() as server, closing(Api(server.url)) as api, closing(make_client(server)) as prefect:
        yield Stage(server, api, prefect)


def assert_recorded(account: Account, api: Api) -> None:
    """The server has recorded as much as the script has told."""
    ids = list(account.entered("flow-run"))
    task_runs = api.task_runs(flow_runs={"id": {"any_": ids}})
    told = {(id, run["state_id"]) for id, run in account.ended("task-run").items()}
    assert told <= {(run["id"], run["state_id"]) for run in task_runs}
    assert len(api.logs(logs={"flow_run_id": {"any_": ids}})) >= len(account.log_lines)
