"""The names of settings: dotted, as environment variables, and those that Prefect used before.

`tasks.default_retries` is `HEADRACE_TASKS_DEFAULT_RETRIES`, `PREFECT_TASKS_DEFAULT_RETRIES`, and by its former name
`PREFECT_TASK_DEFAULT_RETRIES`.
"""

from __future__ import annotations

from functools import cache

from headrace.exceptions import ConfigurationError
from headrace.settings.root import Settings

__all__ = [
    "PREFIXES",
    "all_paths",
    "closest",
    "path_of_name",
    "path_of_suffix",
    "resolve",
    "split_prefix",
    "variable",
]

PREFIXES = ("HEADRACE_", "PREFECT_")
"""The stronger first."""

FORMER = {
    "API_DATABASE_CONNECTION_TIMEOUT": "server.database.connection_timeout",
    "API_DATABASE_CONNECTION_URL": "server.database.connection_url",
    "API_DATABASE_DRIVER": "server.database.driver",
    "API_DATABASE_ECHO": "server.database.echo",
    "API_DATABASE_HOST": "server.database.host",
    "API_DATABASE_MIGRATE_ON_START": "server.database.migrate_on_start",
    "API_DATABASE_NAME": "server.database.name",
    "API_DATABASE_PASSWORD": "server.database.password",
    "API_DATABASE_PORT": "server.database.port",
    "API_DATABASE_TIMEOUT": "server.database.timeout",
    "API_DATABASE_USER": "server.database.user",
    "API_BLOCKS_REGISTER_ON_START": "server.register_blocks_on_start",
    "API_DEFAULT_LIMIT": "server.api.default_limit",
    "API_ENABLE_METRICS": "server.metrics_enabled",
    "API_EVENTS_STREAM_OUT_ENABLED": "server.events.stream_out_enabled",
    "API_MAX_FLOW_RUN_GRAPH_ARTIFACTS": "server.flow_run_graph.max_artifacts",
    "API_MAX_FLOW_RUN_GRAPH_NODES": "server.flow_run_graph.max_nodes",
    "API_TASK_CACHE_KEY_MAX_LENGTH": "server.tasks.max_cache_key_length",
    "CLIENT_ENABLE_METRICS": "client.metrics.enabled",
    "DEFAULT_DOCKER_BUILD_NAMESPACE": "deployments.default_docker_build_namespace",
    "DEFAULT_RESULT_STORAGE_BLOCK": "results.default_storage_block",
    "DEFAULT_WORK_POOL_NAME": "deployments.default_work_pool_name",
    "DEPLOYMENT_CONCURRENCY_SLOT_WAIT_SECONDS": "server.deployments.concurrency_slot_wait_seconds",
    "DEPLOYMENT_SCHEDULE_MAX_SCHEDULED_RUNS": "server.deployment_schedule_max_scheduled_runs",
    "EVENTS_MAXIMUM_LABELS_PER_RESOURCE": "server.events.maximum_labels_per_resource",
    "EVENTS_MAXIMUM_RELATED_RESOURCES": "server.events.maximum_related_resources",
    "EVENTS_MAXIMUM_SIZE_BYTES": "server.events.maximum_size_bytes",
    "EVENTS_MAXIMUM_WEBSOCKET_BACKFILL": "server.events.maximum_websocket_backfill",
    "EVENTS_RETENTION_PERIOD": "server.events.retention_period",
    "EVENTS_WEBSOCKET_BACKFILL_PAGE_SIZE": "server.events.websocket_backfill_page_size",
    "FLOW_DEFAULT_RETRIES": "flows.default_retries",
    "FLOW_DEFAULT_RETRY_DELAY_SECONDS": "flows.default_retry_delay_seconds",
    "LOCAL_STORAGE_PATH": "results.local_storage_path",
    "LOGGING_INTERNAL_LEVEL": "internal.logging_level",
    "LOGGING_SERVER_LEVEL": "server.logging_level",
    "LOGGING_SETTINGS_PATH": "logging.config_path",
    "RUNNER_HEARTBEAT_FREQUENCY": "flows.heartbeat_frequency",
    "SERVER_CORS_ALLOWED_HEADERS": "server.api.cors_allowed_headers",
    "SERVER_CORS_ALLOWED_METHODS": "server.api.cors_allowed_methods",
    "SERVER_CORS_ALLOWED_ORIGINS": "server.api.cors_allowed_origins",
    "SERVER_CSRF_PROTECTION_ENABLED": "server.api.csrf_protection_enabled",
    "SERVER_CSRF_TOKEN_EXPIRATION": "server.api.csrf_token_expiration",
    "SQLALCHEMY_MAX_OVERFLOW": "server.database.sqlalchemy.max_overflow",
    "SQLALCHEMY_POOL_SIZE": "server.database.sqlalchemy.pool_size",
    "TASK_DEFAULT_RETRIES": "tasks.default_retries",
    "TASK_DEFAULT_RETRY_DELAY_SECONDS": "tasks.default_retry_delay_seconds",
    "TASK_RUNNER_PROCESS_POOL_MAX_WORKERS": "tasks.runner.process_pool_max_workers",
    "TASK_RUNNER_THREAD_POOL_MAX_WORKERS": "tasks.runner.thread_pool_max_workers",
    "TASK_RUN_TAG_CONCURRENCY_SLOT_WAIT_SECONDS": "server.tasks.tag_concurrency_slot_wait_seconds",
    "TASK_SCHEDULING_DEFAULT_STORAGE_BLOCK": "tasks.scheduling.default_storage_block",
    "TASK_SCHEDULING_DELETE_FAILED_SUBMISSIONS": "tasks.scheduling.delete_failed_submissions",
    "TASK_SCHEDULING_MAX_RETRY_QUEUE_SIZE": "server.tasks.scheduling.max_retry_queue_size",
    "TASK_SCHEDULING_MAX_SCHEDULED_QUEUE_SIZE": "server.tasks.scheduling.max_scheduled_queue_size",
    "TASK_SCHEDULING_PENDING_TASK_TIMEOUT": "server.tasks.scheduling.pending_task_timeout",
    "TEST_MODE": "testing.test_mode",
    "TEST_SETTING": "testing.test_setting",
    "UI_API_URL": "server.ui.api_url",
    "UI_ENABLED": "server.ui.enabled",
    "UI_SERVE_BASE": "server.ui.serve_base",
    "UNIT_TEST_LOOP_DEBUG": "testing.unit_test_loop_debug",
    "UNIT_TEST_MODE": "testing.unit_test_mode",
}
"""Names of variables, without prefix, that Prefect used before it named settings by their place."""

_FORMER_SERVICES = "API_SERVICES_"


@cache
def all_paths() -> dict[str, str]:
    """Every setting's dotted name, by the name of its variable without prefix."""
    return {path.replace(".", "_").upper(): path for path, _ in Settings().walk()}


def variable(path: str) -> str:
    """The environment variable of a dotted name: `HEADRACE_LOGGING_LEVEL`."""
    return PREFIXES[0] + path.replace(".", "_").upper()


def split_prefix(name: str) -> tuple[str, str]:
    """A variable's prefix (empty if it is none of ours) and the rest of its name."""
    for prefix in PREFIXES:
        if name.startswith(prefix):
            return prefix, name[len(prefix) :]
    return "", name


def path_of_suffix(suffix: str) -> str | None:
    """The dotted name of a variable without its prefix, present or former; None if there is no such setting."""
    if suffix.startswith(_FORMER_SERVICES):
        suffix = "SERVER_" + suffix.removeprefix("API_")
    return all_paths().get(suffix) or FORMER.get(suffix)


def path_of_name(name: str) -> str | None:
    """The dotted name of a setting given by any of its names; None if there is no such setting."""
    prefix, suffix = split_prefix(name)
    return path_of_suffix(suffix if prefix else name.replace(".", "_").upper())


def resolve(name: str) -> str:
    """The dotted name of a setting given by any of its names.

    Raises:
        ConfigurationError: There is no such setting.
    """
    path = path_of_name(name)
    if path is None:
        hint = closest(name)
        raise ConfigurationError(
            f"There is no setting {name!r}."
            + (
                f" Did you mean {hint!r}?"
                if hint
                else " `headrace config view --show-defaults` lists all settings."
            )
        )
    return path


def closest(name: str) -> str | None:
    """The variable whose name is most like `name`, if one is."""
    import difflib

    prefix, suffix = split_prefix(name)
    names = difflib.get_close_matches(suffix.replace(".", "_").upper(), all_paths(), n=1, cutoff=0.7)
    return (prefix or PREFIXES[0]) + names[0] if names else None
