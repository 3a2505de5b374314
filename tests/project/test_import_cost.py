"""What importing the package brings into a process: a budget, and a ratchet."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import headrace

SOURCE = Path(headrace.__file__).parent

BUDGET = 120
"""Modules over bare Python that the first import may bring, the standard library's included."""

OWN = {
    "import headrace": 2,
    "from headrace import flow, task": 41,
}
"""Modules of the package itself, exactly: one more is a decision, one less a step that is kept."""

FOREIGN = {"msgspec", "typing_extensions", "uuid_utils"}
"""Whose modules may come along."""

NOT_AT_FIRST = {
    "alembic",
    "asyncio",
    "cloudpickle",
    "coolname",
    "cyclopts",
    "fsspec",
    "httpx",
    "pydantic",
    "rich",
    "sqlalchemy",
}
"""Loaded by the function that needs them."""

SCRIPT = """
import json, sys
before = set(sys.modules)
exec(sys.argv[1])
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def modules_of(statement: str) -> set[str]:
    """The modules that a statement loads in a fresh process."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, statement], capture_output=True, text=True, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_importing_stays_within_the_budget() -> None:
    for statement in OWN:
        assert len(modules_of(statement)) <= BUDGET, statement


def test_importing_brings_exactly_as_many_of_our_modules_as_it_used_to() -> None:
    for statement, expected in OWN.items():
        brought = {name for name in modules_of(statement) if name.partition(".")[0] == "headrace"}
        assert len(brought) == expected, (
            f"`{statement}` brings {len(brought)} modules of ours, not {expected}. Import lazily what is new; "
            f"if it has to be there, or if there are fewer, write the new number.\n{sorted(brought)}"
        )


def test_importing_brings_none_but_these_dependencies() -> None:
    for statement in OWN:
        brought = {name.partition(".")[0] for name in modules_of(statement)} - sys.stdlib_module_names
        assert brought <= FOREIGN | {"headrace"}, statement


def test_heavy_modules_are_not_loaded_by_the_first_import() -> None:
    for statement in OWN:
        assert not {name.partition(".")[0] for name in modules_of(statement)} & NOT_AT_FIRST, statement


FLOW_WITH_A_TASK = """
from headrace import flow, task
@task
def add(a, b): return a + b
@flow
def adding(): return add(1, add.submit(2, 3).result())
adding()
"""


def test_running_a_flow_in_a_home_folder_with_a_store_loads_nothing_that_builds_sql(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Importing SQLAlchemy takes longer than all the rest of a short flow."""
    monkeypatch.setenv("HEADRACE_HOME", str(tmp_path))
    modules_of(FLOW_WITH_A_TASK)  # makes the store, whose schema SQLAlchemy declares
    brought = {name.partition(".")[0] for name in modules_of(FLOW_WITH_A_TASK)}
    assert brought & {"sqlalchemy", "alembic", "psycopg"} == set()
    assert "sqlite3" in brought


def test_no_package_imports_its_own_modules_while_it_is_imported_itself() -> None:
    """Two threads, one importing the package and one the module, would each wait for the other's lock."""
    offenders = []
    for init in SOURCE.rglob("__init__.py"):
        package = ".".join(("headrace", *init.parent.relative_to(SOURCE).parts))
        for node in ast.parse(init.read_text()).body:
            own = isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{package}.")
            if own and node.module != "headrace.lazy":
                offenders.append(f"{package}: from {node.module} import ...")
    assert offenders == []
