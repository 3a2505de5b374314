"""Flows that do not go well: an error with its cause, retries, a timeout, a crash, and states that flows choose."""

from __future__ import annotations

from time import sleep

from headrace import flow, get_run_logger, task
from headrace.states import Cancelled, Completed, State

calls = 0


@task
def read_orders(path: str) -> list[str]:
    """The lines of a file of orders."""
    get_run_logger().info("Reading %s", path)
    return ["4711;2", "4712;1", "4713;two"]


@task
def parse_order(line: str) -> tuple[int, int]:
    """An order's number and amount."""
    number, amount = line.split(";")
    try:
        return int(number), int(amount)
    except ValueError as error:
        raise ValueError(f"order {number}: the amount is {amount!r}, expected a whole number") from error


@task
def book(orders: list[tuple[int, int]]) -> int:
    """Book orders."""
    return len(orders)


@flow(name="import-orders")
def import_orders(path: str = "orders.csv") -> int:
    """Fails in one of its tasks; the one after it never runs."""
    orders = parse_order.map(read_orders(path))
    book.submit(orders)
    return sum(amount for _, amount in orders.result())


@task(retries=3, retry_delay_seconds=0.1)
def fetch_rates(currency: str) -> float:
    """Fails twice."""
    global calls
    calls += 1
    sleep(0.03)
    if calls < 3:
        raise ConnectionError(f"the rates of {currency} cannot be had: the service answers 503")
    return 7.46


@flow(name="exchange-rates", retries=1, retry_delay_seconds=0)
def exchange_rates() -> float:
    """Comes through at the third call."""
    return fetch_rates("DKK")


@task(timeout_seconds=0.3)
def wait_for_file() -> None:
    """Waits longer than it may."""
    for _ in range(200):
        sleep(0.05)


@flow(name="wait-for-delivery")
def wait_for_delivery() -> None:
    """Fails by a timeout."""
    wait_for_file()


@flow(name="rebuild-index")
def rebuild_index() -> State[None]:
    """Says that it is cancelled."""
    sleep(0.05)
    return Cancelled(message="Another rebuild is under way.")


@flow(name="check-stock")
def check_stock() -> State[None]:
    """Ends in a state with a name of its own."""
    return Completed(name="Nothing to do", message="No shop has changed its stock.")


@flow(name="compact-archive")
def compact_archive() -> None:
    """Crashes."""
    get_run_logger().info("Compacting")
    raise SystemExit(3)


if __name__ == "__main__":
    for each in (import_orders, exchange_rates, wait_for_delivery, rebuild_index, check_stock):
        each.with_options(flow_run_name=f"{each.name}-once")(return_state=True)
    try:
        compact_archive.with_options(flow_run_name="compact-archive-once")()
    except SystemExit:
        pass
