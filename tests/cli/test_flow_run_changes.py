"""`headrace flow-run delete`, `cancel` and `retry`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest

from headrace.client.orchestration import get_client
from headrace.core.states import StateType
from headrace.exceptions import ObjectNotFound
from headrace.schema.base import now
from headrace.schema.runs import FlowRun
from headrace.schema.states import State
from headrace.store import flow_runs, flows
from headrace.store.store import Store

CENSUS = """
import os
from headrace import flow, task

@task
def count(rows):
    return len(rows)

@flow(name="extract")
def extract(rows: list[int] = [1, 2]):
    if os.path.exists("broken"):
        raise ValueError("broken")
    return count(rows)

@flow
def other():
    pass
"""


@pytest.fixture(autouse=True)
def _script(script):
    script(CENSUS, "census.py")


def states(run_id) -> list[str]:
    with get_client(sync_client=True) as client:
        return [state.name for state in client.read_flow_run_states(run_id)]


def created(home: Path, *types: StateType, name: str = "late-otter") -> FlowRun:
    """A flow run that went through states, the first of which it was created in."""
    with Store.open(home / "headrace.db") as store:
        flow = store.write(lambda conn: flows.read_or_create_flow(conn, "extract", now=now()))
        run = FlowRun(flow_id=flow.id, name=name, state=State(type=types[0]))
        run = store.write(lambda conn: flow_runs.create_flow_run(conn, run, now=now()))
        for kind in types[1:]:
            store.write(
                lambda conn, kind=kind: flow_runs.set_flow_run_state(
                    conn, run.id, State(type=kind), now=now()
                )
            )
        return store.read(lambda conn: flow_runs.read_flow_run(conn, run.id))


def assert_refused(ended, *words):
    assert (ended.code, ended.out) == (1, "")
    [error] = [line for line in ended.err.splitlines() if line.startswith("Error: ")]
    for word in words:
        assert word in error


@pytest.mark.parametrize("how", ["id", "name", "start"])
def test_a_run_is_deleted(command, recorded, how):
    run = recorded.good
    given = {"id": str(run.id), "name": run.name, "start": str(run.id)[:30]}[how]
    ended = command("flow-run", "delete", given)
    assert (ended.code, ended.out) == (0, f"Deleted flow run 'laughing-nightingale' ({run.id}).\n")
    with get_client(sync_client=True) as client, pytest.raises(ObjectNotFound):
        client.read_flow_run(run.id)


def test_delete_asks_where_it_may(process, recorded):
    ended = process("--prompt", "flow-run", "delete", "quiet-marten")
    assert (ended.code, ended.out) == (0, "Nothing was deleted.\n")
    assert ended.err == f"Delete flow run 'quiet-marten' ({recorded.bad.id})? [y/N]: "
    assert process("--prompt", "flow-run", "delete", "quiet-marten", "-y").out.startswith("Deleted")


@pytest.mark.parametrize("verb", ["delete", "cancel", "retry"])
def test_an_unknown_run_is_one_clear_line(command, recorded, verb):
    for text in ("nope", "00000000-0000-0000-0000-000000000000"):
        assert_refused(command("flow-run", verb, text), f"no flow run '{text}'")


@pytest.mark.parametrize("verb", ["delete", "cancel", "retry"])
def test_of_several_runs_of_a_name_none_is_changed(command, home, recorded, verb):
    twin = created(home, StateType.SCHEDULED, name="quiet-marten")
    ended = command("flow-run", verb, "quiet-marten")
    assert_refused(ended, "Several flow runs are called 'quiet-marten'", str(twin.id), str(recorded.bad.id))
    assert states(twin.id) == ["Scheduled"]


def test_a_run_that_nothing_executes_is_cancelled_at_once(command, home):
    run = created(home, StateType.SCHEDULED)
    assert command("flow-run", "cancel", str(run.id)).out == f"Cancelled flow run 'late-otter' ({run.id}).\n"
    assert states(run.id)[-1] == "Cancelled"


def test_a_run_that_has_ended_is_not_cancelled(command, recorded):
    ended = command("flow-run", "cancel", "quiet-marten")
    assert_refused(ended, "does not become Cancelling", "FAILED")
    assert states(recorded.bad.id)[-1] == "Failed"


def test_a_run_under_way_is_told_and_ends_as_cancelled(command, process, home, environment, tmp_path, script):
    script(
        """
        import sys
        from headrace import flow
        from headrace import runtime

        @flow
        def waiting():
            print(runtime.flow_run.id, flush=True)
            sys.stdin.readline()

        waiting(return_state=True)
        """,
        "waiting.py",
    )
    with subprocess.Popen(
        [sys.executable, "waiting.py"],
        env=environment,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        run_id = UUID(running.stdout.readline().strip())
        ended = command("flow-run", "cancel", str(run_id))
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.endswith(f"({run_id}) is being cancelled.\n")
        running.communicate("\n", timeout=60)
    assert states(run_id) == ["Pending", "Running", "Cancelling", "Cancelled"]


def test_a_failed_run_is_executed_again_with_its_parameters(command, tmp_path):
    (tmp_path / "broken").touch()
    first = command("run", "census.py:extract", "-p", "rows=[1,2,3]", "-o", "json")
    assert first.json["state"]["type"] == "FAILED"
    run_id = first.json["id"]
    (tmp_path / "broken").unlink()
    ended = command("flow-run", "retry", run_id, "--entrypoint", "census.py:extract")
    assert ended.code == 0
    shown = command("flow-run", "inspect", run_id, "-o", "json").json
    assert shown["state_name"] == "Completed"
    assert shown["run_count"] == 2
    assert shown["parameters"] == {"rows": [1, 2, 3]}
    assert shown["name"] == first.json["name"]
    assert [state["name"] for state in shown["state_history"]][2:] == [
        "Failed",
        "AwaitingRetry",
        "Running",
        "Completed",
    ]


def test_a_retry_shows_what_the_run_logs_and_nothing_of_the_api(process, tmp_path):
    (tmp_path / "broken").touch()
    run_id = process("run", "census.py:extract", "-o", "json").json["id"]
    (tmp_path / "broken").unlink()
    lines = process("flow-run", "retry", run_id, "-e", "census.py:extract").err.splitlines()
    assert [line.split(" | ")[2].split()[:2] for line in lines] == [
        ["Flow", "run"],
        ["Task", "run"],
        ["Flow", "run"],
    ]


def test_a_run_that_fails_again_ends_with_its_exit_code(command, tmp_path):
    (tmp_path / "broken").touch()
    run_id = command("run", "census.py:extract", "-o", "json").json["id"]
    ended = command("flow-run", "retry", run_id, "-e", "census.py:extract")
    assert ended.code == 1
    assert "ValueError: broken" in ended.err


def test_parameters_that_no_longer_fit_fail_the_run_again(command, tmp_path, script):
    run_id = command("run", "census.py:extract", "-p", "rows=[1,2]", "-o", "json").json["id"]
    script(CENSUS.replace("list[int]", "int"), "changed.py")
    ended = command("flow-run", "retry", run_id, "-e", "changed.py:extract")
    assert ended.code == 1
    assert states(UUID(run_id))[-1] == "Failed"
    script(
        CENSUS.replace("rows: list[int] = [1, 2]", "").replace("return count(rows)", "return 0"), "without.py"
    )
    ended = command("flow-run", "retry", run_id, "-e", "without.py:extract")
    assert ended.code == 1
    assert "rows" in ended.err
    assert states(UUID(run_id))[-1] == "Failed"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "has no deployment"),
        (["-e", "census.py:other"], "is one of flow 'extract', but census.py:other is flow 'other'"),
        (["-e", "census.py:none"], "has no flow 'none'"),
        (["-e", "none.py:extract"], "no file 'none.py'"),
    ],
)
def test_a_retry_that_cannot_be_leaves_the_run_as_it_is(command, recorded, words, reason):
    before = states(recorded.bad.id)
    assert_refused(command("flow-run", "retry", "quiet-marten", *words), reason)
    assert states(recorded.bad.id) == before


def test_a_script_that_cannot_be_loaded_is_shown(command, recorded, script):
    script("raise OSError('no disk')", "bad.py")
    ended = command("flow-run", "retry", "quiet-marten", "-e", "bad.py:extract")
    assert ended.code == 1
    assert "OSError: no disk" in ended.err
    script("raise SystemExit(3)", "bad.py")
    ended = command("flow-run", "retry", "quiet-marten", "-e", "bad.py:extract")
    assert ended.code == 1
    assert "sys.exit(3)" in ended.err
    assert states(recorded.bad.id)[-1] == "Failed"


def test_a_run_that_has_not_ended_is_not_retried(command, home):
    run = created(home, StateType.PENDING)
    assert_refused(command("flow-run", "retry", str(run.id), "-e", "census.py:extract"), "has not ended")
    assert states(run.id) == ["Pending"]


def test_runs_are_changed_on_a_server_where_one_is_configured(command, home, recorded, serve):
    url = serve(home)
    elsewhere = {"HEADRACE_HOME": str(home / "elsewhere"), "HEADRACE_API_URL": url}
    run = recorded.bad
    assert command("flow-run", "delete", "quiet-marten", **elsewhere).code == 0
    listed = command("flow-run", "ls", "-o", "json", **elsewhere).json
    assert str(run.id) not in {each["id"] for each in listed}
    assert len(listed) == 2
    assert not (home / "elsewhere").exists()
