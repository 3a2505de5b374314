"""The places that settings come from, each read into a layer: dotted name -> value and source.

From the strongest: the program itself, environment, `.env`, `headrace.toml`, `prefect.toml`, `pyproject.toml`, the
active profile. All files but the profiles' are looked for in the working folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from headrace.exceptions import ConfigurationError
from headrace.settings.group import Group
from headrace.settings.names import PREFIXES, all_paths, path_of_suffix, split_prefix
from headrace.settings.root import Given, Settings, Source

__all__ = [
    "Layer",
    "dotenv_layer",
    "dotenv_variables",
    "names_in",
    "read_toml",
    "toml_layers",
    "unknown_keys",
    "variables_layer",
]

Layer = dict[str, Given]
"""Raw values by dotted name."""


def variables_layer(variables: Mapping[str, str], kind: str = "env", where: str | None = None) -> Layer:
    """The settings among variables; `HEADRACE_` wins over `PREFECT_`, a present name over a former one.

    Args:
        variables: Names and values; those without our prefixes are ignored.
        kind: The kind of their source.
        where: The source's place; each variable's own name when left out.
    """
    ours = sorted((name for name in variables if name.startswith(PREFIXES)), key=_weakness)
    layer: Layer = {}
    for name in ours:
        path = path_of_suffix(split_prefix(name)[1])
        if path is not None:
            layer.setdefault(path, Given(variables[name], Source(kind, where or name)))
    return layer


def names_in(variables: Iterable[str], path: str) -> list[str]:
    """Those among variables that set the setting `path`, the strongest first: the others have no effect."""
    found = (name for name in variables if name.startswith(PREFIXES))
    return sorted((name for name in found if path_of_suffix(split_prefix(name)[1]) == path), key=_weakness)


def _weakness(name: str) -> tuple[int, bool]:
    prefix, suffix = split_prefix(name)
    return PREFIXES.index(prefix), suffix not in all_paths()


def dotenv_layer(folder: Path) -> Layer:
    """The settings in the folder's `.env` file, if there is one."""
    path = folder / ".env"
    return variables_layer(dotenv_variables(path), ".env", str(path))


def dotenv_variables(path: Path) -> dict[str, str]:
    """The variables in an `.env` file: `NAME=value` lines, with quotes, `export` and `#` comments as shells have them."""
    text = _text(path)
    return dict(_dotenv_pairs(text)) if text else {}


def _dotenv_pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and not name.lstrip().startswith("#"):
            yield name.strip(), _unquoted(value.strip())


def _unquoted(value: str) -> str:
    quote = value[:1]
    if quote in ("'", '"') and (end := value.find(quote, 1)) > 0:
        return value[1:end]
    return value.partition(" #")[0].rstrip()


def toml_layers(folder: Path) -> Iterator[Layer]:
    """The settings in the folder's TOML files, the strongest first."""
    for tree, source in _toml_trees(folder):
        yield _tree_layer(tree, source)


def unknown_keys(folder: Path) -> Iterator[tuple[str, Source]]:
    """Dotted names in the folder's TOML files that are no settings; not those meant for Prefect, which has others."""
    for tree, source in _toml_trees(folder):
        if "prefect" not in source.kind:
            for key in _unknown(tree, Settings(), ""):
                yield key, source


def _toml_trees(folder: Path) -> Iterator[tuple[Mapping[str, Any], Source]]:
    """The tables of settings in the folder's TOML files, the strongest first."""
    for name in ("headrace.toml", "prefect.toml"):
        path = folder / name
        yield read_toml(path), Source(name, str(path))
    path = folder / "pyproject.toml"
    for table in ("headrace", "prefect"):
        content = read_toml(path, only_if_mentions=table).get("tool", {}).get(table, {})
        yield content, Source(f"pyproject.toml [tool.{table}]", str(path))


def read_toml(path: Path, only_if_mentions: str = "") -> dict[str, Any]:
    """The content of a TOML file; empty if there is no such file, or if it does not mention a word.

    Raises:
        ConfigurationError: The file is not valid TOML.
    """
    text = _text(path)
    # Importing tomllib costs more than all the rest of loading settings; most projects' pyproject.toml is not for us.
    if not text or only_if_mentions not in text:
        return {}
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConfigurationError(f"{path} is not valid TOML: {exc}. Correct the file or remove it.") from exc


def _text(path: Path) -> str | None:
    """A file's text; None if there is no such file or it cannot be read as text."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{path} cannot be read: {exc}. Correct the file or remove it.") from exc


def _tree_layer(tree: Mapping[str, Any], source: Source) -> Layer:
    """Nested tables as dotted names; tables and keys that are no settings are ignored, as Prefect's own must be."""
    return dict(_leaves(tree, Settings(), "", source))


def _leaves(tree: Any, group: Group, prefix: str, source: Source) -> Iterator[tuple[str, Given]]:
    if not isinstance(tree, Mapping):
        raise ConfigurationError(
            f"{prefix.rstrip('.')} in {source} is {tree!r}; expected a table of settings."
        )
    for name in group.__struct_fields__:
        if name in tree:
            child = getattr(group, name)
            if isinstance(child, Group):
                yield from _leaves(tree[name], child, f"{prefix}{name}.", source)
            else:
                yield prefix + name, Given(tree[name], source)


def _unknown(tree: Any, group: Group, prefix: str) -> Iterator[str]:
    if not isinstance(tree, Mapping):
        return
    for name, inner in tree.items():
        if name not in group.__struct_fields__:
            yield prefix + name
        elif isinstance(child := getattr(group, name), Group):
            yield from _unknown(inner, child, f"{prefix}{name}.")
