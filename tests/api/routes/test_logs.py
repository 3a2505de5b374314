"""Log lines over HTTP."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

START = datetime(2026, 1, 1, tzinfo=UTC)
UNKNOWN = "00000000-0000-0000-0000-000000000000"


def line(message, second=0, level=20, **fields):
    at = (START + timedelta(seconds=second)).isoformat()
    return {"name": "prefect.flow_runs", "level": level, "message": message, "timestamp": at, **fields}


@pytest.fixture
async def run_id(new_flow_run):
    return (await new_flow_run("RUNNING"))["id"]


async def test_lines_are_recorded_and_listed_in_the_order_of_time(api, ask, run_id):
    lines = [line("second", 2, flow_run_id=run_id), line("first", 1, 40, flow_run_id=run_id)]
    response = await api.post("/logs/", json=lines)
    assert (response.status_code, response.text) == (201, "null")
    first, second = await ask.post("/logs/filter", {"logs": {"flow_run_id": {"any_": [run_id]}}})
    assert (first["message"], first["level"], first["flow_run_id"]) == ("first", 40, run_id)
    assert first["timestamp"] == first["created"] == "2026-01-01T00:00:01Z"
    assert UUID(first["id"])
    assert second["message"] == "second"


async def test_lines_of_task_runs_are_among_those_of_the_flow_run(ask, run_id, new_task_run):
    task = await new_task_run(flow_run_id=run_id)
    both = {"flow_run_id": run_id, "task_run_id": task["id"]}
    await ask.post("/logs/", [line("flow", flow_run_id=run_id), line("task", 1, **both), line("other")])

    async def messages(**logs):
        return [log["message"] for log in await ask.post("/logs/filter", {"logs": logs})]

    assert await messages(flow_run_id={"any_": [run_id]}) == ["flow", "task"]
    assert await messages(task_run_id={"any_": [task["id"]]}) == ["task"]
    assert await messages(flow_run_id={"any_": [run_id]}, task_run_id={"is_null_": True}) == ["flow"]
    assert await messages() == ["flow", "other", "task"]


async def test_lines_are_found_by_what_they_are(ask, run_id):
    lines = [("starting up", 10), ("all is well", 20), ("Disk FULL: 100%", 40)]
    await ask.post("/logs/", [line(*given, flow_run_id=run_id) for given in _numbered(lines)])

    async def found(**logs):
        return [log["message"][0] for log in await ask.post("/logs/filter", {"logs": logs})]

    assert await found(level={"ge_": 20}) == ["a", "D"]
    assert await found(level={"le_": 20, "ge_": 20}) == ["a"]
    assert await found(timestamp={"after_": (START + timedelta(seconds=1)).isoformat()}) == ["a", "D"]
    assert await found(timestamp={"before_": START.isoformat()}) == ["s"]
    assert await found(operator="or_", level={"ge_": 40}, text={"query": "starting"}) == ["s", "D"]
    assert await found(text={"query": "disk well"}) == ["a", "D"]
    assert await found(text={"query": "+disk +full"}) == ["D"]
    assert await found(text={"query": "-disk !well"}) == ["s"]
    assert await found(text={"query": '"is well"'}) == ["a"]
    assert await found(text={"query": "100%"}) == ["D"]
    assert await found(text={"query": "10_%"}) == []
    assert await found(text={"query": "flow_runs"}) == ["s", "a", "D"]
    assert await found(text={"query": ""}) == ["s", "a", "D"]


def _numbered(lines):
    return [(message, second, level) for second, (message, level) in enumerate(lines)]


async def test_pages_and_orders(api, ask, run_id):
    await ask.post("/logs/", [line(str(number), number, flow_run_id=run_id) for number in range(5)])
    page = await ask.post("/logs/filter", {"sort": "TIMESTAMP_DESC", "limit": 2, "offset": 1})
    assert [log["message"] for log in page] == ["3", "2"]
    refused = await api.post("/logs/filter", json={"limit": 201})
    assert refused.status_code == 422
    assert refused.json() == {"detail": "Invalid limit: must be less than or equal to 200."}


@pytest.mark.parametrize(
    "body",
    [
        line("alone"),
        {"logs": []},
        [line("a"), {"name": "x"}],
        [line("a", colour=1)],
        [line("a", level="INFO")],
    ],
)
async def test_what_is_no_list_of_lines_is_refused_whole(api, ask, body):
    assert (await api.post("/logs/", json=body)).status_code == 422
    assert await ask.post("/logs/filter") == []


async def test_nothing_to_record_is_fine(ask):
    assert await ask.post("/logs/", []) is None


async def test_nul_characters_are_marked(api, ask):
    body = b'[{"name":"n","level":20,"message":"a\\u0000b","timestamp":"2026-01-01T00:00:00Z"}]'
    assert (await api.post("/logs/", content=body)).status_code == 201
    assert [log["message"] for log in await ask.post("/logs/filter")] == ["a\ufffdb"]


async def test_half_characters_are_refused(api):
    body = b'[{"name":"n","level":20,"message":"a\\ud800","timestamp":"2026-01-01T00:00:00Z"}]'
    response = await api.post("/logs/", content=body)
    assert (response.status_code, response.json()["exception_detail"][0]["type"]) == (422, "json_invalid")


async def test_long_lines_are_cut_and_say_so(ask):
    await ask.post("/logs/", [line("ü" * 2_000_000), line("y" * 1_000_000, 1)])
    cut, whole = await ask.post("/logs/filter")
    assert cut["message"].startswith("ü" * 500_000 + "... [3000000 of 4000000 bytes cut")
    assert whole["message"] == "y" * 1_000_000


async def test_levels_that_no_database_holds_are_the_highest(ask):
    await ask.post("/logs/", [line("a", level=10**30)])
    assert (await ask.post("/logs/filter"))[0]["level"] == 2**31 - 1


async def test_all_lines_of_a_run_are_downloaded(api, ask, new_flow_run, new_task_run):
    run = await new_flow_run("RUNNING", name="my rün")
    task = await new_task_run(flow_run_id=run["id"])
    lines = [line(f"line {number}", number % 7, flow_run_id=run["id"]) for number in range(2_500)]
    lines.append(line('a "quoted", line\nand another', 8, flow_run_id=run["id"], task_run_id=task["id"]))
    await ask.post("/logs/", [*lines, line("of nobody")])
    response = await api.get(f"/flow_runs/{run['id']}/logs/download")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    named = response.headers["content-disposition"]
    assert named == "attachment; filename=\"flow-run-logs.csv\"; filename*=UTF-8''my%20r%C3%BCn-logs.csv"
    header, *rows = csv.reader(io.StringIO(response.text, newline=""))
    assert header == ["timestamp", "level", "flow_run_id", "task_run_id", "message"]
    assert len(rows) == 2_501
    assert rows == sorted(rows, key=lambda row: row[0])
    assert rows[0] == ["2026-01-01 00:00:00+00:00", "20", run["id"], "", "line 0"]
    assert rows[-1][3:] == [task["id"], 'a "quoted", line\nand another']


async def test_an_unknown_run_has_nothing_to_download(api):
    response = await api.get(f"/flow_runs/{UNKNOWN}/logs/download")
    assert (response.status_code, response.json()) == (404, {"detail": "Flow run not found"})


async def test_lines_go_with_their_run(ask, run_id, new_task_run):
    task = await new_task_run(flow_run_id=run_id)
    loose = await new_task_run()
    both = {"flow_run_id": run_id, "task_run_id": task["id"]}
    alone = line("of the loose task", task_run_id=loose["id"])
    await ask.post("/logs/", [line("of the flow", flow_run_id=run_id), line("of the task", **both), alone])
    await ask.delete(f"/flow_runs/{run_id}")
    assert [log["message"] for log in await ask.post("/logs/filter")] == ["of the loose task"]
    await ask.delete(f"/task_runs/{loose['id']}")
    assert await ask.post("/logs/filter") == []


async def test_lines_are_counted(api, ask, run_id):
    lines = [("starting up", 10), ("all is well", 20), ("Disk FULL: 100%", 40)]
    await ask.post("/logs/", [line(*given, flow_run_id=run_id) for given in _numbered(lines)])

    assert await ask.post("/logs/count") == 3
    assert await ask.post("/logs/count", {"logs": {"level": {"ge_": 20}}}) == 2
    assert await ask.post("/logs/count", {"logs": {"flow_run_id": {"any_": [UNKNOWN]}}}) == 0
    assert (await api.post("/logs/count", json={"logs": {"level": "high"}})).status_code == 422
