"""The files of the web page: few enough, all of them shipped, and those of others as they were published."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

from headrace.api.web_page import FOLDER, shipped

ROOT = Path(__file__).parents[2]
VENDOR = FOLDER / "vendor"
MODULES = ROOT / "node_modules"

MAX_SIZE = 200_000
"""Bytes of all files together, as browsers are sent them, before compression."""


def files() -> list[Path]:
    """All files of the page."""
    return [path for path in FOLDER.rglob("*") if path.is_file()]


def test_the_page_is_small() -> None:
    names = [path.relative_to(FOLDER).as_posix() for path in files()]
    sizes = sorted(((len(shipped(name, (FOLDER / name).read_bytes())), name) for name in names), reverse=True)
    total = sum(size for size, _ in sizes)

    largest = "\n".join(f"{size:8,} {name}" for size, name in sizes[:10])
    assert total < MAX_SIZE, f"The page has {total:,} bytes. The largest files:\n{largest}"


def test_the_wheel_has_every_file_of_the_page(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)

    (wheel,) = tmp_path.glob("headrace-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name: archive.read(name) for name in archive.namelist() if name.startswith("headrace/ui/")}
    assert shipped == {
        f"headrace/ui/{path.relative_to(FOLDER).as_posix()}": path.read_bytes() for path in files()
    }


# --- code of others ----------------------------------------------------------------------------------------------


def vendored() -> dict[str, list[str]]:
    """What the table says of each file: package, version, path there, licence, hash."""
    table = (VENDOR / "README.md").read_text()
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]
    return {name: rest for name, *rest in rows[2:]}


def test_each_vendored_file_is_in_the_table_and_is_what_it_says() -> None:
    there = {path.name: sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")}

    assert there == {name: rest[-1] for name, rest in vendored().items()}


def test_vendored_files_are_of_the_versions_whose_types_are_checked() -> None:
    pinned = json.loads((ROOT / "package.json").read_text())["devDependencies"]

    for name, (package, version, *_) in vendored().items():
        assert pinned[package] == version, name


def test_vendored_files_are_as_they_were_published() -> None:
    for name, (package, version, path, licence, _) in vendored().items():
        published = json.loads((MODULES / package / "package.json").read_text())
        assert (published["version"], published["license"]) == (version, licence), name
        assert (VENDOR / name).read_bytes() == (MODULES / package / path).read_bytes(), name


def test_the_licences_of_vendored_files_are_shipped() -> None:
    texts = " ".join((VENDOR / "LICENSES.txt").read_text().split())

    for name, (package, _, _, licence, _) in vendored().items():
        assert name in texts
        words = (MODULES / package / "LICENSE").read_text()
        (holder,) = re.findall(r"^ *(Copyright (?:\(c\) )?\d{4}.*)$", words, flags=re.MULTILINE)
        assert holder in texts, name
        if licence == "MIT":
            assert " ".join(words[words.index("Permission is") :].split()) in texts, name


def test_the_lock_file_names_no_registry() -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]

    assert not [name for name, package in locked.items() if "resolved" in package]
    assert all("integrity" in package for name, package in locked.items() if name)
