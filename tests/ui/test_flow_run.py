"""The page of a flow run: its state and why, what it was given, its task runs, and what becomes of it while one looks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from .menus import tick
from .records import state
from .rows import expect_names, names_of, row_of, rows


def heading(page: Page):
    """The heading: the run's name and state."""
    return page.get_by_role("heading", level=1)


def fact(page: Page, name: str):
    """One of the facts about the run."""
    return (
        page.locator(".facts > div")
        .filter(has=page.locator("dt", has_text=re.compile(f"^{name}$")))
        .locator("dd")
    )


def why(page: Page):
    """What it failed of, or waits for."""
    return page.locator(".why")


def later(**span: float) -> str:
    """A time to come."""
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


# --- what it says at first sight -----------------------------------------------------------------------------------


def test_a_run_says_what_became_of_it(page, demo_site):
    page.goto(demo_site.run_path("sales-of-day-4"))
    expect(heading(page)).to_have_text(re.compile("sales-of-day-4.*Completed"))
    expect(page).to_have_title("sales-of-day-4 · Completed · Headrace")
    expect(page.locator(".crumbs").get_by_role("link", name="daily-sales")).to_be_visible()
    expect(fact(page, "Took")).to_have_text(re.compile(r"^[\d.]+ m?s$"))
    expect(fact(page, "Started").locator("time")).to_have_attribute("title", re.compile("UTC$"))
    expect(fact(page, "Tags").get_by_role("link")).to_have_text(["nightly", "sales"])
    expect(why(page)).to_have_count(0)


def test_a_failed_run_shows_its_error_and_where_it_came_from_at_first_sight(page, demo_site):
    page.goto(demo_site.run_path("import-orders-once"))
    message = why(page).get_by_text("the amount is 'two', expected a whole number").first
    expect(message).to_be_in_viewport()
    traceback = page.get_by_label("Traceback", exact=True)
    expect(traceback).to_be_in_viewport()
    expect(traceback).to_contain_text("in parse_order")
    expect(traceback).to_contain_text("ValueError: invalid literal for int()")


def test_a_traceback_is_copied(page, demo_site):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(demo_site.run_path("import-orders-once"))
    page.get_by_role("button", name="Copy the traceback").click()
    expect(page.get_by_role("button", name="Copy the traceback")).to_contain_text("Copied")
    assert "Traceback (most recent call last)" in page.evaluate("navigator.clipboard.readText()")


def test_an_id_is_copied_whole(page, demo_site):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    path = demo_site.run_path("sales-of-day-4")
    page.goto(path)
    fact(page, "Id").get_by_role("button").click()
    expect(fact(page, "Id")).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == path.rpartition("/")[2]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wait-for-delivery-once", "The run exceeded its timeout of 0.3 second(s)."),
        ("compact-archive-once", "Execution was aborted by Python system exit call."),
        ("rebuild-index-once", "Another rebuild is under way."),
    ],
)
def test_what_ended_otherwise_says_why(page, demo_site, name, words):
    page.goto(demo_site.run_path(name))
    expect(why(page)).to_contain_text(words)


WAITING = {
    "scheduled": (
        ["SCHEDULED"],
        {"scheduled_time": 2},
        {},
        r"Starts in (2h|1h 59m)",
    ),
    "late": (
        ["SCHEDULED"],
        {"scheduled_time": -2},
        {},
        "Should have started 2 h ago; nobody has taken it yet",
    ),
    "awaiting-retry": (
        ["PENDING", "RUNNING", "SCHEDULED"],
        {"scheduled_time": 1},
        {"name": "AwaitingRetry"},
        "Runs again in",
    ),
    "pending": (["PENDING"], {}, {"message": "No slot is free."}, "about to start.*No slot is free."),
    "paused": (
        ["PENDING", "RUNNING", "PAUSED"],
        {"pause_timeout": 1},
        {},
        "Paused until somebody resumes it, or until",
    ),
    "cancelling": (
        ["PENDING", "RUNNING", "CANCELLING"],
        {},
        {},
        "It was asked to stop, and has not ended yet.",
    ),
}
"""The states that lead to waiting, details (hours from now) and more of the last of them, and what is said of it."""


@pytest.mark.parametrize("name", WAITING)
def test_a_run_says_what_it_waits_for(page, records, name):
    (*before, last), hours, more, words = WAITING[name]
    details = {key: later(hours=many) for key, many in hours.items()}
    run = records.flow_run("waiting", f"waits-{name}", *before, state(last, state_details=details, **more))
    page.goto(f"/runs/flow-run/{run}")
    expect(why(page)).to_contain_text(re.compile(words))


def test_a_paused_run_is_resumed(page, records):
    paused = state("PAUSED", state_details={"pause_timeout": later(hours=1)})
    run = records.flow_run("waiting", "resumed", "PENDING", "RUNNING", paused)
    page.goto(f"/runs/flow-run/{run}")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("resumed goes on.")).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    assert records.api.get(f"/flow_runs/{run}")["state_type"] in ("RUNNING", "SCHEDULED")


# --- live ----------------------------------------------------------------------------------------------------------


def test_its_state_and_its_task_runs_follow_what_happens(page, records):
    run = records.flow_run("followed", "followed", "PENDING")
    page.goto(f"/runs/flow-run/{run}")
    expect(page.get_by_text("No task has been called yet.")).to_be_visible()
    records.enter(run, "RUNNING")
    expect(heading(page)).to_contain_text("Running")
    began = datetime.now(UTC)
    records.tell([records.task_run(run, "load", began, name="load-1")])
    expect(page.get_by_role("tab", name="Task runs")).to_have_text("Task runs 1")
    expect(page.locator("canvas")).to_have_attribute("aria-label", re.compile("^Timeline of 1 task run;"))
    page.get_by_role("tab", name="Task runs").click()
    expect(row_of(page, "load-1", "Task runs")).to_contain_text("Running")
    records.tell([records.task_run(run, "store", began, 0.5, "FAILED", name="store-1")])
    expect(row_of(page, "store-1", "Task runs")).to_contain_text("Failed")
    records.enter(run, state("FAILED", message="Nothing could be stored."))
    expect(heading(page)).to_contain_text("Failed")
    expect(why(page)).to_contain_text("Nothing could be stored.")
    expect(page).to_have_title("followed · Failed · Headrace")


def test_a_running_run_counts_up(page, demo_site):
    page.goto(demo_site.run_path("copy-under-way"))
    before = fact(page, "Took").inner_text()
    expect(fact(page, "Took")).not_to_have_text(before)


def test_a_run_that_is_deleted_elsewhere_is_said_not_to_be_there(page, page_problems, records):
    page_problems.expect("404")
    run = records.flow_run("followed", "deleted-elsewhere", "COMPLETED")
    page.goto(f"/runs/flow-run/{run}")
    expect(heading(page)).to_contain_text("deleted-elsewhere")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    records.api.http.delete(f"/flow_runs/{run}").raise_for_status()
    expect(page.get_by_text("This flow run is not there.")).to_be_visible()


# --- its parts -----------------------------------------------------------------------------------------------------

PARTS = ["Timeline", "Graph", "Task runs", "Logs", "Parameters", "History"]


def test_its_parts_are_kept_in_the_address_and_reached_with_arrow_keys(page, demo_site):
    page.goto(demo_site.run_path("sales-of-day-4"))
    page.get_by_role("tab", name="Timeline").focus()
    for name in [*PARTS[1:], PARTS[0]]:
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name=name)).to_be_focused()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(r"\?tab=history$"))
    page.reload()
    expect(page.get_by_role("tabpanel", name="History")).to_be_visible()


def test_a_run_without_task_runs_says_so_everywhere(page, demo_site):
    path = demo_site.run_path("check-stock-once")
    page.goto(path)
    expect(page.get_by_text("This run called no tasks.")).to_be_visible()
    page.goto(f"{path}?tab=graph")
    expect(page.get_by_text("There are no task runs to draw.")).to_be_visible()
    page.goto(f"{path}?tab=tasks")
    expect(
        page.get_by_text("No task run meets these filters.").or_(page.get_by_text("no tasks"))
    ).to_be_visible()
    page.goto(f"{path}?tab=parameters")
    expect(page.get_by_text("This run was given no parameters.")).to_be_visible()


def test_the_graph_shows_what_takes_whose_results(page, demo_site):
    page.goto(f"{demo_site.run_path('import-orders-once')}?tab=graph")
    nodes = page.locator(".node")
    expect(nodes).to_have_count(5)
    expect(page.locator(".graph path")).to_have_count(6)
    places = {
        node.inner_text().split("\n")[0].split("-")[0]: node.bounding_box()["x"] for node in nodes.all()
    }
    assert places["read_orders"] < places["parse_order"] < places["book"]
    page.get_by_role("link", name="read_orders").click()
    expect(heading(page)).to_have_text(re.compile("read_orders.*Completed"))


def test_many_runs_of_a_task_are_one_node_which_leads_to_them(page, demo_site):
    page.goto(f"{demo_site.run_path('sales-of-day-4')}?tab=graph")
    expect(page.locator(".node")).to_have_count(5)
    node = page.locator(".node", has_text="read_shop")
    expect(node).to_contain_text("12 Completed")
    node.click()
    expect(names_of(rows(page, "Task runs"))).to_have_text([re.compile("^read_shop")] * 12)
    page.goto(f"{demo_site.run_path('sales-of-day-4')}?tab=graph")
    page.get_by_role("button", name="One node a task").click()
    expect(page.locator(".node")).to_have_count(27)


def test_a_node_shows_what_it_touches_when_it_is_pointed_at(page, demo_site):
    page.goto(f"{demo_site.run_path('import-orders-once')}?tab=graph")
    near = page.locator(".graph path.near")
    expect(near).to_have_count(0)
    page.locator(".node", has_text="book").hover()
    expect(near).to_have_count(3)
    page.mouse.move(5, 5)
    expect(near).to_have_count(0)
    page.locator(".node", has_text="read_orders").focus()
    expect(near).to_have_count(3)


def test_task_runs_are_filtered_and_sorted_in_a_table(page, demo_site):
    page.goto(f"{demo_site.run_path('import-orders-once')}?tab=tasks")
    expect(rows(page, "Task runs")).to_have_count(5)
    tick(page, "State", "Failed")
    expect(names_of(rows(page, "Task runs"))).to_have_text([re.compile("^parse_order")])
    page.reload()
    expect(rows(page, "Task runs")).to_have_count(1)
    page.goto(f"{demo_site.run_path('import-orders-once')}?tab=tasks")
    page.get_by_role("searchbox").fill("parse")
    expect(rows(page, "Task runs")).to_have_count(3)
    page.get_by_role("searchbox").fill("")
    page.get_by_role("combobox").select_option("By name")
    expect(names_of(rows(page, "Task runs"))).to_have_text(
        [re.compile(name) for name in ("book", "parse_order", "parse_order", "parse_order", "read_orders")]
    )
    page.get_by_role("combobox").select_option("Last started first")
    expect(names_of(rows(page, "Task runs")).first).to_have_text(re.compile("parse_order|book"))
    row_of(page, "read_orders-0", "Task runs").or_(
        rows(page, "Task runs").filter(has_text="read_orders")
    ).get_by_role("link").first.click()
    expect(heading(page)).to_contain_text("read_orders")


def test_parameters_unfold_as_a_tree(page, records):
    parameters = {"day": "2026-03-04", "shops": {"north": {"names": ["Aalborg", "Horsens"]}}, "dry": False}
    run = records.flow_run("given", "given", "PENDING", parameters=parameters)
    page.goto(f"/runs/flow-run/{run}?tab=parameters")
    tree = page.locator(".json").first
    expect(tree).to_contain_text("2026-03-04")
    expect(tree).to_contain_text("false")
    expect(tree.get_by_text("Horsens", exact=True)).to_have_count(0)
    tree.locator("summary", has_text="names").click()
    tree.locator("summary", has_text="Aalborg").click()
    expect(tree.get_by_text("Horsens", exact=True)).to_be_visible()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tree.get_by_role("button", name="Copy all of it as JSON").click()
    expect(tree).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText().then(JSON.parse)") == parameters


def test_its_history_is_what_was_recorded(page, records):
    run = records.flow_run(
        "recorded", "recorded", "PENDING", "RUNNING", state("FAILED", message="It is too late.")
    )
    page.goto(f"/runs/flow-run/{run}?tab=history")
    steps = page.locator(".history > li")
    expect(steps).to_have_text(
        [re.compile(words) for words in ("^Pending.*for", "^Running.*for", "^Failed.*It is too late.")]
    )
    steps.last.get_by_role("button", name="Event").click()
    expect(steps.last.locator(".json")).to_contain_text("prefect.flow-run.Failed")
    page.get_by_role("link", name="All events about this run").click()
    expect(page.locator(".event")).to_have_count(3)


def test_subflows_are_listed_and_lead_back(page, demo_site):
    page.goto(demo_site.run_path("month-end-march"))
    page.get_by_role("tab", name="Subflows").click()
    expect(page.get_by_role("tab", name="Subflows")).to_have_text("Subflows 3")
    expect(rows(page, "Subflow runs")).to_have_count(3)
    rows(page, "Subflow runs").first.get_by_role("link").first.click()
    expect(page.locator(".crumbs")).to_contain_text("close-account")
    page.locator(".crumbs").get_by_role("link", name="month-end-march").click()
    expect(heading(page)).to_contain_text("month-end-march")
    expect_names(page, [], "Subflow runs")
