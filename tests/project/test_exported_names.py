"""What the package exports: every promised name is there, documented, and found where it says it is."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from types import ModuleType

import pytest

import headrace

EXPORTED = {
    "Flow",
    "State",
    "Task",
    "__version__",
    "allow_failure",
    "flow",
    "get_client",
    "get_run_context",
    "get_run_logger",
    "runtime",
    "tags",
    "task",
    "unmapped",
}


def public_modules() -> list[str]:
    """Every module whose path has no private part, `__main__` and migrations aside."""
    found = (module.name for module in pkgutil.walk_packages(headrace.__path__, "headrace."))
    hidden = ("headrace.__main__", "headrace.store.migrations")
    return ["headrace", *(name for name in found if "._" not in name and not name.startswith(hidden))]


MODULES = public_modules()


def exports(module: ModuleType) -> list[str]:
    """The names that a module promises."""
    return list(getattr(module, "__all__", ()))


def test_the_package_exports_what_it_did() -> None:
    assert set(headrace.__all__) == EXPORTED


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_promises_is_there(name: str) -> None:
    module = importlib.import_module(name)

    missing = [promised for promised in exports(module) if not hasattr(module, promised)]

    assert not missing
    assert len(exports(module)) == len(set(exports(module)))


@pytest.mark.parametrize("name", MODULES)
def test_what_a_module_defines_for_others_is_documented(name: str) -> None:
    module = importlib.import_module(name)

    bare = [
        promised
        for promised in exports(module)
        if (inspect.isclass(value := getattr(module, promised)) or inspect.isfunction(value))
        and value.__module__ == name
        and not inspect.getdoc(value)
    ]

    assert module.__doc__
    assert not bare
