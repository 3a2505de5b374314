from __future__ import annotations

import random
import re
import subprocess
import sys

import coolname
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.core.names import UNSUITABLE, generate_name, obfuscate, slugify, task_name

examples = settings(max_examples=60)


def test_a_name_is_two_words() -> None:
    assert re.fullmatch(r"[a-z]+-[a-z]+", generate_name())


def test_words_are_those_of_coolname_without_the_unsuitable() -> None:
    known = {word for _ in range(3000) for word in coolname.generate(2)}
    names = [generate_name().split("-") for _ in range(300)]
    assert sum(word in known for name in names for word in name) > 400
    assert not UNSUITABLE & {word for name in names for word in name}


def test_no_name_says_the_same_twice() -> None:
    assert all(first[:4] != second[:4] for first, second in (generate_name().split("-") for _ in range(2000)))


def test_a_thousand_names_hardly_repeat() -> None:
    assert len({generate_name() for _ in range(1000)}) > 980


def test_names_do_not_depend_on_the_programs_random_seed() -> None:
    random.seed(1)
    first = [generate_name() for _ in range(5)]
    before = random.getstate()
    random.seed(1)
    assert [generate_name() for _ in range(5)] != first
    assert random.getstate() == before


def test_the_package_coolname_is_not_imported() -> None:
    code = "import sys; from headrace.core.names import generate_name; generate_name(); sys.exit('coolname' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@examples
@given(st.text())
def test_an_obfuscated_secret_does_not_tell_its_length(secret: str) -> None:
    assert obfuscate(secret) == "********"


def test_the_tail_of_long_secrets_can_be_shown() -> None:
    assert obfuscate("secret-key-1234", show_tail=True) == "****1234"
    assert obfuscate("short", show_tail=True) == "********"
    assert obfuscate(None) == "********"


def test_slugs_are_lower_case_ascii() -> None:
    assert slugify("Café Müller (2)") == "cafe-muller-2"
    assert slugify("--a__b--") == "a-b"
    assert slugify("日本") == ""
    assert slugify("hello world", max_length=6) == "hello"


@examples
@given(st.text(), st.integers(min_value=0, max_value=20))
def test_a_slug_is_its_own_slug(text: str, length: int) -> None:
    slug = slugify(text, length)
    assert re.fullmatch(r"([a-z0-9]+(-[a-z0-9]+)*)?", slug)
    assert len(slug) <= length
    assert slugify(slug) == slug


@pytest.mark.parametrize(
    ("key", "run", "name"),
    [
        ("load-1a2b3c4d", "", "load"),
        ("load-unknown", "", "load"),
        ("load-the-data-1a2b3c4d", "called by the user", "load-the-data"),
        ("load-1a2b3c4d", "Load the data-9f8", "Load the data"),
        ("load-1a2b3c4d", "-9f8", "load"),
        ("load-later", "", "load-later"),
        ("-1a2b3c4d", "", "-1a2b3c4d"),
        ("module.load", "", "module.load"),
        ("", "", ""),
    ],
)
def test_a_task_is_called_as_its_run_says_or_else_as_its_function_is(key: str, run: str, name: str) -> None:
    assert task_name(key, run, "9f8e7d6c5b4a") == name


def test_runs_that_do_not_say_how_they_are_told_apart_say_no_name() -> None:
    assert task_name("load-1a2b3c4d", "Load the data-") == "load"
