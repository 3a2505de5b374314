"""How large bodies may be, and how they are compressed, in both directions."""

from __future__ import annotations

import gzip
import zlib

import httpx
import pytest
import zstandard
from litestar import Response, Router, get, post
from litestar.params import FromPath, JSONBody
from litestar.response import Stream

from headrace.api.bodies import SMALLEST_COMPRESSED

LIMIT = 100_000


@post("/length", status_code=200)
async def length(data: JSONBody[list[str]]) -> list[int]:
    return [len(text) for text in data]


@get("/text/{size:int}", media_type="application/json")
async def text(size: FromPath[int]) -> str:
    return "x" * (size - 2)  # two quotation marks come along


@get("/stream")
async def stream() -> Stream:
    return Stream(lambda: (b"line %d\n" % number for number in range(1000)))


@get("/encoded")
async def encoded() -> Response[bytes]:
    return Response(gzip.compress(b"y" * 9000), headers={"Content-Encoding": "gzip"})


@pytest.fixture
def api(make_app, connect):
    app = make_app({"server.api.max_request_size": LIMIT})
    app.register(Router(path="/api/t", route_handlers=[length, text, stream, encoded]))
    return connect(app, headers={"Accept-Encoding": "identity"})


def body_of(size):
    """A JSON body of that many bytes."""
    return b'["' + b"x" * (size - 4) + b'"]'


async def in_chunks(body):
    """A body that does not say how long it is."""
    for start in range(0, len(body), 10_000):
        yield body[start : start + 10_000]


# --- sizes -------------------------------------------------------------------------------------------------------


async def test_a_body_may_be_as_large_as_the_limit(api):
    response = await api.post("/t/length", content=body_of(LIMIT))
    assert (response.status_code, response.json()) == (200, [LIMIT - 4])


async def test_a_larger_one_is_refused_with_what_to_do(api):
    response = await api.post("/t/length", content=body_of(LIMIT + 1))
    assert response.status_code == 413
    assert response.json() == {
        "detail": "The body has 100,001 bytes, 100,000 are accepted: send less at once, or raise "
        "HEADRACE_SERVER_API_MAX_REQUEST_SIZE on the server."
    }


async def test_one_that_does_not_say_how_large_it_is_is_cut_off(api):
    sent = []

    async def endless():
        while True:
            sent.append(1)
            yield b"x" * 10_000

    response = await api.post("/t/length", content=endless())
    assert response.status_code == 413
    assert "more than 100,000 bytes" in response.json()["detail"]
    assert len(sent) <= 12


async def test_one_that_does_not_say_so_and_fits_is_read(api):
    response = await api.post("/t/length", content=in_chunks(body_of(LIMIT)))
    assert (response.status_code, response.json()) == (200, [LIMIT - 4])


async def test_a_route_that_reads_no_body_does_not_care(api):
    assert (await api.request("GET", "/health", content=body_of(LIMIT + 1))).status_code == 200


# --- compressed requests -----------------------------------------------------------------------------------------


def zstd(body):
    return zstandard.ZstdCompressor().compress(body)


def zstd_without_size(body):
    compressor = zstandard.ZstdCompressor().compressobj()
    return compressor.compress(body) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("GZIP", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:10]) + gzip.compress(body[10:])),
        ("zstd", zstd),
        ("zstd", zstd_without_size),
        ("zstd", lambda body: zstd(body[:10]) + zstd(body[10:])),
        ("identity", bytes),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_compressed_body_is_decompressed(api, encoding, compress, chunked):
    body = compress(body_of(90_000))
    response = await api.post(
        "/t/length",
        content=in_chunks(body) if chunked else body,
        headers={"Content-Encoding": encoding},
    )
    assert (response.status_code, response.json()) == (200, [89_996])


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstd)])
async def test_the_limit_is_that_of_the_decompressed_body(api, encoding, compress):
    headers = {"Content-Encoding": encoding}
    fits = await api.post("/t/length", content=compress(body_of(LIMIT)), headers=headers)
    assert fits.status_code == 200
    expands = await api.post("/t/length", content=compress(body_of(LIMIT + 1)), headers=headers)
    assert expands.status_code == 413
    assert "expands to more than 100,000 bytes" in expands.json()["detail"]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
async def test_a_bomb_is_not_held_in_memory(api, encoding):
    gigabyte, part = 2**30, bytes(2**20)
    compressor = (
        zlib.compressobj(9, zlib.DEFLATED, 31)
        if encoding == "gzip"
        else zstandard.ZstdCompressor(level=19).compressobj()
    )
    bomb = b"".join(compressor.compress(part) for _ in range(gigabyte // len(part) // 8)) + compressor.flush()
    import tracemalloc

    tracemalloc.start()
    try:
        response = await api.post("/t/length", content=bomb[:LIMIT], headers={"Content-Encoding": encoding})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.status_code == 413
    assert peak < 20 * 2**20


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("body", [b"no such thing", b"\x00" * 100, b"{}"])
async def test_what_is_not_compressed_so_is_refused(api, encoding, body):
    response = await api.post("/t/length", content=body, headers={"Content-Encoding": encoding})
    assert response.status_code == 400
    assert f"Content-Encoding {encoding} says" in response.json()["detail"]


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("zstd", zstd)])
async def test_a_compressed_body_that_ends_early_is_refused(api, encoding, compress):
    body = compress(body_of(5000))
    response = await api.post("/t/length", content=body[:-6], headers={"Content-Encoding": encoding})
    assert response.status_code in (400, 422)


async def test_a_window_that_takes_too_much_memory_is_refused(api):
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = compressor.compress(body_of(5000)) + compressor.flush()
    response = await api.post("/t/length", content=body, headers={"Content-Encoding": "zstd"})
    assert response.status_code == 400


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, zstd", "nonsense"])
async def test_other_encodings_are_refused_with_those_that_are_known(api, encoding):
    response = await api.post("/t/length", content=b"[]", headers={"Content-Encoding": encoding})
    assert response.status_code == 415
    assert response.json() == {
        "detail": f"The body's Content-Encoding is {encoding!r}; expected gzip, zstd, or none at all."
    }
    assert response.headers["accept-encoding"] == "gzip, zstd"


# --- compressed answers ------------------------------------------------------------------------------------------


async def raw(api, path, accepted):
    """An answer, and its body as it is sent."""
    async with api.stream("GET", path, headers={"Accept-Encoding": accepted}) as response:
        return response, b"".join([part async for part in response.aiter_raw()])


@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate", "br;q=1.0, GZIP;q=0.5"])
@pytest.mark.parametrize("size", [SMALLEST_COMPRESSED, 400_000])
async def test_long_answers_are_compressed_when_asked(api, accepted, size):
    response, body = await raw(api, f"/t/text/{size}", accepted)
    assert response.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in response.headers["vary"]
    assert int(response.headers["content-length"]) == len(body) < size
    assert gzip.decompress(body) == b'"' + b"x" * (size - 2) + b'"'


@pytest.mark.parametrize(
    ("path", "accepted"),
    [
        (f"/t/text/{SMALLEST_COMPRESSED - 1}", "gzip"),
        ("/t/text/9000", "identity"),
        ("/t/text/9000", "gzip;q=0"),
        ("/t/text/9000", "br, zstd"),
    ],
)
async def test_others_are_sent_as_they_are(api, path, accepted):
    response, body = await raw(api, path, accepted)
    assert "content-encoding" not in response.headers
    assert len(body) == int(path.rsplit("/", 1)[1])


async def test_a_stream_is_compressed_as_it_goes(api):
    response, body = await raw(api, "/t/stream", "gzip")
    assert response.headers["content-encoding"] == "gzip"
    assert "content-length" not in response.headers
    assert gzip.decompress(body).endswith(b"line 999\n")


async def test_what_is_compressed_already_is_left_alone(api):
    _, body = await raw(api, "/t/encoded", "gzip")
    assert gzip.decompress(body) == b"y" * 9000


def test_a_client_reads_the_refusal_of_a_body_far_too_large(start_server):
    server = start_server(HEADRACE_SERVER_API_MAX_REQUEST_SIZE=str(LIMIT))
    with server.client() as client:
        for _ in range(3):
            response = client.put("/admin/storage", content=bytes(20 * 2**20))
            assert response.status_code == 413
        assert client.get("/health").json() is True
        with pytest.raises(httpx.HTTPStatusError, match="413"):
            client.put("/admin/storage", content=iter([bytes(2**20)] * 20)).raise_for_status()
        assert client.get("/health").json() is True
