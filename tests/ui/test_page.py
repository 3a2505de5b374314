"""The page as a whole: it opens, everywhere, and keeps its own rules."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from ..e2e.servers import eventually
from .browsers import NARROW


def test_it_opens(page):
    page.goto("/")
    expect(page).to_have_title(re.compile("Headrace"))
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


@pytest.mark.parametrize("base", ["/", "/below/this"])
def test_it_opens_at_any_of_its_addresses(make_site, open_page, base):
    site = make_site(HEADRACE_SERVER_UI_SERVE_BASE=base)
    page = open_page(site)
    page.goto(f"{base.rstrip('/')}/runs")
    expect(page).to_have_title(re.compile("Runs"))
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Overview").click()
    expect(page).to_have_url(f"{site.url}{base.rstrip('/')}/")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/runs"])
def test_everybody_can_use_it(open_page, demo_site, axe, theme, path):
    page = open_page(demo_site, color_scheme=theme)
    page.goto(path)
    expect(page.get_by_role("link", name="copy-under-way").first).to_be_visible()
    axe(page)


def test_it_fits_on_a_narrow_screen(open_page, demo_site):
    page = open_page(demo_site, size=NARROW)
    page.goto("/runs")
    expect(page.get_by_role("link", name="sales-of-day-4")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW[0]


def test_a_websocket_to_its_own_server_is_within_its_policy(page, demo_site):
    """Where browsers let `'self'` stand for it."""
    page.goto("/runs")
    closed = page.evaluate(
        """() => new Promise((resolve) => {
            const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/events/out`, ["prefect"]);
            socket.onopen = () => resolve("opened");
            socket.onerror = () => resolve("refused");
        })"""
    )
    assert closed == "opened"


# --- what the tests stand on: a browser that complains -----------------------------------------------------------


WRONG = {
    "error on the console": ("console.error('told so')", "console error: told so"),
    "exception": ("throw new Error('uncaught')", "exception: .*uncaught"),
    "rejection": ("Promise.reject(new Error('nobody caught'))", "exception: .*nobody caught"),
    "refused request": ("fetch('/api/nothing')", "request refused: GET .*/api/nothing: 404"),
    "another server": (
        "document.body.append(Object.assign(new Image(), {src: 'http://127.0.0.1:9/'}))",
        "Content Security Policy|: csp$",
    ),
    "style in an attribute": ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
    "text as HTML": ("document.body.innerHTML = '<img src=x onerror=alert(1)>'", "TrustedHTML"),
    "text as a script": ("document.createElement('script').textContent = 'x = 1'", "TrustedScript"),
}
"""What may go wrong in a page, and what is noted then."""


@pytest.mark.parametrize(("code", "complaint"), WRONG.values(), ids=WRONG)
def test_what_goes_wrong_in_a_page_is_noticed(page, page_problems, code, complaint):
    page_problems.expect(complaint)
    page.goto("/runs")
    page.evaluate(f"() => {{ setTimeout(() => {{ {code} }}) }}")

    def assert_noticed() -> None:
        page.evaluate("() => 1")  # what the browser says is heard while it is asked something
        assert any(re.search(complaint, each) for each in page_problems.all), page_problems.all

    eventually(assert_noticed)


def test_a_script_that_the_server_did_not_write_does_not_run(page, page_problems):
    page_problems.expect("Content Security Policy|TrustedScript")
    page.goto("/runs")
    page.evaluate(
        """() => {
            const script = document.createElement("script");
            try { script.textContent = "globalThis.intruded = true"; } catch {}
            document.head.append(script);
        }"""
    )
    assert page.evaluate("globalThis.intruded") is None


def test_what_breaks_a_rule_of_accessibility_is_named(page, axe):
    page.goto("/runs")
    page.evaluate("document.body.append(document.createElement('button'))")
    with pytest.raises(AssertionError, match=r"button-name \(critical\)"):
        axe(page)


def test_scripts_run_against_the_tests_own_server(site):
    told = site.run(
        "from headrace import flow\n"
        "@flow\ndef greeting(name: str) -> None: print('hello', name)\n"
        "greeting.with_options(flow_run_name='hello')('you')\n"
    )
    assert "hello you" in told
    (run,) = site.api.flow_runs()
    assert (run["name"], run["state_type"]) == ("hello", "COMPLETED")
