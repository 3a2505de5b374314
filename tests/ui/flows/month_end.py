"""A flow that calls flows, and tells of what it does by events."""

from __future__ import annotations

from time import sleep

from headrace import flow, task
from headrace.events import emit_event


@task
def read_ledger(account: str) -> int:
    """The balance of an account."""
    sleep(0.05)
    return sum(map(ord, account))


@flow(name="close-account")
def close_account(account: str) -> int:
    """Closes one account."""
    balance = read_ledger(account)
    emit_event("account.closed", {"prefect.resource.id": f"account.{account}"}, payload={"balance": balance})
    return balance


@task
def publish(balances: list[int]) -> int:
    """Tells everybody."""
    sleep(0.08)
    return sum(balances)


@flow(name="month-end")
def month_end(month: str) -> int:
    """Closes the accounts, one after the other."""
    balances = [close_account(account) for account in ("rent", "wages", "travel")]
    made = publish(balances)
    emit_event("month.closed", {"prefect.resource.id": f"month.{month}", "prefect.resource.name": month})
    return made


if __name__ == "__main__":
    month_end.with_options(flow_run_name="month-end-march")("2026-03")
