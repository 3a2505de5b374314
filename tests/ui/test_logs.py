"""The log lines of a run: found, followed, linked to, however many they are."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from ..e2e.servers import eventually
from .menus import menu_item


def lines(page: Page):
    """The lines in the document."""
    return page.locator(".log")


def box(page: Page):
    """What the lines are in."""
    return page.get_by_role("log")


def told(records, name: str, *kinds: str) -> str:
    """The id of a flow run that has logged nothing so far."""
    return records.flow_run("logging", name, *(kinds or ("PENDING", "RUNNING")))


def test_lines_are_in_the_order_of_their_times_with_level_and_task_run(page, demo_site):
    page.goto(f"{demo_site.run_path('sales-of-day-1')}?tab=logs")
    expect(lines(page).first).to_contain_text("Beginning flow run 'sales-of-day-1'")
    expect(lines(page).filter(has_text="12 shops, in EUR")).to_contain_text("info")
    warning = lines(page).filter(has_text="3 receipts without a date")
    expect(warning).to_contain_text("warning")
    warning.get_by_role("link", name=re.compile("^clean")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("clean")
    expect(lines(page).filter(has_text="3 receipts without a date")).to_be_visible()


def test_lines_are_found_by_level_and_words(page, records):
    run = told(records, "found")
    for level in (10, 20, 30, 40, 50):
        records.log(run, f"apples at {level}", f"pears at {level}", level=level)
    page.goto(f"/runs/flow-run/{run}?tab=logs")
    expect(lines(page)).to_have_count(10)
    expect(page.get_by_text("10 lines")).to_be_visible()
    page.get_by_role("combobox", name="Least level").select_option("Warning")
    expect(lines(page)).to_have_count(6)
    expect(page.get_by_text("6 lines")).to_be_visible()
    page.get_by_role("searchbox", name="Words in the log").fill("pears")
    expect(lines(page)).to_have_text([re.compile(f"pears at {level}") for level in (30, 40, 50)])
    page.reload()
    expect(lines(page)).to_have_count(3)
    page.get_by_role("searchbox", name="Words in the log").fill("plums")
    expect(page.get_by_text("No line meets these filters.")).to_be_visible()


def test_a_run_that_has_logged_nothing_says_so(page, records):
    page.goto(f"/runs/flow-run/{told(records, 'silent', 'COMPLETED')}?tab=logs")
    expect(page.get_by_text("Nothing was logged.")).to_be_visible()


def test_lines_are_followed_until_somebody_goes_back(page, records):
    run = told(records, "chatty")
    records.log(run, *(f"line {number}" for number in range(100)))
    page.goto(f"/runs/flow-run/{run}?tab=logs")
    expect(lines(page).filter(has_text=re.compile(r"line 99$"))).to_be_in_viewport()
    records.log(run, "the next line")
    expect(lines(page).filter(has_text="the next line")).to_be_in_viewport()
    box(page).hover()
    page.mouse.wheel(0, -600)
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "false")
    records.log(run, "one more line")
    expect(page.get_by_text("102 lines")).to_be_visible()
    expect(lines(page).filter(has_text="one more line")).not_to_be_in_viewport()
    page.get_by_role("button", name="Follow").click()
    expect(lines(page).filter(has_text="one more line")).to_be_in_viewport()


def test_the_first_line_of_a_run_appears_by_itself(page, records):
    run = told(records, "starting")
    page.goto(f"/runs/flow-run/{run}?tab=logs")
    expect(page.get_by_text("Nothing was logged.")).to_be_visible()
    records.log(run, "here I am")
    expect(lines(page)).to_have_text([re.compile("here I am")])


def test_lines_that_come_meet_the_filters(page, records):
    run = told(records, "mixed")
    records.log(run, "a warning", level=30)
    page.goto(f"/runs/flow-run/{run}?tab=logs&level=30")
    expect(lines(page)).to_have_count(1)
    records.log(run, "not so important")
    records.log(run, "another warning", level=30)
    expect(lines(page)).to_have_text([re.compile("a warning"), re.compile("another warning")])


def test_10_000_lines_are_read_as_far_as_one_looks_and_linked_to(page, records):
    run = told(records, "long", "COMPLETED")
    records.log(run, *(f"step {number} of many" for number in range(10_000)))
    page.goto(f"/runs/flow-run/{run}?tab=logs")
    expect(page.get_by_text("10,000 lines")).to_be_visible()
    expect(lines(page).first).to_contain_text("step 0 of many")
    assert lines(page).count() < 1_000
    page.get_by_role("button", name="To the end").click()
    last = lines(page).filter(has_text="step 9999 of many")
    expect(last).to_be_in_viewport()
    assert lines(page).count() < 1_000
    page.goto(f"/runs/flow-run/{run}?tab=logs&text=5000")
    lines(page).filter(has_text="step 5000 of many").get_by_role("link").click()
    page.get_by_role("searchbox", name="Words in the log").fill("")
    expect(page.get_by_text("10,000 lines")).to_be_visible()
    target = lines(page).filter(has_text="step 5000 of many")
    expect(target).to_be_in_viewport()
    page.reload()
    expect(target).to_be_in_viewport()
    expect(target).to_have_class(re.compile("line-target"))
    expect(lines(page).filter(has_text="step 5001 of many")).to_be_in_viewport()

    def assert_reached(step: int, key: str) -> None:
        box(page).press(key)
        assert lines(page).filter(has_text=f"step {step} of many").count()

    eventually(lambda: assert_reached(4_400, "PageUp"))
    eventually(lambda: assert_reached(5_600, "PageDown"))
    page.get_by_role("button", name="From the start").click()
    expect(lines(page).first).to_contain_text("step 0 of many")


def test_lines_of_the_same_instant_are_all_there_in_their_order(page, records):
    """Pages of the log part where times do not differ."""
    run = told(records, "instant", "COMPLETED")
    at = "2026-03-04T05:06:07.000008Z"
    records.log(run, *(f"tick {number}." for number in range(450)), timestamp=at)
    page.goto(f"/runs/flow-run/{run}?tab=logs")
    expect(lines(page).first).to_contain_text("tick 0.")
    eventually(lambda: _assert_all_read(page, 450))
    numbers = [int(re.search(r"tick (\d+)\.", text)[1]) for text in lines(page).all_text_contents()]
    assert numbers == list(range(450))


def _assert_all_read(page: Page, count: int) -> None:
    box(page).press("End")
    assert lines(page).count() == count


def test_the_log_is_downloaded(page, demo_site):
    page.goto(demo_site.run_path("sales-of-day-1"))
    page.locator("summary[aria-label='More actions']").click()
    with page.expect_download() as downloaded:
        menu_item(page, "Download the log").click()
    assert "12 shops, in EUR" in downloaded.value.path().read_text()
