"""Stars: a pipeline against an HTTP service that fails and stalls.

Shows what retries, timeouts and concurrency are for: three requests in ten fail, one in ten hangs, and the report is
complete all the same. The service (`stars_service.py`) is started by this script unless `--url` names a running one.

    python examples/stars.py
    python examples/stars.py --failures 0.5 --stalls 0.2
"""

from __future__ import annotations

import argparse
import json
from urllib.error import HTTPError
from urllib.request import urlopen

from headrace import flow, task, unmapped
from headrace.futures import wait
from headrace.task_runners import ThreadPoolTaskRunner
from stars_service import Trouble, running_service

REPOSITORIES = [
    f"{owner}/{name}"
    for owner, names in {
        "millrace": ("wheel", "sluice", "weir", "grindstone"),
        "harbour": ("crane", "ledger", "pilot", "beacon"),
        "orchard": ("press", "ladder", "crate", "graft"),
        "observatory": ("dome", "mirror", "catalogue", "clock"),
        "printworks": ("type", "ink", "plate", "folio"),
    }.items()
    for name in names
]


@task(
    task_run_name="stars of {repository}",
    timeout_seconds=1,
    retries=8,
    retry_delay_seconds=[0.05, 0.1, 0.2, 0.4],
    retry_jitter_factor=0.3,
)
def fetch_stars(repository: str, url: str) -> int:
    """Ask the service for one repository's stars."""
    try:
        with urlopen(f"{url}/repos/{repository}", timeout=10) as answer:
            return int(json.load(answer)["stargazers_count"])
    except HTTPError as error:
        with error:
            raise RuntimeError(f"{repository}: the service answered {error.code}") from None


@task
def rank(stars: dict[str, int]) -> list[tuple[str, int]]:
    """The repositories, most stars first."""
    return sorted(stars.items(), key=lambda row: (-row[1], row[0]))


@flow(name="stars", task_runner=ThreadPoolTaskRunner(max_workers=8), log_prints=True)
def stars(url: str, repositories: list[str] = REPOSITORIES) -> list[tuple[str, int]]:
    """Fetch the stars of all repositories at once and rank them; what could not be had is left out."""
    futures = fetch_stars.map(repositories, unmapped(url))
    wait(futures)
    found = {
        name: future.result()
        for name, future in zip(repositories, futures, strict=True)
        if future.state.is_completed()
    }
    print(f"{len(found)} of {len(repositories)} repositories answered")
    ranking = rank(found)
    for name, count in ranking[:5]:
        print(f"{count:>7,} {name}")
    return ranking


def main() -> None:
    """Run the pipeline against a running service, or one of its own."""
    parser = argparse.ArgumentParser(description="Rank repositories by their stars.")
    parser.add_argument("--url", help="a running stars service; without it one is started")
    parser.add_argument("--failures", type=float, default=0.3, help="share of requests that fail, 0 to 1")
    parser.add_argument("--stalls", type=float, default=0.1, help="share of requests that stall, 0 to 1")
    parser.add_argument("--stall-seconds", type=float, default=3.0)
    options = parser.parse_args()
    if options.url:
        ranking = stars(options.url)
    else:
        with running_service(Trouble(options.failures, options.stalls, options.stall_seconds)) as url:
            ranking = stars(url)
    print(f"Ranked {len(ranking)} repositories")


if __name__ == "__main__":
    main()
