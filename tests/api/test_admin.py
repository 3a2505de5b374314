"""Version and settings of the server, and the storage that it proposes."""

from __future__ import annotations

from uuid import uuid4


async def test_the_version_is_that_of_the_clients_that_it_serves(api):
    assert (await api.get("/admin/version")).json() == "3.8.8"


async def test_settings_are_shown_as_a_tree(api):
    tree = (await api.get("/admin/settings")).json()
    assert tree["server"]["api"]["port"] == 4200
    assert tree["server"]["api"]["csrf_token_expiration"] == "PT3600S"
    assert tree["home"].endswith("home")


async def test_settings_hide_secrets(make_app, connect):
    app = make_app(
        {
            "server.database.password": "hush",
            "api.key": "hush",
            "client.custom_headers": {"Authorization": "hush"},
            "server.database.connection_url": "postgresql://me:hush@there/runs",
        }
    )
    text = (await connect(app).get("/admin/settings")).text
    assert "hush" not in text
    assert "Authorization" in text


async def test_no_storage_is_proposed_at_first(api):
    assert (await api.get("/admin/storage")).json() == {"default_result_storage_block_id": None}


async def test_a_storage_is_proposed_until_it_is_cleared(api):
    block = {"default_result_storage_block_id": str(uuid4())}
    changed = await api.put("/admin/storage", json=block)
    assert (changed.status_code, changed.json()) == (200, block)
    assert (await api.get("/admin/storage")).json() == block
    cleared = await api.delete("/admin/storage")
    assert (cleared.status_code, cleared.content) == (204, b"")
    assert (await api.get("/admin/storage")).json() == {"default_result_storage_block_id": None}
