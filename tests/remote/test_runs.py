"""Flows whose runs a server keeps: they run as on an embedded store, and all of it arrives."""

from __future__ import annotations

import pytest

from headrace import get_run_logger


@pytest.fixture
def add(colour):
    @colour.task
    def add(a, b=1):
        get_run_logger().info("adding %s", b)
        return a + b

    return add


def test_a_flow_its_tasks_and_their_logs_arrive(colour, server, add):
    async def body():
        return await colour.call(add, 1) + await colour.call(add, 2)

    assert colour.in_flow(body) == 5

    run = server.flow_run()
    assert server.history(run) == ["Pending", "Running", "Completed"]
    assert [server.history(each) for each in server.task_runs()] == [["Pending", "Running", "Completed"]] * 2
    assert {each.flow_run_id for each in server.task_runs()} == {run.id}
    assert "adding 1" in server.messages()
    assert any(line.startswith("Finished in state") for line in server.messages())


def test_the_console_says_where_a_flow_run_is_seen(colour, server, caplog):
    async def body():
        pass

    colour.in_flow(body)

    address = f"View at {server.url.removesuffix('/api')}/runs/flow-run/{server.flow_run().id}"
    (told,) = [record for record in caplog.records if record.getMessage().startswith("View at")]
    assert (told.getMessage(), told.levelname) == (address, "INFO")
    assert not any("View at" in line for line in server.messages())


def test_when_a_flow_is_completed_all_of_it_is_there(colour, server, add):
    seen = []

    def note():
        seen.append(len({item.run.id for item in server.records if hasattr(item, "run")}))

    server.when(path="/set_state", then=lambda: None)
    server.when(path="/set_state", then=note)

    async def body():
        for number in range(200):
            await colour.call(add, number)

    colour.in_flow(body)

    assert seen == [200]
