"""Facts about the run that is executing, as attributes that are looked up when they are read.

    >>> from headrace import runtime
    >>> runtime.flow_run.name is None  # outside runs
    True

For tests, a variable of the environment stands in for an attribute: `HEADRACE__RUNTIME__FLOW_RUN__NAME=my-run`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.lazy import lazy_names

if TYPE_CHECKING:
    from headrace.runtime import deployment, flow_run, task_run

__all__ = ["deployment", "flow_run", "task_run"]

__getattr__, __dir__ = lazy_names(__name__, {name: f"{__name__}.{name}" for name in __all__})
