"""Threads, forks and new processes that a user's code starts: which of them are part of the run, and which are not."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

import pytest

from headrace import flow, get_run_logger, runtime, tags, task
from headrace.context import FlowRunContext, TaskRunContext
from headrace.exceptions import MissingContextError


@task
def step() -> str | None:
    return runtime.flow_run.id


def where_am_i() -> tuple[bool, bool, str | None]:
    return FlowRunContext.get() is not None, TaskRunContext.get() is not None, runtime.flow_run.id


def in_thread(work):
    """The result of `work`, done in a new thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def in_fork(work) -> str:
    """What `work` returns, done in a forked child that ends without ceremony."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, repr(work()).encode())
        except BaseException as error:
            os.write(writing, f"raised {error!r}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answers:
        answer = answers.read()
    assert os.waitpid(child, 0)[1] == 0
    return answer


# --- Threads ---------------------------------------------------------------------------------------------------


def test_a_thread_of_the_user_is_not_part_of_the_run(recorded):
    @flow
    def threading_flow():
        def logging_there():
            with pytest.raises(MissingContextError):
                get_run_logger()

        in_thread(logging_there)
        return in_thread(where_am_i)

    assert threading_flow() == (False, False, None)


def test_a_task_called_in_a_thread_of_the_user_is_a_run_without_a_flow(recorded):
    @flow
    def threading_flow():
        return in_thread(step)

    assert threading_flow() is None

    assert recorded.task_run().flow_run_id is None
    assert recorded.task_run().state_name == "Completed"


def test_a_thread_that_is_given_the_context_is_part_of_the_run(recorded):
    @flow
    def threading_flow():
        context = copy_context()
        return in_thread(lambda: context.run(where_am_i)), in_thread(lambda: context.run(step))

    place, seen_by_task = threading_flow()

    run = recorded.flow_run()
    assert place == (True, False, str(run.id))
    assert seen_by_task == str(run.id)
    assert recorded.task_run().flow_run_id == run.id


def test_asyncio_to_thread_takes_the_context_along(recorded):
    @flow
    async def threading_flow():
        return await asyncio.to_thread(where_am_i), await asyncio.to_thread(step)

    place, _seen_by_task = asyncio.run(threading_flow())

    run = recorded.flow_run()
    assert place == (True, False, str(run.id))
    assert recorded.task_run().flow_run_id == run.id


def test_flows_in_several_threads_do_not_see_each_other(recorded):
    barrier = threading.Barrier(4)

    @flow
    def apart(number: int):
        barrier.wait()
        seen = {step() for _ in range(20)}
        barrier.wait()
        return seen == {runtime.flow_run.id}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(apart, range(4))) == [True] * 4

    runs = recorded.flow_runs()
    assert len(runs) == 4
    for run in runs:
        assert len([task_run for task_run in recorded.task_runs() if task_run.flow_run_id == run.id]) == 20


def test_tasks_on_the_runners_threads_are_part_of_the_run(recorded):
    @flow
    def submitting():
        return step.submit().result()

    assert submitting() == str(recorded.flow_run().id)


def test_tags_follow_into_submitted_tasks(recorded):
    @flow
    def submitting():
        with tags("outer"):
            step.submit().result()

    submitting()

    assert recorded.task_run().tags == ["outer"]


def test_the_context_is_gone_after_the_run(colour):
    colour.run(colour.flow(lambda: None))

    assert where_am_i() == (False, False, None)


# --- Fork ------------------------------------------------------------------------------------------------------


def test_a_forked_child_has_the_context_of_its_parent(recorded):
    @flow
    def forking():
        return in_fork(where_am_i)

    assert forking() == repr((True, False, str(recorded.flow_run().id)))


def test_a_forked_child_that_just_leaves_does_not_touch_the_run(recorded):
    @flow
    def forking():
        for _ in range(5):
            step()
        in_fork(lambda: None)
        for _ in range(5):
            step()

    forking()

    assert recorded.history(recorded.flow_run()) == ["Pending", "Running", "Completed"]
    assert [run.state_name for run in recorded.task_runs()] == ["Completed"] * 10


def test_a_flow_called_in_a_forked_child_is_recorded(recorded):
    @flow
    def child():
        step()
        return "child ran"

    @flow
    def forking():
        step()
        answer = in_fork(child)
        step()
        return answer

    assert forking() == repr("child ran")

    assert recorded.flow_run("child").state_name == "Completed"
    assert recorded.flow_run("forking").state_name == "Completed"
    assert {run.state_name for run in recorded.task_runs()} == {"Completed"}


def test_a_child_forked_outside_runs_can_run_flows(recorded):
    @flow
    def child():
        step()
        return "child ran"

    child()
    assert in_fork(child) == repr("child ran")
    child()

    assert [run.state_name for run in recorded.flow_runs()] == ["Completed"] * 3


def test_a_child_forked_while_other_threads_record_can_run_flows(launch, recorded):
    program = launch(
        """
        import os, threading
        from concurrent.futures import ThreadPoolExecutor
        from headrace import flow, task

        @task
        def step(): pass

        @flow
        def child():
            step()

        stop = threading.Event()

        @flow
        def busy():
            count = 0
            while not stop.is_set():
                step()
                count += 1
            return count

        def in_fork():
            pid = os.fork()
            if pid == 0:
                child()
                os._exit(7)
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

        child()  # imports what a run needs: a child forked amid an import waits for it for ever, in any program
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(busy)
            print([in_fork() for _ in range(5)])
            stop.set()
            print(future.result())
        """
    ).succeed()

    codes, count = program.stdout.splitlines()
    assert codes == "[7, 7, 7, 7, 7]"
    busy_run = recorded.flow_run("busy")
    assert len([run for run in recorded.task_runs() if run.flow_run_id == busy_run.id]) == int(count)
    assert {run.state_name for run in recorded.flow_runs()} == {"Completed"}


def test_a_forked_child_that_ends_as_a_script_does_leaves_the_parents_run_alone(launch, recorded):
    program = launch(
        """
        import os, sys
        from headrace import flow, task

        @task
        def step(): pass

        @task
        def splitting():
            child = os.fork()
            if child == 0:
                sys.exit(3)
            return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        @flow
        def forking():
            for _ in range(50):
                step()
            code = splitting()
            for _ in range(50):
                step()
            return f"the child ended with {code}, the parent went on"

        print(forking())
        """
    ).succeed()

    assert program.stdout == "the child ended with 3, the parent went on\n"
    run = recorded.flow_run()
    assert recorded.history(run)[-1] == "Completed"
    assert [task_run.state_name for task_run in recorded.task_runs()] == ["Completed"] * 101


# --- New processes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_flows_in_processes_of_multiprocessing_are_recorded(launch, recorded, method):
    assert method in multiprocessing.get_all_start_methods()
    program = launch(
        """
        import multiprocessing, sys
        from headrace import flow, task
        from headrace.context import FlowRunContext

        @task
        def step(): pass

        @flow
        def child():
            step()

        def work(answers):
            answers.put(FlowRunContext.get() is not None)
            child()

        @flow
        def parent():
            context = multiprocessing.get_context(sys.argv[1])
            answers = context.Queue()
            processes = [context.Process(target=work, args=(answers,)) for _ in range(2)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            assert [process.exitcode for process in processes] == [0, 0]
            print(answers.get(), answers.get())

        if __name__ == "__main__":
            parent()
        """,
        method,
    ).succeed()

    inherits = method == "fork"
    assert program.stdout == f"{inherits} {inherits}\n"
    assert sorted(run.state_name for run in recorded.flow_runs()) == ["Completed"] * 3
    parent = recorded.flow_run("parent")
    children = [run for run in recorded.flow_runs() if run.id != parent.id]
    assert all((run.parent_task_run_id is not None) == inherits for run in children)


def test_tasks_in_a_process_pool_are_recorded_with_their_flow(launch, recorded):
    program = launch(
        """
        from headrace import flow, get_run_logger, runtime, task
        from headrace.task_runners import ProcessPoolTaskRunner

        @task
        def step(number):
            get_run_logger().info("step %s", number)
            return number, runtime.flow_run.id

        @flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
        def pooled():
            return step.map(range(4)).result()

        if __name__ == "__main__":
            print(pooled())
        """
    ).succeed()

    run = recorded.flow_run()
    assert program.stdout == f"{[(number, str(run.id)) for number in range(4)]}\n"
    assert [task_run.flow_run_id for task_run in recorded.task_runs()] == [run.id] * 4
    assert {task_run.state_name for task_run in recorded.task_runs()} == {"Completed"}
    assert sorted(text for text in recorded.messages() if text.startswith("step")) == [
        f"step {n}" for n in range(4)
    ]
