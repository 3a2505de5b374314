"""The browser under test: the Chromium of this machine, driven by Playwright."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from playwright.sync_api import Browser, Playwright

__all__ = ["launch"]

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
