"""Which process is which."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headrace.store import processes
from headrace.store.processes import Holder, is_alive, this_process


@pytest.fixture
def child():
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    process.stdin.close()
    process.wait()


def holder_of(process):
    return Holder(this_process().host, process.pid, processes._linux_identity(process.pid))


def test_this_process_is_alive():
    assert is_alive(this_process()) is True
    assert str(this_process().pid) in this_process().name


def test_a_process_is_alive_until_it_ends(child):
    holder = holder_of(child)
    assert is_alive(holder) is True
    child.kill()
    child.wait()
    assert is_alive(holder) is False


def test_a_process_that_has_ended_and_was_not_waited_for_is_dead(child):
    holder = holder_of(child)
    child.kill()
    while is_alive(holder):
        pass
    assert child.poll() is not None


def test_nothing_is_known_of_a_process_on_another_host():
    assert is_alive(Holder("another-host", 1, None)) is None


@pytest.mark.skipif(this_process().started is None, reason="identities of Linux")
def test_a_process_is_not_another_one_that_has_its_id():
    host, pid, started = this_process()
    boot, namespace, start = started.split(":")
    assert is_alive(Holder(host, pid, f"{boot}:{namespace}:{int(start) + 1}")) is False
    assert is_alive(Holder(host, pid, f"another-boot:{namespace}:{start}")) is False
    assert is_alive(Holder(host, pid, f"{boot}:another-container:{start}")) is None


def test_without_an_identity_the_id_decides(monkeypatch, child):
    monkeypatch.setattr(processes, "_linux_machine", lambda: None)
    assert is_alive(Holder(this_process().host, child.pid, None)) is True
    assert is_alive(Holder(this_process().host, 2**22 + 1, None)) is False
