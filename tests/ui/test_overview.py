"""The overview: how many runs there were, and in which states, what runs now, what is late, and what fails."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from .menus import choose
from .records import Records, state
from .rows import expect_names, names_of, rows
from .sites import Site

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def told_site(tmp_path_factory):
    """A server on which few enough runs were to count them: four of the last day, two of the last week."""
    site = Site(tmp_path_factory.mktemp("told"))
    site.start()
    records, now = Records(site.api), datetime.now(UTC)
    records.past_run("backup", "backup-1", now - 60 * HOUR, seconds=60)
    records.past_run("reports", "reports-1", now - 50 * HOUR, 60, "FAILED", message="No paper.")
    records.past_run("backup", "backup-2", now - 3 * HOUR, seconds=60)
    records.past_run("backup", "backup-3", now - 3 * HOUR, 90, "FAILED", message="The disk is full.")
    records.past_run("backup", "backup-4", now - 3 * HOUR, 90, "FAILED", message="The disk is still full.")
    records.flow_run("reports", "reports-2", "PENDING", "RUNNING")
    yield site
    site.stop()
    site.assert_sound()


@pytest.fixture
def overview(open_page, told_site) -> Page:
    """The overview of that server."""
    page = open_page(told_site)
    page.goto("/")
    return page


def card(page: Page, title: str):
    """A part of the page by its heading."""
    return page.locator("section.card").filter(has=page.get_by_role("heading", name=title, exact=True))


def totals(page: Page):
    """How many runs there are, in all and by state."""
    return card(page, "Runs by state").locator(".totals")


def bars(page: Page):
    """The bars of intervals in which something was."""
    return page.locator(".plot a:not([aria-label^='0 runs'])")


# --- runs over time ------------------------------------------------------------------------------------------------


def test_runs_of_the_last_day_are_counted_by_state(overview):
    expect(totals(overview)).to_have_text(re.compile(r"4 runs.*1 Completed.*1 Running.*2 Failed", re.S))


@pytest.mark.parametrize(
    ("span", "name", "count"), [("1h", "Last hour", 1), ("7d", "Last 7 days", 6), ("all", "Any time", 6)]
)
def test_the_span_of_time_is_kept_in_the_address(overview, span, name, count):
    choose(overview, "Last 24 hours", name)
    expect(totals(overview)).to_contain_text(re.compile(rf"^{count} runs?"))
    expect(overview).to_have_url(re.compile(rf"\?since={span}$"))
    overview.reload()
    expect(totals(overview)).to_contain_text(re.compile(rf"^{count} runs?"))


def test_a_state_leads_to_its_runs_in_that_time(overview):
    totals(overview).get_by_role("link", name="Failed").click()
    expect(names_of(rows(overview))).to_have_text([re.compile("backup-[34]")] * 2)
    expect(overview.get_by_role("button", name="Clear")).to_be_visible()


def test_a_bar_is_as_high_as_its_runs_and_leads_to_them(overview):
    expect(bars(overview)).to_have_count(2)
    bar = bars(overview).first
    expect(bar).to_have_attribute("aria-label", re.compile("^3 runs,.*1 Completed.*2 Failed", re.S))
    heights = [bar.locator(f".is-{kind}").bounding_box()["height"] for kind in ("completed", "failed")]
    assert heights[1] == pytest.approx(2 * heights[0], rel=0.1)
    bar.click()
    expect(names_of(rows(overview))).to_have_text([re.compile("backup-[234]")] * 3)
    assert overview.locator(".titles").count() == 1


def test_bars_are_reached_and_followed_with_keys(overview):
    bars(overview).last.focus()
    overview.keyboard.press("Enter")
    expect_names(overview, ["reports-2"])


def test_numbers_match_those_of_the_api(page, demo_site):
    page.goto("/?since=30d")
    since = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    now = datetime.now(UTC).isoformat()
    for kind in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED", "RUNNING"):
        count = demo_site.api.post(
            "/flow_runs/count",
            {
                "flow_runs": {
                    "parent_task_run_id": {"is_null_": True},
                    "state": {"type": {"any_": [kind]}},
                    "expected_start_time": {"after_": since, "before_": now},
                }
            },
        )
        name = kind.capitalize()
        expect(totals(page).get_by_role("link", name=name)).to_have_attribute("title", f"{count} {name}")


# --- what goes on, and what goes wrong -----------------------------------------------------------------------------


def test_what_runs_now_is_listed(overview):
    active = card(overview, "Active")
    expect(active.get_by_role("link", name="reports-2")).to_be_visible()
    expect(active).to_contain_text("Running")
    active.get_by_role("link", name="All").click()
    expect_names(overview, ["reports-2"])


def test_a_failing_flow_is_listed_with_its_last_error(overview):
    failing = card(overview, "Failing flows")
    expect(failing).to_contain_text("2 of 3 runs failed")
    expect(failing).not_to_contain_text("reports")
    failing.get_by_role("link", name="The disk is still full.").click()
    expect(overview.get_by_role("heading", level=1)).to_contain_text("backup-4")


def test_flows_that_fail_are_looked_for_in_the_span_of_time(overview):
    overview.goto("/?since=7d")
    failing = card(overview, "Failing flows")
    expect(failing.get_by_role("link", name="No paper.")).to_be_visible()
    failing.get_by_role("link", name="reports", exact=True).click()
    expect(overview.get_by_role("heading", level=1)).to_have_text("reports")


def test_runs_that_should_have_started_are_said_to_be_late(page):
    page.goto("/")
    late = card(page, "Late")
    expect(late.get_by_role("link", name="sales-late")).to_be_visible()
    expect(late).not_to_contain_text("sales-soon")


def test_what_ended_last_is_listed_and_leads_to_all_that_ended(page, demo_site):
    wanted = {"flow_runs": {"parent_task_run_id": {"is_null_": True}, "end_time": {"is_null_": False}}}
    found = demo_site.api.post("/flow_runs/filter", {**wanted, "sort": "END_TIME_DESC", "limit": 10})
    page.goto("/")
    ended = card(page, "Ended last")
    expect(ended.locator(".line a:first-child")).to_have_text([run["name"] for run in found])
    ended.get_by_role("link", name="All").click()
    expect(page.get_by_role("combobox", name="Order")).to_have_value("END_TIME_DESC")
    expect(page.get_by_role("link", name=found[0]["name"], exact=True)).to_be_visible()


# --- an empty store, and what happens then -------------------------------------------------------------------------


def test_an_empty_store_says_what_to_do_and_shows_what_happens_then(page, site, records):
    page.goto("/")
    expect(page.get_by_text("Nothing has run in this time.")).to_be_visible()
    page.get_by_role("link", name="Look at any time").click()
    expect(page.get_by_text("Nothing has run here yet.")).to_be_visible()
    expect(page.get_by_text(f"HEADRACE_API_URL={site.url}/api python your_flow.py")).to_be_visible()
    expect(page.get_by_text("Nothing runs right now.")).to_be_visible()
    expect(page.get_by_text("No flow has failed in this time.")).to_be_visible()
    run = records.flow_run("first", "the-first", "PENDING", "RUNNING")
    expect(totals(page)).to_have_text(re.compile(r"^1 runs?.*1 Running", re.S))
    expect(card(page, "Active").get_by_role("link", name="the-first")).to_be_visible()
    records.enter(run, state("FAILED", message="It is not there."))
    expect(totals(page)).to_have_text(re.compile(r"^1 runs?.*1 Failed", re.S))
    expect(page.get_by_text("Nothing runs right now.")).to_be_visible()
    expect(card(page, "Failing flows").get_by_role("link", name="It is not there.")).to_be_visible()
    expect(card(page, "Ended last").get_by_role("link", name="the-first")).to_be_visible()


EMPTY = {
    "/?since=all": "Nothing has run here yet.",
    "/runs": "Nothing has run here yet.",
    "/flows": "Nothing has run here yet.",
    "/events": "No event meets these filters.",
}


def test_every_list_of_an_empty_store_says_what_to_do(page, site):
    for path, words in EMPTY.items():
        page.goto(path)
        expect(page.get_by_text(words)).to_be_visible()
