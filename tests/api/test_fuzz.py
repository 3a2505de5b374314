"""Requests made from the OpenAPI document, fitting and not: none makes the server fail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from headrace.api.app import create_app
from headrace.settings.load import assemble
from headrace.store.store import Store

FITTING, OTHER = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE


@pytest.fixture(scope="module")
def described() -> Iterator[Any]:
    """The API of a server on a store in memory."""
    with Store.open("sqlite://") as store:
        app = create_app(store, assemble({}))
        yield schemathesis.openapi.from_asgi("/api/openapi.json", app)
        app.state["bridge"].close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_no_request_that_fits_makes_the_server_fail(described, method):
    for operation in _operations(described, method):
        _check(operation, FITTING)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_no_body_that_does_not_fit_makes_the_server_fail(described, method):
    for operation in _operations(described, method):
        if operation.body:
            _check(operation, OTHER)


def _operations(described, method):
    operations = [found.ok() for found in described.get_all_operations()]
    chosen = [operation for operation in operations if operation.method.upper() == method]
    assert chosen
    return chosen


def _check(operation, mode):
    @settings(max_examples=10, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        response = case.call()
        assert response.status_code < 500, f"{operation.label}: {response.text}"

    check()
