"""The rows of the page's tables, of which only those in sight are in the document."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

__all__ = ["expect_names", "names_of", "row_of", "rows"]


def rows(page: Page, table: str = "Flow runs") -> Locator:
    """The rows of a table, its titles left out."""
    found = page.get_by_role("table", name=table, exact=True).get_by_role("row")
    return found.filter(has=page.get_by_role("cell"))


def row_of(page: Page, name: str, table: str = "Flow runs") -> Locator:
    """The row with a link of that name."""
    return rows(page, table).filter(has=page.get_by_role("link", name=name, exact=True))


def names_of(found: Locator) -> Locator:
    """The names of what rows are about, in the column of that title."""
    return found.locator(".main")


def expect_names(page: Page, names: list[str], table: str = "Flow runs") -> None:
    """Wait until a table has exactly these rows, in this order."""
    expect(names_of(rows(page, table))).to_have_text(names)
