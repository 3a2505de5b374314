"""What the tests of results share: a home folder of their own, and storage in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.filesystems import LocalFileSystem
from headrace.results import ResultStore
from headrace.settings import temporary_settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty home folder."""
    with temporary_settings({"home": tmp_path / "home"}):
        yield tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where `store` keeps results."""
    return tmp_path / "results"


@pytest.fixture
def store(folder: Path) -> ResultStore:
    """A result store on local disk."""
    return ResultStore(result_storage=LocalFileSystem(folder))
