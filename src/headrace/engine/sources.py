"""Where definitions come from: the file and the text of a function, and flows loaded from files by name."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from headrace.exceptions import MissingFlowError, ScriptError, UnspecifiedFlowError

if TYPE_CHECKING:
    from headrace.flows import Flow


def source_of(fn: Any) -> str | None:
    """The text of a function, or None where it cannot be found (a prompt, a compiled module)."""
    try:
        return inspect.getsource(fn)
    except (OSError, TypeError):
        return None


def file_version(fn: Any) -> str | None:
    """A checksum (MD5) of the file that defines `fn`, or None where there is no such file."""
    try:
        path = inspect.getsourcefile(inspect.unwrap(fn))
    except TypeError:
        return None
    return _file_checksum(path) if path is not None else None


@lru_cache(maxsize=256)
def _file_checksum(path: str) -> str | None:
    try:
        return hashlib.md5(Path(path).read_bytes(), usedforsecurity=False).hexdigest()
    except OSError:
        return None


def load_flow(entrypoint: str) -> Flow[..., Any]:
    """Load a flow.

    Args:
        entrypoint: `path/to/file.py:name`, `package.module:name`, or either alone where there is just one flow.

    Raises:
        MissingFlowError: There is no such file, module or flow.
        UnspecifiedFlowError: There are several flows and none is named.
        ScriptError: The script raised while it was loaded.
    """
    source, _, name = entrypoint.rpartition(":") if _names_flow(entrypoint) else (entrypoint, "", "")
    module = _load_script(Path(source)) if source.endswith(".py") or "/" in source else _load_module(source)
    flows = _flows_in(module)
    if name:
        return _named(flows, module, name, source)
    if len(flows) == 1:
        return next(iter(flows.values()))
    if not flows:
        raise MissingFlowError(f"{source!r} defines no flow; decorate a function with @flow.")
    raise UnspecifiedFlowError(
        f"{source!r} defines the flows {sorted(flows)}; name one: {source}:{min(flows)}."
    )


def _names_flow(entrypoint: str) -> bool:
    head, colon, tail = entrypoint.rpartition(":")
    # `C:\\flow.py` has a colon that separates no name.
    return bool(colon) and len(head) > 1 and "/" not in tail and "\\" not in tail


def _named(flows: dict[str, Flow[..., Any]], module: ModuleType, name: str, source: str) -> Flow[..., Any]:
    from headrace.flows import Flow

    value: Any = module
    for part in name.split("."):
        value = getattr(value, part, None)
    if isinstance(value, Flow):
        return value
    for candidate in flows.values():
        if candidate.name == name:
            return candidate
    found = f"It defines {sorted(flows)}." if flows else "It defines none."
    raise MissingFlowError(f"{source!r} has no flow {name!r}. {found}")


def _flows_in(module: ModuleType) -> dict[str, Flow[..., Any]]:
    """The flows that a module defines; those it imports from elsewhere only when it defines none."""
    from headrace.flows import Flow

    every = {name: value for name, value in vars(module).items() if isinstance(value, Flow)}
    own = {name: value for name, value in every.items() if value.fn.__module__ == module.__name__}
    return own or every


def _load_module(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise MissingFlowError(
                f"There is no module {name!r}; give FILE.py:FLOW or MODULE:FLOW."
            ) from error
        raise ScriptError(error, name) from error
    except Exception as error:
        raise ScriptError(error, name) from error


def _load_script(path: Path) -> ModuleType:
    if not path.is_file():
        raise MissingFlowError(f"There is no file {str(path)!r}; give FILE.py:FLOW or MODULE:FLOW.")
    name = "__headrace_loader__" if path.stem in sys.modules else path.stem
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # The script's own folder comes first, as when Python runs it; pickling needs the module to be found by name.
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ScriptError(error, str(path)) from error
    return module
