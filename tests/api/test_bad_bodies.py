"""Bodies that do not fit: one clear answer each, never a failure of the server, nothing done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from headrace.api.json_body import ACCEPTS_NUL, MAX_ECHO


class Part(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[UUID] = []
    count: Annotated[int, msgspec.Meta(ge=0)] = 0


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    part: Part | None = None
    at: datetime | None = None
    parts: dict[str, Part] = {}
    anything: Any = None


@post("/whole", status_code=200)
async def whole(data: JSONBody[Whole]) -> Whole:
    return data


@post("/optional", status_code=200)
async def optional(data: JSONBody[Whole | None] = None) -> Whole | None:
    return data


@post("/many", status_code=200)
async def many(data: JSONBody[list[Whole]]) -> int:
    return len(data)


@post("/printed", status_code=200, opt=ACCEPTS_NUL)
async def printed(data: JSONBody[Whole]) -> Whole:
    return data


@get("/query")
async def query(
    n: FromQuery[int],
    id: FromQuery[UUID | None] = None,
    limit: Annotated[int, QueryParameter(ge=0, le=10)] = 3,
) -> list[Any]:
    return [n, id, limit]


@get("/by-id/{id:uuid}")
async def by_id(id: FromPath[UUID]) -> UUID:
    return id


@pytest.fixture
def app(app):
    handlers = [whole, optional, many, printed, query, by_id]
    app.register(Router(path="/api/t", route_handlers=handlers))
    return app


async def refused(api, path, body):
    """The first problem and the echo of a body that is refused."""
    response = await api.post(path, content=body)
    assert response.status_code == 422, response.text
    answer = response.json()
    assert set(answer) == {"exception_message", "exception_detail", "request_body"}
    assert answer["exception_message"] == "Invalid request received."
    problem = answer["exception_detail"][0]
    assert set(problem) == {"type", "loc", "msg", "input"}
    assert problem["msg"].endswith(".")
    return problem, answer["request_body"]


@pytest.mark.parametrize(
    ("body", "kind", "place", "given"),
    [
        ({"name": 1}, "string_type", ["name"], 1),
        ({}, "missing", ["name"], {}),
        ({"name": "a", "x": 1}, "extra_forbidden", ["x"], 1),
        ({"name": "a", "part": {"ids": ["x"]}}, "uuid_parsing", ["part", "ids", 0], "x"),
        ({"name": "a", "part": {"count": -1}}, "out_of_range", ["part", "count"], -1),
        ({"name": "a", "part": {"count": "1"}}, "int_type", ["part", "count"], "1"),
        ({"name": "a", "parts": {"k": {"count": 1.5}}}, "int_type", ["parts"], {"k": {"count": 1.5}}),
        ({"name": "a", "parts": {"k": {"x": 1}}}, "extra_forbidden", ["parts"], {"k": {"x": 1}}),
        ({"name": "a", "at": "yesterday"}, "datetime_parsing", ["at"], "yesterday"),
        ({"name": "a", "part": []}, "dict_type", ["part"], []),
        (None, "dict_type", [], None),
        ([], "dict_type", [], []),
        ("x", "dict_type", [], "x"),
    ],
)
async def test_a_body_of_another_shape_is_told_where_it_differs(api, body, kind, place, given):
    problem, echo = await refused(api, "/t/whole", msgspec.json.encode(body))
    assert (problem["type"], problem["loc"], problem["input"]) == (kind, ["body", *place], given)
    assert echo == body


async def test_the_place_in_a_list_is_its_index(api):
    problem, _ = await refused(api, "/t/many", b'[{"name":"a"},{"name":2}]')
    assert (problem["loc"], problem["input"]) == (["body", 1, "name"], 2)


@pytest.mark.parametrize(
    "body",
    [
        b"{bad",
        b'{"name":"a"',
        b'{"name":"a"} x',
        b'{"name":NaN}',
        b'{"name":"a","anything":Infinity}',
        b'{"name":"\xff\xfe"}',
        b'{"name":"\\ud800"}',
        b'{"name":"a\x00"}',
        b"\xef\xbb\xbf{}",
        b"\x00",
        b"name=a",
    ],
)
async def test_what_is_no_json_is_refused_and_repeated(api, body):
    problem, echo = await refused(api, "/t/whole", body)
    assert (problem["type"], problem["loc"]) == ("json_invalid", ["body"])
    assert echo == body.decode(errors="replace")


async def test_a_required_body_that_is_missing_is_asked_for(api):
    problem, echo = await refused(api, "/t/whole", b"")
    assert (problem["type"], problem["loc"], echo) == ("missing", ["body"], None)


@pytest.mark.parametrize("body", [b"", b"null"])
async def test_an_optional_body_may_be_left_out(api, body):
    response = await api.post("/t/optional", content=body)
    assert (response.status_code, response.json()) == (200, None)


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" * 5000])
async def test_numbers_that_nothing_can_hold_are_refused(api, number):
    problem, _ = await refused(api, "/t/whole", b'{"name":"a","anything":' + number + b"}")
    assert problem["type"] == "out_of_range"


@pytest.mark.parametrize("brackets", [b"[]", b'{"a":}'])
async def test_nesting_without_end_is_refused(api, brackets):
    opening, closing = brackets[:-1], brackets[-1:]
    deep = opening * 100_000 + b"1" + closing * 100_000
    problem, _ = await refused(api, "/t/whole", b'{"name":"a","anything":' + deep + b"}")
    assert problem["type"] == "recursion"


@pytest.mark.parametrize("text", [b"a\\u0000", b"\\u0000", b"\\\\\\u0000"])
async def test_texts_with_a_nul_are_refused(api, text):
    problem, _ = await refused(api, "/t/whole", b'{"name":"' + text + b'"}')
    assert problem["type"] == "nul_character"


async def test_texts_that_spell_out_an_escape_have_no_nul(api):
    response = await api.post("/t/whole", content=b'{"name":"\\\\u0000"}')
    assert response.json()["name"] == "\\u0000"


async def test_where_programs_print_a_nul_is_accepted(api):
    response = await api.post("/t/printed", content=b'{"name":"a\\u0000"}')
    assert (response.status_code, response.json()["name"]) == (200, "a\x00")


async def test_a_large_body_is_not_repeated(api):
    body = msgspec.json.encode({"name": "a", "x": "y" * MAX_ECHO})
    problem, echo = await refused(api, "/t/whole", body)
    assert (problem["type"], echo) == ("extra_forbidden", None)


@pytest.mark.parametrize(
    "kind", [None, "application/json", "application/x-www-form-urlencoded", "multipart/form-data", ";;="]
)
async def test_what_the_client_says_the_body_is_does_not_matter(api, kind):
    headers = {"Content-Type": kind} if kind else {}
    response = await api.post("/t/whole", content=b'{"name":"a"}', headers=headers)
    assert response.json()["name"] == "a"


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("", "missing", "n"),
        ("n=a", "int_type", "n"),
        ("n=%ff", "int_type", "n"),
        ("n=1&id=x", "uuid_parsing", "id"),
        ("n=1&limit=11", "out_of_range", "limit"),
    ],
)
async def test_parameters_that_do_not_fit_are_refused_alike(api, text, kind, name):
    response = await api.get(f"/t/query?{text}")
    assert response.status_code == 422
    problem = response.json()["exception_detail"][0]
    assert (problem["type"], problem["loc"]) == (kind, ["query", name])


@pytest.mark.parametrize("text", ["x", "%00", "1", "0191d9e8-0000-7000-8000-00000000000", "%ff"])
async def test_an_id_in_the_path_that_is_none_is_not_found(api, text):
    response = await api.get(f"/t/by-id/{text}")
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)))
async def test_no_bytes_make_the_server_fail(api, body):
    response = await api.post("/t/optional", content=body)
    assert response.status_code in (200, 422)
    response.json()
