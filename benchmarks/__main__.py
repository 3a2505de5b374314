"""Runs the benchmarks: `python -m benchmarks`, or `make bench`, which also sets both contenders up."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import contenders, machine
from benchmarks.contenders import Contender
from benchmarks.measures import MEASURES, Measure, warm_up
from benchmarks.processes import ChildFailed
from benchmarks.rows import ROWS
from benchmarks.table import missed, table

RESULTS = Path(__file__).parent / "results"

WARM_UPS = 3
"""How often a contender may try."""

Taken = dict[str, dict[str, list[float]]]


def main() -> int:
    """Measure, print the table, write the figures; 1 if a budget was missed and `--check` asks for it."""
    # As Ctrl-C does: so that children end and homes are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = read_options()
    sides = [contenders.headrace(Path(sys.executable))]
    if options.prefect_python and not options.headrace_only:
        sides.append(contenders.prefect(options.prefect_python.absolute()))
    measures = chosen(options.only)
    described = machine.describe(sides[0].python)
    with tempfile.TemporaryDirectory(prefix="bench-homes-") as folder:
        for side in sides:
            warm_up_in(Path(folder) / side.name, side)
        taken, failures = take_all(measures, sides, options)
    described["paused"].append(machine.percent_paused())
    counts = counts_of(measures, sides, options.quick)
    print(f"\n{machine.sentence(described)}")
    print("Medians of interleaved repetitions [least-most].\n")
    print(table({key: values for key, values in taken.items() if key in ROWS}, counts))
    for failure in failures:
        print(f"\nFAILED {failure}")
    path = save(
        options.results,
        options.save,
        {
            "machine": described,
            "counts": counts,
            "values": taken,
            "failures": [failure.partition("\n")[0] for failure in failures],
        },
    )
    print(f"\nFigures: {path}")
    shortfall = missed({key: values for key, values in taken.items() if key in ROWS})
    return 1 if failures or (options.check and shortfall) else 0


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--prefect-python", type=Path, help="the interpreter of a venv with Prefect 3.8.8")
    parser.add_argument("--headrace-only", action="store_true", help="do not run Prefect")
    parser.add_argument("--only", action="append", metavar="ROW", help=f"one or more of: {', '.join(ROWS)}")
    parser.add_argument("--repeats", type=int, help="how often to run each (5; fewer for what is slow)")
    parser.add_argument("--prefect-repeats", type=int, help="how often Prefect runs each, if not as often")
    parser.add_argument("--quick", action="store_true", help="a tenth of the tasks, each run once")
    parser.add_argument("--save", metavar="NAME", help="write results/NAME.json, to be kept in the project")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder for the figures")
    parser.add_argument("--check", action="store_true", help="exit with status 1 if a budget was missed")
    options = parser.parse_args()
    unknown = set(options.only or ()) - set(ROWS)
    if unknown:
        parser.error(f"--only {', '.join(sorted(unknown))}: no such row; there are {', '.join(ROWS)}")
    return options


def warm_up_in(folder: Path, side: Contender) -> None:
    """Give a contender its template of a home; on a busy machine a server may refuse its own clients at first.

    Raises:
        ChildFailed: It failed every time.
    """
    for turn in range(1, WARM_UPS + 1):
        tell(f"warming up {side.name}")
        side.template = folder / str(turn) / "home"
        side.template.mkdir(parents=True)
        try:
            warm_up(side, side.template)
        except ChildFailed as failure:
            if turn == WARM_UPS:
                raise
            tell(str(failure).partition("\n")[0])
        else:
            return


def chosen(only: Sequence[str] | None) -> list[Measure]:
    """The measures that give these rows, or all."""
    return [measure for measure in MEASURES if not only or set(only) & set(measure.rows)]


def take_all(
    measures: Sequence[Measure], sides: Sequence[Contender], options: argparse.Namespace
) -> tuple[Taken, list[str]]:
    """Run every measure, the contenders taking turns; also says what failed."""
    taken: Taken = defaultdict(lambda: defaultdict(list))
    failures: list[str] = []
    for measure in measures:
        times = {side.name: repeats_of(measure, side.name, options) for side in sides}
        for turn in range(max(times.values())):
            for side in sides:
                if turn < times[side.name]:
                    take_one(measure, side, options.quick, taken, failures)
    return taken, failures


def repeats_of(measure: Measure, name: str, options: argparse.Namespace) -> int:
    """How often one contender runs one measure."""
    if name not in measure.contenders:
        return 0
    if options.quick:
        return 1
    asked = (name == "prefect" and options.prefect_repeats) or options.repeats
    usual = measure.repeats.get(name, 5)
    return min(usual, asked) if asked and name in measure.repeats else asked or usual


def take_one(measure: Measure, side: Contender, quick: bool, taken: Taken, failures: list[str]) -> None:
    """Run one measure once."""
    tell(f"{side.name}: {measure.rows[0]}")
    try:
        values = measure.take(side, measure.count(side.name, quick))
    except ChildFailed as failure:
        failures.append(f"{side.name}: {measure.rows[0]}: {failure}")
        return
    for key, value in values.items():
        taken[key][side.name].append(value)


def counts_of(
    measures: Sequence[Measure], sides: Sequence[Contender], quick: bool
) -> dict[str, dict[str, int]]:
    """How many tasks the values of a row come of."""
    return {
        key: {side.name: measure.count(side.name, quick) for side in sides}
        for measure in measures
        for key in measure.rows
    }


def save(folder: Path, name: str | None, content: dict[str, object]) -> Path:
    """Write the figures; without a name into a file that Git ignores."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name or datetime.now(UTC).strftime('%Y-%m-%dT%H%M%S') + '.local'}.json"
    path.write_text(json.dumps(content, indent=1) + "\n")
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def tell(what: str) -> None:
    """Progress, on standard error."""
    print(f"  {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
