"""Everybody can use the page: what axe-core finds of each page, menu and dialog, light and dark, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from .browsers import NARROW, WIDE
from .menus import menu, menu_item
from .rows import rows

SCREENS = {"light-wide": ("light", WIDE), "dark-narrow": ("dark", NARROW)}
"""Each theme and each width once: colours do not depend on the width."""

PAGES = {
    "overview": "/?since=30d",
    "runs": "/runs",
    "run": "{sales-of-day-4}",
    "failed": "{import-orders-once}",
    "under way": "{copy-under-way}",
    "scheduled": "{sales-soon}",
    "graph": "{sales-of-day-4}?tab=graph",
    "task runs": "{sales-of-day-4}?tab=tasks",
    "logs": "{sales-of-day-1}?tab=logs",
    "parameters": "{sales-of-day-4}?tab=parameters",
    "history": "{sales-of-day-4}?tab=history",
    "subflows": "{month-end-march}?tab=subflows",
    "task run": "[sales-of-day-4 write_report]",
    "inputs": "[sales-of-day-4 write_report]?tab=inputs",
    "failed task run": "[import-orders-once parse_order]",
    "flows": "/flows",
    "flow": "(import-orders)",
    "events": "/events",
    "settings": "/settings",
    "nothing": "/nothing/here",
}
"""Addresses, in which `{NAME}` is the page of the flow run of that name, `[NAME TASK]` of a task run, and `(NAME)` of a flow."""


def path_of(site, address: str) -> str:
    """An address with what it stands for."""
    if found := re.match(r"\{(.+)\}(.*)", address):
        return site.run_path(found[1]) + found[2]
    if found := re.match(r"\[(.+) (.+)\](.*)", address):
        return site.task_run_path(found[1], found[2]) + found[3]
    if found := re.match(r"\((.+)\)", address):
        (flow,) = site.api.post("/flows/filter", {"flows": {"name": {"any_": [found[1]]}}})
        return f"/flows/flow/{flow['id']}"
    return address


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_use_the_page(open_page, demo_site, axe, name, screen):
    theme, size = SCREENS[screen]
    page = open_page(demo_site, color_scheme=theme, size=size)
    page.goto(path_of(demo_site, PAGES[name]), wait_until="networkidle")
    expect(page.get_by_role("main")).not_to_be_empty()
    axe(page)


def open_palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    expect(page.get_by_role("listbox").get_by_role("option").nth(8)).to_be_visible()


def open_states(page: Page) -> None:
    menu(page, "State").click()


def open_flows(page: Page) -> None:
    menu(page, "Flow").click()


def open_span(page: Page) -> None:
    menu(page, "Any time").click()


def open_saved(page: Page) -> None:
    menu(page, "Saved filters").click()


def save(page: Page) -> None:
    open_saved(page)
    menu_item(page, "Save the present filters").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def choose_runs(page: Page) -> None:
    rows(page).first.get_by_role("checkbox").check()
    expect(page.get_by_role("region", name="Chosen runs")).to_be_visible()


def ask_to_delete(page: Page) -> None:
    choose_runs(page)
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def find_nothing(page: Page) -> None:
    page.get_by_role("searchbox", name="Name of a run").fill("no such run")
    expect(page.get_by_text("No run meets all of these filters.")).to_be_visible()


def open_more(page: Page) -> None:
    menu(page, "More actions").click()


def show_commands(page: Page) -> None:
    open_more(page)
    menu_item(page, "Copy as command").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def choose_task_run(page: Page) -> None:
    page.locator("canvas").focus()
    page.keyboard.press("n")
    expect(page.locator(".chosen")).to_be_visible()


def unfold_event(page: Page) -> None:
    page.get_by_role("button", name="Show all of it").first.click()
    expect(page.locator(".json")).to_be_visible()


def unfold_places(page: Page) -> None:
    if page.get_by_role("button", name="Menu").is_visible():
        page.get_by_role("button", name="Menu").click()


PARTS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "palette": ("runs", open_palette),
    "states": ("runs", open_states),
    "flows": ("runs", open_flows),
    "span of time": ("runs", open_span),
    "saved filters": ("runs", open_saved),
    "saving filters": ("runs", save),
    "chosen runs": ("runs", choose_runs),
    "question": ("runs", ask_to_delete),
    "nothing found": ("runs", find_nothing),
    "places": ("runs", unfold_places),
    "more actions": ("run", open_more),
    "commands": ("run", show_commands),
    "chosen task run": ("run", choose_task_run),
    "event": ("events", unfold_event),
}
"""What opens, on which page, and how."""

WIDE_ONLY = ["chosen runs", "question"]
"""Runs are chosen where their table has room for boxes."""


@pytest.mark.parametrize(
    ("name", "screen"),
    [(name, screen) for name in PARTS for screen in SCREENS if "wide" in screen or name not in WIDE_ONLY],
)
def test_everybody_can_use_what_opens(open_page, demo_site, axe, name, screen):
    theme, size = SCREENS[screen]
    where, act = PARTS[name]
    page = open_page(demo_site, color_scheme=theme, size=size)
    page.goto(path_of(demo_site, PAGES[where]), wait_until="networkidle")
    act(page)
    axe(page)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_sign_in(make_site, open_page, page_problems, axe, theme):
    page_problems.expect("401|WebSocket")
    page = open_page(make_site(HEADRACE_SERVER_API_AUTH_STRING="ann:secret"), color_scheme=theme)
    page.goto("/runs")
    dialog = page.get_by_role("dialog", name="Who are you?")
    dialog.get_by_label("user:password").fill("wrong")
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    axe(page)
