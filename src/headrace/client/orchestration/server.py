"""Verbs of the server itself."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx

from headrace import __version__
from headrace.client.exchange import Talk
from headrace.client.orchestration.verbs import Verbs, quoted, verb
from headrace.schema.requests.admin import ServerDefaultResultStorageUpdate
from headrace.schema.responses import ServerDefaultResultStorage


class ServerVerbs(Verbs):
    """Verbs of the server itself."""

    @verb
    def request(
        self,
        method: str,
        path: str,
        params: dict[str, Any] | None = None,
        path_params: dict[str, Any] | None = None,
        *,
        json: Any = None,
    ) -> Talk[httpx.Response]:
        """Ask the API something that no other verb does.

        Args:
            method: `GET`, `POST`, ...
            path: Below the API's URL, as `/flow_runs/{id}`.
            params: What follows the `?`.
            path_params: What stands for the names in braces.
            json: What to send.

        Example:
            client.request("POST", "/flow_runs/count", json={"flows": {"name": {"any_": ["etl"]}}}).json()
        """
        if path_params:
            path = path.format(**{name: quoted(value) for name, value in path_params.items()})
        return (yield from self._ask(method, path, body=json, params=params))

    @verb
    def api_healthcheck(self) -> Talk[Exception | None]:
        """Why the API cannot be used; None when it can."""
        try:
            yield from self._ask("GET", "/health")
        except Exception as problem:
            return problem
        return None

    @verb
    def hello(self) -> Talk[httpx.Response]:
        """A greeting, to see whether somebody is there."""
        return (yield from self._ask("GET", "/hello"))

    @verb
    def api_version(self) -> Talk[str]:
        """The version of Prefect whose API the server speaks."""
        return (yield from self._call("GET", "/admin/version", into=str))

    def client_version(self) -> str:
        """The version of this package."""
        return __version__

    @verb
    def raise_for_api_version_mismatch(self) -> Talk[None]:
        """Nothing, if the server speaks the version of this client.

        Raises:
            ServerVersionError: It does not.
        """
        yield from self._exchange.check_version()

    @verb
    def raise_for_api_version_mismatch_once(self) -> Talk[None]:
        """As `raise_for_api_version_mismatch`, once per process and server; every other verb does it before it asks.

        Raises:
            ServerVersionError: The server speaks another version.
        """
        yield from self._exchange.check_version_once()

    @verb
    def read_server_default_result_storage(self) -> Talk[ServerDefaultResultStorage]:
        """The block where results go when a flow does not say otherwise."""
        return (yield from self._call("GET", "/admin/storage", into=ServerDefaultResultStorage))

    @verb
    def update_server_default_result_storage(
        self, default_result_storage_block_id: UUID
    ) -> Talk[ServerDefaultResultStorage]:
        """Let results go to a block when a flow does not say otherwise.

        Args:
            default_result_storage_block_id: The block.

        Raises:
            ObjectNotFound: There is no such block.
        """
        body = ServerDefaultResultStorageUpdate(
            default_result_storage_block_id=default_result_storage_block_id
        )
        return (yield from self._call("PUT", "/admin/storage", body=body, into=ServerDefaultResultStorage))

    @verb
    def clear_server_default_result_storage(self) -> Talk[None]:
        """Let results stay where they are made when a flow does not say otherwise."""
        yield from self._ask("DELETE", "/admin/storage")
