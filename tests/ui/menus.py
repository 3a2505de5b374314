"""The menus of the page: what unfolds below a button."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page

__all__ = ["choose", "menu", "menu_item", "tick"]


def menu(page: Page, name: str) -> Locator:
    """The button of a menu, whose label begins so."""
    begins = re.compile(f"^{re.escape(name)}")
    return page.locator("summary").filter(has_text=begins).or_(page.locator(f"summary[aria-label='{name}']"))


def menu_item(page: Page, name: str | re.Pattern[str]) -> Locator:
    """An item of the menu that is open, by a part of what it says."""
    return page.locator("details.menu[open] .item").filter(has_text=name)


def choose(page: Page, name: str, item: str) -> None:
    """Open a menu, and choose one of its items, which closes it."""
    menu(page, name).click()
    menu_item(page, item).click()


def tick(page: Page, name: str, *items: str) -> None:
    """Open a menu, tick some of its boxes, and close it."""
    menu(page, name).click()
    for item in items:
        page.get_by_role("checkbox", name=item, exact=True).check()
    page.keyboard.press("Escape")
