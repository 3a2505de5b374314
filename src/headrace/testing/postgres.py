"""A PostgreSQL server of one's own, for tests and benchmarks: on a free port of the loopback, in a folder that it takes with it.

    with PostgresServer() as server:
        url = server.create_database()

Programs of an installed PostgreSQL are used; nothing of a server that runs on the machine already is touched.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

__all__ = ["PostgresServer"]

USER = "headrace"
DEBIAN_FOLDER = Path("/usr/lib/postgresql")
START_SECONDS = 60.0
START_ATTEMPTS = 5

# The guard reads its standard input until whoever started it has died, and then ends the server and removes its folder. A test that
# is killed with its process leaves nothing behind.
GUARD = 'cat > /dev/null; kill -QUIT "$1" 2> /dev/null; rm -rf "$2"'


class PostgresServer:
    """A PostgreSQL server with a data folder of its own; use it as a context manager.

    It listens on 127.0.0.1 only and trusts whoever connects. PostgreSQL refuses to run as root: started by root, its processes run
    as the user `postgres`, which Debian's package makes.

    Args:
        durable: Commits survive a loss of power (`fsync`), as in production. Tests do without.

    Raises:
        FileNotFoundError: PostgreSQL's server is not installed.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.port = 0
        self._programs = _folder_of_programs()
        self._folder = Path(tempfile.mkdtemp(prefix="headrace-postgres-"))
        self._durable = durable
        self.databases = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> PostgresServer:
        try:
            self._make_cluster()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def url(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template1") -> str:
        """Make a database of a new name.

        Args:
            template: The name of the database that it begins as a copy of, to which nobody may be connected.

        Returns:
            Its URL.
        """
        self.databases += 1
        name = f"test_{self.databases}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database, and end the connections that there still are to it.

        Args:
            url: What `create_database` gave.
        """
        self._execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def start(self) -> None:
        """Start the server, on the port that it had before if there was one, and wait until it accepts connections.

        Raises:
            RuntimeError: It did not start; the message has the end of its log.
        """
        fixed_port = self.port
        for _ in range(START_ATTEMPTS):
            self.port = fixed_port or _free_port()
            self._launch()
            if self._accepts_connections():
                return
            self.stop()
        raise RuntimeError(
            f"PostgreSQL did not start in {self._folder}. The end of its log:\n{self._log()[-3000:]}"
        )

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server and wait until it has ended; its databases stay, and `start` brings it back.

        Args:
            how: SIGINT ends its connections first; SIGQUIT ends at once, as a crash would.
        """
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None
        if self._process is not None:
            # The postmaster ends last: its port is free again after that.
            with suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop the server and remove its folder."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make_cluster(self) -> None:
        owner = _owner()
        if owner:
            os.chown(self._folder, owner["user"], owner["group"])
        # Sorted as people expect it, like most servers that users have: an index then serves neither `LIKE 'a%'` nor an order by bytes
        # unless its column says so.
        command: list[str | Path] = [
            self._programs / "initdb", "--pgdata", self.data, "--username", USER, "--auth", "trust",
            "--encoding", "UTF8", "--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US", "--no-sync", "--no-instructions",
        ]  # fmt: skip
        made = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False, **owner)
        if made.returncode:
            raise RuntimeError(f"initdb failed with exit status {made.returncode}: {made.stderr.strip()}")

    def _launch(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
        }
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.data, *words],
                cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                # Ctrl-C in the terminal is for the tests, which stop the server when they are done with it.
                start_new_session=True, **_owner(),
            )  # fmt: skip
        self._guard = subprocess.Popen(
            ["sh", "-c", GUARD, "guard", str(self._process.pid), self._folder],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _accepts_connections(self) -> bool:
        """Wait until it does; false if it has ended instead, or takes too long."""
        import psycopg

        deadline = time.monotonic() + START_SECONDS
        assert self._process is not None
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        return False

    def _execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement.encode())

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self._folder / "data"

    def _log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")


def _folder_of_programs() -> Path:
    """Where `initdb` and `postgres` are: on the PATH, or the newest of those that Debian installs beside it."""
    versions = sorted(DEBIAN_FOLDER.glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True)
    on_path = [Path(folder) for folder in os.get_exec_path()]
    for folder in (*versions, *on_path):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise FileNotFoundError(
        f"PostgreSQL's programs `initdb` and `postgres` are neither on the PATH nor in {DEBIAN_FOLDER}/*/bin; "
        "install the server (Debian, Ubuntu: apt-get install postgresql)"
    )


def _owner() -> dict[str, Any]:
    """The user to start PostgreSQL's programs as, in arguments of `subprocess`; none unless this process is root's."""
    if os.name != "posix" or os.geteuid() != 0:
        return {}
    import pwd

    postgres = pwd.getpwnam("postgres")
    return {"user": postgres.pw_uid, "group": postgres.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
