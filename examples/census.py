"""Census of a Python source tree: how many functions, classes, lines and imports does it hold?

Shows the usual shape of a pipeline on real input: find the files, map a task over them, reduce, write a CSV file
and a markdown report. By default it counts Python's own standard library, which every machine with Python has.

    python examples/census.py
    python examples/census.py --root src --output report --limit 100
"""

from __future__ import annotations

import argparse
import ast
import csv
import os
import sysconfig
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TypeVar

from headrace import flow, get_run_logger, task, unmapped

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
NOT_OF_THE_TREE = {"site-packages", "dist-packages", "__pycache__"}
TESTS = {"test", "tests", "idle_test"}

T = TypeVar("T")


@dataclass
class ModuleCount:
    """What one file holds. `problem` says why a file could not be parsed; its lines count all the same."""

    module: str
    lines: int = 0
    functions: int = 0
    coroutines: int = 0
    classes: int = 0
    longest_function: int = 0
    longest_function_name: str = ""
    problem: str = ""
    imports: list[str] = field(default_factory=list)

    @property
    def package(self) -> str:
        """The outermost package, or the module itself."""
        return self.module.partition(".")[0]


@dataclass
class Totals:
    """What files hold together."""

    modules: int = 0
    lines: int = 0
    functions: int = 0
    coroutines: int = 0
    classes: int = 0

    def add(self, count: ModuleCount) -> None:
        """Count one more file."""
        self.modules += 1
        self.lines += count.lines
        self.functions += count.functions
        self.coroutines += count.coroutines
        self.classes += count.classes


@dataclass
class Census:
    """The result: one row per module, one per package, and all of it together."""

    modules: list[ModuleCount]
    packages: dict[str, Totals]
    total: Totals
    imports: Counter[str]


@task
def find_modules(root: Path, with_tests: bool, limit: int | None) -> list[Path]:
    """The tree's Python files, in order of their names; the first `limit` of them if there is a limit."""
    left_out = NOT_OF_THE_TREE if with_tests else NOT_OF_THE_TREE | TESTS
    found = sorted(python_files(root, left_out))
    if not found:
        raise ValueError(f"{root} holds no Python files; give the folder of a source tree with --root")
    return found[:limit]


def python_files(root: Path, left_out: set[str]) -> Iterator[Path]:
    """The tree's Python files, without entering folders of these names."""
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in left_out]
        yield from (Path(folder, name) for name in files if name.endswith(".py"))


@task(task_run_name="count {path.name}")
def count_module(path: Path, root: Path) -> ModuleCount:
    """Parse one file and count what it holds."""
    source = path.read_bytes()
    count = ModuleCount(module=module_name(path.relative_to(root)), lines=source.count(b"\n"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        count.problem = f"{type(error).__name__}: {error}"
        get_run_logger().warning("%s cannot be parsed: %s", path, error)
        return count
    tally(tree, count)
    return count


def module_name(path: Path) -> str:
    """`json/decoder.py` is `json.decoder`, `json/__init__.py` is `json`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def tally(tree: ast.Module, count: ModuleCount) -> None:
    """Add up what the parsed file holds."""
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, FUNCTIONS):
            tally_function(node, count)
        elif isinstance(node, ast.ClassDef):
            count.classes += 1
        elif isinstance(node, ast.Import):
            imported.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            imported.add(node.module.partition(".")[0])
    count.imports = sorted(imported)


def tally_function(node: ast.FunctionDef | ast.AsyncFunctionDef, count: ModuleCount) -> None:
    """Count one function, and remember it if it is the longest so far."""
    count.functions += 1
    count.coroutines += isinstance(node, ast.AsyncFunctionDef)
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if length > count.longest_function:
        count.longest_function, count.longest_function_name = length, node.name


@task
def add_up(modules: list[ModuleCount]) -> Census:
    """Reduce the counts of all modules to those of the packages and of the whole."""
    packages: dict[str, Totals] = {}
    total = Totals()
    imports: Counter[str] = Counter()
    for count in modules:
        packages.setdefault(count.package, Totals()).add(count)
        total.add(count)
        imports.update(count.imports)
    return Census(modules, packages, total, imports)


@task
def write_csv(census: Census, path: Path) -> Path:
    """One line per module."""
    columns = [column.name for column in fields(ModuleCount)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for count in census.modules:
            writer.writerow(asdict(count) | {"imports": " ".join(count.imports)})
    return path


@task
def write_report(census: Census, root: Path, path: Path) -> Path:
    """The report, in markdown."""
    path.write_text("\n".join(report_lines(census, root)) + "\n", encoding="utf-8")
    return path


def report_lines(census: Census, root: Path) -> Iterator[str]:
    """The report line by line."""
    total = census.total
    yield f"# Census of `{root}`"
    yield ""
    yield (
        f"{total.modules:,} modules in {len(census.packages):,} packages hold {total.lines:,} lines, "
        f"{total.functions:,} functions ({total.coroutines:,} of them coroutines) and {total.classes:,} classes."
    )
    yield from section(
        "Largest packages",
        ("package", "modules", "lines", "functions", "classes"),
        (
            (name, each.modules, each.lines, each.functions, each.classes)
            for name, each in largest(census.packages.items(), lambda item: item[1].lines)
        ),
    )
    yield from section(
        "Longest functions",
        ("function", "module", "lines"),
        (
            (each.longest_function_name, each.module, each.longest_function)
            for each in largest(census.modules, lambda each: each.longest_function)
            if each.longest_function
        ),
    )
    yield from section("Most imported", ("module", "imported by modules"), census.imports.most_common(10))
    problems = [(each.module, each.problem) for each in census.modules if each.problem]
    if problems:
        yield from section("Could not be parsed", ("module", "why"), problems)


def largest(items: Iterable[T], size: Callable[[T], int]) -> list[T]:
    """The ten largest, largest first."""
    return sorted(items, key=size, reverse=True)[:10]


def section(title: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    """A heading and a table."""
    yield from ("", f"## {title}", "", f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns))
    for row in rows:
        cells = (f"{cell:,}" if isinstance(cell, int) else str(cell).replace("|", "\\|") for cell in row)
        yield f"| {' | '.join(cells)} |"


@flow(name="census", log_prints=True)
def census(root: Path, output: Path, with_tests: bool = False, limit: int | None = None) -> Path:
    """Count a source tree and write `modules.csv` and `report.md`.

    Args:
        root: The folder to count.
        output: Where to write; made if it is not there.
        with_tests: Count folders of tests too.
        limit: Count the first so many files only.

    Returns:
        The report's path.

    Raises:
        ValueError: The folder holds no Python files.
    """
    output.mkdir(parents=True, exist_ok=True)
    paths = find_modules(root, with_tests, limit)
    print(f"Counting {len(paths):,} modules below {root}")
    counted = add_up(count_module.map(paths, root=unmapped(root)))
    print(f"Counted {counted.total.lines:,} lines and {counted.total.functions:,} functions")
    write_csv(counted, output / "modules.csv")
    return write_report(counted, root, output / "report.md")


def main() -> None:
    """Read the command line and run the flow."""
    parser = argparse.ArgumentParser(description="Count the functions, classes and lines of a source tree.")
    parser.add_argument("--root", type=Path, default=Path(sysconfig.get_path("stdlib")))
    parser.add_argument("--output", type=Path, default=Path("census"))
    parser.add_argument("--with-tests", action="store_true", help="count folders of tests too")
    parser.add_argument("--limit", type=int, help="count the first so many files only")
    options = parser.parse_args()
    report = census(options.root.resolve(), options.output, options.with_tests, options.limit)
    print(f"The report is in {report}, the table in {report.with_name('modules.csv')}")


if __name__ == "__main__":
    main()
