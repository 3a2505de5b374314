"""A working folder and an environment that say nothing about settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from headrace.settings import Settings
from headrace.settings.load import load_settings

Load = Callable[..., Settings]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder; the home folder is `home` below it."""
    for name in list(os.environ):
        if name.startswith(("HEADRACE_", "PREFECT_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def load(folder: Path) -> Load:
    """Load settings from the empty folder and the variables given."""

    def loaded(variables: Mapping[str, str] | None = None, **more: str) -> Settings:
        return load_settings({"HEADRACE_HOME": str(folder / "home"), **(variables or {}), **more}, folder)

    return loaded
