"""Settings: what the server is, how it fares, how it is set."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def fact(page: Page, name: str):
    """One of the facts about the server."""
    term = page.locator("dt", has_text=re.compile(f"^{name}$"))
    return page.locator(".facts > div").filter(has=term).locator("dd")


def test_it_says_what_the_server_is(page, demo_site):
    page.goto("/settings")
    server = demo_site.api.get("/ui/server")
    expect(fact(page, "Headrace")).to_have_text(server["version"])
    expect(fact(page, "API")).to_have_text(server["api_version"])
    expect(fact(page, "Database")).to_have_text(re.compile(r"^SQLite 3\.\d+"))
    expect(fact(page, "Stored in")).to_contain_text("headrace.db")
    expect(fact(page, "Size")).to_have_text(re.compile(r"^[\d.]+ [KM]B$"))
    expect(fact(page, "Memory")).to_have_text(re.compile(r"^[\d.]+ MB$"))
    expect(fact(page, "Started")).to_have_text(re.compile("ago|just now"))


def test_it_says_how_to_use_it(page, demo_site):
    page.goto("/settings")
    expect(page.get_by_text(f"export HEADRACE_API_URL={demo_site.api_url}")).to_be_visible()
    link = page.get_by_role("link", name=f"{demo_site.api_url}/docs")
    with page.context.expect_page() as opened:
        link.click()
    opened.value.close()


def test_settings_are_found_by_the_names_that_they_have_in_the_environment(page, demo_site):
    page.goto("/settings")
    page.get_by_role("searchbox", name="Name or value").fill("serve_base")
    expect(page.locator(".setting")).to_have_count(1)
    expect(page.locator(".setting")).to_contain_text("HEADRACE_SERVER_UI_SERVE_BASE")
    page.get_by_role("searchbox", name="Name or value").fill("no such setting")
    expect(page.locator(".setting")).to_have_count(0)


def test_what_is_set_is_shown_but_no_password(make_site, open_page):
    site = make_site(
        HEADRACE_SERVER_UI_SERVE_BASE="/",
        HEADRACE_API_KEY="swordfish",
        HEADRACE_SERVER_DATABASE_PASSWORD="swordfish",
    )
    page = open_page(site)
    page.goto("/settings")
    expect(page.locator(".setting").filter(has_text="HEADRACE_API_KEY")).to_be_visible()
    assert "swordfish" not in page.content()
