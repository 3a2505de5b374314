"""Settings: frozen values with dotted names, read from environment, files and profiles.

    >>> from headrace.settings import get_current_settings
    >>> get_current_settings().logging.level
    'INFO'

Every setting is also an attribute of this module by the name of its variable: `HEADRACE_API_URL`, or
`PREFECT_API_URL` where scripts have that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headrace.lazy import lazy_names

if TYPE_CHECKING:
    from headrace.settings.current import get_current_settings, temporary_settings, use_settings
    from headrace.settings.profiles import Profile, ProfilesCollection
    from headrace.settings.root import Given, Settings, Source
    from headrace.settings.secret import Secret
    from headrace.settings.setting import Setting

__all__ = [
    "Given",
    "Profile",
    "ProfilesCollection",
    "Secret",
    "Setting",
    "Settings",
    "Source",
    "get_current_settings",
    "temporary_settings",
    "use_settings",
]

_find, __dir__ = lazy_names(
    __name__,
    {
        "Given": "headrace.settings.root",
        "Profile": "headrace.settings.profiles",
        "ProfilesCollection": "headrace.settings.profiles",
        "Secret": "headrace.settings.secret",
        "Setting": "headrace.settings.setting",
        "Settings": "headrace.settings.root",
        "Source": "headrace.settings.root",
        "get_current_settings": "headrace.settings.current",
        "temporary_settings": "headrace.settings.current",
        "use_settings": "headrace.settings.current",
    },
)


def __getattr__(name: str) -> Any:
    if name.startswith(("HEADRACE_", "PREFECT_")):
        from headrace.settings.setting import find_setting

        if (setting := find_setting(name)) is not None:
            globals()[name] = setting
            return setting
    return _find(name)
