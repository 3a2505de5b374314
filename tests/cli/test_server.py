"""`headrace server`: in the background, its status, its duties."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from headrace.cli import background
from headrace.store.migrations import HEAD, REVISIONS
from headrace.store.processes import is_alive
from headrace.store.store import Store


@pytest.fixture
def in_background(process, home) -> Iterator[object]:
    """Runs `headrace server start --background`; what it started is ended after the test."""

    def start(*options, **variables):
        return process("server", "start", "--background", "--port", "0", *options, **variables)

    yield start
    server = background.find(home)
    if server is not None:
        os.kill(server.pid, signal.SIGKILL)


def test_it_returns_as_soon_as_the_server_answers(in_background, process, home):
    ended = in_background()
    assert (ended.code, ended.err) == (0, "")
    server = background.find(home)
    assert server is not None
    assert server.url in ended.out
    with urlopen(f"{server.url}/ready") as response:
        assert json.load(response) == {"message": "OK"}

    stopped = process("server", "stop")
    assert (stopped.code, stopped.err) == (0, "")
    assert str(server.pid) in stopped.out
    assert is_alive(server.process) is False
    assert background.find(home) is None
    assert not (home / "server.pid").exists()
    assert (home / "server.log").read_text().endswith("The server has stopped.\n")


def test_only_one_runs_in_the_background(in_background, home):
    in_background()
    server = background.find(home)
    second = in_background()
    assert second.code == 1
    assert second.err == (
        f"Error: A server runs in the background already at {server.url} (process {server.pid}): "
        "stop it with `headrace server stop`.\n"
    )
    assert background.find(home) == server


def test_options_and_settings_reach_it(in_background, home):
    in_background("--log-level", "info", "--no-services", HEADRACE_SERVER_API_AUTH_STRING="a:b")
    with urlopen(f"{background.find(home).url}/ready") as response:
        assert response.status == 200
    while '"path":"/api/ready"' not in (home / "server.log").read_text():  # it is written after the answer
        assert is_alive(background.find(home).process)


def test_one_that_was_killed_is_not_taken_for_running(in_background, process, home):
    in_background()
    killed = background.find(home)
    os.kill(killed.pid, signal.SIGKILL)
    while is_alive(killed.process) is not False:
        pass
    assert (home / "server.pid").exists()
    assert process("server", "stop").code == 1
    assert in_background().code == 0
    assert background.find(home).pid != killed.pid


def test_another_process_that_has_the_id_is_left_alone(process, home):
    home.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        said = background.Background(
            host=socket.gethostname(), pid=other.pid, started="0:0:0", url="http://x/api", log="x"
        )
        (home / "server.pid").write_text(
            json.dumps({name: getattr(said, name) for name in said.__struct_fields__})
        )
        ended = process("server", "stop")
        assert (ended.code, ended.out) == (1, "No server runs in the background.\n")
        assert other.poll() is None
        other.kill()


def test_one_on_another_machine_is_not_stopped_from_here(process, home):
    home.mkdir()
    said = {"host": "elsewhere", "pid": os.getpid(), "started": None, "url": "http://x/api", "log": "x"}
    (home / "server.pid").write_text(json.dumps(said))
    ended = process("server", "stop")
    assert ended.code == 1
    assert "runs on elsewhere" in ended.err


@pytest.mark.parametrize("content", [b"", b"123", b"{}", b"\xff"])
def test_a_file_that_says_nothing_is_no_server(process, home, content):
    home.mkdir()
    (home / "server.pid").write_bytes(content)
    assert process("server", "stop").code == 1


def test_why_it_could_not_start_is_shown(in_background, home):
    home.mkdir()
    (home / "headrace.db").write_bytes(b"This is a letter." * 100)
    ended = in_background()
    assert ended.code == 1
    assert "The server could not start." in ended.err
    assert "headrace.db" in ended.err
    assert "Traceback" not in ended.err
    assert background.find(home) is None


# --- options -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "70000"], "--port"),
        (["--port", "http"], "--port"),
        (["--workers", "0"], "--workers"),
        (["--keep-alive-timeout", "-1"], "--keep-alive-timeout"),
    ],
)
def test_options_out_of_range_are_usage_errors(command, words, said):
    ended = command("server", "start", *words)
    assert ended.code == 2
    assert said in ended.err


def test_a_level_that_is_none_is_refused(command):
    ended = command("server", "start", "--log-level", "loud")
    assert ended.code == 1
    assert "DEBUG, INFO, WARNING, ERROR, CRITICAL" in ended.err


# --- status ------------------------------------------------------------------------------------------------------


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_the_status_of_a_server_that_is_not_there(command):
    url = f"http://127.0.0.1:{free_port()}/api"
    ended = command("server", "status", HEADRACE_API_URL=url)
    assert ended.code == 1
    assert f"The server at {url} is not ready" in ended.out
    assert "refused" in ended.out
    told = command("server", "status", "-o", "json", HEADRACE_API_URL=url)
    assert (told.code, told.json["url"], told.json["status"]) == (1, url, "unavailable")


def test_waiting_for_one_ends_in_time(command):
    ended = command(
        "server",
        "status",
        "--wait",
        "--timeout",
        "0.3",
        HEADRACE_API_URL=f"http://127.0.0.1:{free_port()}/api",
    )
    assert ended.code == 1


def test_the_status_of_one_in_the_background(in_background, process, home):
    in_background()
    url = background.find(home).url
    assert process("server", "status").out == f"The server at {url} is ready.\n"
    told = process("server", "status", "--wait", "--output", "json")
    assert (told.code, told.json) == (0, {"url": url, "status": "available", "error": None})


def test_it_is_waited_for(process, home, tmp_path, environment):
    port = free_port()
    variables = {**environment, "HEADRACE_API_URL": f"http://127.0.0.1:{port}/api"}
    waiting = subprocess.Popen(
        [sys.executable, "-m", "headrace", "server", "status", "--wait", "-t", "120"], env=variables
    )
    assert process("server", "start", "-b", "--port", str(port)).code == 0
    assert waiting.wait(timeout=120) == 0
    assert process("server", "stop").code == 0


@pytest.mark.parametrize("url", ["nonsense", "ftp://x/api", "http://[/api"])
def test_an_address_that_is_none_is_not_ready(command, url):
    assert command("server", "status", HEADRACE_API_URL=url).code == 1


# --- duties ------------------------------------------------------------------------------------------------------


def test_services_are_what_a_server_does_at_intervals(command):
    listed = command("server", "services", "ls")
    assert "zombies" in listed.out
    told = command("server", "services", "list", "-o", "json")
    zombies = next(service for service in told.json if service["name"] == "zombies")
    assert zombies["enabled"] is True
    assert zombies["seconds"] == 15
    assert zombies["description"].endswith(".")


# --- the database ------------------------------------------------------------------------------------------------


BEFORE = REVISIONS[-2]


def test_a_store_goes_back_and_forth(command, home):
    assert f"from revision none to {HEAD}" in command("server", "database", "upgrade", "-y").out
    assert "nothing to change" in command("server", "database", "upgrade", "-y").out
    tried = command("server", "database", "downgrade", "--dry-run")
    assert f"would go from revision {HEAD} to {BEFORE}" in tried.out
    assert f"went from revision {HEAD} to {BEFORE}" in command("server", "database", "downgrade", "--yes").out
    assert (
        f"went from revision {BEFORE} to {HEAD}"
        in command("server", "database", "upgrade", "-y", "-r", "+1").out
    )
    Store.open(home / "headrace.db").close()


def test_a_store_can_be_emptied(command, home, recorded):
    emptied = command("server", "database", "reset", "-y")
    assert (emptied.code, emptied.out) == (0, f"The store {home}/headrace.db is empty.\n")
    assert "Nothing is recorded yet" in command("flow-run", "ls").out


def test_a_store_can_be_stamped(command, home):
    command("server", "database", "upgrade", "-y")
    assert f"from revision {HEAD} to 0001" in command("server", "database", "stamp", "0001", "-y").out
    assert f"from revision 0001 to {HEAD}" in command("server", "database", "stamp", "head", "-y").out


@pytest.mark.parametrize(
    "words", [["upgrade", "-r", "7"], ["downgrade", "-r", "7"], ["downgrade", "-r=-9"], ["stamp", "7"]]
)
def test_a_revision_that_there_is_not_is_refused_with_those_that_there_are(command, words):
    command("server", "database", "upgrade", "-y")
    ended = command("server", "database", *words, "-y")
    assert ended.code == 1
    assert ", ".join(REVISIONS) in ended.err


@pytest.mark.parametrize("words", [["upgrade"], ["downgrade"], ["reset"], ["stamp", "0001"]])
def test_nothing_is_done_without_being_agreed_to(process, home, words):
    ended = process("server", "database", *words)
    assert ended.code == 1
    assert "--yes" in ended.err
    assert not (home / "headrace.db").exists()


def test_the_one_who_is_asked_may_say_no(process, home, tmp_path, environment):
    import pty

    asked, answers = pty.openpty()
    os.write(asked, b"n\n")
    done = subprocess.run(
        [sys.executable, "-m", "headrace", "server", "database", "reset"],
        stdin=answers,
        capture_output=True,
        text=True,
        env={**environment, "HEADRACE_CLI_PROMPT": "true"},
        timeout=60,
    )
    os.close(asked)
    os.close(answers)
    assert done.returncode == 1
    assert "Nothing was changed." in done.stderr
    assert not (home / "headrace.db").exists()
