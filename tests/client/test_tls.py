"""Secure connections trust the certificates that settings say, in both colours."""

from __future__ import annotations

import http.server
import re
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from headrace.client.connection import AsyncConnection, Connection, Endpoint
from headrace.client.tls import LazyTrust
from headrace.exceptions import ConfigurationError
from headrace.settings import temporary_settings


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[trustme.CA, Path]:
    """An authority that nobody knows, and its certificate."""
    made = trustme.CA()
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    made.cert_pem.write_to_path(str(path))
    return made, path


@pytest.fixture
def pem(authority: tuple[trustme.CA, Path]) -> Path:
    """The authority's certificate."""
    return authority[1]


@pytest.fixture
def secure_server(authority: tuple[trustme.CA, Path]) -> Iterator[str]:
    """The URL of a server with a certificate that nobody vouches for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'"3.8.8"')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority[0].issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}/api"
    server.shutdown()
    thread.join()
    server.server_close()


def ask(caller: Any, url: str, **settings: Any) -> httpx.Response:
    """The answer of a server with these settings."""
    updates = {f"api.{name}": value for name, value in settings.items()}
    with temporary_settings({"api.url": url, **updates}) as given:
        endpoint = Endpoint.configured(given)
    connection = AsyncConnection(endpoint) if caller.is_async else Connection(endpoint)
    try:
        return caller.call(connection.request, "GET", "/hello")
    finally:
        caller.call(connection.close)


def test_a_certificate_that_nobody_vouches_for_is_refused(caller: Any, secure_server: str) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(caller, secure_server)


def test_a_certificate_of_the_settings_is_trusted(caller: Any, secure_server: str, pem: Path) -> None:
    assert ask(caller, secure_server, ssl_cert_file=pem).is_success


def test_any_certificate_is_accepted_when_settings_say_so(caller: Any, secure_server: str) -> None:
    assert ask(caller, secure_server, tls_insecure_skip_verify=True).is_success


def test_trusted_certificates_are_read_when_a_connection_needs_them(caller: Any, secure_server: str) -> None:
    with temporary_settings({"api.url": secure_server}) as settings:
        endpoint = Endpoint.configured(settings)
    trust = endpoint.options["verify"]
    connection = AsyncConnection(endpoint) if caller.is_async else Connection(endpoint)
    assert isinstance(trust, LazyTrust)
    assert trust.get_ca_certs() == []
    with pytest.raises(httpx.ConnectError):
        caller.call(connection.request, "GET", "/hello")
    caller.call(connection.close)
    assert {each["serialNumber"] for each in trust.get_ca_certs()} == {
        each["serialNumber"] for each in httpx.create_ssl_context().get_ca_certs()
    }
    assert (trust.verify_mode, trust.check_hostname) == (ssl.CERT_REQUIRED, True)


def test_http_2_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.client.tls.find_spec", lambda name: None)
    with temporary_settings({"api.url": "http://server/api", "api.enable_http2": True}) as settings:
        with pytest.raises(
            ConfigurationError, match="ENABLE_HTTP2 is on, but the package h2 is not installed"
        ):
            Endpoint.configured(settings)


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    missing, empty = tmp_path / "missing.pem", tmp_path / "empty.pem"
    empty.write_text("nothing")
    for path in (missing, empty):
        with temporary_settings({"api.url": "https://server/api", "api.ssl_cert_file": path}) as settings:
            with pytest.raises(ConfigurationError, match=f"SSL_CERT_FILE is '{re.escape(str(path))}'"):
                Endpoint.configured(settings)
