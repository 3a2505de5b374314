"""Changes to `profiles.toml`: what is asked for happens, and every other line stays as it was written."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.exceptions import ConfigurationError
from headrace.settings.profile_text import (
    activate,
    add_profile,
    put_setting,
    remove_profile,
    remove_setting,
    rename_profile,
)

TEXT = """\
# whose profiles these are
active = "a"  # for now

# about a
[profiles.a]
PREFECT_LOGGING_LEVEL = 'DEBUG'  # loud
HEADRACE_TASKS_DEFAULT_RETRIES = 2

# about something else
[other]
x = 1

# about b
[ profiles . "b c" ]   # with a blank
# inside
HEADRACE_API_URL = "http://h/api#x"
# the end of b

[profiles.d]
"""


def without(*lines):
    """The text without lines that begin so."""
    return "".join(line for line in TEXT.splitlines(keepends=True) if not line.startswith(lines))


def test_a_value_is_replaced_where_it_stands():
    changed = put_setting(TEXT, "a", "PREFECT_LOGGING_LEVEL", "INFO")
    assert changed == TEXT.replace("'DEBUG'  # loud", '"INFO"  # loud')


def test_a_value_that_looks_like_a_comment_is_replaced_too():
    changed = put_setting(TEXT, "b c", "HEADRACE_API_URL", "#")
    assert changed == TEXT.replace('"http://h/api#x"', '"#"')


def test_a_new_value_comes_last_in_its_profile():
    changed = put_setting(TEXT, "a", "HEADRACE_API_KEY", "k")
    assert changed == TEXT.replace("RETRIES = 2\n", 'RETRIES = 2\nHEADRACE_API_KEY = "k"\n')


def test_a_new_value_of_an_empty_profile_follows_its_heading():
    assert put_setting(TEXT, "d", "X", "1") == TEXT + 'X = "1"\n'


def test_a_value_is_removed_with_its_line():
    assert remove_setting(TEXT, "a", "PREFECT_LOGGING_LEVEL") == without("PREFECT_LOGGING_LEVEL")


def test_another_profile_becomes_active():
    assert activate(TEXT, "b c") == TEXT.replace('active = "a"  #', 'active = "b c"  #')


def test_a_file_without_active_profile_gets_one_at_its_top():
    assert activate("# mine\n[profiles.a]\n", "a") == 'active = "a"\n\n# mine\n[profiles.a]\n'
    assert activate("", "a") == 'active = "a"\n'


def test_a_new_profile_comes_last():
    settings = {
        "HEADRACE_API_URL": "http://h/api",
        "HEADRACE_TASKS_DEFAULT_RETRIES": 2,
        "a b": [1, {"c": True}],
    }
    added = add_profile(TEXT, "new one", settings)
    assert added == TEXT + (
        '\n[profiles."new one"]\nHEADRACE_API_URL = "http://h/api"\nHEADRACE_TASKS_DEFAULT_RETRIES = 2\n'
        '"a b" = [1, {c = true}]\n'
    )


def test_a_profile_is_removed_with_the_comments_above_it_and_leaves_those_of_the_next():
    removed = remove_profile(TEXT, "a")
    start, end = TEXT.index("# about a"), TEXT.index("# about something")
    assert removed == TEXT[:start] + TEXT[end:]


def test_the_last_profile_is_removed_without_leaving_blank_lines():
    assert remove_profile(TEXT, "d") == TEXT.removesuffix("\n[profiles.d]\n")


def test_the_only_profile_can_be_removed():
    assert remove_profile("[profiles.a]\n", "a") == ""


def test_a_renamed_profile_stays_where_it_is_and_active():
    renamed = rename_profile(TEXT, "a", "z")
    assert renamed == TEXT.replace("[profiles.a]", "[profiles.z]").replace('active = "a"', 'active = "z"')


def test_a_renamed_profile_keeps_the_comment_behind_its_heading():
    renamed = rename_profile(TEXT, "b c", "]")
    assert renamed == TEXT.replace('[ profiles . "b c" ]', '[profiles."]"]')


def test_line_ends_stay_as_they_are():
    windows = TEXT.replace("\n", "\r\n")
    changed = put_setting(windows, "a", "X", "1")
    assert changed == put_setting(TEXT, "a", "X", "1").replace("\n", "\r\n")


def test_a_last_line_without_end_gets_one():
    assert put_setting("[profiles.a]", "a", "X", "1") == '[profiles.a]\nX = "1"\n'


OTHER_FORMS = [
    'profiles.a.X = "1"\n',
    '[profiles]\na = {X = "1"}\n',
    '[profiles.a]\nX = """\n1"""\n',
]


@pytest.mark.parametrize("text", OTHER_FORMS)
def test_a_value_that_cannot_be_changed_line_by_line_is_refused(text):
    with pytest.raises(ConfigurationError, match=r"table \[profiles\.(NAME|a)\]"):
        put_setting(text, "a", "X", "2")


def test_a_profile_with_tables_below_it_is_not_removed():
    with pytest.raises(ConfigurationError, match="cannot be changed here"):
        remove_profile('[profiles.a]\nX = "1"\n[profiles.a.inner]\ny = 1\n', "a")


def test_text_that_no_file_can_hold_is_refused():
    with pytest.raises(ConfigurationError, match="not valid Unicode"):
        put_setting(TEXT, "a", "X", "\udcff")


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
values = st.text(st.characters(codec="utf-8"), max_size=12)
changes = st.lists(
    st.one_of(
        st.tuples(st.just("activate"), names),
        st.tuples(st.just("add"), names, st.dictionaries(names, values, max_size=3)),
        st.tuples(st.just("remove"), st.integers()),
        st.tuples(st.just("rename"), st.integers(), names),
        st.tuples(st.just("put"), st.integers(), names, values),
        st.tuples(st.just("unset"), st.integers(), st.integers()),
    ),
    max_size=12,
)


def applied(text, content, change):
    """The text and, as plain tables, the content after a change; unchanged if the change does not apply."""
    verb, *args = change
    profiles = content["profiles"]
    if verb == "activate":
        return activate(text, args[0]), {**content, "active": args[0]}
    if verb == "add":
        name, settings = args
        return (
            (text, content)
            if name in profiles
            else (add_profile(text, name, settings), {**content, "profiles": {**profiles, name: settings}})
        )
    if not profiles:
        return text, content
    name = sorted(profiles)[args[0] % len(profiles)]
    rest = {other: settings for other, settings in profiles.items() if other != name}
    if verb == "remove":
        return remove_profile(text, name), {**content, "profiles": rest}
    if verb == "rename":
        if args[1] in profiles:
            return text, content
        active = args[1] if content.get("active") == name else content.get("active")
        renamed = {**content, "profiles": {**rest, args[1]: profiles[name]}}
        return rename_profile(text, name, args[1]), renamed if active is None else {
            **renamed,
            "active": active,
        }
    if verb == "put":
        settings = {**profiles[name], args[1]: args[2]}
        return put_setting(text, name, args[1], args[2]), {**content, "profiles": {**rest, name: settings}}
    if not profiles[name]:
        return text, content
    variable = sorted(profiles[name])[args[1] % len(profiles[name])]
    settings = {other: value for other, value in profiles[name].items() if other != variable}
    return remove_setting(text, name, variable), {**content, "profiles": {**rest, name: settings}}


@given(changes)
def test_any_changes_make_of_the_text_what_they_make_of_its_content(changes):
    text, content = "", {"profiles": {}}
    for change in changes:
        text, content = applied(text, content, change)
        assert {"profiles": {}, **tomllib.loads(text)} == content


@given(changes)
def test_no_comment_is_lost_but_those_of_what_is_removed(changes):
    text, content = TEXT, tomllib.loads(TEXT)
    for change in changes:
        if change[0] not in ("remove", "unset"):
            text, content = applied(text, content, change)
    for comment in (
        "# whose profiles these are",
        "# about a",
        "# about b",
        "# inside",
        "# the end of b",
        "# about something",
    ):
        assert comment in text
