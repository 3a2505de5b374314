"""Where runs are found: their URLs in the API and on the web page."""

from __future__ import annotations

from headrace.settings import get_current_settings

__all__ = ["api_link", "ui_link"]


def api_link(collection: str, run_id: str | None) -> str | None:
    """The URL of a run in the API; None without an API or a run."""
    url = get_current_settings().api.url
    return f"{url.rstrip('/')}/{collection}/{run_id}" if url and run_id else None


def ui_link(kind: str, run_id: str | None) -> str | None:
    """The URL of the page of a run; None without a web page or a run."""
    settings = get_current_settings()
    url = settings.ui_url or (settings.api.url or "").rstrip("/").removesuffix("/api")
    return f"{url.rstrip('/')}/runs/{kind}/{run_id}" if url and run_id else None
