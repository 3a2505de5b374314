"""Flows: how the last runs of each went, and of one the grid of its runs and tasks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from .records import state
from .rows import expect_names, names_of, row_of, rows

NOW = datetime.now(UTC)


def heading(page: Page):
    """The heading."""
    return page.get_by_role("heading", level=1)


def grid(page: Page):
    """The grid of the last runs and their tasks."""
    return page.get_by_role("group", name="Grid of runs and tasks")


@pytest.fixture
def pipeline(records, request):
    """The name of a flow that has run three times: its task `load` once, its task `part` twice, each time."""
    name = request.node.name
    for number, kind in enumerate(("COMPLETED", "FAILED", "COMPLETED")):
        began = NOW - timedelta(hours=3 - number)
        run = records.flow_run(
            name,
            f"{name}-{number}",
            state("SCHEDULED", began, state_details={"scheduled_time": began.isoformat()}),
            state("PENDING", began),
            state("RUNNING", began),
        )
        records.tell(
            [
                records.task_run(run, "load", began, 10),
                records.task_run(run, "part", began + timedelta(seconds=10), 20, kind),
                records.task_run(run, "part", began + timedelta(seconds=10), 20),
            ]
        )
        records.enter(run, state(kind, began + timedelta(seconds=30 * (number + 1))))
    return name


def flow_path(records, name: str) -> str:
    """Where the page of a flow is."""
    return f"/flows/flow/{records.flow(name)}"


# --- all flows -----------------------------------------------------------------------------------------------------


def test_each_flow_shows_how_its_last_runs_went(page, records, pipeline):
    page.goto(f"/flows?text={pipeline}")
    row = row_of(page, pipeline, "Flows")
    runs = row.locator(".last-runs").get_by_role("link")
    expect(runs).to_have_count(3)
    labels = [run.get_attribute("aria-label") for run in runs.all()]
    assert labels == [
        f"{pipeline}-{number}, {kind}" for number, kind in enumerate(("Completed", "Failed", "Completed"))
    ]
    expect(row).to_contain_text("67 %")
    expect(row).to_contain_text("1 h ago")
    heights = [run.bounding_box()["height"] for run in runs.all()]
    assert heights == sorted(heights)
    runs.nth(1).click()
    expect(heading(page)).to_contain_text(f"{pipeline}-1")


def test_flows_are_in_alphabetical_order_and_found_by_name(page, demo_site):
    page.goto("/flows")
    names = sorted(flow["name"] for flow in demo_site.api.filter("flows"))
    expect_names(page, names, "Flows")
    expect(heading(page)).to_have_text(f"Flows {len(names)}")
    page.get_by_role("searchbox", name="Name of a flow").fill("month")
    expect_names(page, ["month-end"], "Flows")
    expect(page).to_have_url(re.compile(r"\?text=month$"))
    page.reload()
    expect_names(page, ["month-end"], "Flows")
    page.get_by_role("searchbox", name="Name of a flow").fill("no such flow")
    page.get_by_role("button", name="Show all flows").click()
    expect_names(page, names, "Flows")


def test_flows_appear_and_their_runs_change_while_somebody_looks(page, records):
    page.goto("/flows?text=appearing")
    expect(page.get_by_text("No flow is called that.")).to_be_visible()
    run = records.flow_run("appearing", "appearing-1", "PENDING", "RUNNING")
    last = row_of(page, "appearing", "Flows").locator(".last-runs").get_by_role("link")
    expect(last).to_have_attribute("aria-label", "appearing-1, Running")
    records.enter(run, "FAILED")
    expect(last).to_have_attribute("aria-label", "appearing-1, Failed")


def test_a_flow_that_never_ran_says_so(page, records):
    records.flow("never-ran")
    page.goto("/flows?text=never-ran")
    expect(row_of(page, "never-ran", "Flows")).to_contain_text("never")
    row_of(page, "never-ran", "Flows").get_by_role("link").click()
    expect(page.get_by_text("This flow has not run yet.")).to_be_visible()


def test_of_many_flows_those_in_sight_are_in_the_document(page, site, records):
    for number in range(260):
        records.flow(f"flow-{number:03}")
    page.goto("/flows")
    table = page.get_by_role("table", name="Flows")
    expect(table).to_have_attribute("aria-rowcount", "261")
    last = page.get_by_role("link", name="flow-259")
    while not last.count():
        page.keyboard.press("End")
        expect(rows(page, "Flows").last).to_be_visible()
    expect(last).to_be_visible()
    assert rows(page, "Flows").count() < 80


# --- one flow ------------------------------------------------------------------------------------------------------


def test_the_grid_has_a_cell_for_what_became_of_a_task_in_a_run(page, records, pipeline):
    page.goto(flow_path(records, pipeline))
    expect(heading(page)).to_have_text(pipeline)
    expect(grid(page).locator("thead a")).to_have_count(3)
    expect(grid(page).locator("tbody th")).to_have_text(["load", "part"])
    cells = [cell.get_attribute("aria-label") for cell in grid(page).locator("td a").all()]
    assert cells == [
        *["load: 1 Completed"] * 3,
        "part: 2 Completed",
        "part: 1 Completed, 1 Failed",
        "part: 2 Completed",
    ]
    runs = [run.get_attribute("aria-label") for run in grid(page).locator("thead a").all()]
    assert runs == [f"{pipeline}-{n}, {kind}" for n, kind in enumerate(("Completed", "Failed", "Completed"))]


def test_cells_and_columns_of_the_grid_lead_to_what_they_stand_for(page, records, pipeline):
    path = flow_path(records, pipeline)
    page.goto(path)
    grid(page).locator("td a").first.click()
    expect(heading(page)).to_contain_text("load")
    page.goto(path)
    grid(page).get_by_role("link", name="part: 1 Completed, 1 Failed").click()
    expect(heading(page)).to_contain_text(f"{pipeline}-1")
    expect(names_of(rows(page, "Task runs"))).to_have_text(["part", "part"])
    page.goto(path)
    grid(page).get_by_role("link", name=f"{pipeline}-2, Completed").click()
    expect(heading(page)).to_contain_text(f"{pipeline}-2")


def test_the_runs_of_a_flow_are_listed_and_followed(page, records, pipeline):
    page.goto(flow_path(records, pipeline))
    expect_names(page, [f"{pipeline}-{number}" for number in (2, 1, 0)], "Runs of the flow")
    run = records.flow_run(pipeline, f"{pipeline}-3", "PENDING", "RUNNING")
    expect(grid(page).locator("thead a")).to_have_count(4)
    expect(grid(page).locator("thead a").last).to_have_attribute("aria-label", f"{pipeline}-3, Running")
    expect(names_of(rows(page, "Runs of the flow")).first).to_have_text(f"{pipeline}-3")
    records.tell([records.task_run(run, "publish", datetime.now(UTC), 1)])
    records.enter(run, "COMPLETED")
    expect(grid(page).locator("thead a").last).to_have_attribute("aria-label", f"{pipeline}-3, Completed")
    expect(grid(page).locator("tbody th").filter(has_text="publish")).to_be_visible()


def test_of_many_runs_the_grid_shows_the_newest(page, demo_site):
    (flow,) = demo_site.api.post("/flows/filter", {"flows": {"name": {"any_": ["import-orders"]}}})
    page.goto(f"/flows/flow/{flow['id']}")
    expect(grid(page).locator("thead a")).to_have_count(30)
    expect(grid(page).locator("thead a").last).to_have_attribute("aria-label", "import-orders-once, Failed")
    expect(grid(page).locator("thead a").last).to_be_in_viewport()
