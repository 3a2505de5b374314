"""Events: followed as they happen, found, and looked into."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from .menus import choose


def lines(page: Page):
    """The events that are shown."""
    return page.locator(".event")


def test_events_say_what_happened_to_what(page, demo_site):
    page.goto("/events?kind=prefect.flow-run.&text=sales-of-day-4")
    expect(lines(page).first).to_have_text(re.compile("Completed.*sales-of-day-4.*in daily-sales", re.S))
    lines(page).first.get_by_role("link", name="sales-of-day-4").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("sales-of-day-4")


def test_events_appear_as_they_happen_the_newest_first(page, records):
    page.goto("/events?event=kettle")
    expect(page.get_by_text("No event meets these filters.")).to_be_visible()
    records.event("kettle.on", "kitchen.kettle")
    expect(lines(page)).to_have_text([re.compile("kettle.on.*kitchen.kettle", re.S)])
    records.event("kettle.boiled", "kitchen.kettle", payload={"degrees": 100})
    expect(lines(page)).to_have_text([re.compile("kettle.boiled"), re.compile("kettle.on")])
    expect(page.get_by_role("heading", level=1)).to_have_text("Events 2")


def test_events_wait_while_they_are_not_followed(page, records):
    page.goto("/events?event=toaster")
    records.event("toaster.on", "kitchen.toaster")
    expect(lines(page)).to_have_count(1)
    follow = page.get_by_role("button", name="Follow")
    follow.click()
    expect(follow).to_have_attribute("aria-pressed", "false")
    records.event("toaster.popped", "kitchen.toaster")
    records.event("unrelated", "kitchen.door")
    expect(lines(page)).to_have_count(1)
    follow.click()
    expect(lines(page)).to_have_count(2)


def test_an_event_unfolds_to_all_of_it(page, records):
    records.event("oven.hot", "kitchen.oven", payload={"degrees": 220, "racks": ["upper", "lower"]})
    page.goto("/events?event=oven")
    unfold = lines(page).get_by_role("button", name="Show all of it")
    unfold.click()
    expect(unfold).to_have_attribute("aria-expanded", "true")
    expect(lines(page).locator(".json")).to_have_text(re.compile("degrees.*220", re.S))
    unfold.click()
    expect(lines(page).locator(".json")).to_have_count(0)


def test_events_are_found_by_kind_words_name_and_resource(page, records):
    records.flow_run("finding", "finding-run", "PENDING")
    records.event("fridge.open", "kitchen.fridge", payload={"by": "nobody in particular"})
    page.goto("/events?resource=kitchen.fridge")
    expect(lines(page)).to_have_count(1)
    page.goto("/events")
    page.get_by_role("combobox", name="Kind").select_option("Custom")
    page.get_by_role("searchbox", name="Words").fill("particular")
    expect(lines(page)).to_have_text([re.compile("fridge.open")])
    page.reload()
    expect(lines(page)).to_have_text([re.compile("fridge.open")])
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("combobox", name="Kind").select_option("Flow runs")
    expect(lines(page).filter(has_text="fridge.open")).to_have_count(0)
    expect(lines(page).filter(has_text="finding-run").first).to_be_visible()


def test_a_kind_and_a_name_are_both_asked_for(page, records):
    records.flow_run("finding", "both-run", "PENDING")
    records.event("freezer.open", "kitchen.freezer")
    page.goto("/events?kind=prefect.flow-run.&event=freezer")
    expect(page.get_by_text("No event meets these filters.")).to_be_visible()


def test_events_of_long_ago_are_found_by_the_span_of_time(page, records):
    records.event("attic.dusty", "attic", occurred="2026-10-01T12:00:00Z")
    page.goto("/events?event=attic")
    expect(page.get_by_text("No event meets these filters.")).to_be_visible()
    choose(page, "Last 24 hours", "Any time")
    expect(lines(page)).to_have_count(1)


def test_earlier_events_are_read_page_by_page(page, records):
    for number in range(120):
        records.event(f"drip.{number}", "kitchen.tap")
    page.goto("/events?event=drip")
    expect(lines(page)).to_have_count(50)
    for count in (100, 120):
        page.get_by_role("button", name="Earlier events").click()
        expect(lines(page)).to_have_count(count)
    expect(page.get_by_role("button", name="Earlier events")).to_have_count(0)
    records.event("drip.120", "kitchen.tap")
    expect(lines(page)).to_have_count(121)
    names = lines(page).locator(".badge").all_inner_texts()
    assert names == [f"drip.{number}" for number in range(120, -1, -1)]


def test_what_a_flow_tells_by_events_is_shown(page, demo_site):
    page.goto("/events?kind=-prefect.")
    expect(lines(page).filter(has_text="account.closed")).to_have_count(3)
    month = lines(page).filter(has_text="month.closed")
    expect(month).to_contain_text("2026-03")
    expect(month).to_contain_text("month-end-march")
