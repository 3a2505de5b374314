"""A flow that goes on until somebody ends its process. It prints `under way` once tasks of it are in several states."""

from __future__ import annotations

from threading import Event

from headrace import flow, get_run_logger, task

under_way = Event()


@task
def connect(source: str) -> str:
    """Ends at once."""
    return source


@task
def copy(source: str) -> str:
    """Does not end."""
    get_run_logger().info("Copying %s", source)
    under_way.set()
    Event().wait()
    return source


@task
def verify(source: str) -> str:
    """Waits for what does not end."""
    return source


@flow(name="copy-warehouse")
def copy_warehouse(sources: list[str]) -> None:
    """Copies, for as long as it may."""
    copies = copy.map(connect.map(sources))
    checked = verify.map(copies)
    under_way.wait()
    print("under way", flush=True)
    checked.wait()


if __name__ == "__main__":
    copy_warehouse.with_options(flow_run_name="copy-under-way", log_prints=False)(
        ["north", "south", "overseas"]
    )
