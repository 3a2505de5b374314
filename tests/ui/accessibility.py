"""What axe-core finds wrong with a page for those who use it without eyes, without a mouse, or with little sight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import CDPSession, Page

__all__ = ["violations"]

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"

RUN = 'axe.run(document, {runOnly: ["wcag2a", "wcag2aa"], resultTypes: ["violations"]})'


def violations(page: Page) -> list[str]:
    """What is wrong with a page as it is shown now: each rule that it breaks, and where.

    Args:
        page: The page.

    Raises:
        FileNotFoundError: axe-core is not there; `make test` installs it.
    """
    # In a world of its own, which the page's Content-Security-Policy does not reach.
    session = page.context.new_cdp_session(page)
    frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
    world = session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": "axe"})[
        "executionContextId"
    ]
    _evaluate(session, world, AXE.read_text(encoding="utf-8"))
    found = _evaluate(session, world, f"{RUN}.then((found) => found.violations)")
    session.detach()
    return [_described(violation) for violation in found]


def _evaluate(session: CDPSession, world: int, code: str) -> Any:
    answer = session.send(
        "Runtime.evaluate",
        {"expression": code, "contextId": world, "awaitPromise": True, "returnByValue": True},
    )
    if "exceptionDetails" in answer:
        raise RuntimeError(f"axe-core failed: {answer['exceptionDetails']}")
    return answer["result"].get("value")


def _described(violation: dict[str, Any]) -> str:
    lines = [f"{violation['id']} ({violation['impact']}): {violation['help']}"]
    for node in violation["nodes"]:
        lines.append(f"  {' '.join(map(str, node['target']))}: {node['html'][:200]}")
        lines += [f"    {line.strip()}" for line in (node.get("failureSummary") or "").splitlines()[1:]]
    return "\n".join(lines)
