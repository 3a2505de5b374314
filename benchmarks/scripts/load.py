"""Loads a server: so many clients, each of which sends its next request when it has the answer to the last.

    python load.py --clients 16 --seconds 10 URL create FLOW_ID
    python load.py --clients 16 --seconds 10 URL filter
    python load.py --clients 1 --seconds 10 URL list
    python load.py --clients 1 --seconds 10 URL count
    python load.py --clients 4 URL record FLOW_RUN_ID... --task-runs 100000

Connections are kept alive, requests are put together beforehand, answers are taken apart by httptools on uvloop's loop: a client
takes some 30 µs of processor time for a request, so that the figures are the server's (`answering.py` shows how much it could be).
It asks for no compression. Reports what succeeded and failed, how many answers came in a second of the time set, and how long they
took.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from urllib.parse import urlsplit

import httptools
import uvloop

from load_requests import REQUESTS
from reporting import report

PATIENCE_SECONDS = 120.0
"""How long answers that are under way at the end are waited for."""


class Load:
    """What all clients share: the requests to send, and what came of them.

    Args:
        requests: Whole HTTP requests; once they run out, clients stop.
        seconds: Until when clients begin new requests.
        insist: Send a request again that was refused for lack of capacity (503, 429).
        is_detailed: Keep the times of each different request too.
    """

    def __init__(self, requests: Iterator[bytes], seconds: float, *, insist: bool, is_detailed: bool) -> None:
        self.requests = requests
        self.insist = insist
        self.is_detailed = is_detailed
        self.began = time.perf_counter()
        self.deadline = self.began + seconds
        self.statuses: Counter[str] = Counter()
        self.times: list[float] = []
        self.times_of: defaultdict[bytes, list[float]] = defaultdict(list)
        self.in_time = 0
        self.finished = self.began

    def next_request(self) -> bytes | None:
        """What to send next; None when it is enough."""
        return next(self.requests, None) if time.perf_counter() < self.deadline else None

    def ended(self, status: str, began: float, request: bytes = b"") -> None:
        """A request was answered, or failed."""
        self.finished = time.perf_counter()
        self.statuses[status] += 1
        if status.startswith("2"):
            self.times.append(self.finished - began)
            if self.is_detailed:
                self.times_of[request].append(self.finished - began)
            self.in_time += self.finished <= self.deadline


class Client(asyncio.Protocol):
    """One client on one connection."""

    def __init__(self, load: Load, done: asyncio.Future[None]) -> None:
        self.load = load
        self.done = done
        self.request: bytes | None = None
        self.began = 0.0
        self.retry_after = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport
        self.parser = httptools.HttpResponseParser(self)
        self.send(self.load.next_request())

    def send(self, request: bytes | None) -> None:
        """Send a request, or end."""
        self.request = request
        if request is None:
            self.transport.close()
        else:
            self.began = time.perf_counter()
            self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Take an answer apart."""
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note when to ask again."""
        if name.lower() == b"retry-after":
            self.retry_after = float(value)

    def on_message_complete(self) -> None:
        """Go on."""
        status = self.parser.get_status_code()
        refused = status in (429, 503) and self.load.insist
        self.load.ended("again" if refused else str(status), self.began, self.request or b"")
        if refused:
            asyncio.get_running_loop().call_later(self.retry_after or 0.1, self.send, self.request)
        else:
            self.send(self.load.next_request())

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so if an answer is missing."""
        if self.request is not None:
            self.load.ended("cut", self.began)
        if not self.done.done():
            self.done.set_result(None)


async def client(load: Load, host: str, port: int) -> None:
    """One client, which connects again when it is cut off."""
    loop = asyncio.get_running_loop()
    while time.perf_counter() < load.deadline:
        done = loop.create_future()
        try:
            _, protocol = await loop.create_connection(lambda done=done: Client(load, done), host, port)
        except OSError:
            load.ended("refused", time.perf_counter())
            continue
        await done
        if protocol.request is None:
            return


async def run(load: Load, clients: int, host: str, port: int) -> None:
    """All clients, to their ends."""
    tasks = [asyncio.create_task(client(load, host, port)) for _ in range(clients)]
    remaining = load.deadline - time.perf_counter()
    _, late = await asyncio.wait(tasks, timeout=remaining + PATIENCE_SECONDS if remaining < 1e6 else None)
    load.statuses["never answered"] += len(late)


def milliseconds(times: list[float], share: float) -> float:
    """The time within which such a share of the answers came."""
    return 1e3 * sorted(times)[min(int(share * len(times)), len(times) - 1)] if times else 0.0


def shown(request: bytes) -> str:
    """A request as its path and its body."""
    head, _, body = request.partition(b"\r\n\r\n")
    return f"{head.split()[1].decode()} {body.decode()}"


def main() -> None:
    """Read the command line, load the server, report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--requests", type=int, help="stop after so many")
    parser.add_argument("--task-runs", type=int, default=0, help="how many `record` records")
    parser.add_argument("url")
    parser.add_argument("kind", choices=REQUESTS)
    parser.add_argument("arguments", nargs="*")
    options = parser.parse_args()
    address = urlsplit(options.url)
    requests = REQUESTS[options.kind](address, options)
    load = Load(
        requests,
        options.seconds,
        insist=options.kind == "record",
        is_detailed=options.kind in ("list", "count"),
    )
    uvloop.run(run(load, options.clients, address.hostname or "127.0.0.1", address.port or 80))
    succeeded = sum(count for status, count in load.statuses.items() if status.startswith("2"))
    report(
        succeeded=succeeded,
        failed=load.statuses.total() - succeeded - load.statuses["again"],
        statuses=load.statuses,
        seconds=load.finished - load.began,
        per_second=load.in_time / min(options.seconds, load.finished - load.began),
        p50=milliseconds(load.times, 0.5),
        p99=milliseconds(load.times, 0.99),
        requests={shown(request): milliseconds(times, 0.5) for request, times in load.times_of.items()},
    )


if __name__ == "__main__":
    main()
