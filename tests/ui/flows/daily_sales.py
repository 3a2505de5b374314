"""A pipeline that goes well: mapped tasks, dependencies, parameters, and log lines of every level. Run four times."""

from __future__ import annotations

import sys
from time import sleep

from headrace import flow, get_run_logger, tags, task

SHOPS = [
    "Aalborg",
    "Brno",
    "Cork",
    "Dresden",
    "Evora",
    "Faenza",
    "Ghent",
    "Horsens",
    "Izmir",
    "Jerez",
    "Kaunas",
    "Lund",
]


@task(tags=["extract"])
def read_shop(shop: str, day: str) -> dict[str, int]:
    """One shop's sales of a day."""
    get_run_logger().debug("Reading %s of %s", shop, day)
    sleep(0.02 + len(shop) * 0.01)
    return {shop: len(shop) * 1_000}


@task
def clean(sales: dict[str, int]) -> dict[str, int]:
    """Sales without those that were taken back."""
    sleep(0.03)
    if "Evora" in sales:
        get_run_logger().warning("Evora has 3 receipts without a date; they count for the day of the file.")
    return {shop: amount - 12 for shop, amount in sales.items()}


@task
def total(parts: list[dict[str, int]]) -> int:
    """The sum of all."""
    sleep(0.05)
    return sum(amount for part in parts for amount in part.values())


@task(tags=["report"])
def write_report(day: str, amount: int) -> str:
    """The report as text."""
    logger = get_run_logger()
    logger.info("Sales of %s: %s", day, f"{amount:,}")
    if amount < 100_000:
        logger.error("Sales are below 100,000: is a shop missing?")
        logger.critical("Nobody has been told: the mail server does not answer.")
    sleep(0.04)
    return f"# Sales of {day}\n\n{amount:,}"


@task(tags=["report"])
def archive(parts: list[dict[str, int]]) -> int:
    """Keep the parts; nothing waits for that."""
    sleep(0.1)
    return len(parts)


@flow(name="daily-sales", log_prints=True)
def daily_sales(day: str, shops: list[str] = SHOPS, currency: str = "EUR") -> str:
    """The sales of all shops on one day."""
    print(f"{len(shops)} shops, in {currency}")
    sales = read_shop.map(shops, day)
    cleaned = clean.map(sales)
    archive.submit(cleaned)
    return write_report(day, total(cleaned))


if __name__ == "__main__":
    for number in range(int(sys.argv[1]) if sys.argv[1:] else 4):
        with tags("nightly", "sales"):
            daily_sales.with_options(flow_run_name=f"sales-of-day-{number + 1}")(f"2026-03-{number + 1:02}")
