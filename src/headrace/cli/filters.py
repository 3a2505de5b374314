"""Options by which lists of runs are filtered."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter, validators

from headrace.core.states import NAMED_STATES, StateType

__all__ = ["Limit", "StateNames", "StateTypes", "state_names"]

Limit = Annotated[int, Parameter(validator=validators.Number(gte=1))]
StateNames = Annotated[list[str] | None, Parameter(negative=())]
StateTypes = Annotated[list[StateType] | None, Parameter(negative=())]

_SPELLINGS = {name.lower(): name for name in NAMED_STATES}


def state_names(given: list[str] | None) -> list[str] | None:
    """State names in the spelling that runs have, whatever the case they were given in."""
    return None if given is None else [_SPELLINGS.get(name.lower(), name) for name in given]
