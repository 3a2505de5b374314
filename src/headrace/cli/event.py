"""`headrace event`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, Literal
from uuid import UUID

import msgspec
from cyclopts import App, CycloptsError, Parameter

from headrace.cli.output import say
from headrace.exceptions import ConfigurationError
from headrace.schema.base import encode, now
from headrace.schema.events import Event
from headrace.schema.requests.events import EventCreate
from headrace.settings import get_current_settings

__all__ = ["app"]

app = App(
    name="event",
    help="Emit events, and watch them as they happen.",
    result_action="return_value",
    help_format="plaintext",
)

RESOURCE_ID = "prefect.resource.id"


@app.command
def emit(
    event: str,
    *,
    resource: Annotated[list[str] | None, Parameter(name=("--resource", "-r"), negative=())] = None,
    resource_id: str | None = None,
    related: str | None = None,
    payload: Annotated[str | None, Parameter(name=("--payload", "-p"))] = None,
) -> None:
    """Emit an event.

    Args:
        event: What happened, as `orders.arrived`.
        resource: A label of what it happened to, as KEY=VALUE, once for each; or all of them as a JSON object.
        resource_id: The label `prefect.resource.id`, which must be given this way or the other.
        related: What else was involved, as a JSON list of objects with `prefect.resource.id` and
            `prefect.resource.role`.
        payload: Whatever else is worth keeping, as a JSON object.
    """
    labels = _labels(resource or [])
    if resource_id is not None:
        labels[RESOURCE_ID] = resource_id
    made = _event(
        event,
        labels,
        []
        if related is None
        else _json("--related", related, list[dict[str, str]] | dict[str, str], "a list of objects of texts"),
        {} if payload is None else _json("--payload", payload, dict[str, Any], "an object"),
    )
    send_event(made)
    say(f"Emitted event {made.event!r} with id {made.id}.")


@app.command
def stream(
    *,
    format: Literal["json", "text"] = "json",
    output_file: Path | None = None,
    run_once: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Write events, one a line, as they happen; until Ctrl-C.

    Args:
        format: `json`: each event as JSON. `text`: when, what, and to which resource.
        output_file: A file to append them to; the standard output when left out.
        run_once: End after the first event.
    """
    from headrace.client.event_stream import stream_events

    events = stream_events(get_current_settings())
    with _opened(output_file) as file:
        sys.stderr.write("Waiting for events; Ctrl-C ends this.\n")
        for event in events:
            file.write((encode(event).decode() if format == "json" else _line(event)) + "\n")
            file.flush()
            if run_once:
                break


def send_event(event: Event) -> None:
    """Have the configured API, or the embedded store, record an event."""
    from headrace.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event])


def _event(name: str, resource: dict[str, str], related: Any, payload: dict[str, Any]) -> EventCreate:
    fields = {
        "id": _new_id(),
        "occurred": now(),
        "event": name,
        "resource": resource,
        "related": [related] if isinstance(related, dict) else related,
        "payload": payload,
    }
    try:
        return msgspec.convert(fields, EventCreate)
    except msgspec.ValidationError as exc:
        raise _misused(f"This is no event: {exc}.") from exc


def _new_id() -> UUID:
    from headrace.core.ids import uuid7

    return uuid7()


def _labels(given: Iterable[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for words in given:
        if words.lstrip().startswith("{"):
            labels |= _json("--resource", words, dict[str, str], "an object of texts")
        else:
            key, separator, value = words.partition("=")
            if not separator or not key:
                raise _misused(f"--resource is {words!r}; expected KEY=VALUE or a JSON object of texts.")
            labels[key] = value
    return labels


def _json(option: str, text: str, kind: Any, expected: str) -> Any:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, UnicodeEncodeError) as exc:
        raise _misused(f"{option} is {text!r}; expected {expected} as JSON ({exc}).") from exc


def _line(event: Event) -> str:
    return f"{event.occurred.isoformat()} {event.event} {event.resource.get(RESOURCE_ID, '-')}"


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[str]]:
    if path is None:
        yield sys.stdout
        return
    try:
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115
    except OSError as exc:
        raise ConfigurationError(f"Events cannot be written to {path}: {exc}.") from exc
    with file:
        yield file


def _misused(message: str) -> CycloptsError:
    return CycloptsError(msg=message, command_chain=("event", "emit"))
