"""What results do when nobody says otherwise, from the settings; and what stands for a storage or a serializer."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from headrace.filesystems import WritableFileSystem, resolve_filesystem
from headrace.serializers import Serializer, resolve_serializer
from headrace.settings import get_current_settings

__all__ = [
    "DEFAULT_STORAGE_KEY_FN",
    "get_default_persist_setting",
    "get_default_persist_setting_for_tasks",
    "get_default_result_serializer",
    "get_default_result_storage",
    "resolve_result_storage",
    "resolve_serializer",
]


def DEFAULT_STORAGE_KEY_FN() -> str:
    """A key that no other result has."""
    return uuid4().hex


def get_default_persist_setting() -> bool:
    """Whether results are kept when neither a flow nor a task says so: `results.persist_by_default`."""
    return get_current_settings().results.persist_by_default


def get_default_persist_setting_for_tasks() -> bool:
    """The same for tasks: `tasks.default_persist_result`, else `results.persist_by_default`."""
    settings = get_current_settings()
    for_tasks = settings.tasks.default_persist_result
    return settings.results.persist_by_default if for_tasks is None else for_tasks


def get_default_result_serializer() -> Serializer[Any]:
    """The serializer of the setting `results.default_serializer`.

    Raises:
        ValueError: There is no such serializer.
    """
    return resolve_serializer(get_current_settings().results.default_serializer)


def get_default_result_storage() -> WritableFileSystem:
    """The storage of the setting `results.default_storage_block`, else the folder `results.local_storage_path`.

    Raises:
        ValueError: The setting names no storage.
    """
    settings = get_current_settings().results
    if settings.default_storage_block is not None:
        return resolve_filesystem(settings.default_storage_block, "results.default_storage_block")
    return resolve_filesystem(settings.local_storage_path)


def resolve_result_storage(result_storage: Any) -> WritableFileSystem:
    """The file system that a flow's or task's `result_storage` stands for.

    Args:
        result_storage: A file system, a directory, or `scheme://folder`.

    Raises:
        TypeError: It is something else.
        ValueError: It is text that names neither a directory nor a scheme.
    """
    return resolve_filesystem(result_storage)
