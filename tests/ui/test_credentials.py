"""Servers that want to know who asks: a secret, or a token against requests that other pages forge."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .menus import choose
from .records import Records
from .rows import expect_names

SECRET = "ann:öpen sesame"


@pytest.fixture
def locked_site(make_site):
    """A server that wants a secret; its `api` knows it."""
    site = make_site(HEADRACE_SERVER_API_AUTH_STRING=SECRET)
    user, password = (part.encode() for part in SECRET.split(":"))
    site.api.http.auth = (user, password)
    return site


def sign_in(page: Page, secret: str) -> None:
    """Give a secret to the page that asks for it."""
    dialog = page.get_by_role("dialog", name="Who are you?")
    dialog.get_by_label("user:password").fill(secret)
    dialog.get_by_role("button", name="Sign in").click()


def test_a_server_with_a_secret_is_used_by_those_who_know_it(open_page, page_problems, locked_site):
    page_problems.expect("401|WebSocket")
    records = Records(locked_site.api)
    records.flow_run("secrets", "known", "PENDING")
    page = open_page(locked_site)
    page.goto("/runs")
    dialog = page.get_by_role("dialog", name="Who are you?")
    expect(dialog).to_be_visible()
    expect(page.get_by_role("link", name="known")).to_have_count(0)
    sign_in(page, "ann:guessed")
    expect(dialog.get_by_role("alert")).to_be_visible()
    sign_in(page, SECRET)
    expect(dialog).to_have_count(0)
    expect_names(page, ["known"])
    records.flow_run("secrets", "live", "PENDING")
    expect_names(page, ["live", "known"])
    page.reload()
    expect_names(page, ["live", "known"])


def test_the_question_who_it_is_cannot_be_evaded(open_page, page_problems, locked_site):
    page_problems.expect("401|WebSocket")
    page = open_page(locked_site)
    page.goto("/events")
    dialog = page.get_by_role("dialog", name="Who are you?")
    expect(dialog).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Escape")
        expect(dialog).to_be_visible()
    page.mouse.click(5, 5)
    expect(dialog).to_be_visible()
    sign_in(page, SECRET)
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Events")


def test_who_signs_out_is_asked_again(open_page, page_problems, locked_site):
    page_problems.expect("401|WebSocket")
    page = open_page(locked_site)
    page.goto("/settings")
    sign_in(page, SECRET)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("dialog", name="Who are you?")).to_be_visible()
    page.reload()
    expect(page.get_by_role("dialog", name="Who are you?")).to_be_visible()
    assert SECRET not in page.evaluate("JSON.stringify(localStorage)")


def test_a_secret_that_is_changed_is_asked_for_anew(open_page, page_problems, locked_site):
    page_problems.expect("401|WebSocket")
    page = open_page(locked_site)
    page.goto("/runs")
    page.evaluate("localStorage.setItem('headrace.auth', 'ann:what it was yesterday')")
    page.reload()
    sign_in(page, SECRET)
    expect(page.get_by_text("Nothing has run here yet.")).to_be_visible()


def test_no_secret_of_the_server_is_shown(open_page, page_problems, locked_site):
    page_problems.expect("401|WebSocket")
    page = open_page(locked_site)
    page.goto("/settings")
    sign_in(page, SECRET)
    page.get_by_role("searchbox", name="Name or value").fill("auth_string")
    expect(page.get_by_text("HEADRACE_SERVER_API_AUTH_STRING")).to_be_visible()
    assert "sesame" not in page.content()


def test_actions_work_where_requests_need_a_token(make_site, open_page, page_problems):
    """The first request says that one is needed; it is fetched, and the request repeated."""
    page_problems.expect("403")
    site = make_site(HEADRACE_SERVER_CSRF_PROTECTION_ENABLED="true")
    token = site.api.get("/csrf-token", client="tests")["token"]
    site.api.http.headers.update({"Prefect-Csrf-Client": "tests", "Prefect-Csrf-Token": token})
    records = Records(site.api)
    for name in ("forged-1", "forged-2"):
        records.flow_run("tokens", name, "COMPLETED")
    page = open_page(site)
    page.goto("/runs")
    expect_names(page, ["forged-2", "forged-1"])
    choose(page, "Saved filters", "Save the present filters")
    page.get_by_role("dialog").get_by_label("Name").fill("all of them")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("The filters are saved as “all of them”.")).to_be_visible()
    page.get_by_role("checkbox", name="Choose all that are loaded").check()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete 2 runs").click()
    expect(page.get_by_text("Nothing has run here yet.")).to_be_visible()
    assert records.api.flow_runs() == []
