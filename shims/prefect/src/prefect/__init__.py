"""The import name `prefect`, an alias of `headrace`; see `headrace_prefect`."""

from __future__ import annotations

from headrace_prefect.finder import TYPE_CHECKING, stand_first

stand_first()

if TYPE_CHECKING:
    from headrace import *  # noqa: F403
else:
    from headrace_prefect.alias import install

    install()
