"""How large the parameters of a run may be."""

from __future__ import annotations

from typing import Any

from headrace.api.errors import InvalidRequest
from headrace.api.problems import Problem
from headrace.schema.base import encode
from headrace.settings import Settings

__all__ = ["check_size"]


def check_size(parameters: dict[str, Any], settings: Settings) -> None:
    """Refuse parameters that are larger than `server.api.max_parameter_size`.

    Raises:
        InvalidRequest: They are.
    """
    most, size = settings.server.api.max_parameter_size, len(encode(parameters))
    if size > most:
        text = (
            f"The flow run's parameters take {size:,} bytes as JSON, and may take {most:,}: pass large data by reference, "
            "or raise HEADRACE_SERVER_API_MAX_PARAMETER_SIZE."
        )
        raise InvalidRequest([Problem("too_large", ["body", "parameters"], text)])
