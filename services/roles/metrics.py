"""A role's health in Prometheus's text format."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from services.roles.health import Health


class _HealthCollector(Collector):
    def __init__(self, role: str, health: Health) -> None:
        self._role = role
        self._health = health

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics of one moment."""
        health = self._health
        for name, text, value in (
            ("ready", "Whether the role does its work", float(health.ready)),
            ("term", "Term of the ledger that the role has seen", health.term),
            ("seq", "Position in the ledger that the role has reached", health.seq),
            ("lag_records", "Records that the role has yet to read", health.lag),
            ("failures", "Steps of the agent that did not work and will be tried again", health.failures),
        ):
            if value is not None:
                gauge = GaugeMetricFamily(f"netledger_{name}", text, labels=["role"])
                gauge.add_metric([self._role], value)
                yield gauge
        for name, text, value in (
            ("repairs", "Drift that the agent has repaired", health.repairs),
            ("conflicts", "Double holdings that the projection has seen", health.conflicts),
        ):
            if value is not None:
                counter = CounterMetricFamily(f"netledger_{name}", text, labels=["role"])
                counter.add_metric([self._role], value)
                yield counter
        for name, text, label, values in (
            ("skipped_records", "Records of the ledger that do not count", "reason", health.skipped),
            ("refusals", "Commands and reports refused by this process", "code", health.refusals),
        ):
            labelled = CounterMetricFamily(f"netledger_{name}", text, labels=["role", label])
            for key, count in values.items():
                labelled.add_metric([self._role, key], count)
            yield labelled
        free = GaugeMetricFamily(
            "netledger_free_addresses", "Addresses that can be handed out", labels=["role", "network"]
        )
        for network_id, count in health.free_addresses.items():
            free.add_metric([self._role, network_id], count)
        yield free


def exposition(role: str, health: Health) -> tuple[str, bytes]:
    """Return the content type and text of a role's metrics."""
    registry = CollectorRegistry()
    registry.register(_HealthCollector(role, health))
    return CONTENT_TYPE_LATEST, generate_latest(registry)
