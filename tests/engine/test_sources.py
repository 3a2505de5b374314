"""Loading flows from files and modules by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.engine.sources import load_flow
from headrace.exceptions import MissingFlowError, ScriptError, UnspecifiedFlowError

TWO_FLOWS = """
from headrace import flow

@flow
def first():
    return 1

@flow(name="the second")
def second():
    return 2
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "two_flows_script.py"
    path.write_text(TWO_FLOWS)
    return path


def test_a_flow_is_found_by_the_name_of_its_function(script: Path) -> None:
    assert load_flow(f"{script}:second").fn() == 2


def test_a_flow_is_found_by_its_own_name(script: Path) -> None:
    assert load_flow(f"{script}:the second").fn() == 2


def test_the_only_flow_of_a_file_needs_no_name(tmp_path: Path) -> None:
    path = tmp_path / "one_flow_script.py"
    path.write_text("from headrace import flow\n\n@flow\ndef only():\n    return 'only'\n")
    assert load_flow(str(path)).fn() == "only"


def test_several_flows_and_no_name_lists_them(script: Path) -> None:
    with pytest.raises(UnspecifiedFlowError, match=r"first.*second"):
        load_flow(str(script))


def test_a_name_that_is_not_there_lists_what_is(script: Path) -> None:
    with pytest.raises(MissingFlowError, match=r"third.*first"):
        load_flow(f"{script}:third")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFlowError, match="nowhere"):
        load_flow(f"{tmp_path / 'nowhere.py'}:main")


def test_a_script_that_raises_names_itself_and_keeps_the_cause(tmp_path: Path) -> None:
    path = tmp_path / "broken_script.py"
    path.write_text("raise ZeroDivisionError('on load')\n")
    with pytest.raises(ScriptError, match="broken_script") as caught:
        load_flow(f"{path}:main")
    assert isinstance(caught.value.user_exc, ZeroDivisionError)
