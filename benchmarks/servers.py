"""The contenders' servers: started on a free port, asked, and looked at from outside."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil

from benchmarks.contenders import Contender
from benchmarks.processes import SCRIPTS, Child, ChildFailed, figures_in, started

START_SECONDS = 300.0
LOOK_SECONDS = 0.002


@dataclass
class Served:
    """A server that answers.

    Args:
        url: Its API's.
        ready_seconds: From its start until it said that it is ready.
        process: Its first process.
    """

    url: str
    ready_seconds: float
    process: psutil.Process

    def post(self, path: str, body: Any) -> Any:
        """The answer to a POST."""
        request = Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def megabytes(self) -> float:
        """The memory of all its processes (resident), in MB of a million bytes."""
        processes = [self.process, *self.process.children(recursive=True)]
        return sum(process.memory_info().rss for process in processes) / 1e6


@contextmanager
def serving(contender: Contender, home: Path, variables: dict[str, str] | None = None) -> Iterator[Served]:
    """A contender's server, ready, with the store of a home.

    Args:
        contender: Whose.
        home: The contender's home.
        variables: More of its environment.

    Raises:
        ChildFailed: It ended, or was not ready in time.
    """
    port = free_port()
    command = [str(contender.command), "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    began = time.monotonic()
    with started(contender, home, *command, quiet=True, name="server", variables=variables) as child:
        wait_until_ready(child, port)
        ready = time.monotonic() - began
        yield Served(f"http://127.0.0.1:{port}/api", ready, psutil.Process(child.process.pid))
        if (status := child.process.poll()) is not None:
            raise ChildFailed(f"the server ended with status {status}\n{child.complaint()[-3000:]}")


def wait_until_ready(child: Child, port: int) -> None:
    """Ask a server whether it is ready until it is."""
    deadline = time.monotonic() + START_SECONDS
    while not is_ready(port):
        if child.process.poll() is not None:
            raise ChildFailed(f"the server ended before it was ready\n{child.complaint()[-3000:]}")
        if time.monotonic() > deadline:
            raise ChildFailed(f"the server was not ready after {START_SECONDS:.0f} s")
        time.sleep(LOOK_SECONDS)


def is_ready(port: int) -> bool:
    """Whether a server says so."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/api/ready", timeout=10) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def load(
    contender: Contender,
    home: Path,
    url: str,
    kind: str,
    *arguments: str,
    clients: int = 16,
    **options: object,
) -> dict[str, Any]:
    """Load a server with `scripts/load.py`.

    Args:
        contender: Whose environment the process gets; it runs on the benchmarks' own Python, for each contender.
        home: The contender's home.
        url: The server's API.
        kind: Which requests.
        arguments: What they need.
        clients: How many at once.
        options: More options of the script: `seconds`, `requests`, `task_runs`.

    Returns:
        What the script reports.
    """
    words = [f"--{name.replace('_', '-')}={value}" for name, value in {"clients": clients, **options}.items()]
    command = [sys.executable, str(SCRIPTS / "load.py"), *words, url, kind, *arguments]
    with started(contender, home, *command, name="load") as child:
        status = child.process.wait()
    if status:
        raise ChildFailed(f"load.py {kind}: exit status {status}\n{child.complaint()[-3000:]}")
    return figures_in(child.printed())


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
