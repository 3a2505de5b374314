"""Where no API is configured, the application in this process answers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from headrace.client.embedded import Application
from headrace.client.local import close_orchestrators, get_store
from headrace.client.orchestration import get_client
from headrace.exceptions import ObjectNotFound, StoreError

THREAD = "headrace-embedded-api"


@pytest.fixture(autouse=True)
def _no_api(configure: Callable[..., None]) -> None:
    """An empty home folder and no API."""


def running() -> int:
    """How many applications run in this process."""
    return sum(thread.name == THREAD for thread in threading.enumerate())


def call(caller: Any, verb: str, *args: Any) -> Any:
    """What a verb of a client of this colour returns."""
    if not caller.is_async:
        with get_client(sync_client=True) as client:
            return getattr(client, verb)(*args)

    async def main() -> Any:
        async with get_client() as client:
            return await getattr(client, verb)(*args)

    return asyncio.run(main())


def test_a_client_needs_no_server(caller: Any) -> None:
    assert call(caller, "api_version") == "3.8.8"
    assert call(caller, "api_healthcheck") is None
    assert call(caller, "hello").json() == "👋"


def test_what_the_application_refuses_is_an_error_as_from_any_server(caller: Any) -> None:
    with pytest.raises(ObjectNotFound, match=r"GET http://embedded/api/no-such-noun was answered 404"):
        call(caller, "request", "GET", "/no-such-noun")


def test_a_process_need_not_show_itself_a_password(caller: Any, configure: Callable[..., None]) -> None:
    configure(
        HEADRACE_SERVER_API_AUTH_STRING="me:secret",
        HEADRACE_SERVER_API_CSRF_PROTECTION_ENABLED="true",
        HEADRACE_SERVER_API_BASE_PATH="/elsewhere",
    )
    assert call(caller, "api_version") == "3.8.8"


def test_clients_of_one_store_share_an_application(caller: Any) -> None:
    before = running()
    for _ in range(3):
        call(caller, "hello")
    assert running() == before + 1


def test_nothing_runs_before_the_first_request() -> None:
    before = running()
    with get_client(sync_client=True):
        assert running() == before


def test_threads_and_event_loops_ask_at_once() -> None:
    async def main() -> list[httpx.Response]:
        async with get_client() as client:
            return await asyncio.gather(*(client.hello() for _ in range(10)))

    with get_client(sync_client=True) as client, ThreadPoolExecutor(8) as pool:
        blocking = [pool.submit(client.hello) for _ in range(40)]
        awaiting = [pool.submit(asyncio.run, main()) for _ in range(2)]
        assert {answer.result().status_code for answer in blocking} == {200}
        assert {each.status_code for answer in awaiting for each in answer.result()} == {200}


def test_the_application_ends_when_its_store_is_closed(caller: Any) -> None:
    call(caller, "hello")
    first, before = get_store(), running()
    close_orchestrators()
    assert running() == before - 1
    assert call(caller, "api_version") == "3.8.8"
    assert get_store() is not first


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork of POSIX")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_has_an_application_of_its_own() -> None:
    with get_client(sync_client=True) as client:
        assert client.api_version() == "3.8.8"
        pid = os.fork()
        if pid == 0:
            os._exit(0 if client.api_version() == "3.8.8" else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert client.api_version() == "3.8.8"


def test_a_process_ends_without_a_word(tmp_path: Path) -> None:
    script = """
from headrace import get_client

client = get_client(sync_client=True)
print(client.api_version())
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        env={**os.environ, "HEADRACE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "3.8.8\n", "")


def test_a_store_that_cannot_be_used_is_named(configure: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no database")
    configure(HEADRACE_SERVER_DATABASE_CONNECTION_URL=f"sqlite:///{tmp_path / 'file'}")
    with pytest.raises(StoreError, match="file"):
        get_client(sync_client=True)


def test_an_application_that_does_not_start_says_why() -> None:
    from litestar import Litestar

    async def fail() -> None:
        raise OSError("no room")

    before = running()
    with pytest.raises(ExceptionGroup) as caught:
        Application(Litestar(on_startup=[fail], logging_config=None))
    assert caught.group_contains(OSError, match="no room")
    assert running() == before


def test_what_is_being_answered_is_answered_before_the_application_ends() -> None:
    from litestar import Litestar, get

    arrived, go_on = threading.Event(), threading.Event()

    @get("/slow")
    async def slow() -> str:
        arrived.set()
        await asyncio.to_thread(go_on.wait)
        return "done"

    application = Application(Litestar([slow], openapi_config=None, logging_config=None))
    answer = application.submit(httpx.Request("GET", "http://embedded/slow"))
    arrived.wait()
    ending = threading.Thread(target=application.stop)
    ending.start()
    go_on.set()
    assert answer.result().read() == b"done"
    ending.join()
