"""Notebook cells: code without a file, definitions that are made again, and a loop that is already running."""

from __future__ import annotations

import ast
import asyncio
import inspect
import textwrap
from typing import Any

import pytest


class Notebook:
    """Runs cells as notebooks do: one namespace, no source file, in a running event loop, `await` allowed at the top."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self._cells = 0

    async def run(self, source: str) -> Any:
        """Execute a cell; the value of its last expression, if it ends in one."""
        self._cells += 1
        tree = ast.parse(textwrap.dedent(source))
        last = tree.body[-1]
        if isinstance(last, ast.Expr):
            tree.body[-1] = ast.Assign([ast.Name("_", ast.Store())], last.value)
            ast.fix_missing_locations(tree)
        code = compile(tree, f"<ipython-input-{self._cells}>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        self.namespace["_"] = None
        pending = eval(code, self.namespace)
        if inspect.isawaitable(pending):
            await pending
        return self.namespace["_"]


@pytest.fixture
async def notebook() -> Notebook:
    assert asyncio.get_running_loop().is_running()
    notebook = Notebook()
    await notebook.run("from headrace import flow, task")
    return notebook


async def test_a_cell_defines_a_flow_and_another_calls_it(notebook, recorded) -> None:
    await notebook.run(
        """
        @task
        def add(a, b=1):
            return a + b

        @flow
        def adding(n: int):
            return add(n), add.submit(n).result(), add.map([n, n]).result()
        """
    )
    assert await notebook.run("adding(1)") == (2, 2, [2, 2])
    assert {run.flow_run_id for run in recorded.task_runs()} == {recorded.flow_run().id}


async def test_a_cell_awaits_an_async_flow(notebook, recorded) -> None:
    await notebook.run(
        """
        @task
        async def add(a):
            return a + 1

        @flow
        async def adding(n: int):
            return await add(n), add.submit(n).result()
        """
    )
    assert await notebook.run("await adding(1)") == (2, 2)
    assert await notebook.run("await add(5)") == 6


async def test_a_sync_flow_with_async_tasks_runs_in_a_cell(notebook) -> None:
    await notebook.run(
        """
        import asyncio

        @task
        async def add(a):
            await asyncio.sleep(0)
            return a + 1

        @flow
        async def later(a):
            return a + 10

        @flow
        def adding(n):
            return add(n), add.submit(n).result(), later(n)
        """
    )
    assert await notebook.run("adding(1)") == (2, 2, 11)


async def test_a_definition_that_is_made_again_replaces_the_old_one(notebook, recorded) -> None:
    cell = """
        @task
        def version():
            return {n}

        @flow
        def versioned():
            return version(), version.submit().result()
        """
    await notebook.run(cell.format(n=1))
    assert await notebook.run("versioned()") == (1, 1)
    await notebook.run(cell.format(n=2))
    assert await notebook.run("versioned()") == (2, 2)
    assert len({run.flow_id for run in recorded.flow_runs()}) == 1
    assert len({run.task_key for run in recorded.task_runs()}) == 2


async def test_a_task_that_is_made_again_is_used_by_a_flow_of_an_earlier_cell(notebook) -> None:
    await notebook.run("@task\ndef step(): return 'old'")
    await notebook.run("@flow\ndef using(): return step()")
    assert await notebook.run("using()") == "old"
    await notebook.run("@task\ndef step(): return 'new'")
    assert await notebook.run("using()") == "new"


async def test_an_error_in_a_cell_leaves_the_notebook_usable(notebook, recorded) -> None:
    await notebook.run("@flow\ndef failing(): raise ValueError('no good')")
    with pytest.raises(ValueError, match="no good"):
        await notebook.run("failing()")
    assert await notebook.run("flow(lambda: 1)()") == 1
    assert [run.state_name for run in recorded.flow_runs()] == ["Failed", "Completed"]


async def test_a_cell_looks_at_what_an_earlier_cell_recorded(notebook, recorded) -> None:
    await notebook.run("state = flow(lambda: 1, name='first')(return_state=True)")
    assert recorded.flow_run("first").state_name == "Completed"
    assert await notebook.run("state.result()") == 1


async def test_methods_of_classes_defined_in_cells_work(notebook) -> None:
    await notebook.run(
        """
        class Shop:
            def __init__(self, n):
                self.n = n

            @flow
            def flow_method(self, a: int):
                return self.n, self.task_method.submit(a).result()

            @task
            def task_method(self, a):
                return a
        """
    )
    assert await notebook.run("Shop(3).flow_method('4')") == (3, 4)


async def test_a_cached_task_of_a_cell_needs_no_source_file(notebook) -> None:
    await notebook.run(
        """
        from headrace.cache_policies import DEFAULT
        calls = []

        @task(cache_policy=DEFAULT, persist_result=True)
        def counted(n):
            calls.append(n)
            return n

        @flow
        def counting():
            return counted(1), counted(1)
        """
    )
    assert await notebook.run("counting()") == (1, 1)
    assert await notebook.run("calls") == [1]
