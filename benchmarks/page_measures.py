"""What is run for the rows about the web page: Chromium opens it, and its own clock (`performance`) says how long things took."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median, quantiles
from typing import Any

from playwright.sync_api import Page, sync_playwright
from tests.ui.browsers import launch, open_context

from benchmarks.contenders import Contender
from benchmarks.processes import run_script
from benchmarks.servers import Served, serving
from benchmarks.stored_runs import copy_flow_runs, store_flow_runs

CHANGES = 20
"""Changes of state that are waited for on the screen."""

CLICKS = 5
"""Clicks that lead to the list of runs."""

PATIENCE = 120_000.0
"""Milliseconds after which something does not come any more."""

WATCH = """
window.seenAt = new Promise((resolve) => {
  const look = () => document.querySelector(SELECTOR) && resolve(performance.now());
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributes: true });
});
"""
"""Notes when something is in the document for the first time, in milliseconds since the page was asked for."""

ZOOM = """async () => {
  const canvas = document.querySelector(".timeline canvas"), { left, top, width } = canvas.getBoundingClientRect(), frames = [];
  let last = await new Promise(requestAnimationFrame);
  for (const end = last + 4000, turn = { n: 0 }; last < end; turn.n++) {
    const at = { clientX: left + width * 0.6, clientY: top + 60, bubbles: true, cancelable: true };
    const nearer = turn.n % 60 < 30;
    canvas.dispatchEvent(new WheelEvent("wheel", { ...at, ctrlKey: true, deltaY: nearer ? -20 : 20 }));
    canvas.dispatchEvent(new WheelEvent("wheel", { ...at, deltaX: nearer ? 25 : -25 }));
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""
"""Zooms and pans the timeline in every frame; gives how long each took, in milliseconds."""

CHANGED = """([state]) => new Promise((resolve) => {
  const look = () => document.querySelector("h1 .badge").textContent === state && resolve(performance.timeOrigin + performance.now());
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  look();
})"""
"""Waits until a run's page shows a state; gives the time, in milliseconds since 1970."""

CLICKED = """([name, selector]) => new Promise((resolve) => {
  const began = performance.now();
  const look = () => document.querySelector(selector) && resolve(performance.now() - began);
  new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  [...document.querySelectorAll("nav a")].find((link) => link.textContent === name).click();
})"""
"""Goes to another page; gives how long it took until something is in it, in milliseconds."""

ROWS = '[role="rowgroup"] .row'

Values = dict[str, float]


def take_open(contender: Contender, _count: int) -> Values:
    """The overview is opened for the first time, and a run changes its state while it is looked at."""
    with contender.fresh_home() as home, serving(contender, home) as server:
        store = server.post("/flows/", {"name": "benchmark"})
        run = server.post("/flow_runs/", {"flow_id": store["id"], "name": "benchmark"})
        with _page(server) as page:
            shipped = _opened(page, "/", ".plot a")
            first = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
            delays = _delays(page, server, run["id"])
    return {
        "page-first-paint": first,
        "page-overview": shipped,
        "page-change": median(delays),
        "page-change-slowest": max(delays),
    }


def _delays(page: Page, server: Served, run_id: str) -> list[float]:
    """How long after their commits changes of state were on the screen, in milliseconds."""
    _opened(page, f"/runs/flow-run/{run_id}", "h1 .badge")
    page.wait_for_selector(".live.on")
    delays = []
    for turn in range(CHANGES):
        name = f"Step {turn}"
        page.evaluate(f"window.shown = ({CHANGED})(['{name}']); 0")
        state = {"type": "RUNNING", "name": name}
        server.post(f"/flow_runs/{run_id}/set_state", {"state": state, "force": True})
        answered = time.time() * 1e3
        delays.append(page.evaluate("window.shown") - answered)
        page.wait_for_timeout(300)
    return delays


def take_runs(contender: Contender, count: int) -> Values:
    """The list of runs is opened, with so many stored."""
    with contender.fresh_home() as home:
        store_flow_runs(contender, home, 100)
        copy_flow_runs(home / contender.store, count)
        with serving(contender, home) as server:
            with _page(server) as page:
                opened = _opened(page, "/runs", ROWS)
                clicked = [_clicked(page, "Runs", ROWS) for _ in range(CLICKS)]
                filtered = _opened(page, "/runs?state=PENDING&text=12345", ROWS)
                overview = _opened(page, "/?since=all", ".plot a")
    return {
        "page-runs-1e6": median(clicked),
        "page-runs-1e6-opened": opened,
        "page-runs-1e6-filtered": filtered,
        "page-overview-1e6": overview,
    }


def _clicked(page: Page, name: str, selector: str) -> float:
    """Milliseconds from a click in the sidebar until something is in the page that it leads to."""
    page.click("nav >> text=Settings")
    page.wait_for_load_state("networkidle")
    return float(page.evaluate(CLICKED, [name, selector]))


def take_timeline(contender: Contender, count: int) -> Values:
    """The timeline of a flow run with so many task runs is opened, zoomed and panned."""
    key = "page-timeline-1e5" if count > 20_000 else "page-timeline-1e4"
    with contender.fresh_home() as home, serving(contender, home) as server:
        variables = {"PREFECT_API_URL": server.url, "HEADRACE_API_URL": server.url}
        ran = run_script(contender, home, "fan_out.py", count, variables=variables)
        with _page(server) as page:
            opened = _opened(page, f"/runs/flow-run/{ran.figures['flow_run_id']}", ".timeline canvas")
            frames = page.evaluate(ZOOM)
            page.click(".timeline canvas", position={"x": 60, "y": 40})  # unfold the first task
            unfolded = page.evaluate(ZOOM)
    return {
        f"{key}-opened": opened,
        key: 1e3 / median(frames),
        f"{key}-slow": 1e3 / quantiles(frames, n=100)[-1],
        f"{key}-unfolded": 1e3 / median(unfolded),
    }


@contextmanager
def _page(server: Served) -> Iterator[Page]:
    """A page of a browser that has not been there before."""
    with sync_playwright() as playwright, launch(playwright) as browser:
        with open_context(browser, server.url.removesuffix("/api")) as context:
            context.set_default_timeout(PATIENCE)
            yield context.new_page()


def _opened(page: Page, path: str, selector: str) -> float:
    """Milliseconds from when a page is asked for until something is in it."""
    page.add_init_script(WATCH.replace("SELECTOR", repr(selector)))
    page.goto(path)
    seen: Any = page.evaluate("window.seenAt")
    return float(seen)
