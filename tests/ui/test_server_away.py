"""The server goes away and comes back, while pages of it are open."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .menus import menu_item
from .rows import expect_names, row_of

GONE = "ERR_CONNECTION|ERR_EMPTY_RESPONSE|WebSocket|: 503"
"""What a browser complains of while the server is away."""


def banner(page):
    """What says that the server does not answer."""
    return page.get_by_role("alert").filter(has_text="The server does not answer.")


@pytest.mark.parametrize("path", ["/runs", "/events", "/settings"])
def test_it_is_said_that_the_server_is_away_and_the_page_goes_on_when_it_is_back(
    page, page_problems, site, path
):
    page_problems.expect(GONE)
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    site.server.stop()
    expect(banner(page)).to_be_visible()
    expect(page.get_by_text("Not live")).to_be_visible()
    site.server.start()
    expect(banner(page)).to_have_count(0)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_what_happened_meanwhile_is_shown_and_what_happens_then(page, page_problems, site, records):
    page_problems.expect(GONE)
    run = records.flow_run("away", "before", "PENDING")
    page.goto("/runs")
    expect_names(page, ["before"])
    site.server.kill()
    expect(banner(page)).to_be_visible()
    expect_names(page, ["before"])
    site.server.start()
    records.flow_run("away", "meanwhile", "PENDING")
    expect_names(page, ["meanwhile", "before"])
    expect(banner(page)).to_have_count(0)
    records.enter(run, "RUNNING")
    expect(row_of(page, "before").get_by_role("cell").nth(1)).to_have_text("Running")


def test_what_cannot_be_done_without_the_server_says_so_and_can_be_done_later(
    page, page_problems, site, records
):
    page_problems.expect(GONE)
    page_problems.expect("flow_runs/.*: 404")  # the page is told that its run has changed
    run = records.flow_run("away", "to-be-deleted", "COMPLETED")
    page.goto(f"/runs/flow-run/{run}")
    page.locator("summary[aria-label='More actions']").click()
    menu_item(page, "Delete").click()
    site.server.stop()
    page.get_by_role("button", name="Delete the run").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("does not answer")
    site.server.start()
    expect(banner(page)).to_have_count(0)
    dialog.get_by_role("button", name="Delete the run").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Runs")
    assert records.api.flow_runs() == []


def test_each_tab_follows_what_happens(page, records):
    run = records.flow_run("tabs", "in-two-tabs", "PENDING")
    other = page.context.new_page()
    page.goto("/runs?text=in-two-tabs")
    other.goto(f"/runs/flow-run/{run}")
    records.enter(run, "RUNNING")
    expect(row_of(page, "in-two-tabs").get_by_role("cell").nth(1)).to_have_text("Running")
    expect(other).to_have_title("in-two-tabs · Running · Headrace")
