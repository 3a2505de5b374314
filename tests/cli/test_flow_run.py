"""`headrace flow-run`."""

from __future__ import annotations

import pytest

from headrace.cli.recorded import NOTHING_YET


def rows(text):
    """The lines of an aligned table, without its heading, as words."""
    return [line.split() for line in text.splitlines()[1:]]


def test_ls_lists_the_newest_first_with_whole_ids(command, recorded):
    listed = rows(command("flow-run", "ls").out)
    assert [row[:4] for row in listed] == [
        [str(recorded.bad.id), "extract", "quiet-marten", "Failed"],
        [str(recorded.child.id), "census-part", "brisk-otter", "Completed"],
        [str(recorded.good.id), "census", "laughing-nightingale", "Completed"],
    ]
    assert listed[2][4:] == ["1", "hour", "ago", "2", "m", "4", "s"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--flow-name", "census"], ["laughing-nightingale"]),
        (["--flow-name", "census", "--flow-name", "extract"], ["quiet-marten", "laughing-nightingale"]),
        (["--state", "failed"], ["quiet-marten"]),
        (["--state-type", "COMPLETED"], ["brisk-otter", "laughing-nightingale"]),
        (["--state-type", "completed", "--flow-name", "census"], ["laughing-nightingale"]),
        (["--limit", "1"], ["quiet-marten"]),
    ],
)
def test_ls_filters(command, recorded, options, names):
    assert [row[2] for row in rows(command("flow-run", "ls", *options).out)] == names


def test_ls_as_json_is_the_runs(command, recorded):
    listed = command("flow-run", "ls", "-o", "json").json
    assert [(run["id"], run["flow_name"], run["state_name"]) for run in listed] == [
        (str(recorded.bad.id), "extract", "Failed"),
        (str(recorded.child.id), "census-part", "Completed"),
        (str(recorded.good.id), "census", "Completed"),
    ]


def test_a_server_is_asked_where_one_is_configured(command, recorded, home, serve):
    here = [command("flow-run", *words).out for words in (["ls"], ["inspect", "laughing-nightingale"])]
    elsewhere = {"HEADRACE_HOME": str(home / "elsewhere"), "HEADRACE_API_URL": serve(home)}
    there = [
        command("flow-run", *words, **elsewhere).out
        for words in (["ls"], ["inspect", "laughing-nightingale"])
    ]
    assert there == here
    assert not (home / "elsewhere").exists()


def test_an_empty_store_says_what_to_do(command):
    assert command("flow-run", "ls").out == f"{NOTHING_YET}\n"
    assert command("flow-run", "ls", "-o", "json").json == []


def test_nothing_that_matches_is_said_differently(command, recorded):
    assert command("flow-run", "ls", "--flow-name", "nope").out == "No flow run matches.\n"


@pytest.mark.parametrize("limit", ["0", "-1", "x"])
def test_a_limit_that_is_none_is_a_usage_error(command, limit):
    ended = command("flow-run", "ls", "--limit", limit)
    assert ended.code == 2
    assert "--limit" in ended.err


def test_inspect_shows_everything(command, recorded):
    out = command("flow-run", "inspect", "laughing-nightingale").out
    pairs = dict(line.split(":", 1) for line in out.partition("\n\n")[0].splitlines())
    shown = {name: value.strip() for name, value in pairs.items()}
    assert shown["ID"] == str(recorded.good.id)
    assert shown["Flow"] == "census"
    assert shown["State"] == "Completed"
    assert shown["Message"] == "All states completed."
    assert shown["Duration"] == "2 m 4 s"
    assert shown["Tags"] == "daily, eu"
    assert shown["Task runs"] == "12 (11 Completed, 1 Failed)"
    assert '  day:  "2026-01-01"\n' in out
    assert "(1,002 characters; `--output json` has all)" in out
    parts = dict(part.split("\n", 1) for part in out.split("\n\n")[2:])
    assert [row[:3] for row in rows(parts["Subflow runs"])] == [
        [str(recorded.child.id), "census-part", "brisk-otter"]
    ]
    assert [row[3] for row in rows(parts["History"])] == ["Pending", "Running", "Completed"]


@pytest.mark.parametrize("part", [slice(None), slice(0, 30), slice(0, 24)])
def test_a_run_is_found_by_the_start_of_its_id(command, recorded, part):
    assert str(recorded.bad.id) in command("flow-run", "inspect", str(recorded.bad.id)[part]).out


def test_a_message_of_several_lines_is_shown_whole(command, recorded):
    assert "Message:   boom\n           with details\n" in command("flow-run", "inspect", "quiet-marten").out


def test_inspect_as_json_has_history_counts_and_subflows(command, recorded):
    shown = command("flow-run", "inspect", str(recorded.good.id), "-o", "json").json
    assert shown["id"] == str(recorded.good.id)
    assert shown["parameters"]["long"] == "x" * 1000
    assert [state["name"] for state in shown["state_history"]] == ["Pending", "Running", "Completed"]
    assert shown["task_run_counts"] == {"COMPLETED": 11, "FAILED": 1}
    assert [run["name"] for run in shown["subflow_runs"]] == ["brisk-otter"]


@pytest.mark.parametrize("verb", ["inspect", "logs"])
@pytest.mark.parametrize("text", ["nope", "0000", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_run_is_one_clear_line(command, recorded, verb, text):
    ended = command("flow-run", verb, text)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert text in ended.err
    assert ended.err.count("\n") == 1


def messages(text):
    return [line.rpartition(" - ")[2] for line in text.splitlines() if " | " in line]


def test_logs_are_lines_that_say_when_and_who(command, recorded):
    lines = command("flow-run", "logs", "laughing-nightingale").out.splitlines()
    assert len(lines) == 51  # one of the fifty has two lines
    assert lines[0].endswith(" | ERROR   | Flow run 'laughing-nightingale' - line 0")
    assert lines[1].endswith(" | INFO    | Task run 'add-000' - line 1")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--head"], range(20)),
        (["--tail"], range(30, 50)),
        (["--num-logs", "2"], [0, 1]),
        (["--tail", "-n", "2"], [48, 49]),
        (["--reverse", "-n", "2"], [49, 48]),
        (["--reverse", "--head", "-n", "2"], [1, 0]),
        (["--reverse", "--tail", "-n", "2"], [49, 48]),
        (["-h", "-n", "3"], range(3)),
    ],
)
def test_some_of_the_logs(command, recorded, options, expected):
    shown = command("flow-run", "logs", "laughing-nightingale", *options).out
    assert [line for line in messages(shown) if line != "two"] == [f"line {n}" for n in expected if n != 3]


def test_head_and_tail_at_once_are_a_usage_error(command, recorded):
    ended = command("flow-run", "logs", "laughing-nightingale", "--head", "--tail")
    assert ended.code == 2
    assert "give one" in ended.err


def test_more_logs_than_a_page_are_all_shown(command, recorded):
    few = {"HEADRACE_SERVER_API_DEFAULT_LIMIT": "7"}
    shown = messages(command("flow-run", "logs", "laughing-nightingale", **few).out)
    assert [line for line in shown if line != "two"] == [f"line {n}" for n in range(50) if n != 3]


def test_logs_as_json(command, recorded):
    logs = command("flow-run", "logs", "laughing-nightingale", "-o", "json", "-n", "1").json
    assert [(log["message"], log["level"]) for log in logs] == [("line 0", 40)]


def test_a_run_without_logs_says_so(command, recorded):
    assert command("flow-run", "logs", "quiet-marten").out == "The run logged nothing.\n"
    assert command("flow-run", "logs", "quiet-marten", "-o", "json").json == []
