"""Loading: merge the layers, check what was given, and fill in the defaults that depend on other settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from headrace.settings.group import HOME, Group
from headrace.settings.profiles import chosen_profile, profile_layer
from headrace.settings.root import Given, Settings
from headrace.settings.secret import Secret
from headrace.settings.sources import Layer, dotenv_layer, toml_layers, variables_layer

__all__ = ["assemble", "find_profiles_path", "layer_above_profiles", "load_settings"]

_HOME_SPELLINGS = ("${HEADRACE_HOME}", "${PREFECT_HOME}", HOME, "$PREFECT_HOME")
_FROM_HOME = (
    "profiles_path",
    "results.local_storage_path",
    "logging.config_path",
    "server.database.connection_url",
)
"""Settings whose default is below the home folder."""
_PROFILES_PATH_FROM = ("home", "profiles_path")
"""Settings that say where the profiles are, and so cannot come from a profile."""


def load_settings(
    environment: Mapping[str, str] | None = None, folder: Path | None = None, profile: str | None = None
) -> Settings:
    """Read all sources and return the settings they make.

    Args:
        environment: The environment; the process's own when left out.
        folder: Where configuration files are looked for; the working folder when left out.
        profile: The profile to use in place of the active one.

    Raises:
        ConfigurationError: A file or a value cannot be used.
        MissingProfileError: There is no such profile.
    """
    environment = os.environ if environment is None else environment
    given = coerce_layer(layer_above_profiles(environment, folder))
    name, layer = profile_layer(_profiles_path(given), profile or chosen_profile(environment))
    return assemble(
        {**coerce_layer({path: raw for path, raw in layer.items() if path not in given}), **given}, name
    )


def layer_above_profiles(environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Layer:
    """What wins over any profile, as it is given: environment, `.env` and TOML files.

    Raises:
        ConfigurationError: A file cannot be used.
    """
    environment = os.environ if environment is None else environment
    folder = Path() if folder is None else folder
    merged: Layer = {}
    for layer in (variables_layer(environment), dotenv_layer(folder), *toml_layers(folder)):
        merged = {**layer, **merged}
    return merged


def find_profiles_path(environment: Mapping[str, str] | None = None, folder: Path | None = None) -> Path:
    """The file of profiles, also when other settings, or those in the file, cannot be used.

    Raises:
        ConfigurationError: A file, or a value that the path depends on, cannot be used.
    """
    layer = layer_above_profiles(environment, folder)
    return _profiles_path(coerce_layer({path: layer[path] for path in _PROFILES_PATH_FROM if path in layer}))


def _profiles_path(given: Layer) -> Path:
    return assemble({path: given[path] for path in _PROFILES_PATH_FROM if path in given}).profiles_path


def coerce_layer(layer: Layer) -> Layer:
    """The layer with typed values.

    Raises:
        ConfigurationError: A value cannot be used.
    """
    if not layer:
        return {}
    from headrace.settings.coercion import coerce

    return {path: Given(coerce(path, raw.value, raw.source), raw.source) for path, raw in layer.items()}


def assemble(given: Layer, profile: str = "default") -> Settings:
    """The settings that typed values and defaults make.

    Args:
        given: Typed values by dotted name.
        profile: The name of the active profile.
    """
    defaults = Settings()
    home = _absolute(given["home"].value if "home" in given else defaults.home)
    values = {path: defaults.get(path) for path in _FROM_HOME}
    values |= {path: value.value for path, value in given.items()}
    values = {path: _below_home(value, home) for path, value in values.items()}
    values["home"] = home
    _derive(values, given)
    settings: Settings = _replaced(defaults, _nested(values))
    settings.__dict__.update(given=dict(given), profile=profile)
    return settings


def _derive(values: dict[str, Any], given: Layer) -> None:
    """Fill in the defaults that follow from other settings."""
    if values.get("debug_mode"):
        values.setdefault("logging.level", "DEBUG")
        values.setdefault("internal.logging_level", "DEBUG")
    api_url = values.get("api.url")
    if api_url:
        values["api.url"] = api_url = api_url.rstrip("/")
        values.setdefault("ui_url", api_url.removesuffix("/api"))
    if "server.database.connection_url" not in given and values.get("server.database.driver"):
        values["server.database.connection_url"] = _url_of_parts(values)


def _url_of_parts(values: Mapping[str, Any]) -> Secret:
    from urllib.parse import quote

    def part(name: str) -> Any:
        return values.get(f"server.database.{name}")

    driver = part("driver")
    if driver.startswith("sqlite"):
        return Secret(f"{driver}:///{part('name') or values['home'] / 'headrace.db'}")
    password = f":{quote(part('password').get_secret_value(), safe='')}" if part("password") else ""
    login = f"{quote(part('user'), safe='')}{password}@" if part("user") else ""
    port = f":{part('port')}" if part("port") else ""
    return Secret(f"{driver}://{login}{part('host') or 'localhost'}{port}/{part('name') or ''}")


def _absolute(path: Path) -> Path:
    return path.expanduser().absolute()


def _below_home(value: Any, home: Path) -> Any:
    """The value with the home folder in place of `$HEADRACE_HOME`, and `~` expanded in paths."""
    if isinstance(value, Path):
        return Path(_with_home(str(value), home)).expanduser()
    if isinstance(value, Secret):
        return Secret(_with_home(value.get_secret_value(), home))
    return value


def _with_home(text: str, home: Path) -> str:
    for spelling in _HOME_SPELLINGS:
        text = text.replace(spelling, str(home))
    return text


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *groups, name = path.split(".")
        node = tree
        for group in groups:
            node = node.setdefault(group, {})
        node[name] = value
    return tree


def _replaced(group: Any, tree: Mapping[str, Any]) -> Any:
    changes = {
        name: _replaced(getattr(group, name), value) if isinstance(getattr(group, name), Group) else value
        for name, value in tree.items()
    }
    return structs.replace(group, **changes)
