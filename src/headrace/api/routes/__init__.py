"""The routes, one module for each noun; each has a `router` whose paths are below the API's base path."""

NOUNS = (
    "root",
    "csrf",
    "admin",
    "flows",
    "flow_runs",
    "flow_run_transitions",
    "flow_run_inputs",
    "flow_run_graph",
    "flow_run_states",
    "task_runs",
    "task_run_states",
    "records",
    "events",
    "streams",
    "logs",
    "saved_searches",
    "concurrency_limits",
    "ui",
    "server",
)
"""The modules whose routers are served."""
