"""How one gets around: the palette, links, keys, titles, addresses, light and dark, on a wide screen and on a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .browsers import NARROW

PLACES = {"Overview": "/", "Runs": "/runs", "Flows": "/flows", "Events": "/events", "Settings": "/settings"}


def heading(page: Page):
    """The heading of the page."""
    return page.get_by_role("heading", level=1)


def found(page: Page):
    """What the palette has found."""
    return page.get_by_role("listbox", name="Found").get_by_role("option")


def search(page: Page, text: str) -> None:
    """Open the palette with keys, and type."""
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="Search").press_sequentially(text)


# --- the sidebar, titles, addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "path"), PLACES.items(), ids=PLACES)
def test_the_sidebar_leads_to_each_page(page, name, path):
    page.goto("/nothing/here")
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name=name)
    link.click()
    expect(heading(page)).to_contain_text(name)
    expect(page).to_have_title(f"{name} · Headrace")
    expect(page).to_have_url(re.compile(f"{path}$"))
    expect(link).to_have_attribute("aria-current", "page")


def test_pages_are_changed_without_loading_the_document_again(page):
    page.goto("/runs")
    page.evaluate("globalThis.isTheSame = true")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Events").click()
    expect(heading(page)).to_contain_text("Events")
    page.go_back()
    expect(heading(page)).to_contain_text("Runs")
    page.go_forward()
    expect(heading(page)).to_contain_text("Events")
    assert page.evaluate("globalThis.isTheSame")


def test_a_link_opens_in_a_tab_of_its_own_where_that_is_asked_for(page):
    page.goto("/runs")
    link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Events")
    with page.context.expect_page() as opened:
        link.click(modifiers=["Control"])
    expect(heading(opened.value)).to_contain_text("Events")
    expect(heading(page)).to_contain_text("Runs")


@pytest.mark.parametrize(
    "path", ["/nothing/here", "/runs/flow-run/x", "/flows/flow/", "/runs/task-run/0000/more"]
)
def test_an_address_without_a_page_says_so(page, path):
    page.goto(path)
    expect(page.get_by_text("There is no page here.")).to_be_visible()
    expect(page).to_have_title("Not found · Headrace")
    page.get_by_role("link", name="To the overview").click()
    expect(heading(page)).to_have_text("Overview")


@pytest.mark.parametrize(
    ("path", "noun"),
    [("/runs/flow-run", "flow run"), ("/runs/task-run", "task run"), ("/flows/flow", "flow")],
)
def test_what_is_not_there_is_said_not_to_be(page, page_problems, path, noun):
    page_problems.expect("404")
    page.goto(f"{path}/00000000-0000-0000-0000-000000000000")
    expect(page.get_by_text(f"This {noun} is not there.")).to_be_visible()


def test_the_old_address_of_the_overview_still_leads_there(page):
    page.goto("/dashboard")
    expect(heading(page)).to_have_text("Overview")


def test_the_title_follows_what_is_shown(page, records):
    run = records.flow_run("titles", "titled", "PENDING", "RUNNING")
    page.goto(f"/runs/flow-run/{run}")
    expect(page).to_have_title("titled · Running · Headrace")
    records.enter(run, "COMPLETED")
    expect(page).to_have_title("titled · Completed · Headrace")


# --- keys ----------------------------------------------------------------------------------------------------------


def test_the_first_key_leads_past_the_sidebar(page):
    page.goto("/runs")
    expect(heading(page)).to_contain_text("Runs")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_focus_goes_from_top_to_bottom(page):
    """Skip link, brand, search, places, then what the page has."""
    page.goto("/runs")
    expect(heading(page)).to_contain_text("Runs")
    names = []
    for _ in range(9):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.innerText.trim()").split("\n")[0])
    assert names == ["Skip to content", "Headrace", "Search", *PLACES, ""]


# --- the palette ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["Control+k", "/"])
def test_the_palette_opens_and_closes_with_keys(page, key):
    page.goto("/runs")
    expect(heading(page)).to_contain_text("Runs")
    page.keyboard.press(key)
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_palette_opens_with_the_mouse_and_closes_beside_it(page):
    page.goto("/runs")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("combobox", name="Search")).to_be_focused()
    page.mouse.click(5, 890)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_slash_in_a_field_is_a_slash(page):
    page.goto("/runs")
    page.get_by_role("searchbox", name="Name of a run").press_sequentially("a/b")
    expect(page.get_by_role("searchbox", name="Name of a run")).to_have_value("a/b")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_palette_goes_to_pages(page):
    page.goto("/runs")
    search(page, "sett")
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("Settings")


def test_the_palette_finds_a_flow_by_a_part_of_its_name(page):
    page.goto("/runs")
    search(page, "warehou")
    expect(found(page).first).to_have_text(re.compile("copy-warehouse.*flow"))
    page.keyboard.press("Enter")
    expect(heading(page)).to_have_text("copy-warehouse")


def test_the_palette_finds_a_run_with_its_state(page):
    page.goto("/runs")
    search(page, "wait-for-delivery-onc")
    expect(found(page).first).to_have_text(re.compile("wait-for-delivery-once.*TimedOut"))
    page.keyboard.press("Enter")
    expect(heading(page)).to_contain_text("wait-for-delivery-once")


@pytest.mark.parametrize("noun", ["flows", "flow_runs", "task_runs"])
def test_the_palette_finds_what_has_an_id(page, page_problems, demo_site, noun):
    page_problems.expect("404")  # it asks for what else could have the id
    (known,) = demo_site.api.post(f"/{noun}/filter", {"limit": 1})
    page.goto("/runs")
    search(page, known["id"])
    expect(found(page).first).to_contain_text(known["name"])
    page.keyboard.press("Enter")
    expect(heading(page)).to_contain_text(known["name"])


def test_the_palette_is_walked_with_arrow_keys(page):
    page.goto("/runs")
    page.keyboard.press("Control+k")
    options = found(page)
    expect(options.nth(10)).to_be_visible()
    field = page.get_by_role("combobox", name="Search")
    for key, place in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("ArrowUp", 0)):
        page.keyboard.press(key)
        expect(options.nth(place)).to_have_attribute("aria-selected", "true")
        expect(field).to_have_attribute("aria-activedescendant", f"choice-{place}")
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    expect(options.last).to_be_in_viewport()


def test_the_palette_says_when_nothing_is_called_that(page):
    page.goto("/runs")
    search(page, "no such thing")
    expect(page.get_by_text("Nothing is called that.")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()


# --- light and dark ------------------------------------------------------------------------------------------------


def background(page: Page) -> str:
    """The colour behind everything."""
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


@pytest.mark.parametrize(("system", "other"), [("light", "dark"), ("dark", "light")])
def test_it_is_light_or_dark_as_the_system_is_until_somebody_chooses(open_page, demo_site, system, other):
    page = open_page(demo_site, color_scheme=system)
    page.goto("/runs")
    html = page.locator("html")
    expect(html).to_have_attribute("data-theme", system)
    before = background(page)
    page.get_by_role("button", name=f"Switch to {other}").click()
    expect(html).to_have_attribute("data-theme", other)
    assert background(page) != before
    page.reload()
    expect(html).to_have_attribute("data-theme", other)
    page.emulate_media(color_scheme=other)
    page.emulate_media(color_scheme=system)
    expect(html).to_have_attribute("data-theme", other)


def test_it_changes_with_the_system(open_page, demo_site):
    page = open_page(demo_site, color_scheme="light")
    page.goto("/runs")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


# --- on a phone ----------------------------------------------------------------------------------------------------

PAGES = {
    "overview": "/",
    "runs": "/runs",
    "flow run": "{sales-of-day-4}",
    "graph": "{sales-of-day-4}?tab=graph",
    "task runs": "{sales-of-day-4}?tab=tasks",
    "logs": "{sales-of-day-4}?tab=logs",
    "parameters": "{sales-of-day-4}?tab=parameters",
    "history": "{sales-of-day-4}?tab=history",
    "subflows": "{month-end-march}?tab=subflows",
    "failed": "{import-orders-once}",
    "flows": "/flows",
    "events": "/events",
    "settings": "/settings",
    "nothing": "/nothing/here",
}
"""Addresses, in which `{NAME}` is the page of the flow run of that name."""


@pytest.mark.parametrize("path", PAGES.values(), ids=PAGES)
def test_no_page_is_wider_than_a_phone(open_page, demo_site, path):
    page = open_page(demo_site, size=NARROW)
    if named := re.search(r"\{(.+)\}", path):
        path = path.replace(named[0], demo_site.run_path(named[1]))
    page.goto(path, wait_until="networkidle")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_on_a_phone_the_menu_opens_and_leads_on(open_page, demo_site):
    page = open_page(demo_site, size=NARROW)
    page.goto("/runs")
    places = page.get_by_role("navigation", name="Main")
    expect(places).to_be_hidden()
    unfold = page.get_by_role("button", name="Menu")
    unfold.click()
    expect(unfold).to_have_attribute("aria-expanded", "true")
    places.get_by_role("link", name="Events").click()
    expect(heading(page)).to_contain_text("Events")
    expect(places).to_be_hidden()
