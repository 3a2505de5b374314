"""The browser under test: the Chromium of this machine, driven by Playwright."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Playwright

__all__ = ["NARROW", "WIDE", "launch", "open_context"]

WIDE, NARROW = (1440, 900), (390, 844)
"""Widths and heights of screens, in pixels."""

FIND = Path(__file__).parents[2] / "scripts" / "find-chromium"

OPTIONS = [
    "--disable-dev-shm-usage",  # containers have 64 MB of it
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
]


def launch(playwright: Playwright) -> Browser:
    """Start the browser.

    Args:
        playwright: What drives it.

    Raises:
        RuntimeError: There is none on this machine; the message says what to install.
    """
    found = subprocess.run(["sh", str(FIND)], capture_output=True, text=True, check=False)
    if found.returncode:
        raise RuntimeError(found.stderr.strip())
    # Chromium's sandbox refuses to be root's.
    as_root = ["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else []
    return playwright.chromium.launch(executable_path=found.stdout.strip(), args=[*OPTIONS, *as_root])


def open_context(
    browser: Browser, url: str, *, size: tuple[int, int] = WIDE, **options: Any
) -> BrowserContext:
    """A person's browser, who has not been here before: the same everywhere, whatever this machine's language and time.

    Args:
        browser: The browser.
        url: Where the web page is; its pages are opened by their paths: `page.goto("/runs")`.
        size: Width and height of the screen, in pixels.
        options: What else Playwright's `new_context` takes: `color_scheme="dark"`.
    """
    place = {"locale": "en-US", "timezone_id": "America/New_York"}
    screen = {"viewport": {"width": size[0], "height": size[1]}, "reduced_motion": "reduce"}
    return browser.new_context(**{"base_url": url, **place, **screen, **options})
