"""The page of all runs: what it lists, how it is narrowed down, and how it follows what happens."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from ..e2e.servers import eventually
from .menus import choose, menu, menu_item, tick
from .records import copy_flow_run, state
from .rows import expect_names, names_of, row_of, rows


def listed(site, limit=20, sort="EXPECTED_START_TIME_DESC", flows=None, **criteria) -> list[str]:
    """Names of the flow runs that the API finds, those of subflows left out unless `criteria` say otherwise."""
    flow_runs = {"parent_task_run_id": {"is_null_": True}, **criteria}
    body = {"flow_runs": flow_runs, "flows": flows, "sort": sort, "limit": limit}
    return [run["name"] for run in site.api.post("/flow_runs/filter", body)]


def query_of(page: Page) -> dict[str, str]:
    """The query of the address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


# --- what is listed ------------------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first(page, demo_site):
    page.goto("/runs")
    first = listed(demo_site, limit=20)
    expect(names_of(rows(page)).nth(19)).to_have_text(first[19])
    assert names_of(rows(page)).all_inner_texts()[:20] == first


def test_a_row_says_what_became_of_a_run(page):
    page.goto("/runs?text=sales-of-day-4")
    row = row_of(page, "sales-of-day-4")
    expect(row.get_by_role("cell").nth(1)).to_have_text("Completed")
    expect(row.get_by_role("link", name="daily-sales", exact=True)).to_be_visible()
    expect(row.get_by_role("link", name="nightly")).to_be_visible()
    expect(row.get_by_role("cell").nth(5)).to_have_text(re.compile(r"^\d+ ms$|^[\d.]+ s$"))
    expect(row.locator("time")).to_have_attribute("title", re.compile(r"here · \d{4}-.* UTC$"))


def test_the_title_says_how_many_there_are(page, demo_site):
    page.goto("/runs?state=FAILED")
    count = demo_site.api.post(
        "/flow_runs/count",
        {"flow_runs": {"state": {"type": {"any_": ["FAILED"]}}, "parent_task_run_id": {"is_null_": True}}},
    )
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Runs {count}")


def test_a_run_is_opened_from_its_row(page):
    page.goto("/runs?text=sales-of-day-4")
    page.get_by_role("link", name="sales-of-day-4").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("sales-of-day-4")


# --- filters -------------------------------------------------------------------------------------------------------


def choose_text(page: Page) -> None:
    page.get_by_role("searchbox", name="Name of a run").fill("of-day")


def choose_states(page: Page) -> None:
    tick(page, "State", "Failed", "Crashed")


def choose_flow(page: Page) -> None:
    menu(page, "Flow").click()
    page.get_by_role("searchbox", name="Name of a flow").fill("month")
    page.get_by_role("checkbox", name="month-end", exact=True).check()
    page.keyboard.press("Escape")


def choose_tag(page: Page) -> None:
    page.get_by_role("searchbox", name="Tag").fill("sales")
    page.keyboard.press("Enter")


def choose_time(page: Page) -> None:
    choose(page, "Any time", "Last hour")


def choose_subflows(page: Page) -> None:
    page.get_by_role("button", name="Subflows").click()


def choose_order(page: Page) -> None:
    page.get_by_role("combobox", name="Order").select_option("By name")


FILTERS = {
    "text": (choose_text, {"text": "of-day"}, {"name": {"like_": "of-day"}}),
    "states": (
        choose_states,
        {"state": "FAILED,CRASHED"},
        {"state": {"type": {"any_": ["FAILED", "CRASHED"]}}},
    ),
    "flow": (choose_flow, None, {"flows": {"name": {"any_": ["month-end"]}}}),
    "tag": (choose_tag, {"tag": "sales"}, {"tags": {"all_": ["sales"]}}),
    "subflows": (choose_subflows, {"sub": "1"}, {"parent_task_run_id": None}),
    "order": (choose_order, {"sort": "NAME_ASC"}, {"sort": "NAME_ASC"}),
}
"""What is chosen, what the address says then, and how the API is asked for the same."""


@pytest.mark.parametrize(("choose", "query", "criteria"), FILTERS.values(), ids=FILTERS)
def test_a_filter_is_kept_in_the_address(page, demo_site, choose, query, criteria):
    page.goto("/runs")
    choose(page)
    expected = listed(demo_site, **criteria)
    assert expected != listed(demo_site)
    expect(names_of(rows(page)).first).to_have_text(expected[0])
    expect(names_of(rows(page)).nth(len(expected) - 1)).to_have_text(expected[-1])
    assert names_of(rows(page)).all_inner_texts()[:20] == expected
    assert query is None or query_of(page) == query
    page.reload()
    expect(names_of(rows(page)).nth(len(expected) - 1)).to_have_text(expected[-1])
    assert names_of(rows(page)).all_inner_texts()[:20] == expected


def test_a_span_of_time_leaves_out_what_was_before(page, demo_site):
    page.goto("/runs")
    choose_time(page)
    ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    expect_names(page, listed(demo_site, expected_start_time={"after_": ago}))
    expect(menu(page, "Last hour")).to_be_visible()
    assert query_of(page) == {"since": "1h"}


def test_a_span_of_time_is_given_to_the_minute(page, records):
    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    for hour in range(4):
        records.past_run(
            "clockwork", f"clockwork-at-{12 + hour}", at + timedelta(hours=hour, minutes=1), seconds=60
        )
    page.goto("/runs?text=clockwork-at")
    menu(page, "Any time").click()
    page.get_by_label("From").fill("2026-05-04T08:30")  # in New York, where the browser is
    page.get_by_label("From").press("Tab")
    page.get_by_label("To", exact=True).fill("2026-05-04T10:30")
    page.get_by_label("To", exact=True).press("Tab")
    page.keyboard.press("Escape")
    expect_names(page, ["clockwork-at-14", "clockwork-at-13"])
    page.reload()
    expect_names(page, ["clockwork-at-14", "clockwork-at-13"])


def test_filters_are_taken_together_and_cleared_at_once(page, demo_site):
    page.goto("/runs?tag=nightly&state=FAILED")
    choose_text(page)
    expect(page.get_by_text("No run meets all of these filters.")).to_be_visible()
    page.get_by_role("button", name="Show all runs").click()
    expect(names_of(rows(page)).first).to_have_text(listed(demo_site)[0])
    assert query_of(page) == {}
    choose_states(page)
    page.get_by_role("button", name="Clear").click()
    expect(names_of(rows(page)).first).to_have_text(listed(demo_site)[0])
    assert query_of(page) == {}


def test_back_from_a_run_the_filters_are_as_they_were(page, demo_site):
    page.goto("/runs")
    choose_states(page)
    page.get_by_role("link", name="import-orders-once").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("import-orders-once")
    page.go_back()
    expect(menu(page, "State: Failed, Crashed")).to_be_visible()
    expect_names(page, listed(demo_site, 200, state={"type": {"any_": ["FAILED", "CRASHED"]}}))


def test_a_tag_in_a_row_leads_to_the_runs_that_have_it(page, demo_site):
    page.goto("/runs?text=sales-of-day-4")
    row_of(page, "sales-of-day-4").get_by_role("link", name="sales", exact=True).click()
    expect_names(page, listed(demo_site, tags={"all_": ["sales"]}))


def test_filters_are_saved_applied_and_forgotten(page, records):
    records.flow_run("saving", "saving-failed", "PENDING", "RUNNING", "FAILED")
    records.flow_run("saving", "saving-completed", "PENDING", "RUNNING", "COMPLETED")
    page.goto("/runs?text=saving-&state=FAILED")
    choose(page, "Saved filters", "Save the present filters")
    page.get_by_role("dialog").get_by_label("Name").fill("What was not saved")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto("/runs")
    choose(page, "Saved filters", "What was not saved")
    expect_names(page, ["saving-failed"])
    menu(page, "Saved filters").click()
    page.get_by_role("button", name="Forget What was not saved").click()
    expect(menu_item(page, "What was not saved")).to_have_count(0)
    expect(menu_item(page, "Save the present filters")).to_be_visible()
    assert "What was not saved" not in str(records.api.post("/saved_searches/filter", {}))


# --- live ----------------------------------------------------------------------------------------------------------


def test_runs_appear_and_change_while_somebody_looks(page, records):
    page.goto("/runs?text=watched")
    expect(page.get_by_text("No run meets all of these filters.")).to_be_visible()
    run = records.flow_run("watching", "watched-1", "PENDING")
    expect(row_of(page, "watched-1").get_by_role("cell").nth(1)).to_have_text("Pending")
    records.enter(run, "RUNNING")
    expect(row_of(page, "watched-1").get_by_role("cell").nth(1)).to_have_text("Running")
    records.flow_run("watching", "watched-2", "PENDING")
    expect_names(page, ["watched-2", "watched-1"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs 2")
    records.enter(run, state("FAILED", name="Gave up"))
    expect(row_of(page, "watched-1").get_by_role("cell").nth(1)).to_have_text("Gave up")


def test_a_run_that_is_deleted_goes_from_the_list(page, records):
    run = records.flow_run("watching", "vanishing", "PENDING")
    page.goto("/runs?text=vanishing")
    expect_names(page, ["vanishing"])
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    records.api.http.delete(f"/flow_runs/{run}").raise_for_status()
    expect(page.get_by_text("No run meets all of these filters.")).to_be_visible()


def test_a_run_that_no_longer_meets_the_filter_goes_from_the_list(page, records):
    run = records.flow_run("watching", "passing", "PENDING", "RUNNING")
    page.goto("/runs?text=passing&state=RUNNING")
    expect_names(page, ["passing"])
    records.enter(run, "COMPLETED")
    expect(page.get_by_text("No run meets all of these filters.")).to_be_visible()


# --- many, and without a mouse -------------------------------------------------------------------------------------


def test_of_100_000_runs_those_in_sight_are_in_the_document(page, site, records):
    run = records.flow_run("many", "one-of-many", "COMPLETED", tags=["many"])
    copy_flow_run(site.server.database, run, 99_999)
    page.goto("/runs")
    table = page.get_by_role("table", name="Flow runs")
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs 100,000")
    expect(table).to_have_attribute("aria-rowcount", "100001")

    def assert_reached(place: int) -> None:
        page.keyboard.press("End")  # there is more below it as soon as that was read
        assert table.locator(f"[aria-rowindex='{place}']").count() == 1

    for place in (101, 301, 501):
        eventually(lambda: assert_reached(place))
        assert rows(page).count() < 80
    page.keyboard.press("Home")
    expect(table.locator("[aria-rowindex='2']")).to_be_visible()


def test_arrow_keys_go_from_row_to_row_and_enter_opens(page, demo_site):
    page.goto("/runs")
    names = listed(demo_site)
    page.get_by_role("link", name=names[0], exact=True).focus()
    for name in names[1:4]:
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("link", name=names[2], exact=True)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text(names[2])


def test_arrow_keys_reach_rows_that_were_not_in_sight(page, demo_site):
    page.goto("/runs")
    names = listed(demo_site, limit=61)
    page.get_by_role("link", name=names[0], exact=True).focus()
    for name in names[1:]:
        page.keyboard.press("ArrowDown")
        expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()
