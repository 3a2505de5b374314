"""Two weeks of runs before today, told to the server over REST with the times at which they would have been."""

from __future__ import annotations

import os
import random
from datetime import UTC, datetime, timedelta

import httpx

FLOWS = {
    "daily-sales": (24, 900, 0.04),
    "import-orders": (3, 60, 0.15),
    "exchange-rates": (6, 20, 0.08),
    "month-end": (48, 2_400, 0.0),
}
"""Hours between runs, seconds that one takes, and how many of them fail."""

DAYS = 14


def main() -> None:
    """Tell the runs, the same each time but for the day on which they end."""
    chance = random.Random(4)
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    with httpx.Client(base_url=os.environ["HEADRACE_API_URL"], timeout=60) as api:
        for name, (hours, seconds, failing) in FLOWS.items():
            flow_id = api.post("/flows/", json={"name": name}).raise_for_status().json()["id"]
            for number in range(1, DAYS * 24 // hours):
                started = end - timedelta(hours=number * hours, seconds=chance.randrange(600))
                taken = timedelta(seconds=seconds * chance.uniform(0.7, 1.6))
                kind = "FAILED" if chance.random() < failing else "COMPLETED"
                tell(api, flow_id, f"{name}-{number}", started, taken, kind)


def tell(api: httpx.Client, flow_id: str, name: str, started: datetime, taken: timedelta, kind: str) -> None:
    """Tell one run."""
    states = [("PENDING", started), ("RUNNING", started + timedelta(seconds=1)), (kind, started + taken)]
    body = {"flow_id": flow_id, "name": name, "tags": ["nightly"], "state": state(*states[0])}
    run_id = api.post("/flow_runs/", json=body).raise_for_status().json()["id"]
    for each in states[1:]:
        api.post(f"/flow_runs/{run_id}/set_state", json={"state": state(*each)}).raise_for_status()


def state(kind: str, entered: datetime) -> dict[str, str | None]:
    """A state as the API takes it."""
    message = "ConnectionError: the service answers 503" if kind == "FAILED" else None
    return {"type": kind, "timestamp": entered.isoformat(), "message": message}


if __name__ == "__main__":
    main()
