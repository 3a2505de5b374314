"""Connections are made as settings say, and speak on sockets of their own."""

from __future__ import annotations

import base64
import http.server
import os
import re
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from headrace.client.connection import Connection, Endpoint
from headrace.exceptions import ConfigurationError
from headrace.settings import temporary_settings


def headers_of(server: Any, caller: Any, **settings: Any) -> httpx.Headers:
    """The headers of a request with these settings."""
    caller.connect(server, **settings)("GET", "/flows/1")
    return server.requests[-1].headers


def test_the_client_says_who_it_is_as_servers_of_prefect_expect_it(server: Any, caller: Any) -> None:
    headers = headers_of(server, caller)
    # A server takes a client whose name is not of this form for one of a version before leases.
    assert re.fullmatch(r"prefect/(\d+\.\d+\.\d+(?:[a-z.+0-9]+)?) \(API \S+\)", headers["User-Agent"])
    assert "headrace/" in headers["User-Agent"]
    assert headers["X-PREFECT-API-VERSION"] == "0.8.4"
    assert "Authorization" not in headers


def test_a_key_is_shown(server: Any, caller: Any) -> None:
    assert headers_of(server, caller, api__key="pnu_1")["Authorization"] == "Bearer pnu_1"


def test_a_name_and_password_are_shown_rather_than_a_key(server: Any, caller: Any) -> None:
    shown = headers_of(server, caller, api__key="pnu_1", api__auth_string="mé:secret")["Authorization"]
    assert base64.b64decode(shown.removeprefix("Basic ")).decode() == "mé:secret"


def test_headers_of_the_settings_are_added_except_those_that_the_client_sets(
    server: Any, caller: Any, caplog: pytest.LogCaptureFixture
) -> None:
    given = {"X-Team": "blue", "user-agent": "mine", "Prefect-Csrf-Token": "forged"}
    headers = headers_of(server, caller, client__custom_headers=given)
    assert headers["X-Team"] == "blue"
    assert headers["User-Agent"].startswith("prefect/")
    assert "Prefect-Csrf-Token" not in headers
    assert [record.args for record in caplog.records] == [("user-agent",), ("Prefect-Csrf-Token",)]


def test_a_body_is_json_unless_its_caller_says_otherwise(server: Any, caller: Any) -> None:
    ask = caller.connect(server)
    ask("POST", "/logs/", content=b"[]")
    ask("POST", "/logs/", content=b"x", headers={"Content-Type": "text/plain", "Content-Encoding": "zstd"})
    first, second = server.asked_for("POST /logs/")
    assert first.headers["Content-Type"] == "application/json"
    assert (second.headers["Content-Type"], second.headers["Content-Encoding"]) == ("text/plain", "zstd")


def test_a_redirected_body_arrives(server: Any, caller: Any) -> None:
    server.answer("POST /flows", httpx.Response(307, headers={"Location": "/api/flows/"}))
    caller.connect(server)("POST", "/flows", content=b'{"name": "f"}')
    assert server.asked[-1] == "POST /flows/"
    assert server.requests[-1].content == b'{"name": "f"}'


def test_an_address_that_the_server_gave_is_asked_as_it_is(server: Any, caller: Any) -> None:
    caller.connect(server)("GET", f"{server.url}/events/filter/next?page-token=abc")
    assert str(server.requests[-1].url) == f"{server.url}/events/filter/next?page-token=abc"


def test_a_request_may_take_as_long_as_the_settings_say() -> None:
    with temporary_settings({"api.url": "http://server/api", "api.request_timeout": 7}) as settings:
        assert Endpoint.configured(settings).options["timeout"] == httpx.Timeout(7)
        assert Endpoint.configured(settings, timeout=1).options["timeout"] == 1


# --- Settings that cannot be used ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        (None, "No API is configured. Set HEADRACE_API_URL"),
        ("", "No API is configured"),
        ("localhost:4200/api", "HEADRACE_API_URL is 'localhost:4200/api'.*http://"),
        ("ftp://server/api", "which is not the URL of an API"),
    ],
)
def test_what_is_no_url_is_refused(url: str | None, complaint: str) -> None:
    with temporary_settings({"api.url": url}) as settings, pytest.raises(ConfigurationError, match=complaint):
        Endpoint.configured(settings)


# --- Sockets ---------------------------------------------------------------------------------------------------


@pytest.fixture
def real_server() -> Iterator[tuple[str, list[int]]]:
    """A server on a socket, and the ports that it was asked from."""
    ports: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            ports.append(self.client_address[1])
            body = b'"3.8.8"'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/api", ports
    server.shutdown()
    thread.join()
    server.server_close()


def test_requests_share_a_socket(real_server: tuple[str, list[int]]) -> None:
    url, ports = real_server
    with temporary_settings({"api.url": url}) as settings, Connection.configured(settings) as api:
        for _ in range(3):
            api.request("GET", "/hello")
    assert len(ports) == 4
    assert len(set(ports)) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork of POSIX")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_speaks_on_a_socket_of_its_own(real_server: tuple[str, list[int]]) -> None:
    url, ports = real_server
    with temporary_settings({"api.url": url}) as settings, Connection.configured(settings) as api:
        api.request("GET", "/hello")
        pid = os.fork()
        if pid == 0:
            os._exit(0 if api.request("GET", "/hello").is_success else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        api.request("GET", "/hello")
    parents, childs, again = ports[1:]
    assert parents == again != childs
