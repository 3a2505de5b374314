"""The web page: the files of `headrace/ui`, sent as they are but for their comments.

    {base}/                              index.html, a template; and so is whatever has no file and is asked for as HTML,
    {base}/runs/flow-run/...             such as this: the page itself makes something of the path
    {base}/assets/{version}/app.js       every other file; the version is a hash of all of them

Browsers keep assets for ever, and ask for `index.html` each time: it names the version, so what they put together is of
one version always. The files are read when the page is first asked for, and again when they have changed, which a look at
them tells with each `index.html` (0.2 ms). What was sent before can still be had: open pages load some of their modules
later.

Programs that look for the API in the wrong place ask for no HTML, which browsers do where somebody goes to an address: those
must be told that there is nothing, for a page is no answer that they understand.

Nobody shows credentials for the page: it asks for them, and sends them to the API. What it may load and whom it may
call is in its Content-Security-Policy: these files, and the API.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from headrace import __version__
from headrace.api.static_files import StaticFile
from headrace.settings.server import ServerUISettings

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Send

__all__ = ["FOLDER", "WebPage", "page_base", "shipped"]

FOLDER = Path(__file__).parents[1] / "ui"
"""The page's files."""

INDEX = "index.html"
MAIN = "app.js"
ICON = "favicon.svg"
STYLES = ("theme.css", "page.css")
"""What `index.html` has in itself: the frame is drawn before anything else has arrived."""


LATER = "pages/"
"""Modules that are loaded when they are needed; all others are at once."""

OF_OTHERS = "vendor/"
"""Modules that others have written."""

USUAL_API = "/api"
"""Where clients look for an API by default. One that does so in vain must not be answered with a page."""

FOR_EVER = [(b"cache-control", b"public, max-age=31536000, immutable")]
"""Headers of a file whose path names its version."""

OF_PAGE = [
    (b"cache-control", b"no-cache"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"vary", b"Accept"),
]
"""Headers of the page itself."""

_COMMENT = re.compile(rb"^[ ]*/\*(?:(?!\*/).)*\*/[ ]*\n|/\*\*.*?\*/ ?|^ +", re.DOTALL | re.MULTILINE)
"""What people need and browsers do not: comments, types among them, and indentation. Strings with `/**` in them, or of several
lines, are not to be in our modules."""

_IMPORT = re.compile(rb'^import [^"]*"\.[^"]*/([\w-]+\.js)";$', re.MULTILINE)
"""The name of one of our modules that is imported, without its folder."""

_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_IMPORT_MAP = re.compile(r'<script type="importmap">(.*?)</script>', re.DOTALL)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)

_NO_VIEW = re.compile(
    r"/\.|\.(js|mjs|css|map|ico|png|jpe?g|gif|svg|webp|avif|woff2?|ttf|otf|wasm|html?|txt|xml|php|aspx?|jsp|cgi)$",
    re.IGNORECASE,
)
"""Files that are not there: what old pages, browsers by themselves and those who look for holes ask for."""


def page_base(ui: ServerUISettings, api_base: str) -> str | None:
    """The path below which the page is served, without a slash at its end; None when it is not.

    Args:
        ui: The settings of the page.
        api_base: The path below which the API is served; where both have the same, the API is there.
    """
    base = f"/{ui.serve_base.strip('/')}".rstrip("/")
    return base if ui.enabled and base != api_base.rstrip("/") else None


class WebPage:
    """Answers what is the page's, and hands on all else.

    Args:
        app: What comes after.
        base: The path below which the page is served, without a slash at its end.
        api_base: The path below which the API is served.
        api_url: The API's URL as browsers reach it; its path on the page's own origin when left out.
    """

    def __init__(self, app: ASGIApp, base: str, api_base: str, api_url: str | None = None) -> None:
        self._app = app
        self._base = base
        self._apis = tuple(f"{path}/" for path in (api_base, USUAL_API) if len(path) > len(base))
        self._assets_base = f"{base}/assets/"
        self._files = _Files(FOLDER, quote(base), api_url or api_base)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        path = scope["path"]
        if scope["method"] not in ("GET", "HEAD") or not self._is_ours(path):
            await self._app(scope, receive, send)
        elif self._base and path in ("/", self._base):
            await _redirect(f"{quote(self._base)}/", send)
        else:
            headers = dict(scope["headers"])
            route, file = self._find(path, headers.get(b"accept", b""))
            if file is None:
                await self._app(scope, receive, send)
                return
            scope["path_template"] = route
            await file.send(headers, send, with_body=scope["method"] == "GET")

    def _is_ours(self, path: str) -> bool:
        if path in ("/", "/favicon.ico"):
            return True
        return (
            f"{path}/".startswith(f"{self._base}/")
            and not f"{path}/".startswith(self._apis)
            and path != f"{self._base}/ui-settings"
        )

    def _find(self, path: str, accepted: bytes) -> tuple[str, StaticFile | None]:
        """What is sent for a path, and the form of the path by which requests are counted."""
        if path.startswith(self._assets_base):
            return f"{self._assets_base}{{path}}", self._files.asset(path.removeprefix(self._assets_base))
        if path.endswith("/favicon.ico"):
            return "/favicon.ico", self._files.icon()
        is_view = path == f"{self._base}/" or (b"text/html" in accepted and not _NO_VIEW.search(path))
        return f"{self._base}/{{view}}", self._files.index() if is_view else None


async def _redirect(location: str, send: Send) -> None:
    headers = [(b"location", location.encode("ascii")), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 307, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


# --- the files -----------------------------------------------------------------------------------------------------


class _Files:
    """The page's files, ready to be sent.

    Args:
        folder: Where they are.
        base: The path below which the page is served, as URLs have it.
        api: Where browsers reach the API: a path, or a URL.
    """

    def __init__(self, folder: Path, base: str, api: str) -> None:
        self._folder = folder
        self._base = base
        self._api = api
        self._marks: dict[str, tuple[int, int]] = {}
        self._assets: dict[str, StaticFile] = {}
        self._index: StaticFile | None = None
        self._icon: StaticFile | None = None

    def index(self) -> StaticFile | None:
        """The page, of the files as they are now."""
        self._look()
        return self._index

    def icon(self) -> StaticFile | None:
        """What stands for the page in lists of pages."""
        self._look()
        return self._icon

    def asset(self, name: str) -> StaticFile | None:
        """A file by version and path, also one of which another process of this server has told."""
        if name not in self._assets:
            self._look()
        return self._assets.get(name)

    def _look(self) -> None:
        """Read the files if they have changed."""
        marks = dict(_marks(str(self._folder)))
        if marks != self._marks:
            self._read(sorted(marks))
            self._marks = marks

    def _read(self, names: Sequence[str]) -> None:
        contents = {name: shipped(name, (self._folder / name).read_bytes()) for name in names}
        template = contents.pop(INDEX, None)
        version = _version_of(contents, template)
        for name, content in contents.items():
            self._assets[f"{version}/{name}"] = StaticFile(name, content, FOR_EVER)
        self._icon = self._assets.get(f"{version}/{ICON}")
        self._index = None if template is None else self._page(template.decode(), version, contents)

    def _page(self, template: str, version: str, contents: Mapping[str, bytes]) -> StaticFile:
        assets = f"{self._base}/assets/{version}"
        links = [
            f'<link rel="modulepreload" href="{escape(f"{assets}/{name}")}">' for name in _preloaded(contents)
        ]
        values = {
            "base": escape(self._base),
            "assets": escape(assets),
            "api": escape(self._api),
            "version": escape(__version__),
            "styles": b"".join(contents.get(name, b"") for name in STYLES).decode(),
            "preloads": "\n".join(links),
        }
        page = _PLACEHOLDER.sub(lambda found: values[found[1]], template)
        policy = _content_security_policy(page, self._api)
        return StaticFile(INDEX, page.encode(), [*OF_PAGE, (b"content-security-policy", policy.encode())])


def shipped(name: str, content: bytes) -> bytes:
    """A file as browsers are sent it: code of others as it was published, ours without comments and indentation.

    Args:
        name: Its path among the page's files.
        content: What is in it.
    """
    is_ours = name.endswith((".js", ".css")) and not name.startswith(OF_OTHERS)
    return _COMMENT.sub(b"", content) if is_ours else content


def _marks(folder: str, below: str = "") -> Iterator[tuple[str, tuple[int, int]]]:
    """The files of a folder and of those below it, as URLs name them, with what is another once a file has changed.

    What editors and systems put there is left out.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith((".", "__")):
                continue
            if entry.is_dir():
                yield from _marks(entry.path, f"{below}{entry.name}/")
            else:
                found = entry.stat()
                yield f"{below}{entry.name}", (found.st_mtime_ns, found.st_size)


def _preloaded(contents: Mapping[str, bytes]) -> list[str]:
    """The modules that a page asks for at once: first those without which it shows nothing, for few are sent at a time."""
    modules = [name for name in contents if name.endswith(".js") and not name.startswith(LATER)]
    needed = [MAIN, *(name for name in modules if name.startswith(OF_OTHERS))]
    for name in needed:  # grows meanwhile
        imported = {found.decode() for found in _IMPORT.findall(contents.get(name, b""))}
        needed += [
            other for other in modules if PurePosixPath(other).name in imported and other not in needed
        ]
    return sorted(modules, key=lambda name: name not in needed)


def _version_of(contents: Mapping[str, bytes], template: bytes | None) -> str:
    whole = sha256(template or b"")
    for name, content in contents.items():
        whole.update(f"{name} {len(content)} ".encode() + content)
    return whole.hexdigest()[:12]


# --- what the page may do ------------------------------------------------------------------------------------------


def _content_security_policy(page: str, api: str) -> str:
    """What a page may load, and whom it may call.

    Args:
        page: Its text; what is of the one import map and of the one style in it may be used.
        api: Where it reaches the API: a path, or a URL.
    """
    scripts, styles = (
        [f"'sha256-{_sha256(text)}'" for text in part.findall(page)] for part in (_IMPORT_MAP, _STYLE)
    )
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(("script-src 'self'", *scripts)),
            " ".join(("style-src", *styles)),
            "img-src 'self' data:",
            "font-src 'self'",
            # 'self' lets WebSockets to the page's own origin through as well.
            " ".join(("connect-src 'self'", *_origins(api))),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "object-src 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _sha256(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _origins(api: str) -> list[str]:
    """The origins of an API that is not on the page's own: for calls, and for WebSockets."""
    url = urlsplit(api)
    if not url.netloc:
        return []
    place = quote(url.netloc.rpartition("@")[2], safe=":[]")
    return [f"{url.scheme}://{place}", f"{'wss' if url.scheme == 'https' else 'ws'}://{place}"]
