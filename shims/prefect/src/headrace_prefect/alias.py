"""`prefect` is `headrace`: the same module object, the same loggers; unless Prefect itself is installed too."""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module

from headrace_prefect.finder import ALIAS, REAL

__all__ = ["install"]

_LOGGERS = ("", ".flow_runs", ".task_runs")
_MARK = "flow_engine.py"
"""A file that Prefect has, and nobody else is likely to have in a package called `prefect`."""


def install() -> None:
    """Make `prefect` an alias of `headrace` in this process.

    Raises:
        ImportError: Prefect itself is installed too.
    """
    other = _installed_prefect()
    if other is not None:
        raise ImportError(
            f"Both Prefect and headrace-prefect, which takes its place, are installed: Prefect's files are in "
            f"{other!r}. To run on Headrace: pip uninstall prefect prefect-client headrace-prefect && "
            "pip install headrace-prefect. To run on Prefect: pip uninstall headrace-prefect && "
            "pip install --force-reinstall prefect.",
            name=ALIAS,
        )
    _alias_loggers()
    # Importing a package ends with a look at sys.modules, so what is filed here is what `import prefect` gives.
    sys.modules[ALIAS] = import_module(REAL)


def _installed_prefect() -> str | None:
    """The folder of a Prefect that is installed as well, among these very files or elsewhere on the path."""
    for entry in sys.path:
        folder = os.path.join(entry or os.curdir, ALIAS)
        if all(os.path.isfile(os.path.join(folder, name)) for name in (_MARK, "__init__.py")):
            return folder
    return None


def _alias_loggers() -> None:
    """Let `logging.getLogger("prefect")` and its like give Headrace's loggers, so that scripts can set their levels."""
    for name in _LOGGERS:
        logging.root.manager.loggerDict.setdefault(ALIAS + name, logging.getLogger(REAL + name))
