"""What flow runs are told over HTTP."""

from __future__ import annotations

import pytest

UNKNOWN = "00000000-0000-0000-0000-000000000000"
NOT_FOUND = {"detail": "Flow run input not found"}


@pytest.fixture
async def path(new_flow_run):
    run = await new_flow_run("RUNNING")
    return f"/flow_runs/{run['id']}/input"


async def test_an_input_is_read_as_it_was_sent(api, path):
    body = {"key": "a-1", "value": '{"x": [1, "ü"]}', "sender": "prefect.flow-run.x"}
    created = await api.post(path, json=body)
    assert (created.status_code, created.text) == (201, "null")
    response = await api.get(f"{path}/a-1")
    assert (response.status_code, response.text) == (200, body["value"])
    assert response.headers["content-type"].startswith("text/plain")


async def test_a_key_is_used_once(api, path):
    await api.post(path, json={"key": "a", "value": "1"})
    again = await api.post(path, json={"key": "a", "value": "2"})
    assert again.status_code == 409
    assert again.json() == {"detail": "A flow run input with this key already exists."}
    assert (await api.get(f"{path}/a")).text == "1"


async def test_an_unknown_run_is_not_told_anything(api):
    response = await api.post(f"/flow_runs/{UNKNOWN}/input", json={"key": "a", "value": "1"})
    assert (response.status_code, response.json()) == (404, {"detail": "Flow run not found"})


@pytest.mark.parametrize(
    "body", [{"key": "a/b", "value": "1"}, {"key": "a", "value": 1}, {"key": "a"}, {"key": "ü", "value": "1"}]
)
async def test_what_is_no_input_is_refused(api, path, body):
    assert (await api.post(path, json=body)).status_code == 422


async def test_inputs_are_listed_by_the_start_of_their_keys(ask, path):
    for key in ("ab-1", "ab-2", "a_", "AB-3", "b"):
        await ask.post(path, {"key": key, "value": f'"{key}"'})

    async def keys(prefix, **body):
        return [given["key"] for given in await ask.post(f"{path}/filter", {"prefix": prefix, **body})]

    assert await keys("ab") == ["ab-1"]
    assert await keys("ab", limit=5) == ["ab-1", "ab-2"]
    assert await keys("ab", limit=5, exclude_keys=["ab-1"]) == ["ab-2"]
    assert await keys("", limit=5) == ["ab-1", "ab-2", "a_", "AB-3", "b"]
    assert await keys("a_", limit=5) == ["a_"]
    assert await keys("%", limit=5) == []
    [given] = await ask.post(f"{path}/filter", {"prefix": "b"})
    assert (given["value"], given["sender"]) == ('"b"', None)
    assert given["flow_run_id"] in path


async def test_lists_need_a_prefix_and_have_a_limit(api, path):
    assert (await api.post(f"{path}/filter", json={})).status_code == 422
    assert (await api.post(f"{path}/filter", json={"prefix": "", "limit": 201})).status_code == 422


async def test_an_input_is_taken_back(api, ask, path):
    await ask.post(path, {"key": "a", "value": "1"})
    await ask.delete(f"{path}/a")
    for method in ("GET", "DELETE"):
        response = await api.request(method, f"{path}/a")
        assert (response.status_code, response.json()) == (404, NOT_FOUND)


async def test_inputs_go_with_their_run(api, ask, path):
    await ask.post(path, {"key": "a", "value": "1"})
    await ask.delete(path.removesuffix("/input"))
    assert (await api.get(f"{path}/a")).status_code == 404
