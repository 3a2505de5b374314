"""What a browser complains of while it shows a page."""

from __future__ import annotations

import re

from playwright.sync_api import ConsoleMessage, Page, Request, Response

__all__ = ["PageProblems", "watch"]


class PageProblems:
    """Errors on the console, exceptions that nobody caught, violations of the Content-Security-Policy, requests that failed.

    They are noted while Playwright waits for the browser, which it does in nearly every call.
    """

    def __init__(self) -> None:
        self.all: list[str] = []
        """What was noted, in the order in which it came."""
        self._expected: list[re.Pattern[str]] = []

    def expect(self, pattern: str) -> None:
        """Let pass what has this in it: `page_problems.expect("404")`.

        Args:
            pattern: A regular expression; it is looked for in `found`.
        """
        self._expected.append(re.compile(pattern))

    @property
    def found(self) -> list[str]:
        """What was noted and not expected."""
        return [each for each in self.all if not any(pattern.search(each) for pattern in self._expected)]

    def add(self, problem: str) -> None:
        """Note a problem."""
        self.all.append(problem)


def watch(page: Page, problems: PageProblems) -> None:
    """Note the problems of a page from now on.

    Args:
        page: The page.
        problems: Where they are noted.
    """

    def on_console(message: ConsoleMessage) -> None:
        # That a request was refused is noted with its status.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            place = message.location
            problems.add(
                f"console {message.type}: {message.text} ({place.get('url')}:{place.get('lineNumber')})"
            )

    def on_failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page went on to something else
            problems.add(f"request failed: {request.method} {request.url}: {request.failure}")

    def on_response(response: Response) -> None:
        if response.status >= 400:
            problems.add(f"request refused: {response.request.method} {response.url}: {response.status}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.add(f"exception: {error.stack or error.message}"))
    page.on("requestfailed", on_failed)
    page.on("response", on_response)
