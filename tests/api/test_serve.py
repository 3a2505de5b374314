"""A server as a process: how it starts, what it refuses, and how it stops."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from uuid import uuid4

import httpx
import pytest

from headrace.store import meta
from headrace.store.store import Store, open_database
from headrace.store.upkeep import downgrade, revision_of

BLOCK = str(uuid4())
BODY = json.dumps({"default_result_storage_block_id": BLOCK}).encode()


def stored_block(home):
    with Store.open(home / "headrace.db") as store:
        return store.read(lambda conn: meta.read_fact(conn, meta.DEFAULT_RESULT_STORAGE))


class HalfSent:
    """A change whose body the server has read in part.

    Args:
        server: The server.
    """

    def __init__(self, server) -> None:
        self._socket = socket.create_connection(server.address, timeout=60)
        head = f"PUT /api/admin/storage HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\nExpect: 100-continue\r\n\r\n"
        self._socket.sendall(head.encode())
        # The server says this when the route asks for the body: from here on the request is under way.
        assert self._socket.recv(100).startswith(b"HTTP/1.1 100 ")
        self._socket.sendall(BODY[:20])

    def finish(self):
        """Send the rest; returns all that the server answers until it closes the connection."""
        self._socket.sendall(BODY[20:])
        answer = b"".join(iter(lambda: self._socket.recv(65536), b""))
        self._socket.close()
        return answer


def until_refused(server):
    """Connect until nobody listens any more."""
    while True:
        try:
            socket.create_connection(server.address, timeout=60).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:  # it was waiting to be accepted when the socket was closed
            continue


def refused_start(environment, tmp_path, *options, **variables):
    """What a server writes that does not start."""
    port = [] if "--port" in options else ["--port", "0"]
    done = subprocess.run(
        [sys.executable, "-m", "headrace", "server", "start", *port, *options],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**environment, **variables},
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert done.stdout == ""
    assert line.startswith("Error: ")
    return line


# --- starting ------------------------------------------------------------------------------------------------------


def test_it_says_where_it_listens_and_is_ready_then(server):
    with server.client() as client:
        assert client.get("/ready").json() == {"message": "OK"}
    assert server.url.startswith("http://127.0.0.1:")
    assert server.stop() == 0
    assert server.lines[-1] == "The server has stopped."


def test_a_taken_port_is_refused_before_the_store_is_touched(environment, tmp_path, home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refused_start(environment, tmp_path, "--port", str(port))
    assert f"Port {port} of 127.0.0.1 is taken" in line
    assert "--port" in line
    assert not (home / "headrace.db").exists()


def test_two_servers_do_not_share_a_port(server, environment, tmp_path):
    assert "is taken" in refused_start(environment, tmp_path, "--port", str(server.address[1]))


@pytest.mark.parametrize("host", ["203.0.113.7", "no.such.host.invalid"])
def test_an_address_of_another_machine_is_refused(environment, tmp_path, host):
    line = refused_start(environment, tmp_path, "--host", host)
    assert f"cannot listen on {host}" in line
    assert "--host" in line


def test_a_store_of_a_newer_version_is_refused(environment, tmp_path, home):
    home.mkdir()
    Store.open(home / "headrace.db").close()
    with sqlite3.connect(home / "headrace.db") as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
    assert "9999" in refused_start(environment, tmp_path)


@pytest.mark.parametrize(
    "content", [b"This is a letter to a friend of mine." * 9, b"SQLite format 3\x00" + b"x" * 9000]
)
def test_a_damaged_store_is_refused_and_left_as_it_is(environment, tmp_path, home, content):
    home.mkdir()
    (home / "headrace.db").write_bytes(content)
    assert str(home / "headrace.db") in refused_start(environment, tmp_path)
    assert (home / "headrace.db").read_bytes() == content


def test_an_unreachable_database_is_refused_without_its_password(environment, tmp_path):
    url = "postgresql://me:hush@127.0.0.1:1/runs"
    line = refused_start(environment, tmp_path, HEADRACE_SERVER_DATABASE_CONNECTION_URL=url)
    assert "hush" not in line


def test_an_older_store_is_brought_up_to_date_unless_the_settings_say_otherwise(
    environment, tmp_path, home, start_server
):
    home.mkdir()
    Store.open(home / "headrace.db").close()
    database = open_database(home / "headrace.db")
    before = downgrade(database)
    line = refused_start(environment, tmp_path, HEADRACE_SERVER_DATABASE_MIGRATE_ON_START="false")
    assert "headrace server database upgrade" in line
    assert revision_of(database) == before.after
    start_server().stop()
    assert revision_of(database) == before.before


# --- stopping ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_finished_before_it_stops(server, home, sig):
    request = HalfSent(server)
    server.signal(sig)
    until_refused(server)
    answer = request.finish()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert BLOCK.encode() in answer
    assert server.wait() == 0
    assert stored_block(home) == BLOCK


def test_a_second_signal_ends_it_at_once(server, home):
    request = HalfSent(server)
    server.signal(signal.SIGTERM)
    until_refused(server)
    server.signal(signal.SIGTERM)
    assert server.wait() == 128 + signal.SIGTERM
    with contextlib.suppress(ConnectionError):
        request.finish()
    assert stored_block(home) is None


def test_idle_connections_do_not_keep_it(server):
    with server.client() as client:
        assert client.get("/health").json() is True
        with socket.create_connection(server.address):
            assert server.stop() == 0


def test_everything_acknowledged_is_there_after_a_kill(start_server, home):
    server = start_server()
    acknowledged = []

    def work():
        with server.client() as client:
            try:
                while True:
                    block = str(uuid4())
                    client.put("/admin/storage", json={"default_result_storage_block_id": block})
                    acknowledged.append(block)
            except httpx.TransportError:
                pass

    worker = threading.Thread(target=work)
    worker.start()
    while len(acknowledged) < 50 and worker.is_alive():
        worker.join(0.01)
    server.kill()
    worker.join()
    # The last one may have been committed, and its answer lost.
    with start_server().client() as client:
        now = client.get("/admin/storage").json()["default_result_storage_block_id"]
        assert now == acknowledged[-1] or now not in acknowledged
        assert client.get("/ready").status_code == 200


# --- while it runs ---------------------------------------------------------------------------------------------------


def test_requests_are_logged_when_asked_for_and_secrets_are_not(start_server):
    server = start_server("--log-level", "info", HEADRACE_SERVER_API_AUTH_STRING="me:hush")
    with server.client(auth=("me", "hush")) as client:
        assert client.get("/version").json() == "0.8.4"
    with server.client() as client:
        assert client.get("/version").status_code == 401
    server.stop()
    lines = [json.loads(line) for line in server.lines if line.startswith("{")]
    assert [(line["path"], line["status"]) for line in lines] == [
        ("/api/version", 200),
        ("/api/version", 401),
    ]
    assert "hush" not in "\n".join(server.lines)


def test_it_says_nothing_more_when_all_is_well(server):
    with server.client() as client:
        client.get("/version")
        client.get("/nothing")
    server.stop()
    assert server.lines == [
        f"The web page is at {server.url.removesuffix('/api')}",
        f"For scripts that are to use it: export HEADRACE_API_URL={server.url}",
        "The server has stopped.",
    ]


def test_bad_requests_leave_it_standing(server):
    with server.client() as client:
        for sent in (b"\x16\x03\x01\x02", b"GET / HTTP/1.1\r\n" * 1000, b"\r\n" * 1000, bytes(100_000)):
            with socket.create_connection(server.address, timeout=60) as raw:
                raw.sendall(sent)
        for body in (b"{", b"\xff", b"[" * 1_000_000, b'"' + b"x" * 10_000_000 + b'"'):
            assert client.put("/admin/storage", content=body).status_code == 422
        assert client.get("/ready").status_code == 200
    assert server.stop() == 0


def test_many_clients_that_say_nothing_leave_room_for_others(server):
    silent = [socket.create_connection(server.address) for _ in range(400)]
    with server.client() as client:
        assert client.get("/ready").status_code == 200
    for each in silent:
        each.close()


# --- several processes -----------------------------------------------------------------------------------------------


def workers_of(server):
    import psutil

    return [
        child.pid
        for child in psutil.Process(server.process.pid).children(recursive=True)
        if "resource_tracker" not in " ".join(child.cmdline())
    ]


def test_several_processes_answer_at_one_address(start_server, home):
    server = start_server("--workers", "2")
    assert len(workers_of(server)) == 2
    with server.client() as client:
        assert client.put("/admin/storage", content=BODY).status_code == 200
    for _ in range(20):
        with server.client() as client:
            assert client.get("/admin/storage").json()["default_result_storage_block_id"] == BLOCK
    assert server.stop() == 0
    assert stored_block(home) == BLOCK


def test_a_worker_that_dies_is_replaced(start_server):
    import os

    import psutil

    server = start_server("--workers", "2")
    first = workers_of(server)
    os.kill(first[0], signal.SIGKILL)
    psutil.wait_procs([psutil.Process(first[0])] if psutil.pid_exists(first[0]) else [], timeout=60)
    while len(now := workers_of(server)) < 2 or first[0] in now:
        assert server.process.poll() is None
    with server.client() as client:
        assert client.get("/ready").status_code == 200
    assert server.stop() == 0, "\n".join(server.lines)
    assert any("ended unexpectedly" in line for line in server.lines)


def test_workers_end_with_the_parent_that_was_killed(start_server):
    import psutil

    server = start_server("--workers", "2")
    workers = [psutil.Process(pid) for pid in workers_of(server)]
    server.process.kill()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []


def test_workers_that_cannot_start_take_the_server_down(environment, tmp_path, home):
    line = refused_start(
        environment, tmp_path, "--workers", "2", HEADRACE_SERVER_DATABASE_CONNECTION_URL="mysql://x/y"
    )
    assert "mysql" in line
