"""Saved searches over HTTP."""

from __future__ import annotations

UNKNOWN = "00000000-0000-0000-0000-000000000000"
CRITERION = {
    "object": "flow_run",
    "property": "state.type",
    "type": "[string]",
    "operation": "any",
    "value": ["FAILED", None, {"x": 1}],
}


async def test_a_search_is_kept_under_its_name(api, ask):
    created = await api.put("/saved_searches/", json={"name": "failed", "filters": [CRITERION]})
    assert created.status_code == 201
    search = created.json()
    assert (search["name"], search["filters"]) == ("failed", [CRITERION])
    assert await ask.get(f"/saved_searches/{search['id']}") == search


async def test_filters_of_a_search_are_replaced(api, ask):
    first = (await api.put("/saved_searches/", json={"name": "failed", "filters": [CRITERION]})).json()
    second = await api.put("/saved_searches/", json={"name": "failed"})
    assert second.status_code == 200
    assert (second.json()["id"], second.json()["created"]) == (first["id"], first["created"])
    assert second.json()["filters"] == []
    assert [search["filters"] for search in await ask.post("/saved_searches/filter")] == [[]]


async def test_searches_are_listed_by_name(api, ask):
    for name in "bca":
        await api.put("/saved_searches/", json={"name": name})
    assert [search["name"] for search in await ask.post("/saved_searches/filter")] == ["a", "b", "c"]
    page = await ask.post("/saved_searches/filter", {"limit": 1, "offset": 1})
    assert [search["name"] for search in page] == ["b"]


async def test_a_search_is_deleted(api, ask):
    search = (await api.put("/saved_searches/", json={"name": "a"})).json()
    await ask.delete(f"/saved_searches/{search['id']}")
    for method in ("GET", "DELETE"):
        response = await api.request(method, f"/saved_searches/{search['id']}")
        assert (response.status_code, response.json()) == (404, {"detail": "Saved search not found"})


async def test_what_is_no_search_is_refused(api):
    for body in ({}, {"name": 1}, {"name": "a", "filters": [{"object": "flow_run"}]}, {"name": "a", "x": 1}):
        assert (await api.put("/saved_searches/", json=body)).status_code == 422
