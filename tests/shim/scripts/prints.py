"""Prints that become log lines, and loggers."""

import io

from prefect import flow, get_run_logger, task
from prefect.logging import get_logger


@task
def inherits():
    print("from a task", 1, sep=" / ")


@task(log_prints=False)
def does_not():
    print("printed by a task")


@flow(name="two words", log_prints=True)
def speaking():
    print("Hello", "there", end="!\n")
    print("two\nlines")
    print("  indented  ")
    text = io.StringIO()
    print("kept", file=text)
    inherits()
    does_not()
    get_run_logger().warning("Careful: %s", text.getvalue().strip())
    get_run_logger().debug("not shown")


@flow
def silent():
    print("printed")
    get_run_logger().info("logged")


if __name__ == "__main__":
    speaking()
    silent()
    get_logger("mine").info("outside")
    print("the end")
