"""`headrace task-run`."""

from __future__ import annotations

import pytest

from headrace.cli.recorded import NOTHING_YET


def names(text):
    return [line.split()[1] for line in text.splitlines()[1:]]


def test_ls_lists_the_newest_first(command, recorded):
    assert names(command("task-run", "ls", "--limit", "3").out) == ["add-011", "add-010", "add-009"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--task-run-name", "add-003", "--task-run-name", "add-005"], ["add-005", "add-003"]),
        (["--state", "FAILED"], ["add-000"]),
        (["--state-type", "failed"], ["add-000"]),
        (["--flow-run", "laughing-nightingale", "--limit", "1"], ["add-011"]),
    ],
)
def test_ls_filters(command, recorded, options, expected):
    assert names(command("task-run", "ls", *options).out) == expected


def test_ls_of_a_flow_run_without_tasks(command, recorded):
    assert command("task-run", "ls", "--flow-run", "quiet-marten").out == "No task run matches.\n"


def test_ls_of_an_unknown_flow_run(command, recorded):
    ended = command("task-run", "ls", "--flow-run", "nope")
    assert (ended.code, ended.out) == (1, "")
    assert "'nope'" in ended.err


def test_ls_as_json(command, recorded):
    listed = command("task-run", "ls", "-o", "json", "--limit", "2").json
    assert [run["name"] for run in listed] == ["add-011", "add-010"]
    assert listed[0]["flow_run_id"] == str(recorded.good.id)


def test_an_empty_store_says_what_to_do(command):
    assert command("task-run", "ls").out == f"{NOTHING_YET}\n"


def test_inspect_shows_everything(command, recorded):
    out = command("task-run", "inspect", "add-000").out
    assert f"ID:        {recorded.tasks[0].id}\n" in out
    assert f"Flow run:  laughing-nightingale ({recorded.good.id})\n" in out
    assert "State:     Failed\nMessage:   no\n" in out
    assert "Tags:      numbers\n" in out
    assert "Inputs\n  x: a constant (int)\n" in out
    assert [line.split()[3] for line in out.partition("History\n")[2].splitlines()[1:]] == [
        "Running",
        "Failed",
    ]


def test_inspect_as_json(command, recorded):
    shown = command("task-run", "inspect", str(recorded.tasks[1].id), "-o", "json").json
    assert shown["name"] == "add-001"
    assert [state["type"] for state in shown["state_history"]] == ["RUNNING", "COMPLETED"]


def test_logs_are_those_of_the_task_run_alone(command, recorded):
    lines = command("task-run", "logs", "add-000", "-n", "2").out.splitlines()
    assert [line.rpartition(" | ")[2] for line in lines[:1]] == ["Task run 'add-000' - line 1"]


@pytest.mark.parametrize("verb", ["inspect", "logs"])
def test_an_unknown_run_is_one_clear_line(command, recorded, verb):
    ended = command("task-run", verb, "nope")
    assert (ended.code, ended.out) == (1, "")
    assert "There is no task run 'nope'" in ended.err
