"""The store as coroutines see it."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import pytest

from headrace.api.bridge import QUICK_SECONDS, Bridge
from headrace.exceptions import OverCapacityError, StoreUnavailableError
from headrace.schema.base import now
from headrace.store import flows, meta
from headrace.store.store import Store


@pytest.fixture
def bridge(store):
    made = Bridge(store, readers=2, max_waiting_writes=5, max_waiting_reads=5)
    yield made
    made.close()


class Gate:
    """A command or a query that waits until it is let go."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, conn):
        self.entered.set()
        assert self.open.wait(60)

    async def wait_until_entered(self):
        assert await asyncio.to_thread(self.entered.wait, 60)


async def test_a_write_returns_what_its_command_returns_once_it_is_committed(bridge, store):
    assert await bridge.write(lambda conn: meta.write_fact(conn, "k", "v") or 7) == 7
    assert store.read(lambda conn: meta.read_fact(conn, "k")) == "v"


async def test_a_read_returns_what_its_query_returns(bridge):
    await bridge.write(lambda conn: meta.write_fact(conn, "k", "v"))
    assert await bridge.read(lambda conn: meta.read_fact(conn, "k")) == "v"


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_an_error_reaches_the_one_who_asked(bridge, kind):
    def fail(conn):
        raise KeyError("mine")

    others = [bridge.read(lambda conn: 1), bridge.write(lambda conn: 2)]
    with pytest.raises(KeyError, match="mine"):
        await getattr(bridge, kind)(fail)
    assert await asyncio.gather(*others) == [1, 2]


async def test_writes_that_are_committed_together_wake_the_loop_once(store):
    bridge, gate = Bridge(store), Gate()
    first = asyncio.create_task(bridge.write(gate))
    await gate.wait_until_entered()
    others = [asyncio.create_task(bridge.write(lambda conn, n=n: n)) for n in range(50)]
    await asyncio.sleep(0)
    loop = asyncio.get_running_loop()
    calls, called = [], loop.call_soon_threadsafe
    loop.call_soon_threadsafe = lambda *args, **options: (calls.append(1), called(*args, **options))[1]
    gate.open.set()
    # The loop is busy until the ledger has resolved all of them: what is laid down meanwhile needs no further call.
    store.write(lambda conn: None)
    del loop.call_soon_threadsafe
    assert await asyncio.gather(first, *others) == [None, *range(50)]
    assert len(calls) == 1
    bridge.close()


@pytest.mark.parametrize("kind", ["read", "write"])
async def test_beyond_capacity_the_next_is_refused_and_the_others_are_not(bridge, kind):
    gate, ask = Gate(), getattr(bridge, kind)
    waiting = [asyncio.create_task(ask(gate)) for _ in range(5)]
    await gate.wait_until_entered()
    with pytest.raises(OverCapacityError, match="5"):
        await ask(lambda conn: None)
    gate.open.set()
    await asyncio.gather(*waiting)
    assert await ask(lambda conn: 1) == 1


async def test_who_gives_up_gives_its_place_back(bridge):
    gate = Gate()
    waiting = [asyncio.create_task(bridge.write(gate)) for _ in range(5)]
    await gate.wait_until_entered()
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert bridge.waiting_writes == 5  # the ledger has them still
    gate.open.set()
    assert await bridge.read(lambda conn: 1) == 1
    while bridge.waiting_writes:
        await asyncio.sleep(0)
    assert await bridge.write(lambda conn: 1) == 1


async def test_a_write_is_carried_out_also_when_its_caller_gives_up(bridge, store):
    gate = Gate()
    first = asyncio.create_task(bridge.write(gate))
    await gate.wait_until_entered()
    second = asyncio.create_task(bridge.write(lambda conn: meta.write_fact(conn, "k", "v")))
    await asyncio.sleep(0)
    second.cancel()
    gate.open.set()
    await first
    assert store.write(lambda conn: meta.read_fact(conn, "k")) == "v"


async def test_a_slow_read_does_not_hold_others_up(bridge):
    gate = Gate()
    slow = asyncio.create_task(bridge.read(gate))
    await gate.wait_until_entered()
    assert await bridge.read(lambda conn: 1) == 1
    gate.open.set()
    await slow


async def threads_of_reads(bridge, *queries):
    """The threads in which quick reads of one kind are done, one after the other."""

    def in_thread(query):
        return lambda conn: query(conn) or threading.current_thread()

    return [await bridge.read_quickly("kind", in_thread(query)) for query in queries]


def be_quick(conn):
    pass


def be_slow(conn):
    until = time.thread_time() + 2 * QUICK_SECONDS
    while time.thread_time() < until:
        pass


async def test_a_read_of_a_kind_that_is_known_to_be_quick_is_done_at_once(bridge):
    here = threading.current_thread()
    threads = await threads_of_reads(bridge, be_quick, be_slow, be_quick, be_quick)
    first, second, third, fourth = (thread is here for thread in threads)
    assert not first, "nothing is known of it yet"
    assert second
    assert not third, "the last one took long"
    assert fourth
    assert bridge.waiting_reads == 0


@pytest.mark.parametrize("target", ["sqlite://", "postgres_url"])
async def test_a_store_that_is_waited_for_is_never_read_by_the_event_loop(target, request):
    url = request.getfixturevalue(target) if target == "postgres_url" else target
    with Store.open(url) as store:
        bridge = Bridge(store)
        threads = await threads_of_reads(bridge, be_quick, be_quick, be_quick)
        bridge.close()
    assert threading.current_thread() not in threads


async def test_an_error_of_a_quick_read_reaches_the_one_who_asked(bridge):
    def fail(conn):
        raise KeyError("mine")

    for _ in range(3):
        with pytest.raises(KeyError, match="mine"):
            await bridge.read_quickly("kind", fail)


async def test_closing_finishes_the_reads_that_wait(bridge):
    gate = Gate()
    reads = [asyncio.create_task(bridge.read(gate)) for _ in range(4)]
    await gate.wait_until_entered()
    closing = asyncio.create_task(asyncio.to_thread(bridge.close))
    gate.open.set()
    await closing
    assert await asyncio.gather(*reads) == [None] * 4
    with pytest.raises(StoreUnavailableError):
        await bridge.read(lambda conn: None)
    bridge.reopen()
    assert await bridge.read(lambda conn: 1) == 1


def test_several_event_loops_may_use_it_at_once(store):
    bridge = Bridge(store)

    async def work(n):
        for i in range(50):
            await bridge.write(lambda conn: None)
            assert await bridge.read(lambda conn, i=i: (n, i)) == (n, i)

    threads = [threading.Thread(target=asyncio.run, args=(work(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (bridge.waiting_reads, bridge.waiting_writes) == (0, 0)
    assert (bridge.read_seconds.count, bridge.write_seconds.count) == (200, 200)
    bridge.close()


def test_it_does_not_keep_event_loops_alive(store):
    bridge = Bridge(store)
    loop = asyncio.new_event_loop()
    loop.run_until_complete(bridge.read(lambda conn: None))
    loop.close()
    gone = weakref.ref(loop)
    del loop
    gc.collect()
    assert gone() is None
    bridge.close()


def test_what_arrives_after_its_loop_was_closed_is_dropped(store):
    bridge, gate = Bridge(store), Gate()

    async def leave():
        task = asyncio.create_task(bridge.write(gate))
        await gate.wait_until_entered()
        task.cancel()

    asyncio.run(leave())
    gate.open.set()
    assert store.write(lambda conn: 1) == 1
    bridge.close()


async def test_a_store_in_memory_can_be_used_alike():
    with Store.open("sqlite://") as store:
        bridge = Bridge(store)
        made = await bridge.write(lambda conn: flows.read_or_create_flow(conn, "f", now=now()))
        assert await bridge.read(lambda conn: flows.find_flow(conn, "f")) == made
        bridge.close()


async def test_what_is_measured(bridge):
    gate = Gate()
    waiting = [asyncio.create_task(bridge.write(gate)), asyncio.create_task(bridge.read(gate))]
    await gate.wait_until_entered()
    assert (bridge.waiting_writes, bridge.waiting_reads) == (1, 1)
    gate.open.set()
    await asyncio.gather(*waiting)
    assert (bridge.waiting_writes, bridge.waiting_reads) == (0, 0)
    assert (bridge.write_seconds.count, bridge.read_seconds.count, bridge.batch_sizes.count) == (1, 1, 1)
    assert bridge.batch_sizes.sum == 1
