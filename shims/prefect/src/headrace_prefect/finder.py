"""Finds `prefect.X` wherever there is a `headrace.X`, and loads it by handing out Headrace's module.

A finder at the head of `sys.meta_path` answers for every name below `prefect`. Its loader does not execute anything:
it imports the module of Headrace and hands out that very object, which the import system then files under the second
name as well. So there is one `Flow`, one registry, one context variable, whichever name it was imported by.

This module loads in a millisecond: until the finder stands, a thread that imports `prefect.X` while another one
imports `prefect` for the first time would not find it.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType
    from typing import Any

__all__ = ["ALIAS", "REAL", "AliasFinder", "AliasLoader", "stand_first"]

ALIAS = "prefect"
REAL = "headrace"


def stand_first() -> None:
    """Put a finder at the head of `sys.meta_path`, unless one is there."""
    if not any(isinstance(finder, AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, AliasFinder())


class AliasFinder:
    """Finds `prefect.X` wherever there is a `headrace.X`."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of an alias; None when the name is not below `prefect`, or Headrace has no such module.

        Raises:
            ModuleNotFoundError: The name is being imported, rather than looked for, and Headrace has no such module.
        """
        if not fullname.startswith(f"{ALIAS}."):
            return None
        from importlib.util import find_spec

        import_module(ALIAS)  # waits for the thread that is importing it, if one is
        real = find_spec(_real_name(fullname))
        if real is None:
            if _is_importing():
                raise ModuleNotFoundError(_missing(fullname), name=fullname)
            return None
        # Not an importlib.abc.Loader, which costs 10 ms to import: the import system only asks for the methods.
        spec = ModuleSpec(fullname, AliasLoader(real), origin=real.origin)  # type: ignore[arg-type]
        spec.submodule_search_locations = real.submodule_search_locations
        spec.has_location = real.has_location
        spec.cached = real.cached
        return spec


class AliasLoader:
    """Loads an alias by importing what it stands for.

    Args:
        real: The spec of Headrace's module.
    """

    def __init__(self, real: ModuleSpec) -> None:
        self._real = real
        self._real_loader: Any = real.loader
        self._own_spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Headrace's module itself."""
        module = import_module(self._real.name)
        self._own_spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Undo what the import system did to the module in between: it is not executed a second time."""
        module.__spec__ = self._own_spec

    def is_package(self, fullname: str) -> bool:
        """Whether the module is a package."""
        return self._real.submodule_search_locations is not None

    def get_code(self, fullname: str) -> CodeType | None:
        """The module's code, for `python -m`."""
        return self._real_loader.get_code(self._real.name)  # type: ignore[no-any-return]

    def get_source(self, fullname: str) -> str | None:
        """The module's source, for tracebacks and `inspect`."""
        return self._real_loader.get_source(self._real.name)  # type: ignore[no-any-return]

    def get_filename(self, fullname: str) -> str:
        """The module's file, for `python -m`."""
        return self._real.origin or ""


def _real_name(fullname: str) -> str:
    return REAL + fullname.removeprefix(ALIAS)


def _is_importing() -> bool:
    """Whether the finder is asked by an import statement, and not by `importlib.util.find_spec` and the like.

    Those who only ask whether a module exists expect None for one that does not.
    """
    frame = sys._getframe(2)
    return frame.f_back is not None and frame.f_back.f_code.co_name == "_find_and_load_unlocked"


def _missing(fullname: str) -> str:
    version = import_module(REAL).__version__
    return (
        f"No module named {fullname!r}: {ALIAS!r} is an alias of Headrace here, and Headrace {version} has no module "
        f"{_real_name(fullname)!r}. If a newer version has it, upgrade headrace; else run this script on Prefect itself, "
        "with headrace-prefect uninstalled."
    )
