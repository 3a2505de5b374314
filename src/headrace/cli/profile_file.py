"""Changing the file of profiles: one process at a time, as a whole or not at all, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headrace.exceptions import ConfigurationError
from headrace.locking.exclusive import exclusively
from headrace.settings.profiles import ProfilesCollection, profiles_in, read_profiles

__all__ = ["ProfileFile", "changed_profiles"]


class ProfileFile:
    """The file of profiles while it is changed.

    Args:
        path: The file.
        text: Its content.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text

    @property
    def profiles(self) -> ProfilesCollection:
        """The profiles as they are now, built-in ones included."""
        import tomllib

        return profiles_in(tomllib.loads(self.text), self.path)

    def edit(self, change: Callable[..., str], *args: Any) -> None:
        """Apply one of the changes in `headrace.settings.profile_text`.

        Raises:
            ConfigurationError: The text cannot be changed.
        """
        try:
            self.text = change(self.text, *args)
        except ConfigurationError as exc:
            raise ConfigurationError(f"{self.path} was not changed: {exc}.") from exc


@contextmanager
def changed_profiles(path: Path) -> Iterator[ProfileFile]:
    """The file to change; it is written when the block ends, unless by an error, and nobody else changes it meanwhile.

    Raises:
        ConfigurationError: The file cannot be used or written.
    """
    try:
        # A link is followed, not replaced: people keep such files elsewhere.
        target = Path(os.path.realpath(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        with exclusively(target.with_name(f".{target.name}.lock")):
            read_profiles(target)
            former = _read(target)
            file = ProfileFile(path, former)
            yield file
            if file.text != former:
                _replace(target, file.text)
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be written: {exc}.") from exc


def _read(path: Path) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    # For its owner alone from the first moment: keys to APIs are among the settings.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
