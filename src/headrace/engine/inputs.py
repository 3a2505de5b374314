"""What a run depends on: futures and states among its arguments, wherever they are inside.

`collect_upstream` finds them, the engine waits until they are final, `resolve` puts their results in their places, and
`task_inputs` is the record of it. The usual call has none: then all arguments are `ATOMIC`, and that is seen first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from headrace.core.annotations import BaseAnnotation, allow_failure, opaque, quote
from headrace.engine.containers import ATOMIC, Branch, container_of, leaves, transform
from headrace.exceptions import UpstreamTaskError
from headrace.schema.runs import FlowRunResult, RunInput, TaskRunResult
from headrace.schema.states import State

if TYPE_CHECKING:
    from headrace.engine.links import ResultLinks

__all__ = ["ATOMIC", "collect_upstream", "is_plain", "resolve", "run_input", "task_inputs", "upstream_result"]

Resolver = Callable[[Any, bool], Any]
"""From a future or state, and whether it may have failed, to what takes its place."""


def is_plain(parameters: Mapping[str, Any]) -> bool:
    """Whether surely no argument is or holds anything to wait for or to unwrap: a look at their types only."""
    # For a few values a loop takes half of the time of `ATOMIC.issuperset(map(type, ...))`.
    for value in parameters.values():  # noqa: SIM110 - a generator expression would double the time.
        if type(value) not in ATOMIC:
            return False
    return True


def is_upstream(value: Any) -> bool:
    """Whether a value is a future or a state."""
    return isinstance(value, State) or getattr(type(value), "is_run_future", False)


def collect_upstream(value: Any) -> list[Any]:
    """The futures and states inside a value, in order of appearance, each once.

    Args:
        value: Parameters by name, or any value; what is quoted is not searched.
    """
    if _is_flat(value):
        return []
    return list({id(upstream): upstream for upstream in _upstream_in(value)}.values())


def _is_flat(value: Any) -> bool:
    """Whether a value is atomic, or a dict of nothing else."""
    if type(value) is not dict:
        return type(value) in ATOMIC
    for key, item in value.items():  # noqa: SIM110 - as in `is_plain`.
        if type(item) not in ATOMIC or type(key) not in ATOMIC:
            return False
    return True


def _upstream_in(value: Any) -> Iterator[Any]:
    for leaf in leaves(value):
        found = leaf.value if isinstance(leaf, opaque) else leaf
        if is_upstream(found):
            yield found


def resolve(value: Any, resolver: Resolver | None = None) -> Any:
    """A value with results in place of futures and states, and without annotations.

    Containers keep their types, and are the same objects where nothing inside them changes. All futures must be final.

    Args:
        value: Parameters by name, or any value.
        resolver: Called with a future or state, and with whether it may have failed; returns what to put in its
            place. `upstream_result` when left out.

    Raises:
        UpstreamTaskError: A run did not complete, and `allow_failure` does not say that it may fail.
    """
    if _is_flat(value) or not _has_work(value):
        return value
    replacement = resolver or upstream_result

    def visit(current: Any, may_fail: bool) -> Any:
        kind: Any = type(current)
        if kind in ATOMIC:
            return current
        if is_upstream(current):
            return replacement(current, may_fail)
        if isinstance(current, BaseAnnotation):
            return _without(current, may_fail, replacement)
        container = container_of(kind)
        if container is None:
            return current
        children = container.children(current)
        if ATOMIC.issuperset(map(type, children)):
            return current
        return Branch(current, children, container.rebuild, may_fail)

    return transform(value, False, visit)


def _has_work(value: Any) -> bool:
    """Whether `resolve` has anything to replace or unwrap."""
    pending = [value]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if isinstance(current, BaseAnnotation) or is_upstream(current):
            return True
        kind: Any = type(current)
        container = container_of(kind)
        if container is not None and id(current) not in seen:
            seen.add(id(current))
            pending.extend(child for child in container.children(current) if type(child) not in ATOMIC)
    return False


def _without(annotation: BaseAnnotation[Any], may_fail: bool, replacement: Resolver) -> Any:
    inner = annotation.unwrap()
    if isinstance(annotation, quote):
        return inner
    if isinstance(annotation, opaque):
        return replacement(inner, may_fail) if is_upstream(inner) else inner
    return Branch(inner, (inner,), _only_child, may_fail or isinstance(annotation, allow_failure))


def _only_child(_: Any, children: list[Any]) -> Any:
    return children[0]


def upstream_result(upstream: Any, may_fail: bool) -> Any:
    """The result of a final future or state.

    Args:
        upstream: The future or state.
        may_fail: Return the exception of a run that did not complete, rather than refuse.

    Raises:
        UpstreamTaskError: The run did not complete; the message names it.
    """
    state = upstream if isinstance(upstream, State) else upstream.state
    if not may_fail and not state.is_completed():
        raise UpstreamTaskError(f"Upstream {_described(upstream)} did not reach a 'COMPLETED' state.")
    return upstream.result(raise_on_failure=False)


def _described(upstream: Any) -> str:
    run = run_input(upstream)
    if run is None:
        return "run"
    return f"{'task' if isinstance(run, TaskRunResult) else 'flow'} run {str(run.id)!r}"


def run_input(upstream: Any) -> TaskRunResult | FlowRunResult | None:
    """Which run a future or state is of, as the input of another; None when it does not say."""
    source = upstream.state_details if isinstance(upstream, State) else upstream
    task_run_id = getattr(source, "task_run_id", None)
    if task_run_id is not None:
        return TaskRunResult(id=task_run_id)
    flow_run_id = getattr(source, "flow_run_id", None)
    return FlowRunResult(id=flow_run_id) if flow_run_id is not None else None


def task_inputs(
    parameters: Mapping[str, Any], links: ResultLinks | None = None, wait_for: Any = None
) -> dict[str, list[RunInput]]:
    """Which runs each parameter comes from.

    Args:
        parameters: Parameters by name, before `resolve`.
        links: Finds the runs that returned plain values.
        wait_for: What is waited for without being passed on.

    Returns:
        A list for every parameter, empty when it comes from no run; `wait_for` is a key when it was given.
    """
    found: dict[str, list[RunInput]] = {name: [] for name in parameters}
    plain = is_plain(parameters)
    if not plain or (links is not None and links.knows_any(parameters.values())):
        for name, value in parameters.items():
            found[name] = _inputs_of(value, links)
    if wait_for is not None:
        found["wait_for"] = _inputs_of(wait_for, None)
    return found


def _inputs_of(value: Any, links: ResultLinks | None) -> list[RunInput]:
    runs: Iterable[RunInput | None] = map(run_input, collect_upstream(value))
    if links is not None:
        runs = (*runs, *links.find_inside(value))
    return list(dict.fromkeys(run for run in runs if run is not None))
