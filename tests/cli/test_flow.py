"""`headrace flow`."""

from __future__ import annotations

import pytest

from headrace.cli.recorded import NOTHING_YET


def test_flows_are_listed_the_newest_first(command, recorded):
    lines = command("flow", "ls").out.splitlines()
    assert lines[0].split() == ["ID", "NAME", "CREATED"]
    assert {line.split()[1] for line in lines[1:]} == {"census", "census-part", "extract"}
    assert str(recorded.bad.flow_id) in {line.split()[0] for line in lines[1:]}


def test_fewer_flows_are_listed_when_asked(command, recorded):
    assert len(command("flows", "ls", "--limit", "2", "-o", "json").json) == 2


def test_flows_as_json(command, recorded):
    flows = {flow["name"]: flow for flow in command("flow", "ls", "-o", "json").json}
    assert flows["census"]["id"] == str(recorded.good.flow_id)
    assert flows["census"]["tags"] == []


def test_more_flows_than_a_page_are_all_listed(command, home):
    from headrace.schema.base import now
    from headrace.store import flows
    from headrace.store.store import Store

    with Store.open(home / "headrace.db") as store:
        for number in range(450):
            store.submit(lambda conn, name=f"f{number}": flows.read_or_create_flow(conn, name, now=now()))
    listed = command("flow", "ls", "--limit", "420", "-o", "json").json
    assert len({flow["id"] for flow in listed}) == 420
    assert len(command("flow", "ls", "--limit", "1000", "-o", "json").json) == 450


def test_an_empty_store_says_what_to_do(command):
    assert command("flow", "ls").out == f"{NOTHING_YET}\n"
    assert command("flow", "ls", "-o", "json").json == []


@pytest.mark.parametrize("limit", ["0", "x"])
def test_a_limit_that_is_none_is_a_usage_error(command, limit):
    assert command("flow", "ls", "--limit", limit).code == 2


def test_a_server_is_asked_where_one_is_configured(command, recorded, home, serve):
    url = serve(home)
    elsewhere = {"HEADRACE_HOME": str(home / "elsewhere"), "HEADRACE_API_URL": url}
    assert {flow["name"] for flow in command("flow", "ls", "-o", "json", **elsewhere).json} == {
        "census",
        "census-part",
        "extract",
    }
    assert not (home / "elsewhere").exists()
