"""A server with its web page, as a process of its own, and scripts that run against it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from headrace.store.store import Store
from headrace.testing.invariants import assert_history

from ..e2e.servers import Api, Server, clean_environment, eventually

__all__ = ["FLOWS", "Script", "Site", "record_demo"]

FLOWS = Path(__file__).parent / "flows"
"""The scripts whose runs the pages show."""

SCRIPT_SECONDS = 180.0


class Script:
    """A script that runs.

    Args:
        process: Its process.
        log: What it writes.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def finish(self) -> str:
        """What it has written, once it has ended well."""
        status = self.process.wait(SCRIPT_SECONDS)
        written = self.log.read_text(errors="replace")
        assert status == 0, f"the script ended with exit status {status}:\n{written[-3_000:]}"
        return written

    def wait_for(self, words: str) -> None:
        """Wait until it has written this."""

        def assert_written() -> None:
            written = self.log.read_text(errors="replace")
            if words not in written and self.process.poll() is not None:
                raise RuntimeError(f"the script ended before it wrote {words!r}:\n{written[-3_000:]}")
            assert words in written, f"{words!r} is not in:\n{written[-3_000:]}"

        eventually(assert_written, SCRIPT_SECONDS)

    def kill(self) -> None:
        """End it without a word."""
        self.process.kill()
        self.process.wait()


class Site:
    """A server on an empty store.

    Args:
        folder: For its store, its log, and what scripts write.
        options: Settings by the names of their environment variables.
    """

    def __init__(self, folder: Path, **options: str) -> None:
        self._folder = folder
        database = f"sqlite:///{folder / 'headrace.db'}"
        command = [sys.executable, "-m", "headrace", "server", "start"]
        variables = {
            "HEADRACE_HOME": str(folder / "server"),
            "HEADRACE_SERVER_DATABASE_CONNECTION_URL": database,
            **options,
        }
        self.server = Server(command, variables, folder, database)
        self.api_url = self.server.url
        self.url = self.api_url.removesuffix("/api")
        self.api = Api(self.api_url)
        self._scripts: list[Script] = []

    def start(self) -> Site:
        """Start it and wait until it is ready."""
        self.server.start()
        return self

    def stop(self) -> None:
        """End the scripts that still run, then the server."""
        for script in self._scripts:
            script.kill()
        self.api.close()
        self.server.stop()

    def assert_sound(self) -> None:
        """Once it has stopped: what it has recorded is a possible history, and it has not complained."""
        assert self.server.database is not None
        with Store.open(self.server.database) as store:
            assert_history(store)
        assert "Traceback" not in self.server.log.read_text()

    def run_path(self, name: str) -> str:
        """Where the page of the flow run with that name is."""
        (run,) = self.api.flow_runs(flow_runs={"name": {"any_": [name]}})
        return f"/runs/flow-run/{run['id']}"

    def task_run_path(self, flow_run: str, task: str) -> str:
        """Where the page of a task run is: of the first of those of that flow run whose name begins so."""
        runs = self.api.task_runs(flow_runs={"name": {"any_": [flow_run]}})
        id = next(run["id"] for run in runs if run["name"].startswith(task))
        return f"/runs/task-run/{id}"

    def run(self, script: str | Path, *arguments: str) -> str:
        """What a Python script has written, the path of one or its text, once it has run against the server."""
        return self.begin(script, *arguments).finish()

    def begin(self, script: str | Path, *arguments: str) -> Script:
        """Let a Python script run against the server, the path of one or its text; it ends with the site at the latest."""
        number = len(self._scripts)
        if isinstance(script, str):
            path = self._folder / f"script_{number}.py"
            path.write_text(script)
        else:
            path = script
        log = self._folder / f"{path.stem}-{number}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(path), *arguments],
                env={
                    **clean_environment(),
                    "HEADRACE_HOME": str(self._folder / "scripts"),
                    "HEADRACE_API_URL": self.api_url,
                },
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._scripts.append(Script(process, log))
        return self._scripts[-1]


def record_demo(site: Site) -> None:
    """Let the demonstration's flows run: what there is to see on each page. One of them goes on until the site stops."""
    site.run(FLOWS / "history.py")
    under_way = site.begin(FLOWS / "long_running.py")
    scripts = [
        site.begin(FLOWS / f"{name}.py") for name in ("daily_sales", "trouble", "month_end", "planned")
    ]
    for script in scripts:
        script.finish()
    under_way.wait_for("under way")
