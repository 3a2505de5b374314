"""Runs are chosen from the list, and something is done to all of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from .rows import expect_names, row_of


def states_of(records, text: str) -> dict[str, str]:
    """The types of the states of the runs with names like that."""
    found = records.api.flow_runs(flow_runs={"name": {"like_": text}})
    return {run["name"]: run["state_type"] for run in found}


def chosen(page):
    """What says how many are chosen, and offers what can be done to them."""
    return page.get_by_role("region", name="Chosen runs")


def test_runs_are_chosen_one_by_one(page, records):
    for name in ("picked-1", "picked-2", "picked-3"):
        records.flow_run("picking", name, "PENDING")
    page.goto("/runs?text=picked-")
    expect(chosen(page)).to_have_count(0)
    page.get_by_role("checkbox", name="Choose picked-1").check()
    page.get_by_role("checkbox", name="Choose picked-3").check()
    expect(chosen(page)).to_contain_text("2 runs chosen")
    page.get_by_role("checkbox", name="Choose picked-3").uncheck()
    expect(chosen(page)).to_contain_text("1 run chosen")
    page.get_by_role("button", name="Choose none").click()
    expect(chosen(page)).to_have_count(0)


def test_all_that_are_loaded_are_chosen_at_once(page, records):
    for name in ("loaded-1", "loaded-2"):
        records.flow_run("picking", name, "PENDING")
    page.goto("/runs?text=loaded-")
    page.get_by_role("checkbox", name="Choose all that are loaded").check()
    expect(chosen(page)).to_contain_text("2 runs chosen")
    page.get_by_role("checkbox", name="Choose all that are loaded").uncheck()
    expect(chosen(page)).to_have_count(0)


def test_what_is_chosen_is_among_what_is_shown(page, records):
    """Nobody deletes what a filter hides."""
    for name in ("seen-now", "seen-before"):
        records.flow_run("picking", name, "PENDING")
    page.goto("/runs?text=seen-")
    page.get_by_role("checkbox", name="Choose all that are loaded").check()
    page.get_by_role("searchbox", name="Name of a run").fill("seen-now")
    expect_names(page, ["seen-now"])
    expect(chosen(page)).to_have_count(0)


def test_chosen_runs_are_cancelled(page, records):
    for name in ("stopped-1", "stopped-2"):
        records.flow_run("picking", name, "PENDING", "RUNNING")
    records.flow_run("picking", "stopped-3", "PENDING", "RUNNING", "COMPLETED")
    page.goto("/runs?text=stopped-")
    page.get_by_role("checkbox", name="Choose all that are loaded").check()
    chosen(page).get_by_role("button", name="Cancel").click()
    dialog = page.get_by_role("dialog", name="Cancel 3 runs?")
    dialog.get_by_role("button", name="Cancel 3 runs").click()
    expect(page.get_by_text("2 runs cancelled.")).to_be_visible()
    expect(row_of(page, "stopped-1").get_by_role("cell").nth(1)).to_have_text("Cancelling")
    assert states_of(records, "stopped-") == {
        "stopped-1": "CANCELLING",
        "stopped-2": "CANCELLING",
        "stopped-3": "COMPLETED",
    }


def test_all_that_meet_the_filters_are_chosen_and_deleted(page, records):
    """Also those that were not loaded, and none that do not meet them."""
    for number in range(130):
        records.flow_run("picking", f"deleted-{number}", "COMPLETED")
    records.flow_run("picking", "not-deletedly", "COMPLETED")
    page.goto("/runs?text=deleted-")
    page.get_by_role("checkbox", name="Choose deleted-129").check()
    page.get_by_role("button", name="Choose all 130").click()
    expect(chosen(page)).to_contain_text("130 runs chosen")
    chosen(page).get_by_role("button", name="Delete").click()
    dialog = page.get_by_role("dialog", name="Delete 130 runs?")
    dialog.get_by_role("button", name="Delete 130 runs").click()
    expect(page.get_by_text("130 runs deleted.")).to_be_visible()
    expect(page.get_by_text("No run meets all of these filters.")).to_be_visible()
    expect(chosen(page)).to_have_count(0)
    assert states_of(records, "deleted-") == {}
    assert states_of(records, "not-deletedly") == {"not-deletedly": "COMPLETED"}


@pytest.mark.parametrize("action", ["Cancel", "Delete"])
@pytest.mark.parametrize("decline", ["button", "Escape", "outside"])
def test_nothing_is_done_when_the_question_is_declined(page, records, action, decline):
    name = f"kept-{action}-{decline}"
    records.flow_run("picking", name, "PENDING", "RUNNING")
    page.goto(f"/runs?text={name}")
    page.get_by_role("checkbox", name=f"Choose {name}").check()
    chosen(page).get_by_role("button", name=action).click()
    dialog = page.get_by_role("dialog", name=f"{action} 1 run?")
    expect(dialog).to_be_visible()
    if decline == "button":
        dialog.get_by_role("button", name="Keep it as it is").click()
    elif decline == "Escape":
        page.keyboard.press("Escape")
    else:
        page.mouse.click(5, 5)
    expect(dialog).to_have_count(0)
    expect(chosen(page)).to_contain_text("1 run chosen")
    assert states_of(records, name) == {name: "RUNNING"}
