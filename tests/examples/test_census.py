"""The main job: the census of a source tree."""

from __future__ import annotations

import csv
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TREE = {
    "shapes/__init__.py": "from os import path\nimport json, shapes.square\n",
    "shapes/square.py": "import json\n\nclass Square:\n    def area(self):\n        return 1\n",
    "shapes/waiting.py": "async def wait():\n    def inner():\n        pass\n    return inner\n",
    "shapes/tests/test_square.py": "def test_area() -> None:\n    pass\n",
    "site-packages/foreign.py": "def foreign():\n    pass\n",
    "broken.py": "def broken(:\n",
    "latin.py": "word = 'caf\xe9'\n",
    "with|bar.py": "bar = 1\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A source tree with two files that are no Python."""
    root = tmp_path / "tree"
    for name, text in TREE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="latin-1")
    return root


def counted(folder: Path) -> dict[str, dict[str, str]]:
    """The rows of the table, by module."""
    with (folder / "modules.csv").open(newline="") as file:
        return {row["module"]: row for row in csv.DictReader(file)}


def test_a_tree_is_counted_module_by_module(
    example: Callable[..., Any], recorded: Callable[[], Any], tree: Path, tmp_path: Path
) -> None:
    ended = example("census.py", "--root", tree, "--output", tmp_path / "out")

    assert f"The report is in {tmp_path / 'out' / 'report.md'}" in ended.out
    rows = counted(tmp_path / "out")
    assert set(rows) == {"shapes", "shapes.square", "shapes.waiting", "broken", "latin", "with|bar"}
    square, waiting = rows["shapes.square"], rows["shapes.waiting"]
    assert (square["lines"], square["functions"], square["classes"], square["imports"]) == (
        "5",
        "1",
        "1",
        "json",
    )
    assert (waiting["functions"], waiting["coroutines"], waiting["longest_function"]) == ("2", "1", "4")
    assert rows["shapes"]["imports"] == "json os shapes"
    runs = recorded()
    assert runs.flow_states() == {"census": "Completed"}
    assert runs.task_states() == {
        ("find_modules", "Completed"): 1,
        ("count_module", "Completed"): 6,
        ("add_up", "Completed"): 1,
        ("write_csv", "Completed"): 1,
        ("write_report", "Completed"): 1,
    }


def test_files_that_cannot_be_parsed_are_reported_not_fatal(
    example: Callable[..., Any], tree: Path, tmp_path: Path
) -> None:
    ended = example("census.py", "--root", tree, "--output", tmp_path / "out")

    rows = counted(tmp_path / "out")
    assert rows["broken"]["problem"].startswith("SyntaxError")
    assert rows["latin"]["problem"].startswith("SyntaxError")
    assert "broken.py cannot be parsed" in ended.err
    report = (tmp_path / "out" / "report.md").read_text()
    assert "## Could not be parsed" in report
    assert (
        "6 modules in 4 packages hold 14 lines, 3 functions (1 of them coroutines) and 1 classes." in report
    )


def test_tests_are_counted_when_asked_for(example: Callable[..., Any], tree: Path, tmp_path: Path) -> None:
    example("census.py", "--root", tree, "--output", tmp_path / "out", "--with-tests")

    assert "shapes.tests.test_square" in counted(tmp_path / "out")


def test_the_standard_library_can_be_counted(example: Callable[..., Any], tmp_path: Path) -> None:
    example("census.py", "--limit", 40, "--output", tmp_path / "out")

    rows = counted(tmp_path / "out")
    assert len(rows) == 40
    assert sum(int(row["functions"]) for row in rows.values()) > 100
    assert sysconfig.get_path("stdlib") in (tmp_path / "out" / "report.md").read_text()


def test_an_empty_folder_is_refused_with_the_way_out(
    example: Callable[..., Any], recorded: Callable[[], Any], tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(AssertionError, match="holds no Python files; give the folder of a source tree"):
        example("census.py", "--root", tmp_path / "empty", "--output", tmp_path / "out")

    assert recorded().flow_states() == {"census": "Failed"}
