"""The versions that the two ends of the wire tell each other."""

from __future__ import annotations

__all__ = ["API_VERSION", "PREFECT_VERSION"]

API_VERSION = "0.8.4"
"""The version of the REST API that Headrace speaks, as client and as server."""

PREFECT_VERSION = "3.8.8"
"""The version of Prefect whose clients and servers speak it. Both ends refuse another major version."""
