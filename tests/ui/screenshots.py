"""`make screenshots`: each page as it looks, light and dark, on a wide screen and on a narrow one.

    python -m tests.ui.screenshots                                all pages, of a server with the demonstration's runs
    python -m tests.ui.screenshots --only run --theme dark        some of them
    python -m tests.ui.screenshots --url http://127.0.0.1:4200    of a server that runs already
    python -m tests.ui.screenshots --serve                        no pictures: the server alone, to look at

What a browser complains of while it shows a page is printed, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Error, sync_playwright

from ..e2e.servers import Api
from .browsers import NARROW, WIDE, launch, open_context
from .problems import PageProblems, watch
from .sites import Site, record_demo

PAGES = {
    "overview": "/",
    "runs": "/runs",
    "run": "/runs/flow-run/{flow_runs:sales-of-day-4}",
    "run-failed": "/runs/flow-run/{flow_runs:import-orders-once}",
    "run-under-way": "/runs/flow-run/{flow_runs:copy-under-way}",
    "run-with-subflows": "/runs/flow-run/{flow_runs:month-end-march}",
    "run-scheduled": "/runs/flow-run/{flow_runs:sales-soon}",
    "task-run": "/runs/task-run/{task_runs:total}",
    "task-run-failed": "/runs/task-run/{task_runs:parse_order}",
    "flows": "/flows",
    "flow": "/flows/flow/{flows:daily-sales}",
    "events": "/events",
    "settings": "/settings",
    "nothing-here": "/nothing/here",
}
"""The pages by name. `{flow_runs:NAME}` is the id of the flow run with that name, or of the latest where none has it."""

SIZES = {"wide": WIDE, "narrow": NARROW}
THEMES = ("light", "dark")

SETTLE_SECONDS = 10.0
"""How long a page may still load things before its picture is taken all the same."""

_ID = re.compile(r"\{(\w+):([^}]+)\}")


def main() -> int:
    """Take the pictures."""
    options = _options()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _server(options.url) as url:
        if options.serve:
            print(f"The demonstration's runs are at {url}; Ctrl-C ends the server.", flush=True)
            with suppress(KeyboardInterrupt):
                signal.pause()
            return 0
        options.out.mkdir(parents=True, exist_ok=True)
        with sync_playwright() as playwright, launch(playwright) as browser:
            taken = dict(_take_all(browser, url, options))
    print(f"{options.out}: {len(taken)} pictures")
    for complaint in dict.fromkeys(chain.from_iterable(taken.values())):
        print(complaint, file=sys.stderr)
    return 1 if any(taken.values()) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=PAGES,
        metavar="NAME",
        help=f"one of {', '.join(PAGES)}; repeatable",
    )
    parser.add_argument("--theme", action="append", choices=THEMES, help="repeatable; both when left out")
    parser.add_argument("--size", action="append", choices=SIZES, help="repeatable; both when left out")
    parser.add_argument("--url", help="of a server that runs already")
    parser.add_argument(
        "--out", type=Path, default=Path(".screenshots"), help="the folder for the pictures; %(default)s"
    )
    parser.add_argument(
        "--full", action="store_true", help="pages from top to bottom, not what fits on the screen"
    )
    parser.add_argument("--serve", action="store_true", help="take no pictures: run the server until Ctrl-C")
    return parser.parse_args()


@contextmanager
def _server(url: str | None) -> Iterator[str]:
    """The URL of the page of a server that runs already, or of one of its own, with the demonstration's runs."""
    if url is not None:
        yield url.rstrip("/")
        return
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        try:
            site.start()
            record_demo(site)
            yield site.url
        finally:
            site.stop()


def _take_all(browser: Browser, url: str, options: argparse.Namespace) -> Iterator[tuple[Path, list[str]]]:
    """Take the pictures that were asked for: where each is, and what the browser complains of."""
    api = Api(f"{url}/api")
    places = {
        name: _ID.sub(lambda found: _id_of(api, *found.groups()), PAGES[name])
        for name in options.only or PAGES
    }
    for theme in options.theme or THEMES:
        for size in options.size or SIZES:
            with open_context(browser, url, size=SIZES[size], color_scheme=theme) as context:
                for name, place in places.items():
                    picture = options.out / f"{name}-{theme}-{size}.png"
                    yield picture, _take(context, place, picture, options.full)


def _take(context: BrowserContext, place: str, picture: Path, full: bool) -> list[str]:
    page = context.new_page()
    problems = PageProblems()
    watch(page, problems)
    page.goto(place)
    with suppress(Error):
        page.wait_for_load_state("networkidle", timeout=SETTLE_SECONDS * 1_000)
    page.screenshot(path=picture, full_page=full)
    page.close()
    return [f"{place}: {problem}" for problem in problems.found]


def _id_of(api: Api, noun: str, name: str) -> str:
    """The id of what has that name, or of the latest of its kind."""
    order: dict[str, Any] = {"limit": 1}
    if noun != "flows":
        order["sort"] = "EXPECTED_START_TIME_DESC"
    like = {"any_": [name]} if noun != "task_runs" else {"like_": name}
    found = api.post(f"/{noun}/filter", {noun: {"name": like}, **order}) or api.post(f"/{noun}/filter", order)
    return str(found[0]["id"]) if found else "00000000-0000-0000-0000-000000000000"


if __name__ == "__main__":
    sys.exit(main())
