"""Settings of what a script does: flows, tasks, their results and their logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from headrace.settings.group import HOME, Duration, Group, LogLevel, Positive, Seconds, about

__all__ = [
    "FlowsSettings",
    "InternalSettings",
    "LoggingSettings",
    "LoggingToAPISettings",
    "ResultsSettings",
    "TasksRunnerSettings",
    "TasksSchedulingSettings",
    "TasksSettings",
]


class FlowsSettings(Group, frozen=True):
    """Flows that do not say otherwise themselves."""

    default_retries: Annotated[int, about("How often a flow run is retried.", ge=0)] = 0
    default_retry_delay_seconds: Annotated[
        Seconds | list[Seconds], about("The wait before each retry of a flow run, or one wait per retry.")
    ] = 0
    heartbeat_frequency: Annotated[
        Duration | None,
        about("How often a running flow run renews its lease; three missed renewals mean that it is dead."),
    ] = 30.0


class TasksRunnerSettings(Group, frozen=True):
    """Runners that tasks are submitted to."""

    thread_pool_max_workers: Annotated[
        Positive | None,
        about("Threads of a ThreadPoolTaskRunner; as many as submitted tasks need when unset."),
    ] = None
    process_pool_max_workers: Annotated[
        Positive | None, about("Processes of a ProcessPoolTaskRunner; one per processor when unset.")
    ] = None


class TasksSchedulingSettings(Group, frozen=True):
    """Background tasks, submitted with `.delay()`."""

    default_storage_block: Annotated[
        str | None, about("Storage of background tasks' parameters: BLOCK-TYPE/NAME.")
    ] = None
    delete_failed_submissions: Annotated[
        bool, about("Delete a background run that could not be submitted.")
    ] = True


class TasksSettings(Group, frozen=True):
    """Tasks that do not say otherwise themselves."""

    refresh_cache: Annotated[bool, about("Run every task anew and replace its cached result.")] = False
    default_no_cache: Annotated[bool, about("Cache only tasks that name a cache policy.")] = False
    disable_caching: Annotated[bool, about("Cache no task, whatever its policy.")] = False
    default_retries: Annotated[int, about("How often a task run is retried.", ge=0)] = 0
    default_retry_delay_seconds: Annotated[
        Seconds | list[Seconds] | None,
        about("The wait before each retry of a task run, or one wait per retry."),
    ] = 0
    default_persist_result: Annotated[
        bool | None, about("Keep every task's result; as `results.persist_by_default` says when unset.")
    ] = None
    runner: TasksRunnerSettings = TasksRunnerSettings()
    scheduling: TasksSchedulingSettings = TasksSchedulingSettings()


class ResultsSettings(Group, frozen=True):
    """How and where results are kept."""

    default_serializer: Annotated[
        str, about("The serializer of results: pickle, json, compressed/pickle or compressed/json.")
    ] = "pickle"
    persist_by_default: Annotated[bool, about("Keep every flow's and task's result.")] = False
    default_storage_block: Annotated[str | None, about("Storage of results: BLOCK-TYPE/NAME.")] = None
    local_storage_path: Annotated[Path, about("The folder of results kept on this machine.")] = Path(
        HOME, "storage"
    )


class LoggingToAPISettings(Group, frozen=True):
    """Logs that are recorded with their run."""

    enabled: Annotated[bool, about("Record what runs log.")] = True
    batch_interval: Annotated[Seconds, about("The longest that a log line waits to be sent to an API.")] = 2.0
    batch_size: Annotated[
        int, about("The most log text that is sent to an API at once.", unit="bytes", gt=0)
    ] = 4_000_000
    max_log_size: Annotated[int, about("A longer line is cut to this size.", unit="bytes", gt=0)] = 1_000_000
    when_missing_flow: Annotated[
        Literal["warn", "error", "ignore"], about("What to do when a run logger is used outside a run.")
    ] = "warn"


class LoggingSettings(Group, frozen=True):
    """What is logged, and how it looks on the console."""

    level: Annotated[LogLevel, about("The least level that is logged.")] = "INFO"
    config_path: Annotated[
        Path, about("A logging configuration that replaces the built-in one, if it exists.")
    ] = Path(HOME, "logging.yml")
    extra_loggers: Annotated[
        tuple[str, ...], about("Loggers of other libraries whose lines are recorded with the run.")
    ] = ()
    log_prints: Annotated[bool, about("Turn what flows and tasks print into log lines.")] = False
    colors: Annotated[bool, about("Colour the console's log lines on a terminal.")] = True
    markup: Annotated[bool, about("Read [red]square brackets[/red] in log lines as style.")] = False
    to_api: LoggingToAPISettings = LoggingToAPISettings()


class InternalSettings(Group, frozen=True):
    """Headrace's own workings."""

    logging_level: Annotated[LogLevel, about("The least level that Headrace logs about itself.")] = "ERROR"
