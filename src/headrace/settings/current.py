"""The settings in force: the process's own, read once, or those of an enclosing `temporary_settings`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from headrace.settings.root import Given, Settings, Source

if TYPE_CHECKING:
    from headrace.settings.setting import Setting

__all__ = ["forget_settings", "get_current_settings", "temporary_settings", "use_settings"]

_temporary: ContextVar[Settings | None] = ContextVar("headrace_settings", default=None)
_process: dict[str, Settings] = {}
_EXPLICIT = Source("explicit")


def get_current_settings() -> Settings:
    """The settings in force here.

    The environment and the files are read on the first call in a process; later changes of `os.environ` are seen by
    new processes only.

    Raises:
        ConfigurationError: A file or a value cannot be used.
        MissingProfileError: The profile that was asked for does not exist.
    """
    return _temporary.get() or _process.get("settings") or _load_process_settings()


def _load_process_settings() -> Settings:
    from headrace.settings.load import load_settings

    # `setdefault` is atomic: of threads that load at once all get the same object, and no lock is held over a fork.
    return _process.setdefault("settings", load_settings())


def use_settings(settings: Settings) -> None:
    """Make `settings` the process's own, as a program does that takes settings from its command line."""
    _process["settings"] = settings


def forget_settings() -> None:
    """Have environment and files read anew when settings are next asked for."""
    _process.clear()


@contextmanager
def temporary_settings(
    updates: Mapping[str | Setting, Any] | None = None,
    set_defaults: Mapping[str | Setting, Any] | None = None,
    restore_defaults: Iterable[str | Setting] | None = None,
) -> Iterator[Settings]:
    """Change settings for the duration of a `with` block, in this context and those that are copied from it.

    Args:
        updates: New values, by setting, by name of the variable or by dotted name.
        set_defaults: Values for settings that nothing else gives.
        restore_defaults: Settings to set back to their defaults.

    Raises:
        ConfigurationError: There is no such setting, or the value cannot be used.

    Example:
        >>> with temporary_settings({"tasks.default_retries": 3}) as settings:
        ...     settings.tasks.default_retries
        3
    """
    settings = changed(get_current_settings(), updates or {}, set_defaults or {}, restore_defaults or ())
    token = _temporary.set(settings)
    try:
        yield settings
    finally:
        _temporary.reset(token)


def changed(
    settings: Settings,
    updates: Mapping[str | Setting, Any],
    set_defaults: Mapping[str | Setting, Any],
    restore_defaults: Iterable[str | Setting],
) -> Settings:
    """The settings with the changes that `temporary_settings` describes."""
    from headrace.settings.load import assemble

    restored = {_path(key) for key in restore_defaults}
    kept = {path: value for path, value in settings.given.items() if path not in restored}
    return assemble(_explicit(set_defaults) | kept | _explicit(updates), settings.profile)


def _explicit(values: Mapping[str | Setting, Any]) -> dict[str, Given]:
    from headrace.settings.load import coerce_layer

    return coerce_layer({_path(key): Given(value, _EXPLICIT) for key, value in values.items()})


def _path(key: str | Setting) -> str:
    from headrace.settings.names import resolve

    return resolve(key) if isinstance(key, str) else key.accessor
