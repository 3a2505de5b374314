"""What the server says of itself."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace import __version__
from headrace.store.migrations import HEAD


async def test_the_server_says_what_it_is_and_where_its_data_are(ask, store):
    found = await ask.get("/ui/server")

    assert found["version"] == __version__
    assert datetime.fromisoformat(found["started"]) < datetime.now(UTC)
    assert found["memory_bytes"] is None or found["memory_bytes"] > 10_000_000
    assert found["waiting_writes"] == 0
    database = found["database"]
    assert database["revision"] == HEAD
    assert database["size_bytes"] > 10_000
    if database["kind"] == "sqlite":
        assert database["name"].endswith("server.db")
    else:
        assert database["name"] == store.url.rpartition("/")[2]
        assert int(database["version"].split(".")[0]) >= 10
