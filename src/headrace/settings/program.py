"""Settings of the programs around a script: the API and its client, the command line, runners, workers, tests."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from headrace.settings.group import Duration, Group, LogLevel, Port, Seconds, about
from headrace.settings.secret import Secret

__all__ = [
    "APISettings",
    "CLISettings",
    "ClientMetricsSettings",
    "ClientSettings",
    "DeploymentsSettings",
    "EventsSettings",
    "RunnerServerSettings",
    "RunnerSettings",
    "TestingSettings",
    "WorkerSettings",
    "WorkerWebserverSettings",
]


class APISettings(Group, frozen=True):
    """The API that runs are reported to."""

    url: Annotated[str | None, about("The API's URL; runs go to the embedded store when unset.")] = None
    auth_string: Annotated[Secret | None, about("USER:PASSWORD for an API that asks for it.")] = None
    key: Annotated[Secret | None, about("The key for an API with accounts.")] = None
    tls_insecure_skip_verify: Annotated[bool, about("Accept any certificate of the API.")] = False
    ssl_cert_file: Annotated[Path | None, about("The certificates to trust; the system's when unset.")] = None
    enable_http2: Annotated[bool, about("Speak HTTP/2 to the API.")] = False
    request_timeout: Annotated[Duration, about("The longest that a request may take.")] = 60.0


class CLISettings(Group, frozen=True):
    """The command line."""

    colors: Annotated[bool, about("Use colours on a terminal.")] = True
    prompt: Annotated[bool | None, about("Ask questions; only on a terminal when unset.")] = None
    wrap_lines: Annotated[bool, about("Wrap long lines on a terminal.")] = True


class ClientMetricsSettings(Group, frozen=True):
    """Metrics of the process that runs flows."""

    enabled: Annotated[bool, about("Serve Prometheus metrics of the client.")] = False
    port: Annotated[Port, about("The port of the client's metrics.")] = 4201


class ClientSettings(Group, frozen=True):
    """Requests to the API."""

    max_retries: Annotated[int, about("How often a failed request is sent again.", ge=0)] = 5
    retry_jitter_factor: Annotated[
        float, about("How much waits between requests vary, as a share of them.", ge=0)
    ] = 0.2
    retry_extra_codes: Annotated[
        frozenset[int], about("HTTP statuses to retry besides 408, 429, 502 and 503.")
    ] = frozenset()
    csrf_support_enabled: Annotated[bool, about("Ask the API for a token before changes.")] = True
    custom_headers: Annotated[dict[str, str], about("Headers that are added to every request.")] = {}
    server_version_check_enabled: Annotated[bool, about("Compare the API's version on first use.")] = True
    patience_seconds: Annotated[
        Seconds, about("How long runs wait for an API that is away; then they go on without it.")
    ] = 300.0
    metrics: ClientMetricsSettings = ClientMetricsSettings()


class DeploymentsSettings(Group, frozen=True):
    """Deployments that do not say otherwise themselves."""

    default_work_pool_name: Annotated[str | None, about("The work pool to deploy to.")] = None
    default_docker_build_namespace: Annotated[
        str | None, about("The namespace of images that are built.")
    ] = None


class EventsSettings(Group, frozen=True):
    """Events that scripts emit."""

    worker_max_queue_size: Annotated[
        int, about("The most events that wait to be recorded before emitting blocks; 0 is unbounded.", ge=0)
    ] = 0


class RunnerServerSettings(Group, frozen=True):
    """The health endpoint of a runner."""

    enable: Annotated[bool, about("Serve the runner's health.")] = False
    host: Annotated[str, about("The address it listens on.")] = "localhost"
    port: Annotated[Port, about("The port it listens on.")] = 8080
    log_level: Annotated[LogLevel, about("The least level that it logs.")] = "ERROR"
    missed_polls_tolerance: Annotated[int, about("Missed polls before a runner is unhealthy.", ge=0)] = 2


class RunnerSettings(Group, frozen=True):
    """Runners of served flows."""

    process_limit: Annotated[int, about("The most flow runs that a runner executes at once.", gt=0)] = 5
    poll_frequency: Annotated[Duration, about("The wait between polls where the API cannot push.")] = 10
    crash_on_cancellation_failure: Annotated[
        bool, about("Mark a run Crashed when it cannot be cancelled.")
    ] = False
    server: RunnerServerSettings = RunnerServerSettings()


class WorkerWebserverSettings(Group, frozen=True):
    """The health endpoint of a worker."""

    host: Annotated[str, about("The address it listens on.")] = "0.0.0.0"
    port: Annotated[Port, about("The port it listens on.")] = 8080


class WorkerSettings(Group, frozen=True):
    """Workers."""

    debug_mode: Annotated[bool, about("Log what the worker does in detail.")] = False
    heartbeat_seconds: Annotated[Duration, about("How often a worker reports that it lives.")] = 30
    query_seconds: Annotated[Duration, about("The wait between polls where the API cannot push.")] = 10
    prefetch_seconds: Annotated[Seconds, about("How long before its time a run is handed to a worker.")] = 10
    enable_cancellation: Annotated[bool, about("Let the worker end runs that are to be cancelled.")] = False
    cancellation_poll_seconds: Annotated[Duration, about("The wait between looks for cancelled runs.")] = 120
    webserver: WorkerWebserverSettings = WorkerWebserverSettings()


class TestingSettings(Group, frozen=True):
    """Tests of flows."""

    __test__ = False  # pytest would collect the class by its name

    test_mode: Annotated[bool, about("Behave as tests need it.")] = False
    unit_test_mode: Annotated[bool, about("Behave as unit tests of Headrace need it.")] = False
    unit_test_loop_debug: Annotated[bool, about("Run event loops in debug mode in unit tests.")] = True
    test_setting: Annotated[Any, about("A value that tests may set.")] = "FOO"
