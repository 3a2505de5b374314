"""Results of runs: where they are kept, in which form, and how to read them again.

`ResultStore` writes and reads results; a run has one, shaped by the options of its flow and task (`get_result_store()`).
A kept result is a `ResultRecord`, found again by its `ResultRecordMetadata`, which is also what a state carries of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.lazy import lazy_names

if TYPE_CHECKING:
    from headrace.results.current import get_result_store, should_persist_result
    from headrace.results.defaults import (
        DEFAULT_STORAGE_KEY_FN,
        get_default_persist_setting,
        get_default_persist_setting_for_tasks,
        get_default_result_serializer,
        get_default_result_storage,
        resolve_result_storage,
        resolve_serializer,
    )
    from headrace.results.reading import aread_result, read_result
    from headrace.results.records import ResultRecord, ResultRecordMetadata
    from headrace.results.store import ResultStore

__all__ = [
    "DEFAULT_STORAGE_KEY_FN",
    "ResultRecord",
    "ResultRecordMetadata",
    "ResultStore",
    "aread_result",
    "get_default_persist_setting",
    "get_default_persist_setting_for_tasks",
    "get_default_result_serializer",
    "get_default_result_storage",
    "get_result_store",
    "read_result",
    "resolve_result_storage",
    "resolve_serializer",
    "should_persist_result",
]

_MODULES = {
    "ResultRecord": "records",
    "ResultRecordMetadata": "records",
    "ResultStore": "store",
    "aread_result": "reading",
    "get_result_store": "current",
    "read_result": "reading",
    "should_persist_result": "current",
}

__getattr__, __dir__ = lazy_names(
    __name__, {name: f"{__name__}.{_MODULES.get(name, 'defaults')}" for name in __all__}
)
