"""What cannot travel to a worker process, or back, and a worker that dies: errors that name the task and the argument."""

from __future__ import annotations


def test_arguments_that_cannot_be_pickled_for_a_process_are_refused_by_name(launch, recorded):
    program = launch(
        """
        import threading
        from headrace import flow, task
        from headrace.task_runners import ProcessPoolTaskRunner

        @task
        def taking(fine, awkward):
            return fine

        @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
        def pooled():
            future = taking.submit(1, threading.Lock())
            assert taking.submit(2, None).result() == 2
            return future.result()

        if __name__ == "__main__":
            try:
                pooled()
            except Exception as error:
                print(f"{type(error).__name__}: {error}")
        """
    ).succeed()

    assert "taking" in program.stdout
    assert "awkward" in program.stdout
    assert "pickle" in program.stdout
    first, second = recorded.task_runs()
    assert (first.state_type.value, second.state_type.value) == ("FAILED", "COMPLETED")
    assert recorded.flow_run().state_name == "Failed"


def test_a_result_that_cannot_be_pickled_from_a_process_is_an_error_that_says_so(launch, recorded):
    program = launch(
        """
        import threading
        from headrace import flow, task
        from headrace.task_runners import ProcessPoolTaskRunner

        @task
        def giving():
            return threading.Lock()

        @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
        def pooled():
            return giving.submit().result()

        if __name__ == "__main__":
            try:
                pooled()
            except Exception as error:
                print(f"{type(error).__name__}: {error}")
        """
    ).succeed()

    assert "giving" in program.stdout
    assert "pickle" in program.stdout
    assert recorded.task_run().state_type.value in ("FAILED", "CRASHED")


def test_a_process_of_the_pool_that_dies_is_a_crash_of_its_task(launch, recorded):
    program = launch(
        """
        import os
        from headrace import flow, task
        from headrace.task_runners import ProcessPoolTaskRunner

        @task
        def dying():
            os._exit(3)

        @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
        def pooled():
            future = dying.submit()
            future.wait()
            print(future.state.name)
            return future

        if __name__ == "__main__":
            print(pooled(return_state=True).name)
        """
    ).succeed()

    assert program.stdout == "Crashed\nFailed\n"
    assert recorded.task_run().state_name == "Crashed"
