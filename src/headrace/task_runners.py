"""Task runners: what runs the tasks that a flow submits.

>>> from headrace import flow
>>> from headrace.task_runners import ThreadPoolTaskRunner
>>> @flow(task_runner=ThreadPoolTaskRunner(max_workers=4))
... def pipeline() -> None: ...
"""

from headrace.engine.runners.base import TaskRunner
from headrace.engine.runners.process import ProcessPoolTaskRunner
from headrace.engine.runners.thread import ThreadPoolTaskRunner

ConcurrentTaskRunner = ThreadPoolTaskRunner

__all__ = ["ConcurrentTaskRunner", "ProcessPoolTaskRunner", "TaskRunner", "ThreadPoolTaskRunner"]
