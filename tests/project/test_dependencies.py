"""Every dependency is there for a reason that is written down."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGE = json.loads((ROOT / "package.json").read_text())
PAGE = (ROOT / "docs" / "design" / "dependencies.md").read_text()


def declared() -> set[str]:
    """The names in `pyproject.toml` and `package.json`: what users get, what extras add, what developers need."""
    requirements = list(PROJECT["project"]["dependencies"])
    for extra in PROJECT["project"].get("optional-dependencies", {}).values():
        requirements += extra
    for group in PROJECT["dependency-groups"].values():
        requirements += [each for each in group if isinstance(each, str)]
    return {re.match(r"[A-Za-z0-9._-]+", each)[0] for each in requirements} | PACKAGE[
        "devDependencies"
    ].keys()


def explained() -> dict[str, str]:
    """The reasons, by name: the rows of the page's tables that begin with a name in code quotes."""
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", PAGE, flags=re.MULTILINE))


def test_every_dependency_has_a_reason() -> None:
    assert declared() - explained().keys() == set()


def test_no_reason_outlives_its_dependency() -> None:
    assert explained().keys() - declared() == set()
