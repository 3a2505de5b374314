"""Settings of the server and of the store."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from headrace.settings.group import HOME, Duration, Group, LogLevel, Port, Seconds, about
from headrace.settings.secret import Secret

__all__ = ["DatabaseSettings", "ServerSettings"]

_SYNC_DRIVERS = {
    "sqlite+aiosqlite": "sqlite",
    "postgresql+asyncpg": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}


class SQLAlchemySettings(Group, frozen=True):
    """Connections to the database."""

    pool_size: Annotated[int, about("Connections that are kept open.", gt=0)] = 5
    max_overflow: Annotated[int, about("Connections beyond those, for peaks.", ge=0)] = 10
    pool_timeout: Annotated[Seconds | None, about("The longest wait for a connection.")] = 30.0
    pool_recycle: Annotated[Seconds, about("The age at which a connection is replaced.")] = 3600


class DatabaseSettings(Group, frozen=True):
    """The store."""

    connection_url: Annotated[
        Secret, about("The database's URL: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.")
    ] = Secret(f"sqlite:///{HOME}/headrace.db")
    driver: Annotated[
        Literal["postgresql+psycopg", "postgresql+asyncpg", "sqlite", "sqlite+aiosqlite"] | None,
        about("With host, port, user, password and name: the parts of a URL, in its place."),
    ] = None
    host: Annotated[str | None, about("The database's host, when no URL is given.")] = None
    port: Annotated[Port | None, about("The database's port, when no URL is given.")] = None
    user: Annotated[str | None, about("The database's user, when no URL is given.")] = None
    name: Annotated[str | None, about("The database's name, or SQLite's file, when no URL is given.")] = None
    password: Annotated[Secret | None, about("The database's password, when no URL is given.")] = None
    echo: Annotated[bool, about("Log every SQL statement.")] = False
    migrate_on_start: Annotated[bool, about("Bring an older store up to date when it is opened.")] = True
    migration_timeout: Annotated[Seconds | None, about("The longest that this may take.")] = None
    timeout: Annotated[Seconds | None, about("The longest that a statement may take.")] = 10.0
    connection_timeout: Annotated[Seconds | None, about("The longest wait for the database to answer.")] = 5.0
    sqlite_synchronous: Annotated[
        Literal["NORMAL", "FULL"],
        about("FULL makes SQLite's commits survive power loss, NORMAL any crash of the process."),
    ] = "NORMAL"
    sqlalchemy: SQLAlchemySettings = SQLAlchemySettings()

    def sync_url(self) -> str:
        """`connection_url` in clear, with the drivers that Headrace uses in place of asynchronous ones."""
        url = self.connection_url.get_secret_value()
        scheme, separator, rest = url.partition("://")
        return _SYNC_DRIVERS.get(scheme, scheme) + separator + rest


class ServerAPISettings(Group, frozen=True):
    """The API that the server offers."""

    auth_string: Annotated[Secret | None, about("USER:PASSWORD that clients must send.")] = None
    host: Annotated[str, about("The address it listens on.")] = "127.0.0.1"
    port: Annotated[Port, about("The port it listens on.")] = 4200
    base_path: Annotated[str | None, about("The path below which the API is served; /api when unset.")] = None
    default_limit: Annotated[int, about("The most objects in one answer.", gt=0)] = 200
    keepalive_timeout: Annotated[Seconds, about("How long an idle connection is kept open.")] = 75
    csrf_protection_enabled: Annotated[bool, about("Ask clients for a token with every change.")] = False
    csrf_token_expiration: Annotated[timedelta, about("How long such a token is valid.")] = timedelta(hours=1)
    cors_allowed_origins: Annotated[str, about("Origins that browsers may call from.")] = "*"
    cors_allowed_methods: Annotated[str, about("Methods that browsers may call with.")] = "*"
    cors_allowed_headers: Annotated[str, about("Headers that browsers may send.")] = "*"
    max_request_size: Annotated[
        int, about("The largest body of a request, after decompression.", unit="bytes", gt=0)
    ] = 33_554_432
    max_parameter_size: Annotated[int, about("The largest parameters of a run.", unit="bytes", gt=0)] = (
        524_288
    )
    websocket_ping_interval: Annotated[Duration, about("The time between pings on an idle WebSocket.")] = 20.0
    websocket_ping_timeout: Annotated[Duration, about("How long a ping may stay unanswered.")] = 20.0


class ServerConcurrencySettings(Group, frozen=True):
    """Concurrency limits."""

    initial_deployment_lease_duration: Annotated[
        Duration, about("How long a run's slot is held before it starts.")
    ] = 300.0
    maximum_concurrency_slot_wait_seconds: Annotated[Seconds, about("The longest wait a client is told.")] = (
        30
    )


class ServerDeploymentsSettings(Group, frozen=True):
    """Deployments."""

    concurrency_slot_wait_seconds: Annotated[
        Seconds, about("The wait before a run asks again for a slot.")
    ] = 30.0


class ServerEventsSettings(Group, frozen=True):
    """Events."""

    maximum_labels_per_resource: Annotated[int, about("The most labels of one resource.", ge=0)] = 500
    maximum_related_resources: Annotated[int, about("The most related resources of one event.", ge=0)] = 100
    maximum_size_bytes: Annotated[int, about("The largest event.", unit="bytes", gt=0)] = 1_500_000
    maximum_event_name_length: Annotated[int, about("The longest event name.", unit="characters", gt=0)] = (
        1024
    )
    retention_period: Annotated[timedelta, about("How long events are kept.")] = timedelta(days=7)
    stream_out_enabled: Annotated[bool, about("Offer events over a WebSocket.")] = True
    maximum_websocket_backfill: Annotated[timedelta, about("How far back a stream may start.")] = timedelta(
        minutes=15
    )
    websocket_backfill_page_size: Annotated[int, about("Past events sent at once.", gt=0)] = 250


class ServerFlowRunGraphSettings(Group, frozen=True):
    """Graphs of flow runs."""

    max_nodes: Annotated[int, about("The most runs in one graph.", ge=0)] = 10_000
    max_artifacts: Annotated[int, about("The most artifacts in one graph.", ge=0)] = 10_000


class ServerLogsSettings(Group, frozen=True):
    """Log streams."""

    stream_out_enabled: Annotated[bool, about("Offer logs over a WebSocket.")] = True


class CancellationCleanupSettings(Group, frozen=True):
    """The loop that ends runs whose parent was cancelled."""

    enabled: Annotated[bool, about("Whether the loop runs.")] = True
    loop_seconds: Annotated[Duration, about("The time between its turns.")] = 20
    cancelling_timeout_seconds: Annotated[Seconds, about("How long a run may stay Cancelling.")] = 300


class DBVacuumSettings(Group, frozen=True):
    """The loop that deletes what is older than its retention."""

    enabled: Annotated[bool, about("Whether the loop runs.")] = True
    loop_seconds: Annotated[Duration, about("The time between its turns.")] = 3600
    retention_period: Annotated[timedelta, about("How long runs that have ended are kept.")] = timedelta(
        days=90
    )
    batch_size: Annotated[int, about("Rows deleted in one transaction.", gt=0)] = 200


class ForemanSettings(Group, frozen=True):
    """The loop that tells whether workers and deployments are ready."""

    enabled: Annotated[bool, about("Whether the loop runs.")] = True
    loop_seconds: Annotated[Duration, about("The time between its turns.")] = 15
    inactivity_heartbeat_multiple: Annotated[
        int, about("Missed heartbeats that make a worker offline.", gt=0)
    ] = 3
    fallback_heartbeat_interval_seconds: Annotated[
        Duration, about("A worker's heartbeat, if it names none.")
    ] = 30
    deployment_last_polled_timeout_seconds: Annotated[
        Duration, about("A deployment not polled so long is not ready.")
    ] = 60
    work_queue_last_polled_timeout_seconds: Annotated[
        Duration, about("A queue not polled so long is not ready.")
    ] = 60


class LateRunsSettings(Group, frozen=True):
    """The loop that marks runs Late."""

    enabled: Annotated[bool, about("Whether the loop runs.")] = True
    loop_seconds: Annotated[Duration, about("The time between its turns.")] = 5
    after_seconds: Annotated[timedelta, about("How long after its time a run is late.")] = timedelta(
        seconds=15
    )


class PauseExpirationsSettings(Group, frozen=True):
    """The loop that fails runs whose pause has expired."""

    enabled: Annotated[bool, about("Whether the loop runs.")] = True
    loop_seconds: Annotated[Duration, about("The time between its turns.")] = 5


class RepossessorSettings(Group, frozen=True):
    """The loop that frees what dead holders of leases held."""

    enabled: Annotated[bool, about("Whether the loop runs.")] = True
    loop_seconds: Annotated[Duration, about("The time between its turns.")] = 15


class SchedulerSettings(Group, frozen=True):
    """The loop that turns schedules into runs."""

    enabled: Annotated[bool, about("Whether the loop runs.")] = True
    loop_seconds: Annotated[Duration, about("The time between its turns.")] = 60
    deployment_batch_size: Annotated[int, about("Deployments looked at in one transaction.", gt=0)] = 100
    insert_batch_size: Annotated[int, about("Runs created in one transaction.", gt=0)] = 500
    max_runs: Annotated[int, about("The most runs that one deployment has ahead.", gt=0)] = 100
    min_runs: Annotated[int, about("The fewest runs that one deployment has ahead.", gt=0)] = 3
    max_scheduled_time: Annotated[timedelta, about("How far ahead runs are created at most.")] = timedelta(
        days=100
    )
    min_scheduled_time: Annotated[timedelta, about("How far ahead runs are created at least.")] = timedelta(
        hours=1
    )
    recent_deployments_loop_seconds: Annotated[
        Duration, about("The time between looks at changed deployments.")
    ] = 5


class TriggersSettings(Group, frozen=True):
    """The loop that evaluates automations."""

    enabled: Annotated[bool, about("Whether the loop runs.")] = True


class ServicesSettings(Group, frozen=True):
    """The server's loops."""

    cancellation_cleanup: CancellationCleanupSettings = CancellationCleanupSettings()
    db_vacuum: DBVacuumSettings = DBVacuumSettings()
    foreman: ForemanSettings = ForemanSettings()
    late_runs: LateRunsSettings = LateRunsSettings()
    pause_expirations: PauseExpirationsSettings = PauseExpirationsSettings()
    repossessor: RepossessorSettings = RepossessorSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    triggers: TriggersSettings = TriggersSettings()


class ServerTasksSchedulingSettings(Group, frozen=True):
    """Background tasks."""

    max_scheduled_queue_size: Annotated[int, about("The most background runs that wait to start.", gt=0)] = (
        1000
    )
    max_retry_queue_size: Annotated[int, about("The most background runs that wait to be retried.", gt=0)] = (
        100
    )
    pending_task_timeout: Annotated[
        timedelta, about("A run Pending for longer is scheduled again; 0 is never.")
    ] = timedelta(0)


class ServerTasksSettings(Group, frozen=True):
    """Tasks."""

    tag_concurrency_slot_wait_seconds: Annotated[
        Seconds, about("The wait before a task run asks again for a slot.")
    ] = 10
    max_cache_key_length: Annotated[int, about("The longest cache key.", unit="characters", gt=0)] = 2000
    scheduling: ServerTasksSchedulingSettings = ServerTasksSchedulingSettings()


class ServerUISettings(Group, frozen=True):
    """The web page."""

    enabled: Annotated[bool, about("Serve the web page.")] = True
    api_url: Annotated[
        str | None, about("The API's URL as browsers reach it; from host and port when unset.")
    ] = None
    serve_base: Annotated[str, about("The path that the page is served at.")] = "/"


class ServerSettings(Group, frozen=True):
    """The server."""

    logging_level: Annotated[LogLevel, about("The least level that the server logs.")] = "WARNING"
    metrics_enabled: Annotated[bool, about("Serve Prometheus metrics at /api/metrics.")] = True
    register_blocks_on_start: Annotated[bool, about("Offer the built-in block types.")] = True
    deployment_schedule_max_scheduled_runs: Annotated[
        int, about("The most schedules' runs shown ahead.", gt=0)
    ] = 50
    api: ServerAPISettings = ServerAPISettings()
    concurrency: ServerConcurrencySettings = ServerConcurrencySettings()
    database: DatabaseSettings = DatabaseSettings()
    deployments: ServerDeploymentsSettings = ServerDeploymentsSettings()
    events: ServerEventsSettings = ServerEventsSettings()
    flow_run_graph: ServerFlowRunGraphSettings = ServerFlowRunGraphSettings()
    logs: ServerLogsSettings = ServerLogsSettings()
    services: ServicesSettings = ServicesSettings()
    tasks: ServerTasksSettings = ServerTasksSettings()
    ui: ServerUISettings = ServerUISettings()
