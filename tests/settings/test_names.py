"""Every name that Prefect has or had for a setting that Headrace has, leads to it."""

from __future__ import annotations

import pytest

from headrace.settings import Settings
from headrace.settings.names import FORMER, path_of_suffix, resolve, variable


@pytest.mark.parametrize("path", [path for path, _ in Settings().walk()])
def test_each_setting_is_found_by_its_names(path):
    suffix = path.replace(".", "_").upper()
    assert resolve(path) == resolve(variable(path)) == resolve(f"PREFECT_{suffix}") == path


def test_variables_are_unique():
    variables = [variable(path) for path, _ in Settings().walk()]
    assert len(set(variables)) == len(variables)


@pytest.mark.parametrize(("former", "path"), FORMER.items())
def test_former_names_lead_to_settings(former, path):
    assert path_of_suffix(former) == path
    assert path in dict(Settings().walk())


def test_former_names_of_services_lead_to_settings():
    assert resolve("PREFECT_API_SERVICES_SCHEDULER_MAX_RUNS") == "server.services.scheduler.max_runs"
