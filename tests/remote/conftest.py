"""A server of the tests' own: a real one, over HTTP, on a store in a file, which can be told to misbehave.

It speaks what `docs/design/wire.md` describes, in the plainest way, and notes every batch that it has committed.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import pytest
import zstandard

from headrace.engine.session import close_sessions
from headrace.schema.base import encode, now
from headrace.schema.records import decode_batch
from headrace.schema.requests.flow_runs import FlowRunCreate
from headrace.schema.requests.flows import FlowCreate
from headrace.schema.requests.states import LeaseBody, SetStateBody
from headrace.schema.requests.task_runs import TaskRunCreate
from headrace.schema.responses import LeasedSetStateResponse, set_state_response
from headrace.schema.runs import FlowRun, TaskRun
from headrace.store import flow_runs, flows, leases, states, task_runs
from headrace.store.executions import propose_under_lease, record_execution
from headrace.store.lists import flow_runs as flow_run_lists
from headrace.store.lists import logs as log_lists
from headrace.store.lists import task_runs as task_run_lists
from headrace.store.store import Store
from headrace.testing.invariants import assert_history

PLENTY = 1_000_000


class Refusal(Exception):
    """What the server answers instead of doing what it was asked."""

    def __init__(self, status: int, detail: str = "told so by the test", **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Fault(NamedTuple):
    """What is to go wrong with requests whose path ends so."""

    path: str
    before: Callable[[], None]
    after: Callable[[], None]


def _nothing() -> None:
    pass


class Cut(Exception):
    """The connection is cut without an answer."""


class Server:
    """The server."""

    def __init__(self, path: Path) -> None:
        self.store = Store.open(path)
        self.batches: list[list[Any]] = []
        self.requests: list[str] = []
        self.largest: int | None = None
        """Bytes of a body of records up to which it is accepted, decompressed."""
        self.rejects: Callable[[Any], bool] = lambda item: False
        """Which records are none to the server."""
        self.changed = threading.Condition()
        self._faults: list[Fault] = []
        self._later: dict[int, Callable[[Server], None]] = {}
        self._http: ThreadingHTTPServer | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    # --- whether it is there ----------------------------------------------------------------------------------

    def start(self) -> None:
        """Accept connections."""
        http = self._http = _Http(("127.0.0.1", self.port), _Handler)
        http.app = self
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections, and cut those that are open."""
        http, self._http = self._http, None
        if http is not None:
            http.shutdown()
            http.server_close()
            http.cut_connections()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Not there in this block."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    # --- what goes wrong --------------------------------------------------------------------------------------

    def answer(self, status: int, *, path: str = "", times: int = 1, **headers: str) -> None:
        """Answer the next requests of that path with a status, and do nothing."""

        def refuse() -> None:
            raise Refusal(status, **headers)

        self._faults += [Fault(path, refuse, _nothing)] * times

    def cut_after_commit(self, *, path: str = "", times: int = 1) -> None:
        """Do what the next requests of that path ask, and lose the answer."""

        def cut() -> None:
            raise Cut

        self._faults += [Fault(path, _nothing, cut)] * times

    def hold(self, *, path: str = "") -> threading.Event:
        """Let the next request of that path wait, until the event is set."""
        held = threading.Event()
        self._faults.append(Fault(path, lambda: _await(held), _nothing))
        return held

    def when(self, *, path: str, then: Callable[[], None], times: int = 1) -> None:
        """Do something before the next requests of that path are served."""
        self._faults += [Fault(path, then, _nothing)] * times

    def behave(self) -> None:
        """Let nothing go wrong any more."""
        self._faults.clear()

    def nth(self, number: int, arm: Callable[[Server], None]) -> Callable[[], bool]:
        """Let something go wrong with the nth request from now; the result says whether there was one."""
        target = len(self.requests) + number
        self._later[target] = arm
        return lambda: target not in self._later

    def fault_of(self, path: str) -> Fault | None:
        """The next thing that is to go wrong with that path; it does so once."""
        with self.changed:
            self.requests.append(path)
            self.changed.notify_all()
            arm = self._later.pop(len(self.requests), None)
            if arm is not None:
                arm(self)
            for fault in self._faults:
                if path.endswith(fault.path):
                    self._faults.remove(fault)
                    return fault
        return None

    # --- what it has got --------------------------------------------------------------------------------------

    def await_requests(self, path: str, count: int = 1) -> None:
        """Wait until so many requests of that path have come."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: sum(known.endswith(path) for known in self.requests) >= count, timeout=60
            )

    def await_records(self, condition: Callable[[], bool]) -> None:
        """Wait until what was committed meets a condition."""
        with self.changed:
            assert self.changed.wait_for(condition, timeout=60)

    @property
    def records(self) -> list[Any]:
        """All records, in the order in which they were committed, as often as they came."""
        return [item for batch in self.batches for item in batch]

    def flow_runs(self) -> list[FlowRun]:
        """All flow runs, in the order in which they were created."""
        runs = self.store.read(lambda conn: flow_run_lists.read_flow_runs(conn, limit=PLENTY))
        return sorted(runs, key=lambda run: run.id)

    def flow_run(self) -> FlowRun:
        """The only flow run."""
        (run,) = self.flow_runs()
        return run

    def task_runs(self) -> list[TaskRun]:
        """All task runs, in the order in which they were created."""
        runs = self.store.read(lambda conn: task_run_lists.read_task_runs(conn, limit=PLENTY))
        return sorted(runs, key=lambda run: run.id)

    def history(self, run: FlowRun | TaskRun) -> list[str | None]:
        """The names of the states that the run went through, in the order in which they came."""
        return [state.name for state in self.store.read(lambda conn: states.read_states(conn, run.id))]

    def messages(self) -> list[str]:
        """The text of all log lines."""
        return [
            line.message for line in self.store.read(lambda conn: log_lists.read_logs(conn, limit=PLENTY))
        ]

    # --- what it does -----------------------------------------------------------------------------------------

    def respond(self, method: str, path: str, body: bytes) -> bytes | None:
        """Do what a request asks; the body of the answer."""
        for (verb, pattern), act in _ROUTES.items():
            found = re.fullmatch(pattern, path)
            if found and verb == method:
                answer = act(self, body, *map(UUID, found.groups()))
                return None if answer is None else encode(answer)
        raise Refusal(404, "Not Found")

    def create_flow(self, body: bytes) -> Any:
        flow = msgspec.json.decode(body, type=FlowCreate)
        return self.store.write(lambda conn: flows.read_or_create_flow(conn, flow.name, now=now()))

    def create_flow_run(self, body: bytes) -> Any:
        asked = msgspec.json.decode(body, type=FlowRunCreate)
        given = msgspec.structs.asdict(asked)
        fields = {name: given[name] for name in FlowRun.__struct_fields__ if name in given}
        fields["state"] = asked.state.to_state() if asked.state else None
        run = FlowRun(**fields)
        return self.store.write(lambda conn: flow_runs.create_flow_run(conn, run, now=now()))

    def create_task_run(self, body: bytes) -> Any:
        asked = msgspec.json.decode(body, type=TaskRunCreate)
        given = msgspec.structs.asdict(asked)
        fields = {name: given[name] for name in TaskRun.__struct_fields__ if name in given}
        fields["state"] = asked.state.to_state() if asked.state else None
        run = TaskRun(**fields)
        return self.store.write(lambda conn: task_runs.create_task_run(conn, run, now=now()))

    def set_state(self, body: bytes, run_id: UUID) -> Any:
        asked = msgspec.json.decode(body, type=SetStateBody)

        at, state = now(), asked.state.to_state()
        if asked.lease is None:
            verdict = self.store.write(
                lambda conn: flow_runs.set_flow_run_state(conn, run_id, state, force=asked.force, now=at)
            )
            return set_state_response(verdict)
        lease = asked.lease
        verdict, token = self.store.write(
            lambda conn: propose_under_lease(
                conn, run_id, state, lease, force=asked.force, late=asked.late, now=at
            )
        )
        answer = set_state_response(verdict)
        return LeasedSetStateResponse(
            state=answer.state, status=answer.status, details=answer.details, run=verdict.run, token=token
        )

    def renew(self, body: bytes, run_id: UUID) -> None:
        asked = msgspec.json.decode(body, type=LeaseBody)
        assert asked.token is not None
        tokens = {run_id: asked.token}
        lost = self.store.write(
            lambda conn: leases.renew_leases(conn, tokens, seconds=asked.seconds, now=now())
        )
        if lost:
            raise Refusal(409, "The lease is lost.")

    def record(self, body: bytes) -> None:
        if self.largest is not None and len(body) > self.largest:
            raise Refusal(413, f"{len(body)} bytes are too many: send less at once.")
        batch = decode_batch(body)
        if any(map(self.rejects, batch)):
            raise Refusal(422, "A record is wrong.")
        received = now()
        self.store.write(lambda conn: record_execution(conn, batch, received=received))
        with self.changed:
            self.batches.append(batch)
            self.changed.notify_all()

    def read_flow_run(self, _: bytes, run_id: UUID) -> Any:
        return self.store.read(lambda conn: flow_runs.read_flow_run(conn, run_id))

    def read_task_run(self, _: bytes, run_id: UUID) -> Any:
        return self.store.read(lambda conn: task_runs.read_task_run(conn, run_id))


_ID = "([0-9a-f-]{36})"
_ROUTES: dict[tuple[str, str], Callable[..., Any]] = {
    ("GET", "/api/admin/version"): lambda self, _: "3.8.8",
    ("POST", "/api/flows/"): Server.create_flow,
    ("POST", "/api/flow_runs/"): Server.create_flow_run,
    ("POST", "/api/task_runs/"): Server.create_task_run,
    ("POST", f"/api/flow_runs/{_ID}/set_state"): Server.set_state,
    ("POST", f"/api/flow_runs/{_ID}/lease"): Server.renew,
    ("POST", "/api/runs/record"): Server.record,
    ("GET", f"/api/flow_runs/{_ID}"): Server.read_flow_run,
    ("GET", f"/api/task_runs/{_ID}"): Server.read_task_run,
}


def _await(event: threading.Event) -> None:
    assert event.wait(60)


class _Http(ThreadingHTTPServer):
    app: Server
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def get_request(self) -> Any:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def cut_connections(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, *_: Any) -> None:
        """A connection that was cut is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def log_message(self, *_: Any) -> None:
        """Nothing to the console."""

    def _serve(self, method: str) -> None:
        app = self.server.app
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.partition("?")[0]
        fault = app.fault_of(path)
        try:
            if fault:
                fault.before()
            if self.headers.get("Content-Encoding") == "zstd":
                body = zstandard.ZstdDecompressor().decompress(body)
            answer = app.respond(method, path, body)
            if fault:
                fault.after()
        except Refusal as refusal:
            self._answer(refusal.status, encode({"detail": str(refusal)}), refusal.headers)
        except Cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        except msgspec.MsgspecError as problem:
            self._answer(
                422, encode({"exception_message": "Invalid request", "exception_detail": str(problem)})
            )
        except Exception as problem:
            status = getattr(problem, "status", 500)
            self._answer(status, encode({"exception_message": f"{type(problem).__name__}: {problem}"}))
        else:
            self._answer(204 if answer is None else 201, answer)

    def _answer(self, status: int, body: bytes | None, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """The server; its history must be sound when the test is over."""
    server = Server(tmp_path / "server.db")
    yield server
    close_sessions()
    server.stop()
    try:
        assert_history(server.store)
    finally:
        server.store.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder of the clients."""
    return tmp_path / "home"


@pytest.fixture(autouse=True)
def remote(
    server: Server, configure: Callable[..., None], tmp_path: Path, monkeypatch: Any
) -> Callable[..., None]:
    """Runs of this process, and of programs that it starts, report to the server; call it to set more variables."""
    monkeypatch.chdir(tmp_path)

    def remote(**variables: str) -> None:
        close_sessions()
        configure(HEADRACE_API_URL=server.url, **variables)

    remote()
    return remote


@pytest.fixture
def outbox(home: Path) -> Callable[[], list[Path]]:
    """The files that wait to be sent."""
    return lambda: sorted((home / "outbox").glob("*.outbox"))


# --- Programs --------------------------------------------------------------------------------------------------


class Program:
    """A Python program in a process of its own, which says what it does on stdout."""

    def __init__(self, source: str, folder: Path, *arguments: object, **environment: str) -> None:
        script = folder / "script.py"
        script.write_text(textwrap.dedent(source))
        self._stderr = folder / "stderr"
        with open(self._stderr, "wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-u", str(script), *map(str, arguments)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, **environment},
                cwd=folder,
                text=True,
            )

    @property
    def stderr(self) -> str:
        return self._stderr.read_text(errors="replace")

    def says(self) -> str:
        """The next line that it says; waits for it."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"The program ended before it said anything more.\n{self.stderr}"
        return line.rstrip("\n")

    def hear(self, line: str = "") -> None:
        """Tell the program something."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """Kill the program, which can do nothing about it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def succeed(self) -> Program:
        """Wait for the program's end, which must be a good one."""
        code = self.process.wait(180)
        assert code == 0, f"exit code {code}\n{self.stderr}"
        return self


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start a program: its source, its arguments, more environment variables."""
    programs: list[Program] = []

    def launch(source: str, *arguments: object, **environment: str) -> Program:
        folder = tmp_path / f"program-{len(programs)}"
        folder.mkdir()
        programs.append(Program(source, folder, *arguments, **environment))
        return programs[-1]

    yield launch
    for program in programs:
        with suppress(ProcessLookupError):
            program.process.kill()
        program.process.communicate()
