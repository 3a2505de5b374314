"""A client that listens to the server while another one, in the same process, runs a flow and emits events.

python listening.py
"""

import asyncio
import threading

from account import OF_FLOW, OF_TASK, began, tell
from prefect import flow, tags, task
from prefect.events import Event, emit_event
from prefect.events.clients import get_events_client, get_events_subscriber
from prefect.events.filters import EventFilter, EventNameFilter

SHOP = {"prefect.resource.id": "shop.north", "prefect.resource.name": "North"}


@task(**OF_TASK, task_run_name="sell-{number}", tags=["till"])
def sell(number: int) -> int:
    began()
    emit_event("e2e.sold", SHOP, payload={"number": number})
    return number


@flow(**OF_FLOW, flow_run_name="day-in-north")
def day() -> None:
    began()
    opened = emit_event("e2e.opened", SHOP)
    for number in range(3):
        sell(number)
    emit_event("e2e.closed", SHOP, follows=opened)


def work() -> None:
    with tags("north"):
        day()


def is_ours(event: Event) -> bool:
    """Whether it is about the flow here: others may use the server at the same time."""
    return event.event == "e2e.last" or "day" in [each.get("prefect.resource.name") for each in event.related]


async def main() -> None:
    names = EventNameFilter(prefix=["e2e.", "prefect.flow-run.", "prefect.task-run."])
    async with get_events_subscriber(filter=EventFilter(event=names)) as subscriber:
        worker = threading.Thread(target=work)
        worker.start()
        wanted = {"prefect.flow-run.Completed", "e2e.closed", "e2e.last"}
        async for event in subscriber:
            if not is_ours(event):
                continue
            tell("heard", **event.model_dump(mode="json"))
            wanted.discard(event.event)
            if wanted == {"e2e.last"}:
                async with get_events_client() as client:
                    await client.emit(Event(event="e2e.last", resource=SHOP))
            if not wanted:
                break
        worker.join()


asyncio.run(main())
