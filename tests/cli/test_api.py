"""`headrace api`."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.fixture
def api(command, server):
    """Run `headrace api WORDS` on the server."""

    def run(*words, **variables):
        return command("api", *words, **{"HEADRACE_API_URL": server, **variables})

    return run


def assert_misused(ended, *words):
    assert (ended.code, ended.out) == (2, "")
    assert "See `headrace api --help`." in ended.err
    for word in words:
        assert word in ended.err


@pytest.mark.parametrize("words", [["GET", "/health"], ["get", "health"], ["GET", "//health"]])
def test_the_body_of_the_answer_is_written(api, words):
    assert api(*words) == (0, "true\n", "")


def test_a_body_is_json_a_file_or_the_standard_input(api, process, server, tmp_path, environment):
    assert api("POST", "/flows/", "--data", '{"name": "one"}').json["name"] == "one"
    (tmp_path / "body.json").write_text('{"name": "two"}')
    assert api("POST", "/flows/", "--data", "@body.json").json["name"] == "two"
    for number, words in enumerate([["--data", "-"], []]):
        done = subprocess.run(
            [sys.executable, "-m", "headrace", "api", "POST", "/flows/", *words],
            input=json.dumps({"name": f"piped {number}"}),
            capture_output=True,
            text=True,
            env={**environment, "HEADRACE_API_URL": server},
            timeout=60,
        )
        assert json.loads(done.stdout)["name"] == f"piped {number}"
    names = {flow["name"] for flow in api("POST", "/flows/filter").json}
    assert {"one", "two", "piped 0", "piped 1"} <= names


def test_an_error_is_shown_where_errors_go_and_in_the_exit_code(api):
    ended = api("GET", "/flows/no-id")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: 404 Not Found\n{\n")
    ended = api("POST", "/flows/", "--data", "{}")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: 422 ")
    assert "name" in ended.err


def test_verbose_shows_headers_but_no_secret_and_leaves_the_body_alone(api):
    ended = api("GET", "/health", "-v", "-H", "X-Mine:  a: b", HEADRACE_API_KEY="sesame")
    assert ended.out == "true\n"
    lines = ended.err.splitlines()
    assert lines[0].startswith("> GET http://127.0.0.1:")
    assert "> x-mine: a: b" in lines
    assert "> authorization: ********" in lines
    assert "< 200 OK" in lines
    assert "< content-type: application/json" in lines
    assert "sesame" not in ended.err


def test_root_is_the_servers_address(api):
    assert api("GET", "/api/health", "--root").out == "true\n"
    assert api("GET", "/health", "--root").code == 1


@pytest.mark.parametrize("path", ["http://127.0.0.1:1/x", "//127.0.0.1:1/x"])
def test_no_path_leads_to_another_server(api, path):
    ended = api("GET", path, HEADRACE_API_KEY="sesame")
    assert ended.err.startswith("Error: 404 ")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["BREW", "/x"], "'BREW'; expected one of GET, POST"),
        (["POST", "/flows/", "--data", "{"], "from --data, is not JSON"),
        (["POST", "/flows/", "--data", "@none.json"], "'none.json', which cannot be read"),
        (["GET", "/health", "-H", "X-Mine"], "expected NAME: VALUE"),
        (["GET", "/health", "-H", "X-Mine: \u00e4"], "expected NAME: VALUE"),
        (["GET", "/health", "-H", "X-Mine: a\nX-Other: b"], "expected NAME: VALUE"),
        (["GET"], "requires an argument"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(command, words, reason):
    assert_misused(command("api", *words, HEADRACE_API_URL="http://127.0.0.1:1/api"), reason)


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({}, "No API is configured. Set HEADRACE_API_URL"),
        ({"HEADRACE_API_URL": "127.0.0.1:4200"}, "has to begin with http://"),
        ({"HEADRACE_API_URL": "http://127.0.0.1:1/api"}, "http://127.0.0.1:1/api cannot be reached"),
    ],
)
def test_an_api_that_cannot_be_asked_is_one_clear_line(command, variables, reason):
    ended = command("api", "GET", "/health", **variables)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Error: ")
    assert ended.err.count("\n") == 1
    assert reason in ended.err


def test_a_server_that_asks_for_a_password_and_a_token_gets_them(command, serve):
    url = serve(
        HEADRACE_SERVER_API_AUTH_STRING="me:sesame", HEADRACE_SERVER_API_CSRF_PROTECTION_ENABLED="true"
    )
    words = ("api", "POST", "/flows/filter")
    assert command(*words, HEADRACE_API_URL=url).err.startswith("Error: 401 Unauthorized")
    assert command(*words, HEADRACE_API_URL=url, HEADRACE_API_AUTH_STRING="me:sesame").json == []
