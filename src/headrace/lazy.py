"""Names of a package that are imported when they are first read (PEP 562).

So `import headrace` is quick, and threads can import at once: a package that imports its modules while it is itself
being imported holds the lock of its own import and waits for theirs, while a thread that imports one of them holds
that one and waits for the package. Python breaks such a ring by failing one of the two imports. This module lies beside
the root package's `__init__`, not in a package below it, for the same reason: that package's lock would be in the ring.
"""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package whose names live in other modules.

    Args:
        package: The package's own name, `__name__`.
        homes: By name, the module that defines it. A module that is itself the name's value is given as its own home.

        __getattr__, __dir__ = lazy_names(__name__, {"Flow": "headrace.flows"})
    """
    namespace = sys.modules[package].__dict__

    def find(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(home)
        value = module if home == f"{package}.{name}" else getattr(module, name)
        namespace[name] = value
        return value

    def names() -> list[str]:
        return sorted({*namespace, *homes})

    return find, names
