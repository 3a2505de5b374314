"""Connections on which nothing moves are closed; others are not."""

from __future__ import annotations

import asyncio
import socket

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from headrace.api.connections import MAX_HEAD, PATIENCE, Connection, close_stalled
from headrace.settings import Settings

REQUEST = b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"PUT /api/admin/storage HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"


def test_clients_give_up_idle_connections_before_the_server_does():
    assert Settings().server.api.keepalive_timeout > 2 * httpx.Limits().keepalive_expiry


class Listening:
    """The application on a socket, in this event loop."""

    def __init__(self, app) -> None:
        self.config = uvicorn.Config(app, log_config=None, timeout_keep_alive=3600)
        self.config.load()
        self.state = ServerState()

    async def __aenter__(self):
        loop = asyncio.get_running_loop()
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # so that little waits in the system
        self.server = await loop.create_server(
            lambda: Connection(config=self.config, server_state=self.state, app_state={}), sock=listener
        )
        self.address = self.server.sockets[0].getsockname()
        return self

    async def __aexit__(self, *exc):
        for connection in list(self.state.connections):
            connection.transport.abort()
        self.server.close()

    async def connect(self, **options):
        return await asyncio.open_connection(*self.address, **options)

    def close_stalled(self, after):
        """Look for stalled connections as if so many seconds had passed."""
        return close_stalled(self.state.connections, asyncio.get_running_loop().time() + after)


@pytest.fixture
async def listening(app):
    async with Listening(app) as made:
        yield made


async def answer(reader):
    """An answer's status and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"content-length: "))
    return int(head.split()[1]), await reader.readexactly(length)


async def until(condition):
    """Let the event loop go on until it has come to something."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.parametrize("sent", [b"", b"GET /api/hea", REQUEST[:-2], POST, POST + b"\r\nhalf of the body"])
async def test_a_client_that_does_not_go_on_is_left(listening, sent):
    reader, writer = await listening.connect()
    writer.write(sent)
    await until(lambda: listening.state.connections)
    if sent:
        await until(lambda: next(iter(listening.state.connections))._head != 0)
    assert listening.close_stalled(after=PATIENCE - 5) == 0
    assert listening.close_stalled(after=PATIENCE + 5) == 1
    assert await reader.read() == b""
    writer.close()


async def test_a_client_that_does_not_take_its_answer_is_left(listening):
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(small, listening.address)
    asked = b"GET /api/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    await loop.sock_sendall(small, asked * 200)
    await until(lambda: listening.state.connections)
    (connection,) = listening.state.connections
    await until(lambda: connection.transport.get_write_buffer_size() > 0)
    assert listening.close_stalled(after=0) == 0  # something has moved since
    assert listening.close_stalled(after=PATIENCE + 5) == 1
    small.close()


async def test_a_client_that_waits_between_requests_is_not(listening):
    reader, writer = await listening.connect()
    for _ in range(2):
        writer.write(REQUEST)
        assert await answer(reader) == (200, b"true")
        assert listening.close_stalled(after=3600) == 0
    writer.close()


async def test_a_client_that_sends_requests_ahead_gets_all_answers(listening):
    reader, writer = await listening.connect()
    writer.write(REQUEST * 3 + REQUEST[:20])
    for _ in range(3):
        assert await answer(reader) == (200, b"true")
    assert listening.close_stalled(after=PATIENCE + 5) == 1
    writer.close()


@pytest.mark.parametrize("line", [b"X-%d: y\r\n", b"x" * 100])
async def test_a_head_without_end_is_refused(listening, line):
    reader, writer = await listening.connect()
    writer.write(b"GET /api/health HTTP/1.1\r\nX: ")
    for number in range(2 * MAX_HEAD // len(line)):
        writer.write(line % number if b"%d" in line else line)
    assert b" 431 " in await reader.readuntil(b"\r\n")
    writer.close()


async def test_a_large_head_within_the_limit_is_read(listening):
    reader, writer = await listening.connect()
    writer.write(REQUEST[:-2] + b"X-Large: " + b"x" * (MAX_HEAD - 200) + b"\r\n\r\n")
    assert await answer(reader) == (200, b"true")
    writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /api/health HTTP/9.9\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"GET /api/health HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_what_is_no_http_is_refused(listening, sent):
    reader, writer = await listening.connect()
    writer.write(sent)
    assert b" 400 " in await reader.readuntil(b"\r\n")
    await reader.read()
    writer.close()
    _, other = await listening.connect()
    other.close()
