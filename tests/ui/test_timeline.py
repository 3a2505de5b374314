"""The timeline of a flow run: what is painted, and what one can point at, choose, fold, and look at more closely."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from ..e2e.servers import eventually
from .pictures import bars_of, expect_painted
from .records import state

BEGAN = datetime.now(UTC) - timedelta(hours=1)


def after(seconds: float) -> datetime:
    """A time so long after the run began."""
    return BEGAN + timedelta(seconds=seconds)


def inputs(*ids: str):
    """What a task run takes: the results of these."""
    return {"rows": [{"input_type": "task_run", "id": id} for id in ids]}


@pytest.fixture
def told(records, request):
    """The path of a flow run of a minute: a task, three at once that take its result, and one that takes theirs."""
    name = request.node.name
    run = records.flow_run("timelines", name, state("PENDING", BEGAN), state("RUNNING", BEGAN))
    (load,) = records.tell([records.task_run(run, "load", after(0), 10, name="load-1")])
    kinds = ["COMPLETED", "FAILED", "COMPLETED"]
    parts = records.tell(
        records.task_run(run, "part", after(10 + n), 20, kind, name=f"part-{n}", task_inputs=inputs(load))
        for n, kind in enumerate(kinds)
    )
    records.tell([records.task_run(run, "join", after(40), 20, name="join-1", task_inputs=inputs(*parts))])
    records.enter(run, state("FAILED", after(60)))
    return f"/runs/flow-run/{run}"


def timeline(page: Page):
    """What it is painted on."""
    return page.locator("canvas")


def chosen(page: Page):
    """What is said of the task run that was chosen."""
    return page.locator(".chosen")


# --- what is painted -----------------------------------------------------------------------------------------------


def test_bars_have_the_colours_of_states_and_the_lengths_of_times(page, told):
    page.goto(told)
    completed = expect_painted(page, "COMPLETED", 4)
    (failed,) = expect_painted(page, "FAILED", 1)
    load, *parts, join = completed
    assert failed.width == pytest.approx(2 * load.width, rel=0.05)
    assert join.width == pytest.approx(2 * load.width, rel=0.05)
    assert load.x + load.width == pytest.approx(parts[0].x, abs=3)
    assert load.y < parts[0].y < failed.y < parts[1].y < join.y


def test_bars_follow_the_theme(page, told):
    page.goto(told)
    expect_painted(page, "FAILED", 1)
    light = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--failed')")
    page.get_by_role("button", name="Switch to dark").click()
    dark = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--failed')")
    assert light != dark
    expect_painted(page, "FAILED", 1)


def test_it_says_as_text_what_it_shows(page, told):
    page.goto(told)
    expect(timeline(page)).to_have_attribute("aria-label", re.compile("Timeline of 5 task runs"))


def test_waiting_is_apart_from_running(page, demo_site):
    page.goto(demo_site.run_path("copy-under-way"))
    running = expect_painted(page, "RUNNING", 3)
    assert all(bar.height > 8 for bar in running)
    assert all(bar.height == 2 for bar in expect_painted(page, "PENDING"))


def test_bars_of_what_runs_grow_and_new_ones_come(page, records):
    run = records.flow_run("timelines", "growing", "PENDING", "RUNNING")
    now = datetime.now(UTC)
    ended, first = (
        records.task_run(run, "first", now - timedelta(seconds=2), 1),
        records.task_run(run, "slow", now - timedelta(seconds=1)),
    )
    records.tell([ended, first])
    page.goto(f"/runs/flow-run/{run}")
    (before,) = expect_painted(page, "RUNNING", 1)

    def assert_longer() -> None:
        (bar,) = bars_of(page, "RUNNING")
        assert bar.width > before.width + 20  # of the time since then; what ended becomes less of it

    eventually(assert_longer)
    records.tell([records.task_run(run, "second", datetime.now(UTC))])
    expect_painted(page, "RUNNING", 2)
    records.tell([{**first, "steps": [{**first["steps"][0], "state": state("CRASHED")}]}])
    expect_painted(page, "CRASHED", 1)


# --- what one can point at and choose ------------------------------------------------------------------------------


def test_a_bar_that_is_pointed_at_says_what_it_is(page, told):
    page.goto(told)
    (failed,) = expect_painted(page, "FAILED", 1)
    timeline(page).hover(position=failed.middle)
    tip = page.locator(".tip")
    expect(tip).to_have_text(re.compile("part-1.*Failed.*waited .*, ran 20 s", re.S))
    page.mouse.move(5, 5)
    expect(tip).to_have_count(0)


def test_a_bar_that_is_clicked_says_what_it_depends_on(page, told):
    page.goto(told)
    (failed,) = expect_painted(page, "FAILED", 1)
    timeline(page).click(position=failed.middle)
    expect(chosen(page)).to_contain_text("part-1")
    expect(chosen(page)).to_have_text(
        re.compile("Takes results of.*load-1.*Gives its result to.*join-1", re.S)
    )
    chosen(page).get_by_role("button", name="join-1").click()
    expect(chosen(page)).to_have_text(re.compile("join-1.*Takes results of.*part-0.*part-1.*part-2", re.S))
    chosen(page).get_by_role("link", name="join-1").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("join-1")


def test_task_runs_are_gone_through_with_keys(page, told):
    page.goto(told)
    expect_painted(page, "FAILED", 1)
    timeline(page).focus()
    for key, name in (("n", "load-1"), ("n", "part-0"), ("n", "part-1"), ("p", "part-0"), ("p", "load-1")):
        page.keyboard.press(key)
        expect(chosen(page).get_by_role("link")).to_have_text(name)
    page.keyboard.press("Escape")
    expect(chosen(page)).to_have_count(0)
    page.keyboard.press("n")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("load-1")


def test_a_subflow_is_a_bar_that_leads_to_its_run(page, demo_site):
    page.goto(demo_site.run_path("month-end-march"))
    bar, *_ = expect_painted(page, "COMPLETED", 4)
    timeline(page).click(position=bar.middle)
    chosen(page).get_by_role("link").first.click()
    expect(page.locator(".crumbs")).to_contain_text("month-end-march")


# --- looking more closely ------------------------------------------------------------------------------------------


def failed_width(page: Page) -> int:
    """How wide the failed bar is now."""
    found = bars_of(page, "FAILED")
    return found[0].width if found else 0


@pytest.mark.parametrize("by", ["keys", "buttons", "wheel"])
def test_one_can_look_more_closely_and_at_all_again(page, told, by):
    page.goto(told)
    (before,) = expect_painted(page, "FAILED", 1)
    timeline(page).focus()

    def act(key: str, button: str, wheel: int) -> None:
        if by == "keys":
            page.keyboard.press(key)
        elif by == "buttons":
            page.get_by_role("button", name=button).click()
        else:
            timeline(page).hover(position=before.middle)
            page.keyboard.down("Control")
            page.mouse.wheel(0, wheel)
            page.keyboard.up("Control")

    def assert_width(low: float, high: float) -> None:
        assert low * before.width < failed_width(page) < high * before.width

    act("+", "Closer", -120)
    eventually(lambda: assert_width(1.3, 3))
    act("-", "Wider", 240)
    eventually(lambda: assert_width(0.3, 1.1))
    if by == "wheel":
        timeline(page).dblclick(position=before.middle)
        eventually(lambda: assert_width(0.9, 9))
        page.get_by_role("button", name="Fit").click()
    else:
        act("0", "Fit", 0)
    eventually(lambda: assert_width(0.99, 1.01))


def test_one_can_move_along_the_time(page, told):
    page.goto(told)
    (before,) = expect_painted(page, "FAILED", 1)

    def assert_moved(to: str) -> None:
        x = bars_of(page, "FAILED")[0].x
        assert x < before.x - 20 if to == "left" else x == pytest.approx(before.x, abs=2)

    timeline(page).focus()
    page.keyboard.press("ArrowRight")
    eventually(lambda: assert_moved("left"))
    page.keyboard.press("0")
    eventually(lambda: assert_moved("back"))
    box = timeline(page).bounding_box()
    page.mouse.move(box["x"] + 700, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 650, box["y"] + 100, steps=5)
    page.mouse.up()
    eventually(lambda: assert_moved("left"))
    expect(chosen(page)).to_have_count(0)


def test_runs_of_a_task_fold_into_one_row(page, told):
    page.goto(told)
    part, *_ = expect_painted(page, "COMPLETED", 4)[1:]
    expect_painted(page, "FAILED", 1)
    heading = {"x": 40, "y": part.y - 16}
    before = timeline(page).bounding_box()["height"]
    timeline(page).click(position=heading)
    expect(chosen(page)).to_have_count(0)

    def assert_folded(folded: bool) -> None:
        height = timeline(page).bounding_box()["height"]
        assert height < before if folded else height == before

    eventually(lambda: assert_folded(True))
    expect_painted(page, "FAILED")
    timeline(page).click(position=heading)
    eventually(lambda: assert_folded(False))


# --- many ----------------------------------------------------------------------------------------------------------


def test_of_10_000_task_runs_a_failure_can_be_seen_and_found(page, records):
    run = records.flow_run("timelines", "large", state("PENDING", BEGAN), state("RUNNING", BEGAN))
    bad = 7_654
    records.tell(
        records.task_run(
            run,
            f"task-{n % 20}",
            after(n * 0.3),
            2.5,
            "FAILED" if n == bad else "COMPLETED",
            name=f"large-{n}",
        )
        for n in range(10_000)
    )
    page.goto(f"/runs/flow-run/{run}")
    expect(timeline(page)).to_have_attribute("aria-label", re.compile("Timeline of 10,000 task runs"))
    expect_painted(page, "FAILED")
    page.get_by_role("tab", name="Task runs").click()
    table = page.get_by_role("table", name="Task runs")
    expect(table).to_have_attribute("aria-rowcount", "10001")
    page.get_by_role("searchbox").fill(f"large-{bad}")
    expect(table).to_have_attribute("aria-rowcount", "2")
    page.get_by_role("tab", name="Timeline").click()
    expect_painted(page, "FAILED")
    page.get_by_role("tab", name="Graph").click()
    expect(page.locator(".node")).to_have_count(20)
