"""A flow of no-op tasks that is recorded through a server: how soon after its end all of it can be seen there."""

import json
import os
import sys
import time
from urllib.request import Request, urlopen

from prefect import flow, task
from prefect.runtime import flow_run
from reporting import report

PATIENCE_SECONDS = 60.0


@task
def nothing(number: int) -> int:
    return number


@flow
def in_turn(count: int) -> str:
    for number in range(count):
        nothing(number)
    return str(flow_run.id)


def completed(run_id: str) -> int:
    """How many completed task runs of a flow run the server shows now."""
    wanted = {
        "flow_runs": {"id": {"any_": [run_id]}},
        "task_runs": {"state": {"type": {"any_": ["COMPLETED"]}}},
    }
    address = os.environ["PREFECT_API_URL"] + "/task_runs/count"
    request = Request(address, json.dumps(wanted).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=PATIENCE_SECONDS) as answer:
        return int(json.loads(answer.read()))


if __name__ == "__main__":
    count = int(sys.argv[1])
    in_turn(100)
    began = time.monotonic()
    run_id = in_turn(count)
    returned = time.monotonic()
    seen, within_a_second = 0, 0
    while seen < count and time.monotonic() - returned < PATIENCE_SECONDS:
        seen = completed(run_id)
        if time.monotonic() - returned <= 1.0:
            within_a_second = seen
        time.sleep(0.005)
    report(
        returned=returned - began,
        visible=time.monotonic() - returned,
        within_a_second=within_a_second,
        seen=seen,
    )
