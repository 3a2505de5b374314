"""`Setting`: the name of a setting as an object, `headrace.settings.HEADRACE_API_URL`."""

from __future__ import annotations

from typing import Any

from headrace.settings.current import get_current_settings
from headrace.settings.names import path_of_suffix, split_prefix
from headrace.settings.root import Settings
from headrace.settings.secret import Secret

__all__ = ["Setting", "find_setting"]


class Setting:
    """The name of a setting; two names of one setting are equal.

    Args:
        name: The name of its variable.
        accessor: Its dotted name.
    """

    __slots__ = ("accessor", "name")

    def __init__(self, name: str, accessor: str) -> None:
        self.name = name
        self.accessor = accessor

    @property
    def is_secret(self) -> bool:
        """Whether the value must not be shown."""
        from headrace.settings.coercion import is_secret

        return is_secret(self.accessor)

    def value(self) -> Any:
        """The value in force; secrets in clear."""
        return self.value_from(get_current_settings())

    def value_from(self, settings: Settings) -> Any:
        """The value in `settings`; secrets in clear."""
        value = settings.get(self.accessor)
        return value.get_secret_value() if isinstance(value, Secret) else value

    def default(self) -> Any:
        """The value when nothing gives one."""
        from headrace.settings.load import assemble

        return self.value_from(assemble({}))

    def __bool__(self) -> bool:
        return bool(self.value())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Setting) and other.accessor == self.accessor

    def __hash__(self) -> int:
        return hash((Setting, self.accessor))

    def __repr__(self) -> str:
        return f"<{self.name}: {self.accessor}>"


def find_setting(name: str) -> Setting | None:
    """The setting of a variable's name; None if there is none."""
    prefix, suffix = split_prefix(name)
    path = path_of_suffix(suffix) if prefix else None
    return None if path is None else Setting(name, path)
