"""The page of a task run: its state and why, its inputs, what it logged."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from playwright.sync_api import Page, expect


def heading(page: Page):
    """The heading: the run's name and state."""
    return page.get_by_role("heading", level=1)


def why(page: Page):
    """What it failed of, or waits for."""
    return page.locator(".why")


def test_a_task_run_says_what_became_of_it_and_where_it_belongs(page, demo_site):
    page.goto(demo_site.task_run_path("sales-of-day-4", "total"))
    expect(heading(page)).to_have_text(re.compile("total.*Completed"))
    expect(page).to_have_title(re.compile(r"^total\S* · Completed · Headrace$"))
    for fact in ("Started", "Ended", "Ran", "Waited", "Attempts", "Id"):
        expect(page.locator(".facts dt").get_by_text(fact, exact=True)).to_be_visible()
    page.locator(".crumbs").get_by_role("link", name="sales-of-day-4").click()
    expect(heading(page)).to_contain_text("sales-of-day-4")


def test_a_failed_task_run_shows_its_error_at_first_sight(page, demo_site):
    (failed,) = demo_site.api.task_runs(
        flow_runs={"name": {"any_": ["import-orders-once"]}},
        task_runs={"state": {"type": {"any_": ["FAILED"]}}},
    )
    page.goto(f"/runs/task-run/{failed['id']}")
    expect(why(page).get_by_text("order 4713: the amount is 'two'").first).to_be_in_viewport()
    expect(page.get_by_label("Traceback", exact=True)).to_be_in_viewport()
    expect(page.get_by_label("Traceback", exact=True)).to_contain_text("in parse_order")


def test_attempts_are_counted_and_told(page, demo_site):
    page.goto(demo_site.task_run_path("exchange-rates-once", "fetch_rates"))
    expect(page.locator(".facts")).to_contain_text(re.compile(r"Attempts\s*3 of 4 at most"))
    page.get_by_role("tab", name="History").click()
    expect(page.locator(".history > li").filter(has_text="AwaitingRetry")).to_have_count(2)
    expect(page.locator(".history > li").filter(has_text="Retrying")).to_have_count(2)


def test_inputs_lead_to_the_runs_that_they_came_from(page, demo_site):
    page.goto(demo_site.task_run_path("sales-of-day-4", "write_report"))
    page.get_by_role("tab", name="Inputs").click()
    inputs = page.get_by_role("tabpanel")
    expect(inputs.locator(".line").filter(has_text="day")).to_contain_text("a value of the call")
    amount = inputs.locator(".line").filter(has_text="amount")
    expect(amount).to_contain_text("Completed")
    amount.get_by_role("link", name=re.compile("^total")).click()
    expect(heading(page)).to_contain_text("total")
    page.get_by_role("tab", name="Inputs").click()
    expect(page.get_by_role("tabpanel").get_by_role("link", name=re.compile("^clean"))).to_have_count(12)


def test_its_log_is_its_own(page, demo_site):
    page.goto(demo_site.task_run_path("import-orders-once", "read_orders"))
    expect(page.locator(".log").first).to_contain_text("Reading orders.csv")
    expect(page.get_by_role("log")).not_to_contain_text("Beginning flow run")


def test_a_task_run_that_stands_for_a_subflow_leads_to_it(page, demo_site):
    page.goto(demo_site.task_run_path("month-end-march", "close-account"))
    page.get_by_role("button", name="Subflow run").click()
    expect(page.locator(".crumbs").get_by_role("link", name="month-end-march")).to_be_visible()


def test_all_of_it_is_there_as_json(page, demo_site):
    page.goto(demo_site.task_run_path("sales-of-day-4", "total"))
    page.get_by_role("tab", name="JSON").click()
    expect(page.locator(".json").first).to_contain_text("task_key")


def test_it_follows_what_happens(page, records):
    run = records.flow_run("tasks", "with-a-task", "PENDING", "RUNNING")
    task = records.task_run(run, "slow", datetime.now(UTC), 0.25, "FAILED", message="It was too slow.")
    running, failed = task["steps"]
    records.tell([{**task, "steps": [running]}])
    page.goto(f"/runs/task-run/{task['id']}")
    expect(heading(page)).to_contain_text("Running")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    records.log(run, "on the way", task_run_id=task["id"])
    expect(page.locator(".log")).to_have_text([re.compile("on the way")])
    expect(page.get_by_text("1 line", exact=True)).to_be_visible()
    records.tell([{**task, "steps": [running, failed]}])
    expect(heading(page)).to_contain_text("Failed")
    expect(why(page)).to_contain_text("It was too slow.")
    expect(page).to_have_title("slow · Failed · Headrace")


def test_a_task_run_that_is_deleted_elsewhere_is_said_not_to_be_there(page, page_problems, records):
    page_problems.expect("404")
    run = records.flow_run("tasks", "with-a-deleted-task", "PENDING", "RUNNING")
    (task,) = records.tell([records.task_run(run, "gone", datetime.now(UTC), 1)])
    page.goto(f"/runs/task-run/{task}")
    expect(heading(page)).to_contain_text("gone")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    records.api.http.delete(f"/task_runs/{task}").raise_for_status()
    expect(page.get_by_text("This task run is not there.")).to_be_visible()
