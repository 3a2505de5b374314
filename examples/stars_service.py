"""A small local HTTP service that counts stars, and fails and stalls as often as it is told.

`GET /repos/OWNER/NAME` answers `{"full_name": ..., "stargazers_count": ...}`; some requests are answered with
status 500, some only after a stall. Which ones depends on the seed, the repository and how often it was asked for
alone, so that every run of a pipeline meets the same trouble.

    python examples/stars_service.py --port 8042 --failures 0.3 --stalls 0.1
"""

from __future__ import annotations

import argparse
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Trouble:
    """How the service misbehaves.

    Args:
        failures: Share of requests answered with status 500, between 0 and 1.
        stalls: Share of requests answered late, between 0 and 1.
        stall_seconds: How late, in seconds.
        seed: Another seed picks other requests.
    """

    failures: float = 0.3
    stalls: float = 0.1
    stall_seconds: float = 3.0
    seed: int = 7
    asked: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_for(self, repository: str) -> str:
        """What befalls the next request for this repository: "fail", "stall" or "answer"."""
        with self.lock:
            self.asked[repository] += 1
            request = f"{self.seed}/{repository}/{self.asked[repository]}"
        chance = fraction(request)
        if chance < self.failures:
            return "fail"
        return "stall" if chance < self.failures + self.stalls else "answer"


def fraction(text: str) -> float:
    """A number between 0 and 1 that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6]) / 2**48


def stars_of(repository: str) -> int:
    """The repository's stars: made up, but always the same."""
    return int(10 ** (1 + 4 * fraction(repository)))


class StarsHandler(BaseHTTPRequestHandler):
    """Answers for repositories."""

    server: StarsServer

    def do_GET(self) -> None:
        """Answer, fail or stall."""
        parts = self.path.strip("/").split("/")
        if len(parts) != 3 or parts[0] != "repos":
            self.answer(HTTPStatus.NOT_FOUND, {"message": f"{self.path}: ask for /repos/OWNER/NAME"})
            return
        repository = "/".join(parts[1:])
        fate = self.server.trouble.next_for(repository)
        if fate == "fail":
            self.answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"message": "try again"})
            return
        if fate == "stall":
            time.sleep(self.server.trouble.stall_seconds)
        self.answer(HTTPStatus.OK, {"full_name": repository, "stargazers_count": stars_of(repository)})

    def answer(self, status: HTTPStatus, body: dict[str, object]) -> None:
        """Send a JSON answer; a client that gave up waiting is no error."""
        content = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the pipeline's log is the one to read."""


class StarsServer(ThreadingHTTPServer):
    """The service; every request has its own thread."""

    daemon_threads = True

    def __init__(self, port: int, trouble: Trouble) -> None:
        super().__init__(("127.0.0.1", port), StarsHandler)
        self.trouble = trouble


@contextmanager
def running_service(trouble: Trouble, port: int = 0) -> Iterator[str]:
    """Run the service on a thread, on a free port unless told; gives its URL."""
    with StarsServer(port, trouble) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="Serve star counts, with trouble.")
    parser.add_argument("--port", type=int, default=8042)
    parser.add_argument("--failures", type=float, default=0.3, help="share of requests that fail, 0 to 1")
    parser.add_argument("--stalls", type=float, default=0.1, help="share of requests that stall, 0 to 1")
    parser.add_argument("--stall-seconds", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    trouble = Trouble(options.failures, options.stalls, options.stall_seconds, options.seed)
    with StarsServer(options.port, trouble) as server:
        print(f"Ask http://127.0.0.1:{server.server_port}/repos/OWNER/NAME; stop with Ctrl-C", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("Stopped")


if __name__ == "__main__":
    main()
