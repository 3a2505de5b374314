"""Nothing in the project belongs to one machine."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

# Written in pieces, so that this file does not find itself.
FOREIGN = re.compile(
    "|".join(("/" + "work/", "/" + "opt/venvs", "/" + "root/", re.escape(str(ROOT)) + r"\b"))
)


def project_files() -> list[Path]:
    """The files that belong to the project: those that Git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [path for name in names if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_place_of_one_machine() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in project_files()
        if (match := FOREIGN.search(path.read_text(encoding="utf-8", errors="replace")))
    }

    assert found == set()


def test_what_is_meant_to_be_run_can_be() -> None:
    for name in (".ci/run", "scripts/find-python", "scripts/find-chromium"):
        assert os.access(ROOT / name, os.X_OK), name
