"""Results: kept where and how the flow or task says, and read back by the recorded state, also in another process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace import flow, task
from headrace.client.local import close_orchestrators
from headrace.exceptions import MissingResult
from headrace.serializers import JSONSerializer
from headrace.settings import temporary_settings
from headrace.states import Failed

VALUE = {"wheel": [1, 2, 3]}


def valuable() -> dict:
    return VALUE


def kept_at(state) -> str:
    """Where the result of a state is, as its metadata says."""
    return state.data.metadata.storage_key


def file_of(state, home: Path) -> Path:
    """The file that holds the result of a state."""
    return home / "storage" / kept_at(state)


@pytest.fixture(params=["task", "flow"])
def run_kind(request) -> str:
    return request.param


def state_of(colour, kind: str, body=valuable, **options):
    """The final state of a run of a flow, or of a task in a flow, with these options."""
    if kind == "flow":
        return colour.run(colour.flow(body, **options), return_state=True)
    a_task = colour.task(body, **options)
    states = []
    if colour.is_async:

        @flow
        async def keeping() -> None:
            states.append(await a_task(return_state=True))

    else:

        @flow
        def keeping() -> None:
            states.append(a_task(return_state=True))

    colour.run(keeping)
    return states[0]


# --- In this process -------------------------------------------------------------------------------------------


def test_a_result_is_not_kept_in_storage_unless_asked(colour, run_kind, home):
    state = state_of(colour, run_kind)

    assert state.result() == VALUE
    assert not (home / "storage").exists() or list((home / "storage").iterdir()) == []


def test_a_persisted_result_is_in_the_storage_of_the_home_folder(colour, run_kind, home):
    state = state_of(colour, run_kind, persist_result=True)

    assert state.result() == VALUE
    assert file_of(state, home).is_file()


def test_tasks_of_a_persisting_flow_persist_too(colour, recorded, home):
    a_task = colour.task(valuable)
    colour.run(colour.flow_calling(a_task, persist_result=True))

    assert len(list((home / "storage").iterdir())) == 2


def test_a_task_may_decline_what_its_flow_wants(colour, home):
    a_task = colour.task(valuable, persist_result=False)
    colour.run(colour.flow_calling(a_task, persist_result=True))

    assert len(list((home / "storage").iterdir())) == 1


def test_the_settings_may_ask_to_persist_everything(colour, home):
    with temporary_settings({"results.persist_by_default": True}):
        colour.run(colour.flow_calling(colour.task(valuable)))

    assert len(list((home / "storage").iterdir())) == 2


@pytest.mark.parametrize("spell", [Path, str], ids=["Path", "str"])
def test_result_storage_may_be_a_folder(colour, run_kind, tmp_path, home, spell):
    folder = tmp_path / "elsewhere"

    state = state_of(colour, run_kind, persist_result=True, result_storage=spell(folder))

    assert state.result() == VALUE
    assert len(list(folder.iterdir())) == 1
    assert not (home / "storage").exists() or list((home / "storage").iterdir()) == []


def test_result_storage_may_be_an_address_that_fsspec_knows(colour, run_kind):
    import fsspec

    state = state_of(colour, run_kind, persist_result=True, result_storage="memory://results")

    assert state.result() == VALUE
    assert len(fsspec.filesystem("memory").find("/results")) == 1
    fsspec.filesystem("memory").rm("/results", recursive=True)


@pytest.mark.parametrize(
    "serializer", ["pickle", "json", "compressed/pickle", "compressed/json", JSONSerializer()]
)
def test_a_result_comes_back_through_each_serializer(colour, run_kind, recorded, serializer):
    state_of(colour, run_kind, persist_result=True, result_serializer=serializer)

    run = recorded.flow_run() if run_kind == "flow" else recorded.task_run()
    assert run.state.result() == VALUE


def test_a_storage_key_may_be_a_template(colour, home, recorded):
    def doubled(number: int) -> dict:
        return {"doubled": 2 * number}

    a_task = colour.task(
        doubled,
        persist_result=True,
        result_storage_key="twice-{parameters[number]}-{flow_run.name}.json",
        result_serializer="json",
    )
    colour.run(colour.flow_calling(a_task, 3))

    file = home / "storage" / f"twice-3-{recorded.flow_run().name}.json"
    envelope = json.loads(file.read_text())
    assert json.loads(envelope["result"]) == {"doubled": 6}
    assert envelope["metadata"]["serializer"]["type"] == "json"


def test_a_storage_key_that_names_something_unknown_fails_the_run_and_says_so(colour, recorded):
    state = state_of(colour, "task", persist_result=True, result_storage_key="{nonsense}")

    assert state.is_failed()
    assert "nonsense" in state.message
    assert recorded.task_run().state_type.value == "FAILED"


def test_a_result_that_cannot_be_serialized_is_a_warning_and_the_caller_still_gets_it(
    colour, run_kind, recorded
):
    thing = object()

    state = state_of(colour, run_kind, body=lambda: thing, persist_result=True, result_serializer="json")

    assert state.is_completed()
    assert state.result() is thing
    (warning,) = [line.message for line in recorded.logs() if line.level == 30]
    assert "'json'" in warning
    assert "object" in warning


def test_a_result_storage_that_cannot_be_written_is_a_warning_that_names_it(
    colour, run_kind, recorded, tmp_path
):
    in_the_way = tmp_path / "a-file"
    in_the_way.write_text("not a folder")

    state = state_of(colour, run_kind, persist_result=True, result_storage=in_the_way / "results")

    assert state.is_completed()
    assert state.result() == VALUE
    warnings = [line.message for line in recorded.logs() if line.level == 30]
    assert warnings
    assert all("a-file" in warning for warning in warnings)


def test_the_direct_caller_gets_the_value_though_nothing_keeps_it_in_memory(colour):
    assert colour.run(colour.flow(valuable, cache_result_in_memory=False)) == VALUE
    assert colour.run(colour.flow_calling(colour.task(valuable, cache_result_in_memory=False))) == VALUE


def test_a_result_kept_in_storage_only_is_read_from_there(colour, run_kind, home):
    state = state_of(colour, run_kind, persist_result=True, cache_result_in_memory=False)

    assert state.result() == VALUE


@pytest.mark.parametrize("decorate", [flow, task], ids=["flow", "task"])
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"result_serializer": "nonsense"}, "nonsense"),
        ({"result_serializer": 4}, "result_serializer"),
        ({"result_storage": 4}, "result_storage"),
    ],
)
def test_options_that_make_no_sense_are_refused_by_name(decorate, options, named):
    with pytest.raises((TypeError, ValueError), match=named):
        decorate(lambda: None, persist_result=True, **options)()


# --- By the recorded state -------------------------------------------------------------------------------------


def test_the_recorded_state_finds_the_result(colour, run_kind, recorded):
    state_of(colour, run_kind, persist_result=True)
    close_orchestrators()

    run = recorded.flow_run() if run_kind == "flow" else recorded.task_run()
    assert run.state.result() == VALUE


def test_the_recorded_state_of_a_failed_task_finds_its_exception(colour, recorded):
    def failing() -> None:
        raise LookupError("no such wheel")

    state_of(colour, "task", body=failing, persist_result=True)

    with pytest.raises(LookupError, match="no such wheel"):
        recorded.task_run().state.result()
    assert isinstance(recorded.task_run().state.result(raise_on_failure=False), LookupError)


def test_without_persistence_the_recorded_state_says_that_the_result_is_missing(colour, run_kind, recorded):
    state_of(colour, run_kind)

    run = recorded.flow_run() if run_kind == "flow" else recorded.task_run()
    with pytest.raises(MissingResult):
        run.state.result()


def test_a_result_whose_file_is_gone_is_missing(colour, recorded, home):
    state = state_of(colour, "task", persist_result=True)
    file_of(state, home).unlink()

    with pytest.raises(MissingResult, match=r"storage"):
        recorded.task_run().state.result(retry_result_failure=False)


def test_a_flow_that_returns_a_state_by_hand_keeps_its_message(colour, recorded):
    state = state_of(colour, "flow", body=lambda: Failed(message="by hand"), persist_result=True)

    assert state.message == "by hand"
    assert recorded.states(recorded.flow_run())[-1].message == "by hand"


def test_another_process_reads_a_result_by_its_state(launch, recorded, run_kind):
    launch(
        """
        from headrace import flow, task

        @task(persist_result=True)
        def valuable():
            return {"wheel": [1, 2, 3]}

        @flow(persist_result=True)
        def keeping():
            return valuable()

        keeping()
        """
    ).succeed()

    run = recorded.flow_run() if run_kind == "flow" else recorded.task_run()
    assert run.state.result() == VALUE


def test_another_process_finds_what_this_one_cached(launch, recorded):
    source = """
        import sys
        from headrace import flow, task
        from headrace.cache_policies import INPUTS

        @task(cache_policy=INPUTS, persist_result=True)
        def costly(x):
            print("computed", x)
            return x + 1

        @flow
        def calling():
            return costly(41)

        assert calling() == 42
        """
    first, second = launch(source).succeed(), launch(source).succeed()

    assert first.stdout == "computed 41\n"
    assert second.stdout == ""
    assert [run.state_name for run in recorded.task_runs()] == ["Completed", "Cached"]
