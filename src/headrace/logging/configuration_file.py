"""A logging configuration of the user's own, in place of the built-in one.

The file at `logging.config_path` holds what `logging.config.dictConfig` takes, as YAML, JSON or TOML.
`${HEADRACE_LOGGING_LEVEL}` and the like stand for settings, or else for variables of the environment. Names that
start with `prefect.` mean those of Headrace.
"""

from __future__ import annotations

import logging.config
import os
import re
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

from headrace.exceptions import ConfigurationError
from headrace.settings import get_current_settings
from headrace.settings.names import path_of_suffix, split_prefix

__all__ = ["apply_logging_config", "load_logging_config"]

_PLACE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


def apply_logging_config(path: Path) -> None:
    """Configure logging as the file says.

    Args:
        path: A .yml, .yaml, .json or .toml file.

    Raises:
        ConfigurationError: The file cannot be read, or `logging.config` refuses what it says.
    """
    config = load_logging_config(path)
    config.setdefault("disable_existing_loggers", False)
    try:
        logging.config.dictConfig(config)
    except (ValueError, TypeError, AttributeError, ImportError) as problem:
        raise ConfigurationError(
            f"The logging configuration {str(path)!r} cannot be applied: {problem}"
            + (f" ({problem.__cause__})" if problem.__cause__ else "")
            + ". Correct the file, or set HEADRACE_LOGGING_CONFIG_PATH to another."
        ) from problem


def load_logging_config(path: Path) -> dict[str, Any]:
    """The configuration that a file holds, with settings filled in.

    Args:
        path: A .yml, .yaml, .json or .toml file.

    Raises:
        ConfigurationError: The file cannot be read.
    """
    try:
        config = _parser_for(path)(path.read_bytes())
    except (OSError, ValueError) as problem:
        raise ConfigurationError(
            f"The logging configuration {str(path)!r} cannot be read: {problem}."
        ) from problem
    if not isinstance(config, dict):
        raise ConfigurationError(
            f"The logging configuration {str(path)!r} holds a {type(config).__name__}; expected a mapping, as "
            "logging.config.dictConfig takes it."
        )
    return _filled(config)  # type: ignore[no-any-return]


def _parser_for(path: Path) -> Callable[[bytes], Any]:
    import msgspec

    match path.suffix:
        case ".json":
            return msgspec.json.decode
        case ".toml":
            return msgspec.toml.decode
        case ".yml" | ".yaml":
            return _parse_yaml
    raise ConfigurationError(
        f"The logging configuration {str(path)!r} ends in {path.suffix!r}; expected .yml, .yaml, .json or .toml."
    )


def _parse_yaml(body: bytes) -> Any:
    import msgspec

    try:
        return msgspec.yaml.decode(body)
    except ImportError as problem:
        raise ConfigurationError(
            "A logging configuration in YAML needs the package pyyaml: install it, or write the file as .json or .toml."
        ) from problem


def _filled(value: Any) -> Any:
    """`value` with settings in place of their names, and Headrace's names in place of Prefect's."""
    if isinstance(value, dict):
        return {_renamed(key): _filled(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item) for item in value]
    return _renamed(_PLACE.sub(_value_of, value)) if isinstance(value, str) else value


def _renamed(name: Any) -> Any:
    return re.sub(r"^prefect(?=\.|$)", "headrace", name) if isinstance(name, str) else name


def _value_of(place: re.Match[str]) -> str:
    name = place[1] or place[2]
    prefix, suffix = split_prefix(name)
    path = path_of_suffix(suffix) if prefix else None
    if path is not None:
        return str(attrgetter(path)(get_current_settings()))
    return os.environ.get(name, place[0])
