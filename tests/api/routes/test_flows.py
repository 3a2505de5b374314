"""Flows over HTTP."""

from __future__ import annotations

import pytest

UNKNOWN = "00000000-0000-0000-0000-000000000000"


async def test_a_flow_is_created_once(api):
    body = {"name": "orders", "tags": ["b", "a"], "labels": {"team": "x", "size": 1.5, "on": True}}
    created = await api.post("/flows/", json=body)
    again = await api.post("/flows/", json={"name": "orders", "tags": ["other"]})
    assert (created.status_code, again.status_code) == (201, 200)
    assert created.json() == again.json()
    assert {key: created.json()[key] for key in body} == body
    assert created.json()["created"].endswith("Z")


@pytest.mark.parametrize(
    ("body", "kind", "place"),
    [
        ({"name": "a/b"}, "string_pattern_mismatch", ["body", "name"]),
        ({"name": "a", "colour": 1}, "extra_forbidden", ["body", "colour"]),
        ({}, "missing", ["body", "name"]),
    ],
)
async def test_what_is_no_flow_is_refused(api, body, kind, place):
    response = await api.post("/flows/", json=body)
    assert response.status_code == 422
    [problem] = response.json()["exception_detail"]
    assert (problem["type"], problem["loc"]) == (kind, place)
    assert response.json()["request_body"] == body


async def test_flows_are_read_by_id_and_by_name(ask, new_flow):
    flow = await new_flow()
    assert await ask.get(f"/flows/{flow['id']}") == flow
    assert await ask.get(f"/flows/name/{flow['name']}") == flow


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", f"/flows/{UNKNOWN}"), ("GET", "/flows/name/none"), ("DELETE", f"/flows/{UNKNOWN}")],
)
async def test_an_unknown_flow_is_not_found(api, method, path):
    response = await api.request(method, path)
    assert (response.status_code, response.json()) == (404, {"detail": "Flow not found"})


async def test_an_unknown_flow_is_not_changed(api):
    response = await api.patch(f"/flows/{UNKNOWN}", json={"tags": []})
    assert (response.status_code, response.json()) == (404, {"detail": "Flow not found"})


async def test_an_id_that_is_none_leads_nowhere(api):
    response = await api.get("/flows/not-an-id")
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


async def test_tags_of_a_flow_are_replaced(ask, new_flow):
    flow = await new_flow(tags=["a"])
    await ask.patch(f"/flows/{flow['id']}", {})
    assert (await ask.get(f"/flows/{flow['id']}"))["tags"] == ["a"]
    await ask.patch(f"/flows/{flow['id']}", {"tags": ["b", "c"]})
    changed = await ask.get(f"/flows/{flow['id']}")
    assert changed["tags"] == ["b", "c"]
    assert changed["updated"] > flow["updated"]


async def test_lists_begin_with_the_first_name(ask):
    for name in ("b", "c", "a"):
        await ask.post("/flows/", {"name": name})
    assert [flow["name"] for flow in await ask.post("/flows/filter")] == ["a", "b", "c"]
    page = await ask.post("/flows/filter", {"sort": "CREATED_DESC", "limit": 2, "offset": 1})
    assert [flow["name"] for flow in page] == ["c", "b"]


async def test_lists_are_filtered(ask, new_flow_run):
    for name, tags in (("alpha", ["x", "y"]), ("beta", ["x"]), ("alphabet", [])):
        await ask.post("/flows/", {"name": name, "tags": tags})
    run = await new_flow_run(flow_id=(await ask.get("/flows/name/beta"))["id"])

    async def names(**body):
        found = {flow["name"] for flow in await ask.post("/flows/filter", body)}
        assert await ask.post("/flows/count", body) == len(found)
        return found

    assert await names(flows={"name": {"like_": "ALPHA"}}) == {"alpha", "alphabet"}
    assert await names(flows={"tags": {"all_": ["x"]}}) == {"alpha", "beta"}
    assert await names(flows={"tags": {"is_null_": True}}) == {"alphabet"}
    assert await names(flows={"name": {"any_": []}}) == set()
    either = {"operator": "or_", "name": {"any_": ["beta"]}, "tags": {"all_": ["x", "y"]}}
    assert await names(flows=either) == {"alpha", "beta"}
    assert await names(flow_runs={"id": {"any_": [run["id"]]}}) == {"beta"}
    assert await names(flow_runs={}) == {"beta"}
    assert await names(flows={"deployment": {"is_null_": False}}) == set()


@pytest.mark.parametrize("path", ["/flows/filter", "/flows/paginate"])
async def test_limits_are_limited(api, path):
    response = await api.post(path, json={"limit": 201})
    assert response.status_code == 422
    assert response.json() == {"detail": "Invalid limit: must be less than or equal to 200."}


async def test_pages(ask):
    for name in "abc":
        await ask.post("/flows/", {"name": name})
    page = await ask.post("/flows/paginate", {"limit": 2, "page": 2})
    assert [flow["name"] for flow in page.pop("results")] == ["c"]
    assert page == {"count": 3, "limit": 2, "pages": 2, "page": 2}
    assert (await ask.post("/flows/paginate", {"limit": 0}))["pages"] == 0


async def test_a_flow_goes_with_its_runs(api, ask, new_flow, new_flow_run):
    flow, other = await new_flow(), await new_flow()
    run, kept = await new_flow_run(flow_id=flow["id"]), await new_flow_run(flow_id=other["id"])
    await ask.delete(f"/flows/{flow['id']}")
    assert (await api.get(f"/flows/{flow['id']}")).status_code == 404
    assert (await api.get(f"/flow_runs/{run['id']}")).status_code == 404
    assert await ask.get(f"/flow_runs/{kept['id']}")


async def test_several_flows_are_deleted_at_once(api, ask, new_flow):
    flows = [await new_flow() for _ in range(3)]
    wanted = sorted(flow["id"] for flow in flows[:2])
    answer = await ask.post("/flows/bulk_delete", {"flows": {"id": {"any_": wanted}}})
    assert sorted(answer["deleted"]) == wanted
    assert await ask.post("/flows/count") == 1
    assert (await api.post("/flows/bulk_delete", json={"limit": 51})).status_code == 422
