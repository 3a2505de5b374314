"""What users and their programs name and write is shown as text, whatever it is: nothing of it runs, and the page stays in shape."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from .browsers import NARROW, WIDE
from .menus import menu, menu_item
from .records import Records, state
from .rows import names_of, rows
from .sites import Site

MARKUP = "<img src=x onerror='window.pwned=1'><script>window.pwned=2</script><b>bold</b>&amp;{{7*7}}${7*7}"
TURNED = "invoice\u202egnp.exe\u2066\u200b"
CONTROL = "bell\u0007 \u001b[31mred\u001b[0m back\b\u0085\ufeff"
LONG = "W" * 3_000
NUL = "before\u0000after"
LINK = "javascript:window.pwned=3"
QUOTES = "\"'`><svg/onload=window.pwned=4> --></title></textarea>"

HOSTILE = f"{MARKUP} {TURNED} {CONTROL} {LINK} {QUOTES}"
FLOW = f"flow {TURNED} {CONTROL} {LINK} \"'`${{7*7}}"
"""The API takes no markup in the names of flows."""

DEPTH = 900
BEGAN = datetime.now(UTC)

IS_SHOWN = """() => {
    // What turns the writing around or cannot be seen, and text that became elements.
    const bad = /[\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069\\ufeff]/;
    const found = [], walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) if (bad.test(walker.currentNode.data)) found.push(`text: ${JSON.stringify(walker.currentNode.data.slice(0, 200))}`);
    for (const element of document.querySelectorAll("*"))
        for (const {name, value} of element.attributes)
            if (["title", "aria-label", "placeholder"].includes(name) && bad.test(value)) found.push(`${name}: ${JSON.stringify(value.slice(0, 200))}`);
    for (const each of document.querySelectorAll("#app img[src='x'], #app script, #app svg[onload], #app [onerror]")) found.push(`element: ${each.outerHTML.slice(0, 200)}`);
    for (const each of document.querySelectorAll("a[href^='javascript:' i]")) found.push(`link: ${each.outerHTML.slice(0, 200)}`);
    if (bad.test(document.title)) found.push(`title: ${JSON.stringify(document.title.slice(0, 200))}`);
    if (globalThis.pwned !== undefined) found.push(`it ran: ${globalThis.pwned}`);
    return found;
}"""

WIDTH = """() => {
    const reach = [...document.querySelectorAll("#app *")].filter((each) => each.getBoundingClientRect().right > innerWidth + 1);
    const parts = reach.map((each) => `${each.tagName}.${each.className} to ${each.getBoundingClientRect().right}`);
    return [document.documentElement.scrollWidth, innerWidth, parts.slice(0, 30)];
}"""


class Told:
    """Where hostile data is shown.

    Args:
        site: A server that it is told to.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        records = Records(site.api)
        nested: object = HOSTILE
        for _ in range(DEPTH):
            nested = [nested]
        run = records.flow_run(
            FLOW,
            f"run {HOSTILE}",
            state("PENDING", name=f"Pending {HOSTILE}", message=HOSTILE),
            "RUNNING",
            tags=[f"tag {HOSTILE}", LONG],
            parameters={
                f"key {HOSTILE}": HOSTILE,
                "long": LONG,
                "nested": nested,
                "million": "x" * 1_000_000,
            },
            labels={f"label {HOSTILE}": HOSTILE},
            flow_version=HOSTILE,
        )
        fields = {
            "tags": [HOSTILE],
            "task_inputs": {f"{HOSTILE}{NUL}": [{"input_type": "parameter", "name": HOSTILE}]},
        }
        self.task_run, *_ = records.tell(
            [
                records.task_run(
                    run,
                    f"task {HOSTILE}{NUL}",
                    BEGAN,
                    1,
                    "FAILED",
                    name=f"task {HOSTILE}{NUL}",
                    message=f"Failed: {HOSTILE}{NUL}",
                    cache_key=f"{HOSTILE}{NUL}",
                    **fields,
                ),
                records.task_run(run, LONG, BEGAN, 1, name=LONG),
            ]
        )
        records.log(
            run,
            f"{HOSTILE}{NUL}",
            LONG,
            f"Traceback (most recent call last): {HOSTILE}",
            '{"broken": [1, 2,',
            "y" * 1_000_000,
            "\n" * 50,
            "\u001b[1;31mbold red\u001b[0m plain",
            level=40,
        )
        records.log(run, f"{HOSTILE}{NUL}", task_run_id=self.task_run)
        records.event(
            f"event {HOSTILE}",
            f"resource {HOSTILE}",
            labels={"prefect.resource.name": HOSTILE, f"label {HOSTILE}": HOSTILE},
            payload={f"key {HOSTILE}": HOSTILE, "nested": nested},
            related=[
                {
                    "prefect.resource.id": HOSTILE,
                    "prefect.resource.role": "flow",
                    "prefect.resource.name": HOSTILE,
                }
            ],
        )
        saved = {
            "name": f"saved {HOSTILE}",
            "filters": [
                {
                    "object": "FlowRun",
                    "property": "page",
                    "type": "string",
                    "operation": "query",
                    "value": f"text={MARKUP}",
                }
            ],
        }
        site.api.http.put("/saved_searches/", json=saved).raise_for_status()
        records.enter(run, state("FAILED", name=f"Failed {HOSTILE}", message=f"The end: {HOSTILE} {LONG}"))
        records.flow_run(FLOW, LONG, "PENDING", "RUNNING")
        self.flow, self.run = records.flow(FLOW), run


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A server on which everything that somebody can name is hostile."""
    site = Site(tmp_path_factory.mktemp("hostile"), HEADRACE_SERVER_API_MAX_PARAMETER_SIZE="2000000")
    try:
        yield Told(site.start())
    finally:
        site.stop()
    site.assert_sound()


def assert_shown_as_text(page: Page) -> None:
    """That nothing of what is shown became anything else than text, and that the page is no wider than the screen."""
    found = page.evaluate(IS_SHOWN)
    assert not found, "\n".join(map(ascii, found))
    width, most, parts = page.evaluate(WIDTH)
    assert width <= most, f"the page is {width} pixels wide, the screen {most}:\n" + "\n".join(parts)


PAGES = {
    "overview": ("/", ["The end: <img src=x"]),
    "runs": ("/runs", ["run <img src=x", "Failed <img src=x", "tag <img src=x", "flow invoice"]),
    "flows": ("/flows", ["flow invoice"]),
    "flow": ("/flows/flow/{flow}", ["flow invoice", "task <img src=x", "run <img src=x"]),
    "run": (
        "/runs/flow-run/{run}",
        ["run <img src=x", "The end: <img src=x", "Traceback (most recent call last): <img"],
    ),
    "graph": ("/runs/flow-run/{run}?tab=graph", ["task <img src=x"]),
    "task runs": ("/runs/flow-run/{run}?tab=tasks", ["task <img src=x"]),
    "logs": ("/runs/flow-run/{run}?tab=logs", ["<img src=x onerror", '{"broken": [1, 2,', "bold red plain"]),
    "parameters": ("/runs/flow-run/{run}?tab=parameters", ["key <img src=x", "label <img src=x"]),
    "history": ("/runs/flow-run/{run}?tab=history", ["Pending <img src=x", "The end: <img src=x"]),
    "task run": ("/runs/task-run/{task_run}", ["task <img src=x", "Failed: <img src=x"]),
    "inputs": ("/runs/task-run/{task_run}?tab=inputs", ["<img src=x onerror"]),
    "json": ("/runs/task-run/{task_run}?tab=json", ["task <img src=x"]),
    "events": ("/events", ["event <img src=x"]),
    "no page": ("/<img src=x onerror=window.pwned=1>/\u202e", ["There is no page here."]),
}
"""Paths, and words that are shown there."""


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize(("path", "words"), PAGES.values(), ids=PAGES)
def test_what_is_named_is_shown_as_text(open_page, told, path, words, size):
    page = open_page(told.site, size=size)
    page.goto(
        path.replace("{flow}", told.flow).replace("{run}", told.run).replace("{task_run}", told.task_run)
    )
    expect(page.get_by_role("heading", level=1).or_(page.get_by_text("There is no page"))).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")  # of tables there is what is in sight
    for each in words:
        expect(page.locator("main").get_by_text(each).first).to_be_attached()
    assert_shown_as_text(page)
    if size == WIDE:  # and one can still go on
        page.get_by_role("navigation", name="Main").get_by_role("link", name="Settings").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Settings")


def test_what_unfolds_is_shown_as_text(open_page, told):
    page = open_page(told.site)
    page.goto("/events?event=event")
    page.get_by_role("button", name="Show all of it").first.click()
    expect(page.locator(".json").first).to_contain_text("payload")
    assert_shown_as_text(page)
    page.goto(f"/runs/flow-run/{told.run}?tab=history")
    page.get_by_role("button", name="Event").last.click()
    expect(page.locator(".json").first).to_contain_text("payload")
    assert_shown_as_text(page)


def test_menus_dialogs_and_notes_show_text(open_page, page_problems, told):
    page_problems.expect("404|409")
    page = open_page(told.site)
    page.goto("/runs")
    menu(page, "Saved filters").click()
    expect(menu_item(page, re.compile("^saved <img src=x"))).to_be_visible()
    assert_shown_as_text(page)
    page.keyboard.press("Escape")
    menu(page, "Flow").click()
    page.get_by_role("checkbox", name=re.compile("^flow invoice")).check()
    expect(menu(page, "Flow: flow invoice")).to_be_visible()
    assert_shown_as_text(page)
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").fill("<img src=x")
    expect(page.get_by_role("listbox").get_by_text("run <img src=x").first).to_be_visible()
    assert_shown_as_text(page)
    page.goto(f"/runs/flow-run/{told.run}")
    for item, close in (("Copy as command", "Escape"), ("Delete", "Escape")):
        menu(page, "More actions").click()
        menu_item(page, item).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert_shown_as_text(page)
        page.keyboard.press(close)
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert_shown_as_text(page)


def test_the_timeline_paints_and_tells_text(open_page, told):
    page = open_page(told.site)
    page.goto(f"/runs/flow-run/{told.run}")
    page.locator("canvas").focus()
    page.keyboard.press("n")
    expect(page.locator(".chosen")).to_contain_text("task <img src=x")
    assert_shown_as_text(page)


def test_a_command_that_is_copied_is_what_was_given(open_page, told):
    """What is shown spells out what cannot be seen; what is copied has it as it was."""
    page = open_page(told.site)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/runs/flow-run/{told.run}?tab=parameters")
    page.get_by_role("button", name="Copy all of it as JSON").first.click()
    expect(page.locator(".json").first).to_contain_text("Copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied[f"key {HOSTILE}"] == HOSTILE
    assert len(copied["million"]) == 1_000_000


def test_a_million_characters_are_shown_when_somebody_asks(open_page, told):
    page = open_page(told.site)
    page.goto(f"/runs/flow-run/{told.run}?tab=logs")
    page.get_by_role("button", name="all 1,000,000 characters").click()
    assert page.evaluate("document.body.innerText.length") > 1_000_000
    assert_shown_as_text(page)
    page.goto(f"/runs/flow-run/{told.run}?tab=parameters")
    page.get_by_role("button", name="all 1,000,000 characters").click()
    assert page.evaluate("document.body.innerText.length") > 1_000_000
    assert_shown_as_text(page)


def test_what_is_nested_deeply_unfolds_level_by_level(open_page, told):
    page = open_page(told.site)
    page.goto(f"/runs/flow-run/{told.run}?tab=parameters")
    tree = page.locator(".json").first
    levels = tree.locator("details", has=page.get_by_text("nested"))
    for _ in range(30):
        tree.locator("details:not([open]) > summary").last.click()
    assert levels.count()
    assert_shown_as_text(page)


def test_filters_take_hostile_text(open_page, told):
    page = open_page(told.site)
    page.goto("/runs")
    page.get_by_role("searchbox", name="Name of a run").fill(MARKUP)
    expect(names_of(rows(page))).to_have_text([re.compile("^run <img src=x")])
    page.get_by_role("searchbox", name="Tag").fill(f"tag {HOSTILE}")
    page.keyboard.press("Enter")
    expect(rows(page)).to_have_count(1)
    page.reload()
    expect(names_of(rows(page))).to_have_text([re.compile("^run <img src=x")])
    assert_shown_as_text(page)


@pytest.mark.parametrize(
    "query",
    [
        "state=<script>",
        "flow=nobody,../..,%00",
        "since=yesterday&until=-1",
        "sort=__proto__",
        "tab=constructor",
        "tag=%00",
        "text=%25_%5C%27%22",
        "since=9999999999999999",
    ],
)
def test_an_address_that_makes_no_sense_does_no_harm(page, page_problems, demo_site, query):
    page_problems.expect(": 422")
    for path in ("/runs", "/", "/events", "/flows", demo_site.run_path("sales-of-day-1")):
        page.goto(f"{path}?{query}", wait_until="networkidle")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
