"""`headrace server`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from headrace import __version__
from headrace.cli import background
from headrace.cli.database import app as database
from headrace.cli.exit_codes import UNSUCCESSFUL
from headrace.cli.output import Cell, Column, Output, json_to, say, show_table
from headrace.settings import get_current_settings, use_settings
from headrace.settings.current import changed

if TYPE_CHECKING:
    from headrace.settings import Setting, Settings

__all__ = ["app"]

app = App(
    name="server",
    help="Start, stop and look at the server.",
    result_action="return_value",
    help_format="plaintext",
)
services_group = App(name="services", help="Look at what servers do at intervals.", help_format="plaintext")
app.command(database)
app.command(services_group)

PAUSE = 0.2
"""Seconds between two questions to a server that is awaited."""


@app.command
def start(
    *,
    host: str | None = None,
    port: Annotated[int | None, Parameter(validator=Number(gte=0, lte=65535))] = None,
    keep_alive_timeout: Annotated[float | None, Parameter(validator=Number(gte=0))] = None,
    log_level: str | None = None,
    in_the_background: Annotated[bool, Parameter(name=("--background", "-b"), negative=())] = False,
    workers: Annotated[int, Parameter(validator=Number(gte=1))] = 1,
    services: Annotated[bool, Parameter(name="--services", negative="--no-services")] = True,
    scheduler: bool | None = None,
    late_runs: bool | None = None,
    ui: bool | None = None,
    analytics: Annotated[
        bool | None, Parameter(name="--analytics-on", negative="--analytics-off", show=False)
    ] = None,
    is_background: Annotated[bool, Parameter(name="--in-background", negative=(), show=False)] = False,
) -> None:
    """Start a server.

    Args:
        host: The address it listens on.
        port: The port it listens on; 0 for any that is free.
        keep_alive_timeout: Seconds for which an idle connection is kept open.
        log_level: The least level that it logs; INFO adds a line for each request.
        in_the_background: Return as soon as it answers; `headrace server stop` stops it.
        workers: Processes that answer requests.
        services: Whether it does what servers do at intervals, see `headrace server services ls`.
        scheduler: Whether it turns schedules into runs.
        late_runs: Whether it marks runs that are late.
        ui: Whether it serves the web page.
        analytics: Understood for scripts that say so; nothing is sent to anybody.
    """
    settings = _settings(
        {
            "server.api.host": host,
            "server.api.port": port,
            "server.api.keepalive_timeout": keep_alive_timeout,
            "server.logging_level": log_level and log_level.upper(),
            "server.services.scheduler.enabled": scheduler,
            "server.services.late_runs.enabled": late_runs,
            "server.ui.enabled": ui,
        }
    )
    if in_the_background:
        options = ["--workers", str(workers), "--services" if services else "--no-services"]
        server = background.start(
            settings.home, options, settings.to_environment_variables(exclude_unset=True)
        )
        say(f"The server answers at {server.url} (process {server.pid}); its log is {server.log}.")
        _say_where_the_page_is(server.url, settings)
        return
    use_settings(settings)
    _prepare(settings)
    if is_background:
        with background.claimed(settings.home) as claim:
            _serve(settings, workers, services, claim)
    else:
        _serve(settings, workers, services, None)


def _settings(changes: dict[str, Any]) -> Settings:
    """The settings in force, changed by what the command line says."""
    given: dict[str | Setting, Any] = {path: value for path, value in changes.items() if value is not None}
    return changed(get_current_settings(), given, {}, ())


def _serve(settings: Settings, workers: int, duties: bool, claim: background.claimed | None) -> None:
    from headrace.api.serve import serve
    from headrace.api.workers import serve_with_workers

    def announce(url: str) -> None:
        say(f"Headrace {__version__} answers at {url}, described at {url}/docs.")
        _say_where_the_page_is(url, settings)
        if get_current_settings().api.url != url:
            say(f"For scripts that are to use it: export HEADRACE_API_URL={url}")
        sys.stdout.flush()
        if claim is not None:
            claim.announce(url)

    if workers == 1:
        serve(settings, announce, duties=duties)
    else:
        serve_with_workers(settings, workers, announce, duties=duties, prepare=_prepare)
    say("The server has stopped.")


def _say_where_the_page_is(api_url: str | None, settings: Settings) -> None:
    from headrace.api.serve import page_url

    if api_url and (url := page_url(api_url, settings)):
        say(f"The web page is at {url}")


def _prepare(settings: Settings) -> None:
    """Set up what a server process logs: requests to standard output, what is wrong to standard error."""
    import logging

    from headrace.logging.configuration import setup_logging

    use_settings(settings)
    setup_logging()
    logging.getLogger("headrace.api").setLevel(settings.server.logging_level)
    problems = logging.getLogger("uvicorn.error")
    problems.setLevel(logging.WARNING)
    problems.propagate = False
    problems.handlers = logging.getLogger("headrace").handlers[:1]
    requests = logging.getLogger("headrace.api.access")
    if not requests.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        requests.addHandler(handler)
        requests.propagate = False


@app.command
def stop() -> int:
    """Stop the server that runs in the background, once it has finished what it accepted."""
    server = background.find(get_current_settings().home)
    if server is None:
        say("No server runs in the background.")
        return UNSUCCESSFUL
    background.stop(server)
    say(f"The server (process {server.pid}) has stopped.")
    return 0


# --- status ----------------------------------------------------------------------------------------------------


@app.command
def status(
    *,
    wait: Annotated[bool, Parameter(negative=())] = False,
    timeout: Annotated[float, Parameter(name=("--timeout", "-t"), validator=Number(gte=0))] = 0,
    output: Output = "text",
) -> int:
    """Say whether the server answers and is ready.

    Args:
        wait: Wait until it is.
        timeout: Seconds to wait at most; 0 is without limit.
    """
    url = _url(get_current_settings())
    deadline = time.monotonic() + timeout if timeout else None
    problem = _problem(url)
    while problem is not None and wait and (deadline is None or time.monotonic() < deadline):
        time.sleep(PAUSE)
        problem = _problem(url)
    if output == "json":
        json_to({"url": url, "status": "unavailable" if problem else "available", "error": problem})
    else:
        say(
            f"The server at {url} is ready."
            if problem is None
            else f"The server at {url} is not ready: {problem}."
        )
    return 0 if problem is None else UNSUCCESSFUL


def _url(settings: Settings) -> str:
    """Where the server is looked for: where clients go, else where one runs in the background or would be started."""
    if settings.api.url:
        return settings.api.url
    server = background.find(settings.home)
    if server is not None and server.url is not None:
        return server.url
    api = settings.server.api
    base = (api.base_path or "/api").strip("/")
    return f"http://{api.host}:{api.port}/{base}"


def _problem(url: str) -> str | None:
    """What keeps a server from being ready; None when it is."""
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(f"{url}/ready", timeout=5):
            return None
    except HTTPError as error:
        return f"it answers {error.code} {error.reason}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", error))


# --- services --------------------------------------------------------------------------------------------------


@services_group.command(alias="list")
def ls(*, output: Output = "text") -> None:
    """List what a server does at intervals."""
    from headrace.orchestration.loops.duties import duties_of

    duties = duties_of(get_current_settings().server.services)
    if output == "json":
        json_to(
            [
                {
                    "name": duty.name,
                    "enabled": duty.enabled,
                    "seconds": duty.seconds,
                    "description": duty.about,
                }
                for duty in duties
            ]
        )
        return
    columns = [Column("Name", 10), Column("Enabled", 7), Column("Every", 7), Column("Description")]
    show_table(
        columns,
        [
            [
                Cell(duty.name),
                Cell("yes", "green") if duty.enabled else Cell("no", "red"),
                Cell(f"{duty.seconds:g} s"),
                Cell(duty.about),
            ]
            for duty in duties
        ],
    )
