"""Delivery: one piece of what waits in an outbox, brought to the server so that it need not be sent again.

Whatever the server refuses for what it is, and not for when it comes, is found and put aside, so that one bad record does
not hold up all others: a batch that is too large (413) or has something wrong in it (409, 422) is sent in halves, down to
the single record. One that is too large alone is cut. What the server will not take at all goes to a file beside the
outbox, with a warning. None of this changes anything for the others: records are idempotent by id.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from msgspec import structs

from headrace.client.link import ServerAway
from headrace.client.outbox import PROPOSAL, UNREADABLE, Frame
from headrace.client.server import REFUSED, Answer, Server
from headrace.core import failpoint
from headrace.exceptions import ServerVersionError
from headrace.schema.base import encode, now
from headrace.schema.logs import Log
from headrace.schema.records import Record, body_of, decode_batch, encode_records, join_bodies
from headrace.schema.transitions import TaskTransition

__all__ = ["Delivery", "Proposal", "compress"]

RECORD_PATH = "/runs/record"
RECORD_HEADERS = {"Content-Encoding": "zstd"}

REFUSED_FOR_WHAT_THEY_ARE = frozenset({409, 413, 422})
"""Statuses by which the server says that it will not take these records, now or later."""

LENGTHS = (100_000, 1_000)
"""Characters that are left of a text that is too large for the server: first so many, then so many."""

CREDENTIALS = "set HEADRACE_API_KEY or HEADRACE_API_AUTH_STRING"

_log = logging.getLogger("headrace.client")


class Proposal(msgspec.Struct):
    """A state to propose for a flow run, as it waits in an outbox.

    Args:
        run_id: The run.
        body: The body of the request.
    """

    run_id: UUID
    body: msgspec.Raw


class _Verdict(msgspec.Struct):
    status: str
    details: dict[str, Any] = {}


class _Refused(NamedTuple):
    """Something that the server will not take."""

    content: bytes
    problem: str | None


class Delivery:
    """Brings what waits to a server. For one thread at a time.

    Args:
        server: The server.
        refused: The file for what it will not take; made when there is something.
    """

    def __init__(self, server: Server, refused: Path) -> None:
        self._server = server
        self._refused = refused

    def deliver(self, frames: Sequence[Frame]) -> None:
        """Bring what an outbox gave as next to the server; returns when that need not be sent again.

        Raises:
            ServerAway: It is to be tried again.
            OSError: Something was refused, and cannot be put aside.
        """
        if failpoint.ARMED:
            failpoint.reach("delivery.before")
        kind = frames[0].kind
        if kind == UNREADABLE:
            _log.error(
                "%d record(s) that waited for the server at %s are damaged on disk and cannot be sent. Their file is kept.",
                frames[0].records,
                self._server.url,
            )
        elif kind == PROPOSAL:
            self._propose(frames[0].payload)
        else:
            self.send_records(_joined(frames))
        if failpoint.ARMED:
            failpoint.reach("delivery.after")

    def send_records(self, body: bytes) -> None:
        """Bring records to the server.

        Args:
            body: The batch, compressed.

        Raises:
            ServerAway: They are to be sent again.
            OSError: Something was refused, and cannot be put aside.
        """
        answer = self._post_records(body)
        if answer.isgood:
            return
        try:
            records = decode_batch(decompress(body))
        except msgspec.MsgspecError:  # left by another version of this program
            self._put_aside([_Refused(decompress(body), answer.problem)])
        else:
            self._put_aside(self._send_parts(records, answer))

    def _send_parts(self, records: Sequence[Record], answer: Answer) -> list[_Refused]:
        """Send in parts what the server has refused whole; what it refuses of them."""
        if len(records) == 1:
            return self._send_cut(records[0], answer)
        refused: list[_Refused] = []
        middle = len(records) // 2
        for part in (records[:middle], records[middle:]):
            answer = self._send(part)
            if not answer.isgood:
                refused += self._send_parts(part, answer)
        return refused

    def _send_cut(self, record: Record, answer: Answer) -> list[_Refused]:
        """Send a single record that the server has refused, if that was for its size."""
        for length in LENGTHS:
            if answer.status == 413:
                answer = self._send([cut(record, length)])
        if answer.isgood:
            _log.warning("A record was too large for the server at %s and was cut.", self._server.url)
            return []
        return [_Refused(encode_records([record])[0], answer.problem)]

    def _send(self, records: Sequence[Record]) -> Answer:
        return self._post_records(compress(body_of(encode_records(records))))

    def _post_records(self, body: bytes) -> Answer:
        answer = self._post(RECORD_PATH, body, headers=RECORD_HEADERS)
        if not answer.isgood and answer.status not in REFUSED_FOR_WHAT_THEY_ARE:
            raise ServerAway(f"it does not take records ({answer.problem}): is it a server of Headrace?")
        return answer

    def _propose(self, payload: bytes) -> None:
        proposal = msgspec.json.decode(payload, type=Proposal)
        answer = self._post(f"/flow_runs/{proposal.run_id}/set_state", bytes(proposal.body))
        if not answer.isgood:
            self._put_aside([_Refused(payload, answer.problem)])
            return
        verdict = msgspec.json.decode(answer.body, type=_Verdict)
        if verdict.status == "ABORT":
            _log.warning(
                "The flow run %s ended while the server at %s was away; the server does not take over how: %s",
                proposal.run_id,
                self._server.url,
                verdict.details.get("reason"),
            )

    def _post(self, path: str, body: bytes, **options: Any) -> Answer:
        """The answer, unless it is that the server takes nothing from this program.

        Raises:
            ServerAway: It is that, or there is none.
        """
        try:
            answer = self._server.post(path, body, **options)
        except ServerVersionError as problem:
            raise ServerAway(str(problem)) from problem
        if answer.status in REFUSED:
            raise ServerAway(f"it refuses the credentials ({answer.problem}): {CREDENTIALS}")
        return answer

    def _put_aside(self, refused: Sequence[_Refused]) -> None:
        if not refused:
            return
        self._refused.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self._refused, "ab") as file:
            for content, problem in refused:
                told = {
                    "at": now(),
                    "server": self._server.url,
                    "problem": problem,
                    "refused": msgspec.Raw(content),
                }
                file.write(encode(told) + b"\n")
        _log.warning(
            "The server at %s refused %d record(s), which are kept in %s: %s",
            self._server.url,
            len(refused),
            self._refused,
            refused[0].problem,
        )


def cut(record: Record, length: int) -> Record:
    """The record without what makes it large.

    Args:
        record: The record.
        length: How many characters to leave of its text.
    """
    if isinstance(record, Log):
        return structs.replace(record, message=_shortened(record.message, length))
    if isinstance(record, TaskTransition):
        message = _shortened(record.state.message or "", length)
        state = structs.replace(record.state, message=message or None, data=None)
        return structs.replace(record, run=structs.replace(record.run, task_inputs={}), state=state)
    note = f"cut from {len(encode(record.payload))} bytes: too large for the server"
    return structs.replace(record, payload={"note": note}, related=record.related[: length // 1000])


def _shortened(text: str, length: int) -> str:
    if len(text) <= length:
        return text
    return (
        f"{text[:length]}... [{len(text) - length} of {len(text)} characters cut: too large for the server]"
    )


def _joined(frames: Sequence[Frame]) -> bytes:
    if len(frames) == 1:
        return frames[0].payload
    return compress(join_bodies(decompress(frame.payload) for frame in frames))


def compress(body: bytes) -> bytes:
    """Compress a body, at the level that takes less time than it saves."""
    import zstandard

    return zstandard.ZstdCompressor(level=1).compress(body)


def decompress(body: bytes) -> bytes:
    """Undo `compress`."""
    import zstandard

    return zstandard.ZstdDecompressor().decompress(body)
