"""`prefect.X` is `headrace.X`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
SHIM = Path(__file__).parents[2] / "shims" / "prefect"


def test_modules_are_the_same_objects_at_any_depth(run_source: Run) -> None:
    done = run_source(
        """
        import prefect
        import prefect.logging.loggers
        import prefect.runtime.flow_run as flow_run
        from prefect.schema import states
        import headrace.logging.loggers, headrace.runtime.flow_run, headrace.schema.states
        import sys
        print(prefect is headrace, sys.modules["prefect"] is headrace)
        print(prefect.logging.loggers is headrace.logging.loggers is sys.modules["prefect.logging.loggers"])
        print(flow_run is headrace.runtime.flow_run, states is headrace.schema.states)
        print(prefect.logging is headrace.logging)
        """
    )
    assert done.out == "True True\nTrue\nTrue True\nTrue\n"


def test_headrace_may_be_imported_first(run_source: Run) -> None:
    done = run_source(
        """
        import headrace.schema.states as real
        from prefect.schema.states import State
        from prefect import schema
        print(State is real.State, schema.states is real)
        """
    )
    assert done.out == "True True\n"


def test_nothing_is_loaded_before_it_is_used(run_source: Run) -> None:
    done = run_source(
        """
        import sys
        import prefect
        print(sorted(name for name in sys.modules if name.startswith("prefect.")))
        import prefect.logging
        print(sorted(name for name in sys.modules if name.startswith("prefect.")))
        """
    )
    assert done.out == "[]\n['prefect.logging']\n"


def test_modules_stay_headraces_own(run_source: Run) -> None:
    done = run_source(
        """
        import prefect.schema.states, prefect.schema, prefect
        for module in (prefect, prefect.schema, prefect.schema.states):
            print(module.__name__, module.__spec__.name, module.__package__, type(module.__loader__).__name__)
        print(prefect.schema.states.State.__module__)
        """
    )
    assert done.out.splitlines() == [
        "headrace headrace headrace SourceFileLoader",
        "headrace.schema headrace.schema headrace.schema SourceFileLoader",
        "headrace.schema.states headrace.schema.states headrace.schema SourceFileLoader",
        "headrace.schema.states",
    ]


def test_modules_can_be_looked_for_without_loading_them(run_source: Run) -> None:
    done = run_source(
        """
        import sys
        from importlib.util import find_spec
        spec = find_spec("prefect.schema.states")
        print(spec.name, spec.origin.endswith("states.py"), spec.has_location)
        print("headrace.schema.states" in sys.modules)
        print(find_spec("prefect.schema").submodule_search_locations is not None)
        print(find_spec("prefect.nope"), find_spec("prefect.schema.nope"))
        """
    )
    assert done.out == "prefect.schema.states True True\nFalse\nTrue\nNone None\n"


@pytest.mark.parametrize(
    "statement", ["import prefect.nope", "from prefect.nope import x", "import prefect.nope.deeper as d"]
)
def test_a_module_that_headrace_has_not_is_named(run_source: Run, statement: str) -> None:
    done = run_source(
        f"""
        from headrace import __version__
        try:
            {statement}
        except ModuleNotFoundError as error:
            print(error.name)
            print(str(error).replace(__version__, "VERSION"))
        """
    )
    name, message = done.out.splitlines()
    assert name == "prefect.nope"
    assert message.startswith(
        "No module named 'prefect.nope': 'prefect' is an alias of Headrace here, and Headrace VERSION"
    )


def test_a_module_that_headrace_cannot_load_says_why(run_source: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import not_there_at_all")
    done = run_source(
        """
        import headrace
        headrace.__path__.append(".")
        try:
            import prefect.broken
        except ModuleNotFoundError as error:
            print(error)
        """
    )
    assert done.out == "No module named 'not_there_at_all'\n"


def test_a_name_that_headrace_has_not_is_an_import_error(run_source: Run) -> None:
    done = run_source(
        """
        try:
            from prefect import nope
        except ImportError as error:
            print(error.name, "nope" in str(error))
        """
    )
    assert done.out == "headrace True\n"


def test_modules_can_be_reloaded(run_source: Run) -> None:
    done = run_source(
        """
        import importlib
        import prefect.logging.lines as lines
        again = importlib.reload(lines)
        import headrace.logging.lines
        print(again is lines is headrace.logging.lines, again.__spec__.name)
        """
    )
    assert done.out == "True headrace.logging.lines\n"


def test_files_of_packages_are_found(run_source: Run) -> None:
    done = run_source(
        """
        from importlib.resources import files
        import headrace
        print(files("prefect") == files("headrace"), files("prefect").joinpath("py.typed").is_file())
        print(files("prefect.logging") == files("headrace.logging"))
        """
    )
    assert done.out == "True True\nTrue\n"


def test_source_is_found(run_source: Run) -> None:
    done = run_source(
        """
        import inspect, linecache
        from importlib.util import find_spec
        import prefect.logging.lines as lines
        print(inspect.getsource(lines.line).startswith("def line("), inspect.getmodule(lines.line).__name__)
        loader = find_spec("prefect.logging.records").loader
        print("def fitting" in loader.get_source("prefect.logging.records"), loader.is_package("x"))
        """
    )
    assert done.out == "True headrace.logging.lines\nTrue False\n"


def test_pickles_that_name_prefect_load(run_source: Run) -> None:
    done = run_source(
        """
        import pickle
        loaded = pickle.loads(b"cprefect.core.states\\nStateType\\n.")
        from headrace.core.states import StateType
        print(loaded is StateType, b"headrace.core.states" in pickle.dumps(StateType))
        """
    )
    assert done.out == "True True\n"


def test_modules_run_as_programs(run: Run, tmp_path: Path) -> None:
    done = run("-m", "prefect.logging.lines")
    assert (done.code, done.err) == (0, "")
    missing = run("-m", "prefect.nope")
    assert missing.code == 1
    assert "No module named prefect.nope" in missing.err


@pytest.mark.parametrize(
    "how",
    [["-m", "prefect"], ["-c", "import sys; from headrace_prefect.command import main; sys.exit(main())"]],
)
def test_the_command_is_that_of_headrace(run: Run, how: list[str]) -> None:
    done = run(*how, "version")
    native = run("-m", "headrace", "version")
    assert done.code == 0, done.err
    assert done.out == native.out
    assert run(*how, "no-such-command").code == run("-m", "headrace", "no-such-command").code != 0


def test_loggers_called_prefect_are_those_of_headrace(run_source: Run) -> None:
    done = run_source(
        """
        import logging
        import prefect
        for name in ("", ".flow_runs", ".task_runs"):
            print(logging.getLogger("prefect" + name) is logging.getLogger("headrace" + name))
        """
    )
    assert done.out == "True\n" * 3


def test_threads_may_import_at_once(run_source: Run) -> None:
    done = run_source(
        """
        import threading, importlib
        import prefect
        names = ["schema.states", "schema.runs", "logging.loggers", "core.states", "settings", "runtime.flow_run"]
        start, found = threading.Barrier(12), []
        def load(prefix, name):
            start.wait()
            found.append((name, importlib.import_module(f"{prefix}.{name}")))
        threads = [threading.Thread(target=load, args=(p, n)) for p in ("prefect", "headrace") for n in names]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(len(found), len({(name, id(module)) for name, module in found}))
        print({module.__spec__.name == "headrace." + name for name, module in found})
        """
    )
    assert done.out == "12 6\n{True}\n"


def test_pip_installs_it(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run([*command, "--target", str(tmp_path), str(SHIM)], check=True, capture_output=True)
    assert (tmp_path / "prefect" / "__init__.py").is_file()
    assert (tmp_path / "bin" / "prefect").is_file()
    (metadata,) = tmp_path.glob("headrace_prefect-*.dist-info/METADATA")
    assert "Requires-Dist: headrace" in metadata.read_text()


# --- Prefect itself --------------------------------------------------------------------------------------------


@pytest.fixture
def real_prefect(tmp_path: Path) -> Path:
    """A folder that a distribution of Prefect seems to be installed in."""
    package = tmp_path / "other-site" / "prefect"
    package.mkdir(parents=True)
    for name in ("__init__.py", "flow_engine.py"):
        (package / name).write_text("print('This is Prefect itself.')")
    return package.parent


def test_it_does_not_hide_prefect_itself(run: Run, real_prefect: Path, installed: Path) -> None:
    variables = {"PYTHONPATH": f"{installed}:{real_prefect}"}
    done = run("-c", "import prefect", **variables)
    assert done.code == 1
    assert "ImportError: Both Prefect and headrace-prefect, which takes its place, are installed" in done.err
    assert str(real_prefect / "prefect") in done.err
    assert "pip uninstall headrace-prefect" in done.err


def test_the_command_does_not_hide_prefect_itself(run: Run, real_prefect: Path, installed: Path) -> None:
    variables = {"PYTHONPATH": f"{installed}:{real_prefect}"}
    done = run("-c", "import sys; from headrace_prefect.command import main; sys.exit(main())", **variables)
    assert done.code == 1
    assert done.err.startswith("Both Prefect and headrace-prefect")
    assert "Traceback" not in done.err


def test_it_does_not_hide_prefect_among_its_own_files(run: Run, installed: Path, tmp_path: Path) -> None:
    import shutil

    both = shutil.copytree(installed, tmp_path / "both")
    (both / "prefect" / "flow_engine.py").write_text("")
    done = run("-c", "import prefect", PYTHONPATH=str(both))
    assert done.code == 1
    assert "ImportError: Both Prefect and headrace-prefect" in done.err


def test_prefect_itself_found_first_is_used(run: Run, real_prefect: Path) -> None:
    done = run("-c", "import prefect", path=(real_prefect,))
    assert done.out == "This is Prefect itself.\n"


def test_a_folder_of_the_users_called_prefect_does_no_harm(run_source: Run, tmp_path: Path) -> None:
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "flows.py").write_text("")
    assert run_source("import prefect; print(prefect.__name__)").out == "headrace\n"
