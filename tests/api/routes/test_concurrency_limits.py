"""Slots of limits that nobody has set: whoever asks for one may go on."""

from __future__ import annotations

from uuid import UUID, uuid4

TAKE = "/v2/concurrency_limits/increment-with-lease"


async def test_a_task_run_may_go_on_when_no_limit_has_the_names_of_its_tags(api):
    holder = {"type": "task_run", "id": str(uuid4())}
    body = {
        "names": ["tag:a", "tag:b"],
        "slots": 1,
        "mode": "concurrency",
        "lease_duration": 60,
        "holder": holder,
    }

    first, second = [await api.post(TAKE, json=body) for _ in range(2)]

    assert (first.status_code, first.json()["limits"]) == (200, [])
    assert UUID(first.json()["lease_id"]) != UUID(second.json()["lease_id"])


async def test_a_question_for_no_slots_is_refused(api):
    assert (await api.post(TAKE, json={"names": ["tag:a"], "slots": 0})).status_code == 422
    assert (await api.post(TAKE, json={"names": [], "slots": 1})).status_code == 422
