"""The outbox: what is put in comes out in order and once, whatever happens to its files and their processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from headrace.client import outbox as module
from headrace.client.outbox import PROPOSAL, RECORDS, UNREADABLE, Outbox, orphans

URL = "http://there:4200/api"


@pytest.fixture
def remote():
    """These tests need no server."""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "outbox"


@pytest.fixture
def box(folder):
    box = Outbox(folder, URL)
    yield box
    box.close()


def taken(box):
    """The payloads of all that waits, one after the other; it is acknowledged."""
    payloads = []
    while frames := box.next():
        payloads += [frame.payload for frame in frames]
        box.advance(frames)
    return payloads


def files(folder):
    return sorted(path.name.partition(".")[2] for path in folder.iterdir())


def test_what_is_put_in_comes_out_in_order(box):
    for number in range(10):
        box.append(RECORDS, 1, b"%d" % number)

    assert box.records == 10
    assert taken(box) == [b"%d" % number for number in range(10)]
    assert box.isempty
    assert box.records == 0


def test_what_is_not_acknowledged_comes_again(box):
    box.append(RECORDS, 1, b"once")

    assert [frame.payload for frame in box.next()] == [b"once"]
    assert [frame.payload for frame in box.next()] == [b"once"]


def test_small_frames_come_together_up_to_a_bound(box, monkeypatch):
    monkeypatch.setattr(module, "GATHERED_RECORDS", 5)
    for _ in range(4):
        box.append(RECORDS, 2, b"two")

    assert [frame.records for frame in box.next()] == [2, 2]


def test_what_comes_together_is_bounded_by_its_size_when_it_is_not_compressed(box, monkeypatch):
    monkeypatch.setattr(module, "GATHERED_BYTES", 1_000)
    for _ in range(4):
        box.append(RECORDS, 1, b"small", 400)
    box.append(RECORDS, 1, b"large", 5_000)

    came = []
    while frames := box.next():
        came.append([frame.size for frame in frames])
        box.advance(frames)

    assert came == [[400, 400], [400, 400], [5_000]]


def test_a_proposal_comes_alone_and_in_its_place(box):
    for kind, payload in ((RECORDS, b"1"), (RECORDS, b"2"), (PROPOSAL, b"end"), (RECORDS, b"3")):
        box.append(kind, 1, payload)

    came = []
    while frames := box.next():
        came.append([frame.payload for frame in frames])
        box.advance(frames)

    assert came == [[b"1", b"2"], [b"end"], [b"3"]]


def test_nothing_is_left_on_disk_when_all_is_acknowledged(box, folder):
    box.append(RECORDS, 1, b"x")
    taken(box)
    box.close()

    assert files(folder) == []


def test_a_folder_is_made_only_when_there_is_something_to_keep(box, folder):
    assert box.next() == []
    assert not folder.exists()


def test_nobody_else_may_read_what_waits(box, folder):
    box.append(RECORDS, 1, b"private")

    assert folder.stat().st_mode & 0o077 == 0
    assert box.paths[0].stat().st_mode & 0o077 == 0


def test_the_disk_gets_back_what_was_sent_although_there_is_always_more(box, folder, monkeypatch):
    monkeypatch.setattr(module, "FILE_BYTES", 1000)
    sizes = []
    box.append(RECORDS, 1, b"0" * 100)
    for number in range(1, 200):
        box.append(RECORDS, 1, b"%d" % number * 50)
        box.advance(box.next()[:1])
        sizes.append(sum(path.stat().st_size for path in folder.iterdir()))

    assert max(sizes) < 5000
    assert len(taken(box)) == 1


def test_a_file_is_emptied_when_all_in_it_is_acknowledged(box, monkeypatch):
    monkeypatch.setattr(module, "CLEAR_BYTES", 500)
    for _ in range(50):
        box.append(RECORDS, 1, b"x" * 100)
        assert taken(box) == [b"x" * 100]

    box.append(RECORDS, 1, b"last")
    (path,) = box.paths
    assert path.stat().st_size < 700
    assert taken(box) == [b"last"]


# --- Others ----------------------------------------------------------------------------------------------------


def test_the_outbox_of_a_process_that_lives_is_not_taken_over(box, folder):
    box.append(RECORDS, 1, b"mine")

    assert list(orphans(folder, URL)) == []


def test_what_was_left_is_taken_over_where_it_stood(folder):
    box = Outbox(folder, URL)
    for number in range(3):
        box.append(PROPOSAL, 1, b"%d" % number)
    box.advance(box.next())
    box.close()

    (orphan,) = orphans(folder, URL)

    assert orphan.records == 2
    assert taken(orphan) == [b"1", b"2"]
    orphan.close()
    assert files(folder) == []


def test_what_was_left_is_taken_over_by_one_only(folder):
    box = Outbox(folder, URL)
    box.append(RECORDS, 1, b"x")
    box.close()

    (orphan,) = orphans(folder, URL)

    assert list(orphans(folder, URL)) == []
    orphan.close()
    assert len(list(orphans(folder, URL))) == 1


def test_what_was_left_for_another_server_stays(folder):
    box = Outbox(folder, "http://elsewhere/api")
    box.append(RECORDS, 1, b"x")
    box.close()

    assert list(orphans(folder, URL)) == []
    assert len(list(orphans(folder, "http://elsewhere/api"))) == 1


def test_several_that_were_left_come_in_the_order_in_which_they_were_begun(folder):
    boxes = [Outbox(folder, URL) for _ in range(3)]
    for number, box in enumerate(boxes):
        box.append(RECORDS, 1, b"%d" % number)
    for box in reversed(boxes):
        box.close()

    assert [taken(orphan) for orphan in orphans(folder, URL)] == [[b"0"], [b"1"], [b"2"]]


def test_a_frame_that_was_never_finished_is_passed_over(folder):
    box = Outbox(folder, URL)
    box.append(RECORDS, 1, b"whole")
    box.append(RECORDS, 1, b"cut off by the end of its process")
    (path,) = box.paths
    box.close()
    whole = path.read_bytes()
    for missing in range(1, len(b"cut off by the end of its process") + 22):
        path.write_bytes(whole[:-missing])
        (orphan,) = orphans(folder, URL)
        assert orphan.records == 1
        assert taken(orphan) == [b"whole"]
        orphan.close()
        assert files(folder) == []


@pytest.mark.parametrize("length", range(17))
def test_a_file_that_was_just_being_made_is_removed(folder, length):
    box = Outbox(folder, URL)
    box.append(RECORDS, 1, b"x")
    (path,) = box.paths
    box.close()
    path.write_bytes(path.read_bytes()[:length])

    (orphan,) = orphans(folder, URL)
    assert orphan.isempty
    orphan.close()

    assert files(folder) == []


def test_a_frame_that_the_disk_has_damaged_is_named_and_the_file_kept(folder):
    box = Outbox(folder, URL)
    for payload in (b"first", b"spoilt", b"last"):
        box.append(PROPOSAL, 1, payload)
    (path,) = box.paths
    box.close()
    path.write_bytes(path.read_bytes().replace(b"spoilt", b"spoilT"))

    (orphan,) = orphans(folder, URL)
    came = []
    while frames := orphan.next():
        came += [(frame.kind, frame.payload) for frame in frames]
        orphan.advance(frames)
    orphan.close()

    assert came == [(PROPOSAL, b"first"), (UNREADABLE, b""), (PROPOSAL, b"last")]
    assert files(folder) == ["damaged"]


def test_a_file_that_is_something_else_is_kept_under_another_name(folder):
    box = Outbox(folder, URL)
    box.append(RECORDS, 1, b"x")
    (path,) = box.paths
    box.close()
    path.write_bytes(b"not what anybody wrote here")

    for orphan in orphans(folder, URL):
        assert orphan.isempty
        orphan.close()

    assert files(folder) == ["damaged"]


def test_a_forked_child_leaves_its_parents_outbox_alone(box, folder):
    box.append(RECORDS, 1, b"the parent's")
    child = os.fork()
    if child == 0:
        box.start_over()
        box.append(RECORDS, 1, b"the child's")
        os._exit(0)
    os.waitpid(child, 0)

    assert [taken(orphan) for orphan in orphans(folder, URL)] == [[b"the child's"]]
    assert taken(box) == [b"the parent's"]


KILLED = """
import os, signal, sys
from pathlib import Path
from headrace.client.outbox import RECORDS, Outbox

box = Outbox(Path(sys.argv[1]), sys.argv[2])
for number in range(10_000):
    box.append(RECORDS, 1, b"%d" % number)
    print(number, flush=True)
"""


def test_what_was_kept_survives_the_end_of_its_process(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(folder), URL], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(500)]
    process.kill()
    said += process.stdout.readlines()
    process.wait()

    (orphan,) = orphans(folder, URL)
    kept = [int(payload) for payload in taken(orphan)]

    assert kept == list(range(len(kept)))
    assert len(kept) >= len(said)


FULL = """
import resource, signal, sys
from pathlib import Path
from headrace.client.outbox import RECORDS, Outbox

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
box = Outbox(Path(sys.argv[1]), sys.argv[2])
box.append(RECORDS, 1, b"before")
resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    box.append(RECORDS, 1, b"x" * 1000)
except OSError as problem:
    print("refused")
box.append(RECORDS, 1, b"after")
box.close()
"""


def test_a_frame_for_which_there_is_no_room_leaves_no_trace(folder):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(folder), URL], capture_output=True, text=True, check=True
    )

    assert done.stdout == "refused\n"
    (orphan,) = orphans(folder, URL)
    assert taken(orphan) == [b"before", b"after"]


def test_paths_are_those_with_something_in_them(box, folder):
    assert box.paths == []
    box.append(RECORDS, 1, b"x")
    assert [path.parent for path in box.paths] == [Path(folder)]
    taken(box)
    assert box.paths == []
