"""What can be done to a run from its page: cancel, retry, delete, and have it as commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ..e2e.servers import clean_environment
from .menus import menu, menu_item

STOPPABLE = """
import sys
from pathlib import Path
from time import sleep
from headrace import flow, task

@task
def wait():
    print("waiting", flush=True)
    while not Path(sys.argv[1]).exists():
        sleep(0.05)

@flow(name="stoppable", flow_run_name="stoppable-run")
def stoppable():
    wait()

stoppable(return_state=True)
"""


def heading(page: Page):
    """The heading: the run's name and state."""
    return page.get_by_role("heading", level=1)


def open_commands(page: Page):
    """The window with the run as commands."""
    menu(page, "More actions").click()
    menu_item(page, "Copy as command").click()
    return page.get_by_role("dialog")


def test_a_run_under_way_is_cancelled(page, shared_site, tmp_path):
    """A script has nobody who would interrupt it: it is cancelled when its code has ended."""
    script = shared_site.begin(STOPPABLE, str(tmp_path / "stop"))
    script.wait_for("waiting")
    page.goto(shared_site.run_path("stoppable-run"))
    expect(heading(page)).to_contain_text("Running")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    expect(heading(page)).to_contain_text("Cancelling")
    expect(page.get_by_text("It was asked to stop, and has not ended yet.")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()
    (tmp_path / "stop").touch()
    expect(heading(page)).to_contain_text(re.compile("Cancelled$"))
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    script.finish()


def test_a_run_that_cannot_be_cancelled_any_more_says_why(page, records):
    run = records.flow_run("acting", "too-late", "PENDING", "RUNNING")
    page.goto(f"/runs/flow-run/{run}")
    page.get_by_role("button", name="Cancel").click()
    records.enter(run, "COMPLETED")
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
    assert records.api.get(f"/flow_runs/{run}")["state_type"] == "COMPLETED"


def test_retrying_a_run_without_a_deployment_shows_the_command(page, records, shared_site):
    run = records.flow_run("acting", "to-retry", "PENDING", "RUNNING", "FAILED")
    page.goto(f"/runs/flow-run/{run}")
    page.get_by_role("button", name="Retry").click()
    dialog = page.get_by_role("dialog", name="Retry to-retry")
    command = (
        f"HEADRACE_API_URL={shared_site.api_url} headrace flow-run retry {run} --entrypoint FILE.py:FUNCTION"
    )
    expect(dialog.locator("code")).to_have_text(command)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert records.api.get(f"/flow_runs/{run}")["state_type"] == "FAILED"


def test_a_run_is_deleted_after_a_question(page, page_problems, records):
    page_problems.expect("flow_runs/.*: 404")  # the page may be told first that its run has changed
    run = records.flow_run("acting", "to-delete", "COMPLETED")
    page.goto(f"/runs/flow-run/{run}")
    menu(page, "More actions").click()
    menu_item(page, "Delete").click()
    dialog = page.get_by_role("dialog", name="Delete to-delete?")
    expect(dialog.get_by_role("button", name="Keep it as it is")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert records.api.get(f"/flow_runs/{run}")["name"] == "to-delete"
    menu(page, "More actions").click()
    menu_item(page, "Delete").click()
    dialog.get_by_role("button", name="Delete the run").click()
    expect(heading(page)).to_contain_text("Runs")
    expect(page.get_by_text("to-delete is deleted.")).to_be_visible()
    assert records.api.http.get(f"/flow_runs/{run}").status_code == 404


def test_a_run_is_copied_as_commands(page, records, shared_site):
    parameters = {"day": "2026-03-04", "shop": "Müller's", "limits": {"most": 3}}
    run = records.flow_run("acting", "as-command", "PENDING", "RUNNING", parameters=parameters)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/runs/flow-run/{run}")
    dialog = open_commands(page)
    expect(dialog.locator("code")).to_have_text(
        [
            f"""HEADRACE_API_URL={shared_site.api_url} headrace run FILE.py:FUNCTION -p 'day="2026-03-04"'"""
            """ -p 'shop="Müller'\\''s"' -p 'limits={"most":3}'""",
            f"HEADRACE_API_URL={shared_site.api_url} headrace flow-run inspect {run}",
            f"HEADRACE_API_URL={shared_site.api_url} headrace flow-run logs {run}",
            f"HEADRACE_API_URL={shared_site.api_url} headrace flow-run cancel {run}",
        ]
    )
    dialog.get_by_role("button", name="Copy").first.click()
    expect(dialog).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()").startswith("HEADRACE_API_URL=")


def test_the_commands_work(page, site, records, tmp_path):
    """What the page says is run as it says it: a run with the same parameters, and a look at it."""
    parameters = {"name": 'it\'s "quoted" $HOME', "times": 2}
    run = records.flow_run("greeting", "from-page", "COMPLETED", parameters=parameters)
    page.goto(f"/runs/flow-run/{run}")
    commands = open_commands(page).locator("code").all_inner_texts()
    (tmp_path / "greetings.py").write_text(
        "from headrace import flow\n@flow(name='greeting', flow_run_name='again')\n"
        "def greeting(name: str, times: int): return None\n"
    )
    environment = {**clean_environment(), "HEADRACE_HOME": str(tmp_path / "home")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    for command in commands[:3]:
        command = command.replace("FILE.py:FUNCTION", "greetings.py:greeting")
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    (again,) = site.api.flow_runs(flow_runs={"name": {"any_": ["again"]}})
    assert again["parameters"] == parameters


def test_a_run_is_shown_as_json(page, demo_site):
    page.goto(demo_site.run_path("sales-of-day-1"))
    menu(page, "More actions").click()
    link = menu_item(page, "Show as JSON")
    with page.context.expect_page() as opened:
        link.click()
    expect(opened.value.locator("body")).to_contain_text('"name":"sales-of-day-1"')


@pytest.mark.parametrize("key", ["Escape", "click"])
def test_a_menu_closes_again(page, demo_site, key):
    page.goto(demo_site.run_path("sales-of-day-1"))
    menu(page, "More actions").click()
    item = menu_item(page, "Delete")
    expect(item).to_be_visible()
    if key == "Escape":
        page.keyboard.press("Escape")
        expect(menu(page, "More actions")).to_be_focused()
    else:
        heading(page).click()
    expect(item).to_be_hidden()
