"""Tasks in child processes, and pickles that name `prefect`."""

import multiprocessing
import os
import pickle

from prefect import flow, task
from prefect.states import State
from prefect.task_runners import ProcessPoolTaskRunner, ThreadPoolTaskRunner


@task
def where(x):
    return x, os.getpid()


@flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
def elsewhere():
    return where.map([1, 2]).result()


@flow(task_runner=ThreadPoolTaskRunner(max_workers=2))
def here():
    return where.map([1, 2]).result()


@flow
def small(x):
    return x + 1


def child(x):
    return small(x)


if __name__ == "__main__":
    results = elsewhere()
    print([x for x, _ in results], all(pid != os.getpid() for _, pid in results))
    print(here() == [(1, os.getpid()), (2, os.getpid())])
    print(pickle.loads(pickle.dumps(State)) is State)
    print(small.fn(1), small.name)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(child, [1, 2]))
