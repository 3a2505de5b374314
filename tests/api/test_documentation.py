"""The API describes itself."""

from __future__ import annotations


async def test_the_openapi_document_has_the_routes(api):
    document = (await api.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.")
    assert {"/api/ready", "/api/admin/storage"} <= set(document["paths"])
    body = document["paths"]["/api/admin/storage"]["put"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/ServerDefaultResultStorageUpdate"}


async def test_it_says_what_is_different_from_what_litestar_takes_for_granted(api):
    paths = (await api.get("/openapi.json")).json()["paths"]
    assert "/api/flows/" in paths
    assert "/api/flows" not in paths
    assert paths["/api/flows/"]["post"]["requestBody"]["required"] is True
    assert paths["/api/flows/filter"]["post"]["requestBody"]["required"] is False
    answers = [set(operation["responses"]) for item in paths.values() for operation in item.values()]
    assert not any("400" in each for each in answers)
    assert "422" in paths["/api/flows/"]["post"]["responses"]


async def test_the_page_shows_them_and_needs_nothing_from_elsewhere(api):
    page = await api.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "<code>/api/admin/storage</code>" in page.text
    assert "ServerDefaultResultStorageUpdate" in page.text
    assert "<script" not in page.text
    assert "://" not in page.text
