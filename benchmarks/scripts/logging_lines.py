"""Log lines of a run: printed to the console and recorded."""

import sys
import time

from prefect import flow, get_run_logger
from reporting import by_median, report, timed_parts

PART = 100


@flow
def talk(count: int) -> list[float]:
    """The seconds that each part of the lines took."""
    logger = get_run_logger()

    def part() -> None:
        for number in range(PART):
            logger.warning("line %s", number)

    return timed_parts(count // PART, part)


if __name__ == "__main__":
    count = int(sys.argv[1])
    talk(100)
    began = time.monotonic()
    parts = talk(count)
    report(count=count, in_flow_by_median=by_median(parts), returned=time.monotonic() - began)
