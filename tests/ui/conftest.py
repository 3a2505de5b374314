"""What the tests of the web page share: servers with runs to look at, and a browser that complains.

    def test_a_run_is_found_by_its_name(page):
        page.goto("/runs?name=sales-of-day-4")
        expect(page.get_by_role("link", name="sales-of-day-4")).to_be_visible()

Pages are those of the shared server, on which the demonstration's flows have run (`flows/`), or of the test's own where the
test asks for a `site`. Nothing is awaited by sleeping: `expect` tries until it is so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from .accessibility import violations
from .browsers import launch, open_context
from .problems import PageProblems, watch
from .records import Records
from .sites import Site, record_demo

HERE = Path(__file__).parent

PATIENCE = 30_000.0
"""Milliseconds within which a page shows what is expected of it, on a machine that has other things to do."""

expect.set_options(timeout=PATIENCE)


class Chromium:
    """The browser of this process: started by the first test that needs it, ended when the next test is none of these.

    Playwright's event loop runs in the main thread for as long as it drives a browser, and tests that are coroutines could
    not run theirs there.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._browser: Browser | None = None

    def browser(self) -> Browser:
        """The browser."""
        if self._browser is None:
            self._browser = self._open.enter_context(launch(self._open.enter_context(sync_playwright())))
        return self._browser

    def close(self) -> None:
        """End it."""
        self._browser = None
        self._open.close()


CHROMIUM = Chromium()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """End the browser after the last of these tests in a row."""
    try:
        return (yield)
    finally:
        if nextitem is None or HERE not in nextitem.path.parents:
            CHROMIUM.close()


# --- servers -------------------------------------------------------------------------------------------------------


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes servers of the test's own, on an empty store: `make_site(HEADRACE_SERVER_API_AUTH_STRING="a:b")`."""
    made: list[Site] = []

    def make(**options: str) -> Site:
        folder = tmp_path / f"site-{len(made)}"
        folder.mkdir()
        made.append(Site(folder, **options))
        return made[-1].start()

    yield make
    for site in made:
        site.stop()
    for site in made:
        site.assert_sound()


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A server of the test's own, on an empty store; `page` is a page of it."""
    return make_site()


@pytest.fixture(scope="session")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server that tests share which make runs of their own, each under names that no other test has."""
    site = Site(tmp_path_factory.mktemp("shared"))
    try:
        yield site.start()
    finally:
        site.stop()
    site.assert_sound()


@pytest.fixture
def records(request: pytest.FixtureRequest) -> Records:
    """Tells the test's own `site` of runs, or the one that is shared by tests which make runs."""
    return Records(_site_of(request).api)


@pytest.fixture(scope="session")
def demo_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server on which the demonstration's flows have run. It is shared: tests look, and change nothing."""
    site = Site(tmp_path_factory.mktemp("demo"))
    try:
        site.start()
        record_demo(site)
        yield site
    finally:
        site.stop()
    site.assert_sound()


# --- pages ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def page_problems() -> Iterator[PageProblems]:
    """What the browser complains of; the test fails of what it did not expect: `page_problems.expect("404")`."""
    problems = PageProblems()
    yield problems
    assert not problems.found, "The browser complains:\n" + "\n".join(problems.found)


@pytest.fixture
def open_page(page_problems: PageProblems, make_site: object) -> Iterator[Callable[..., Page]]:
    """Opens pages of a server, each in a browser of its own: `open_page(site, size=NARROW, color_scheme="dark")`.

    They are closed before servers of the test's own are.
    """
    with ExitStack() as opened:

        def open_page(site: Site, **options: Any) -> Page:
            context = opened.enter_context(open_context(CHROMIUM.browser(), site.url, **options))
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            watch(page, page_problems)
            return page

        yield open_page


@pytest.fixture
def page(open_page: Callable[..., Page], request: pytest.FixtureRequest) -> Page:
    """A page of the test's own `site`; of the shared one where it makes `records`; else of the demonstration's."""
    return open_page(_site_of(request))


def _site_of(request: pytest.FixtureRequest) -> Site:
    asked = request.fixturenames
    makes_runs = "records" in asked or "shared_site" in asked
    own = "site" if "site" in asked else "shared_site" if makes_runs else "demo_site"
    return request.getfixturevalue(own)


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Asserts that a page, as it is shown now, can be used by everybody, as far as a program can tell: `axe(page)`."""

    def check(page: Page) -> None:
        found = violations(page)
        assert not found, f"{page.url} breaks rules of accessibility:\n" + "\n".join(found)

    return check
