"""Secure connections: which certificates are trusted, and when they are read."""

from __future__ import annotations

import ssl
from importlib.util import find_spec
from typing import Any

import httpx

from headrace.exceptions import ConfigurationError
from headrace.settings.program import APISettings

__all__ = ["LazyTrust", "tls_options"]


class LazyTrust(ssl.SSLContext):
    """Trusts what httpx trusts, but reads those certificates for the first connection that needs them.

    Reading them takes 20 ms, and most APIs are at an http:// address; yet such an address may redirect to https://.
    """

    def __new__(cls) -> LazyTrust:
        """A context of a client: certificates and names are checked."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self) -> None:
        self._read = False

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """As `SSLContext.wrap_socket`: how blocking clients begin a secure connection."""
        self._read_certificates()
        return super().wrap_socket(*args, **kwargs)

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """As `SSLContext.wrap_bio`: how awaiting clients do."""
        self._read_certificates()
        return super().wrap_bio(*args, **kwargs)

    def _read_certificates(self) -> None:
        if not self._read:
            trusted = httpx.create_ssl_context().get_ca_certs(binary_form=True)
            self.load_verify_locations(cadata=b"".join(trusted))
            self._read = True


def tls_options(settings: APISettings) -> dict[str, Any]:
    """The options of httpx that have to do with the connection's security and protocol.

    Raises:
        ConfigurationError: The certificates cannot be read, or HTTP/2 is not installed.
    """
    return {"verify": _verify(settings), "http2": _http2(settings)}


def _verify(settings: APISettings) -> ssl.SSLContext | bool:
    if settings.tls_insecure_skip_verify:
        return False
    if settings.ssl_cert_file is None:
        return LazyTrust()
    path = str(settings.ssl_cert_file)
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as problem:
        raise ConfigurationError(
            f"HEADRACE_API_SSL_CERT_FILE is {path!r}, which cannot be read as certificates: {problem}."
        ) from problem


def _http2(settings: APISettings) -> bool:
    if settings.enable_http2 and find_spec("h2") is None:
        raise ConfigurationError(
            "HEADRACE_API_ENABLE_HTTP2 is on, but the package h2 is not installed. "
            "Install it (pip install 'httpx[http2]') or turn the setting off."
        )
    return settings.enable_http2
