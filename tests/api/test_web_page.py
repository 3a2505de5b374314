"""The web page as it is served: its files, their headers, and what is none of its business."""

from __future__ import annotations

import gzip
import os
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from headrace import __version__
from headrace.api import web_page
from headrace.api.bodies import SMALLEST_COMPRESSED

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
"""What a browser sends when somebody goes to an address."""

TEXT = "const much = 1;\n" * SMALLEST_COMPRESSED
ICON = '<svg xmlns="http://www.w3.org/2000/svg"/>'
TEMPLATE = """<!doctype html>
<title>{{version}}</title>
<meta name="headrace" data-base="{{base}}" data-api="{{api}}">
<script type="importmap">
{"imports": {"preact": "{{assets}}/vendor/preact.js"}}
</script>
<style>{{styles}}</style>
{{preloads}}
<script type="module" src="{{assets}}/app.js"></script>
"""
FILES = {
    "index.html": TEMPLATE,
    "app.js": TEXT,
    "pages/run.js": "",
    "components/table.js": "",
    "vendor/preact.js": "",
    "vendor/LICENSES.txt": "MIT",
    "page.css": ".row {}",
    "theme.css": ":root {}",
    "favicon.svg": ICON,
    "small.png": "",
    "text.woff2": "",
}


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A small page, instead of the real one."""
    folder = tmp_path / "ui"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    monkeypatch.setattr(web_page, "FOLDER", folder)
    return folder


@pytest.fixture
def open_page(folder, make_app, connect):
    """A client of an application with settings: `open_page({"server.ui.serve_base": "/there"})`."""
    return lambda settings=None: connect(make_app(settings), base_url="http://headrace.test", headers=BROWSER)


@pytest.fixture
def page(open_page) -> httpx.AsyncClient:
    """A client of an application without any configuration."""
    return open_page()


async def assets_of(page, at="/"):
    """The path below which the page's assets are."""
    return re.search(r'src="(.*)/app\.js"', (await page.get(at)).text)[1]


# --- the page ----------------------------------------------------------------------------------------------------


async def test_the_page_is_filled_in(page):
    response = await page.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assets = await assets_of(page)
    assert re.fullmatch(r"/assets/[0-9a-f]{12}", assets)
    assert response.text == (
        f"""<!doctype html>
<title>{__version__}</title>
<meta name="headrace" data-base="" data-api="/api">
<script type="importmap">
{{"imports": {{"preact": "{assets}/vendor/preact.js"}}}}
</script>
<style>:root {{}}.row {{}}</style>
<link rel="modulepreload" href="{assets}/app.js">
<link rel="modulepreload" href="{assets}/vendor/preact.js">
<link rel="modulepreload" href="{assets}/components/table.js">
<script type="module" src="{assets}/app.js"></script>
"""
    )


VIEWS = ["/runs", "/runs/flow-run/7f3c", "/flows/", "/apis", "/events", "/variables/a.b", "/x%20y/%00"]


@pytest.mark.parametrize("path", VIEWS)
async def test_the_page_makes_something_of_paths_itself(page, path):
    response = await page.get(path)
    assert (response.status_code, response.text) == (200, (await page.get("/")).text)


NOTHING = [
    "/a.js",
    "/x/old.css",
    "/app.js.map",
    "/apple-touch-icon.png",
    "/robots.txt",
    "/index.PHP",
    "/index.html",
]


@pytest.mark.parametrize("path", [*NOTHING, "/.env", "/.git/config", "/.well-known/x", "/assets/"])
async def test_files_that_are_not_there_are_not_made_up(page, path):
    response = await page.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("accepted", ["*/*", "application/json", ""])
async def test_programs_that_look_for_the_api_in_the_wrong_place_are_told_so(page, accepted):
    for path in ("/version", "/flow_runs/7f3c", "/flows/"):
        response = await page.get(path, headers={"Accept": accepted})
        assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})
    assert (await page.get("/", headers={"Accept": accepted})).status_code == 200


async def test_browsers_ask_each_time_whether_the_page_is_still_the_same(page):
    first = await page.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = await page.get("/runs", headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    assert (await page.get("/", headers={"If-None-Match": 'W/"other"'})).status_code == 200


@pytest.mark.parametrize("path", ["/", "/runs", "/favicon.ico", "app.js"])
async def test_the_headers_can_be_asked_for_alone(page, path):
    url = path if path.startswith("/") else f"{await assets_of(page)}/{path}"
    got, head = await page.get(url), await page.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == got.headers


@pytest.mark.parametrize("path", ["/", "/runs"])
async def test_the_page_is_only_read(page, path):
    assert (await page.post(path)).status_code in (404, 405)
    assert (await page.delete(path)).status_code in (404, 405)


async def test_what_is_filled_in_is_escaped(open_page):
    page = open_page(
        {"server.ui.api_url": 'https://there/"><script>alert(1)</script>', "server.ui.serve_base": '/a b"<'}
    )
    text = (await page.get('/a b"</')).text
    assert 'data-api="https://there/&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in text
    assert 'data-base="/a%20b%22%3C"' in text
    assert 'src="/a%20b%22%3C/assets/' in text


# --- assets ------------------------------------------------------------------------------------------------------


TYPES = {
    "app.js": "text/javascript; charset=utf-8",
    "vendor/preact.js": "text/javascript; charset=utf-8",
    "vendor/LICENSES.txt": "text/plain; charset=utf-8",
    "theme.css": "text/css; charset=utf-8",
    "favicon.svg": "image/svg+xml",
    "small.png": "image/png",
    "text.woff2": "font/woff2",
}


@pytest.mark.parametrize("name", TYPES)
async def test_assets_are_kept_for_ever(page, name):
    response = await page.get(f"{await assets_of(page)}/{name}")
    assert (response.status_code, response.text) == (200, FILES[name])
    assert response.headers["content-type"] == TYPES[name]
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["vary"] == "Accept-Encoding"
    known = await page.get(response.url.path, headers={"If-None-Match": response.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "index.html",
        "",
        "nothing.js",
        "../api/app.py",
        "..%2f..%2fapi/app.py",
        "%2fetc/passwd",
        "vendor",
        "vendor/",
    ],
)
async def test_there_are_no_assets_but_the_files(page, path):
    response = await page.get(f"{await assets_of(page)}/{path}")
    assert response.status_code == 404


async def test_assets_of_another_version_are_not_there(page):
    assets = await assets_of(page)
    assert (await page.get(f"{assets[:-1]}/app.js")).status_code == 404
    assert (await page.get("/assets/000000000000/app.js")).status_code == 404


@pytest.mark.parametrize(
    ("accepted", "is_zipped"), [("gzip", True), ("br, gzip;q=0.5", True), ("gzip;q=0", False), ("", False)]
)
async def test_assets_are_compressed_for_those_who_ask_for_that(page, accepted, is_zipped):
    request = page.build_request(
        "GET", f"{await assets_of(page)}/app.js", headers={"Accept-Encoding": accepted}
    )
    response = await page.send(request, stream=True)
    sent = b"".join([part async for part in response.aiter_raw()])
    assert response.headers.get("content-encoding") == ("gzip" if is_zipped else None)
    assert int(response.headers["content-length"]) == len(sent)
    assert (gzip.decompress(sent) if is_zipped else sent).decode() == TEXT


async def test_small_assets_are_sent_as_they_are(page):
    response = await page.get(f"{await assets_of(page)}/theme.css", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in response.headers


async def test_browsers_find_the_icon_where_they_look_for_it(page, open_page):
    for client in (page, open_page({"server.ui.serve_base": "/there"})):
        response = await client.get("/favicon.ico")
        assert (response.text, response.headers["content-type"]) == (ICON, "image/svg+xml")


async def test_changed_files_are_another_version_and_what_was_sent_can_still_be_had(page, folder):
    before = await assets_of(page)
    (folder / "app.js").write_text("changed")
    os.utime(folder / "app.js", (0, 0))
    after = await assets_of(page)
    assert after != before
    assert (await page.get(f"{after}/app.js")).text == "changed"
    assert (await page.get(f"{before}/app.js")).text == TEXT
    (folder / "app.js").write_text(TEXT)
    assert await assets_of(page) == before


async def test_a_process_that_has_not_sent_the_page_knows_its_assets(open_page):
    """Several processes may answer on one port."""
    assets = await assets_of(open_page())
    assert (await open_page().get(f"{assets}/app.js")).status_code == 200


async def test_what_editors_put_beside_the_files_is_none_of_the_page(page, folder):
    before = await assets_of(page)
    (folder / ".app.js.swp").write_text("x")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.js").write_text("x")
    assert await assets_of(page) == before


# --- security ----------------------------------------------------------------------------------------------------


def policy_of(response):
    """The Content-Security-Policy, by directive."""
    directives = response.headers["content-security-policy"].split("; ")
    return {name: rest for name, _, rest in (each.partition(" ") for each in directives)}


async def test_the_page_may_load_its_own_files_and_call_its_own_server(page):
    response = await page.get("/")
    hashes = []
    for part in (r'<script type="importmap">(.*?)</script>', "<style>(.*?)</style>"):
        inside = re.search(part, response.text, re.DOTALL)[1]
        hashes.append(f"'sha256-{b64encode(sha256(inside.encode()).digest()).decode()}'")
    assert policy_of(response) == {
        "default-src": "'none'",
        "script-src": f"'self' {hashes[0]}",
        "style-src": hashes[1],
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"
    assert response.headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://api.test/base/api", "'self' https://api.test wss://api.test"),
        ("http://me:secret@[::1]:4200/api", "'self' http://[::1]:4200 ws://[::1]:4200"),
        (
            "https://a;script-src 'unsafe-inline'/api",
            "'self' https://a%3Bscript-src%20%27unsafe-inline%27 wss://a%3Bscript-src%20%27unsafe-inline%27",
        ),
        ("/elsewhere/api", "'self'"),
    ],
)
async def test_the_page_may_call_the_api_that_it_is_told_of(open_page, url, allowed):
    response = await open_page({"server.ui.api_url": url}).get("/")
    assert policy_of(response)["connect-src"] == allowed
    assert "unsafe-inline" not in policy_of(response)["script-src"]


async def test_everybody_may_see_the_page_and_nobody_the_api(open_page):
    page = open_page({"server.api.auth_string": "me:secret", "server.api.csrf_protection_enabled": True})
    assert (await page.get("/runs")).status_code == 200
    assert (await page.get(f"{await assets_of(page)}/app.js")).status_code == 200
    assert (await page.get("/api/version")).status_code == 401
    assert "secret" not in (await page.get("/")).text


# --- where it is -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/api/nothing", "/api/", "/api", "/api/runs/flow-run/1", "/api/x.js", "/api/assets/x"]
)
async def test_paths_of_the_api_are_never_the_pages(page, path):
    response = await page.get(path)
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


async def test_the_api_answers_as_ever(page):
    assert (await page.get("/api/health")).json() is True
    assert (await page.get("/ui-settings")).json()["api_url"] == "http://127.0.0.1:4200/api"
    assert (await page.get("/api/flows")).status_code == 307


async def test_an_api_elsewhere_is_told_to_the_page_and_none_is_made_up_in_its_usual_place(open_page):
    page = open_page({"server.api.base_path": "/deep/er"})
    assert 'data-api="/deep/er"' in (await page.get("/runs")).text
    assert (await page.get("/deep/er/health")).json() is True
    assert (await page.get("/deep/er/nothing")).json() == {"detail": "Not Found"}
    assert (await page.get("/deep/runs")).status_code == 200
    assert (await page.get("/api/health")).json() == {"detail": "Not Found"}


@pytest.mark.parametrize("base", ["/there", "there/", "/there/"])
async def test_the_page_can_be_below_a_path(open_page, base):
    page = open_page({"server.ui.serve_base": base})
    for path in ("/", "/there"):
        moved = await page.get(path)
        assert (moved.status_code, moved.headers["location"]) == (307, "/there/")
    shown = await page.get("/there/")
    assert shown.text == (await page.get("/there/runs/flow-run/1")).text
    assert 'data-base="/there" data-api="/api"' in shown.text
    assets = await assets_of(page, "/there/")
    assert assets.startswith("/there/assets/")
    assert (await page.get(f"{assets}/app.js")).text == TEXT
    assert (await page.get("/there/favicon.ico")).text == ICON
    assert (await page.get("/there/ui-settings")).json() == (await page.get("/ui-settings")).json()
    assert (await page.get("/api/health")).json() is True
    for path in ("/runs", "/thereabouts", "/assets/x", "/there/assets/x"):
        assert (await page.get(path)).status_code == 404


async def test_where_page_and_api_have_the_same_path_the_api_is_there(open_page):
    page = open_page({"server.ui.serve_base": "/api"})
    assert (await page.get("/api/health")).json() is True
    assert (await page.get("/api/")).status_code == 404
    assert (await page.get("/")).status_code == 404


async def test_the_page_can_be_below_the_api(open_page):
    page = open_page({"server.ui.serve_base": "/api/page"})
    assert (await page.get("/api/page/runs")).status_code == 200
    assert (await page.get("/api/health")).json() is True
    assert (await page.get("/api/nothing")).status_code == 404


async def test_a_server_may_have_no_page(open_page):
    page = open_page({"server.ui.enabled": False})
    for path in ("/", "/runs", "/favicon.ico"):
        assert (await page.get(path)).json() == {"detail": "Not Found"}
    assert (await page.get("/ui-settings")).status_code == 200
    assert (await page.get("/api/health")).json() is True


async def test_the_page_is_no_part_of_the_apis_description(page):
    described = (await page.get("/api/openapi.json")).json()
    assert all(path.startswith("/api/") for path in described["paths"])


async def test_requests_are_counted_by_what_they_ask_for_and_not_by_path(page):
    assets = await assets_of(page)
    for path in ("/runs", "/runs/flow-run/1", f"{assets}/app.js", f"{assets}/theme.css", "/x.php", "/y.php"):
        await page.get(path)
    families = text_string_to_metric_families((await page.get("/api/metrics")).text)
    counted = {
        (sample.labels["route"], sample.labels["status"]): sample.value
        for family in families
        for sample in family.samples
        if sample.name == "headrace_http_request_duration_seconds_count"
    }
    assert counted == {("/{view}", "200"): 3, ("/assets/{path}", "200"): 2, ("(none)", "404"): 2}


# --- the real page -----------------------------------------------------------------------------------------------


class Loaded(HTMLParser):
    """What a page loads at once."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.urls: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.urls += [
            given[name] for name in ("src", "href") if tag in ("link", "script", "img") and given.get(name)
        ]


async def test_all_that_the_page_loads_at_once_is_there(app, connect):
    page = connect(app, base_url="http://headrace.test")
    shown = await page.get("/")
    loaded = Loaded(shown.text).urls
    assert any(url.endswith("/app.js") for url in loaded)
    for url in loaded:
        assert (await page.get(url)).status_code == 200, url
    assert "{{" not in shown.text
    assert policy_of(shown)["script-src"].startswith("'self' 'sha256-")
    inline = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", shown.text)
    assert inline == [' type="importmap"']


async def test_every_file_of_the_page_is_served_and_nothing_else(app, connect):
    page = connect(app, base_url="http://headrace.test")
    assets = re.search(r'src="(.*)/app\.js"', (await page.get("/")).text)[1]
    for path in web_page.FOLDER.rglob("*"):
        if path.is_file() and path.name != web_page.INDEX:
            name = path.relative_to(web_page.FOLDER).as_posix()
            response = await page.get(f"{assets}/{name}")
            assert response.content == web_page.shipped(name, path.read_bytes()), path


def test_comments_and_indentation_are_not_sent():
    ours = b"/** Whole.\n *\n * @typedef {object} A */\n  /** @param {A} a */\n  f(/** @type {A} */ (a)) {\n    /** @type {B} */ (b).c = 1 / 2 * 3;\n}\n"

    assert web_page.shipped("pages/a.js", ours) == b"f((a)) {\n(b).c = 1 / 2 * 3;\n}\n"
    assert (
        web_page.shipped("page.css", b"/* Lists */\n.row {\n  gap: 0; /* none */\n}\n")
        == b".row {\ngap: 0; /* none */\n}\n"
    )
    assert web_page.shipped("vendor/a.js", ours) == ours


def test_a_server_says_where_its_page_is(start_server):
    server = start_server(HEADRACE_SERVER_UI_SERVE_BASE="/there")
    address = server.url.removesuffix("/api")
    assert httpx.get(f"{address}/there/").status_code == 200
    server.stop()
    assert f"The web page is at {address}/there" in server.lines


def test_a_server_without_a_page_says_nothing_of_one(start_server):
    server = start_server("--no-ui")
    assert httpx.get(server.url.removesuffix("/api")).status_code == 404
    server.stop()
    assert not any("web page" in line for line in server.lines)


def test_several_processes_serve_one_page(start_server):
    server = start_server("--workers", "2")
    address = server.url.removesuffix("/api")
    assets = re.search(r'src="(.*)/app\.js"', httpx.get(address).text)[1]
    for _ in range(20):
        with httpx.Client() as client:  # a connection of its own, which any of them may answer
            assert client.get(f"{address}{assets}/app.js").status_code == 200
    server.stop()


async def test_what_the_page_cannot_do_without_is_asked_for_first(app, connect):
    page = connect(app, base_url="http://headrace.test")
    preloaded = re.findall(r'"modulepreload" href="[^"]*?/assets/\w+/([^"]+)"', (await page.get("/")).text)

    needed = {"app.js", "api.js", "components/dialog.js", "components/elements.js", "vendor/preact.js"}
    assert needed < set(preloaded[:20])
    assert preloaded.index("components/timeline.js") > max(map(preloaded.index, needed))
    assert not [name for name in preloaded if name.startswith("pages/")]
