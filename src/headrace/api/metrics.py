"""Metrics as Prometheus reads them.

What happens with every request is counted here in plain numbers. prometheus-client, which takes 30 ms to import, puts them
into its format when somebody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.api.bridge import Bridge
from headrace.api.distributions import SECONDS, Distribution
from headrace.core.states import StateType

if TYPE_CHECKING:
    from prometheus_client.core import Metric

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Gauge(NamedTuple):
    name: str
    text: str
    read: Callable[[], float]


class Metrics:
    """What the server counts and measures.

    Args:
        bridge: The way to the store, whose traffic is shown.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._requests: dict[tuple[str, str, int], Distribution] = {}
        self._gauges: list[_Gauge] = []

    def count_request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request that was answered.

        Args:
            method: Its method.
            path: Its route's template.
            status: The status of the answer.
            seconds: How long it took.
        """
        key = (method, path, status)
        distribution = self._requests.get(key)
        if distribution is None:
            distribution = self._requests.setdefault(key, Distribution(SECONDS))
        distribution.observe(seconds)

    def add_gauge(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Show a value that something else knows.

        Args:
            name: The metric's name, without the prefix `headrace_`.
            text: What it says.
            read: Gives the value; called with each scrape, on the event loop.
        """
        self._gauges.append(_Gauge(name, text, read))

    def render(self, runs: Mapping[str, Mapping[StateType, int]]) -> bytes:
        """The metrics in Prometheus' text format.

        Args:
            runs: For each kind of run, how many are in which state.
        """
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Once(self._collect(runs)))
        return generate_latest(registry)

    def _collect(self, runs: Mapping[str, Mapping[StateType, int]]) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily

        requests = HistogramMetricFamily(
            "headrace_http_request_duration_seconds",
            "How long requests took.",
            labels=["method", "route", "status"],
        )
        for (method, path, status), distribution in list(self._requests.items()):
            requests.add_metric(
                [method, path, str(status)], distribution.buckets(), sum_value=distribution.sum
            )
        yield requests
        bridge = self._bridge
        for name, text, value in (
            ("headrace_ledger_queue_depth", "Writes that wait for their commit.", bridge.waiting_writes),
            ("headrace_reads_waiting", "Reads that run or wait for a thread.", bridge.waiting_reads),
            *((f"headrace_{gauge.name}", gauge.text, gauge.read()) for gauge in self._gauges),
        ):
            yield GaugeMetricFamily(name, text, value=value)
        for name, text, distribution in (
            ("headrace_ledger_commit_seconds", "From a write to its commit.", bridge.write_seconds),
            ("headrace_ledger_batch_size", "Writes that were committed together.", bridge.batch_sizes),
            ("headrace_read_seconds", "From a read to its result.", bridge.read_seconds),
            ("headrace_event_lag_seconds", "From an event's time to its commit.", bridge.event_lag),
        ):
            yield HistogramMetricFamily(
                name, text, buckets=distribution.buckets(), sum_value=distribution.sum
            )
        for kind, counts in runs.items():
            family = GaugeMetricFamily(
                f"headrace_{kind}s", "Runs by the type of their state.", labels=["state"]
            )
            for state, count in counts.items():
                family.add_metric([state], count)
            yield family


class _Once:
    """A collector, as prometheus-client wants it, of metrics that are collected already."""

    def __init__(self, metrics: Iterator[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Any]:
        """The metrics."""
        return self._metrics
