"""The server goes away and comes back, while pages of it are open."""

from __future__ import annotations

from playwright.sync_api import expect

from .rows import expect_names, row_of

GONE = "ERR_CONNECTION|ERR_EMPTY_RESPONSE|WebSocket|: 503"
"""What a browser complains of while the server is away."""


def banner(page):
    """What says that the server does not answer."""
    return page.get_by_role("alert").filter(has_text="The server does not answer.")


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


def test_each_tab_follows_what_happens(page, records):
    run = records.flow_run("tabs", "in-two-tabs", "PENDING")
    other = page.context.new_page()
    page.goto("/runs?text=in-two-tabs")
    other.goto(f"/runs/flow-run/{run}")
    records.enter(run, "RUNNING")
    expect(row_of(page, "in-two-tabs").get_by_role("cell").nth(1)).to_have_text("Running")
    expect(other).to_have_title("in-two-tabs · Running · Headrace")
