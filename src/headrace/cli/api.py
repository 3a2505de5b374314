"""`headrace api`: a request to the configured API, for what no other command does."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, CycloptsError, Parameter

from headrace.cli.exit_codes import UNSUCCESSFUL
from headrace.cli.output import say_error
from headrace.settings import Settings, get_current_settings

if TYPE_CHECKING:
    import httpx

__all__ = ["app"]

app = App(name="api", result_action="return_value", help_format="plaintext")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
WITH_BODY = ("POST", "PUT", "PATCH")
SECRET_HEADERS = frozenset({"authorization", "prefect-csrf-token", "set-cookie", "cookie"})


@app.default
def api(
    method: str,
    path: str,
    *,
    data: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    header: Annotated[list[str] | None, Parameter(name=("--header", "-H"), negative=())] = None,
    verbose: Annotated[bool, Parameter(name=("--verbose", "-v"), negative=())] = False,
    root: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Send a request to the configured API and write the body of its answer.

    The exit code is 1 if the API answers with an error, which goes where errors go.

    Args:
        method: GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS.
        path: What follows the API's URL, as `/flows/filter`.
        data: The body: JSON, @FILE with JSON, or - for what the standard input has. When left out, what is piped into
            the command, or else an empty object where the method has a body.
        header: A header as NAME: VALUE, once for each.
        verbose: Write also the headers of request and answer, where errors go.
        root: The path follows the server's address, not the API's.
    """
    method = _method(method)
    content = _content(method, data)
    answer = _answer(get_current_settings(), method, path, content, _headers(header or []), root)
    if verbose:
        _show_headers(answer)
    if answer.is_success:
        _write_body(answer)
        return 0
    say_error(f"{answer.status_code} {answer.reason_phrase}\n{_readable(answer)}".rstrip())
    return UNSUCCESSFUL


def _method(word: str) -> str:
    if word.upper() not in METHODS:
        raise _misused(f"There is no method {word!r}; expected one of {', '.join(METHODS)}.")
    return word.upper()


def _answer(
    settings: Settings, method: str, path: str, content: bytes | None, headers: dict[str, str], root: bool
) -> httpx.Response:
    """What the API answers, be it an error."""
    from headrace.client.connection import Connection, Endpoint
    from headrace.client.errors import HeadraceHTTPStatusError

    endpoint = Endpoint.configured(settings)
    if root:
        endpoint = Endpoint.configured(settings, _root(endpoint.url))
    with Connection(endpoint) as connection:
        try:
            # Below the URL, whatever it looks like: what is sent with it is for this server alone.
            return connection.request(
                method, f"/{path.lstrip('/')}", content=content, headers=headers, retries=0
            )
        except HeadraceHTTPStatusError as error:
            return error.response


def _root(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _headers(given: Sequence[str]) -> dict[str, str]:
    headers = {}
    for words in given:
        name, separator, value = (part.strip() for part in words.partition(":"))
        if not separator or not name or not words.isascii() or not words.isprintable():
            raise _misused(f"--header is {words!r}; expected NAME: VALUE in ASCII.")
        headers[name] = value
    return headers


def _content(method: str, data: str | None) -> bytes | None:
    """The body to send; JSON, so that a slip is found before anything is sent."""
    if data is None:
        piped = _piped() if method in WITH_BODY else b""
        content, origin = piped, "the standard input"
    elif data == "-":
        content, origin = sys.stdin.buffer.read(), "the standard input"
    elif data.startswith("@"):
        content, origin = _read(Path(data[1:])), data[1:]
    else:
        content, origin = data.encode(errors="surrogateescape"), "--data"
    if not content.strip():
        return b"{}" if method in WITH_BODY else None
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise _misused(f"The body, from {origin}, is not JSON: {exc}.") from exc
    return content


def _piped() -> bytes:
    """What is piped into the command or comes from a file; nothing from a terminal, nor where nobody will say anything."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return b""
    return sys.stdin.buffer.read() if stat.S_ISFIFO(mode) or stat.S_ISREG(mode) else b""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise _misused(f"--data names the file {str(path)!r}, which cannot be read: {exc}.") from exc


def _show_headers(answer: httpx.Response) -> None:
    request = answer.request
    lines = [f"> {request.method} {request.url.copy_with(userinfo=b'')}"]
    lines += [f"> {name}: {_shown(name, value)}" for name, value in request.headers.items()]
    lines += ["", f"< {answer.status_code} {answer.reason_phrase}"]
    lines += [f"< {name}: {_shown(name, value)}" for name, value in answer.headers.items()]
    sys.stderr.write("\n".join(lines) + "\n\n")


def _shown(name: str, value: str) -> str:
    return "********" if name.lower() in SECRET_HEADERS else value


def _write_body(answer: httpx.Response) -> None:
    """Write the body: JSON indented on a terminal; anything else, and what is piped on, as it came."""
    if not answer.content:
        return
    body = _readable(answer).encode() if sys.stdout.isatty() else answer.content
    sys.stdout.flush()
    sys.stdout.buffer.write(body + (b"" if body.endswith(b"\n") else b"\n"))


def _readable(answer: httpx.Response) -> str:
    try:
        return msgspec.json.format(answer.content, indent=2).decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return answer.text


def _misused(message: str) -> CycloptsError:
    return CycloptsError(msg=message, command_chain=("api",))
