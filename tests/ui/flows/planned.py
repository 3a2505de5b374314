"""Runs that are yet to start, and one that should have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headrace import flow, get_client
from headrace.states import Scheduled


@flow(name="daily-sales")
def daily_sales(day: str) -> None:
    """Stands for the flow of that name."""


if __name__ == "__main__":
    now = datetime.now(UTC)
    with get_client(sync_client=True) as client:
        for name, after in [
            ("late", -timedelta(minutes=20)),
            ("soon", timedelta(hours=5)),
            ("next", timedelta(days=1)),
        ]:
            client.create_flow_run(
                daily_sales,
                name=f"sales-{name}",
                parameters={"day": "2026-03-31"},
                state=Scheduled(scheduled_time=now + after),
            )
