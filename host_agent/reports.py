"""What this host states about itself: that it is there, what it claims, what it applied, who took a lease.

Reports are derived from a state, by what the ledger shows and not by what was sent: a lost one is sent again.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from events.catalog import AnyReport
from events.fixed_ips import LeaseFixedIp, ReleaseFixedIp
from events.hosts import RegisterHost, ReportApplied
from events.ids import uuid7
from events.networks import ClaimNetwork
from host_agent.facts import FactsFile, LeaseFact
from projections.host_dhcp import DhcpHost
from projections.host_network import Allocation
from projections.host_plan import HostSettings
from projections.host_view import HostView

APPLIED_INTERVAL_S = 1.0
"""An applied position is reported at most this often."""
REPEAT_AFTER_S = 10.0
"""A registration that the ledger does not show by then is sent again."""
HEARTBEATS_PER_LEASE = 3
"""A position is reported this often within a lease, also when nothing changed."""

_MS_PER_S = 1000


class ReportSink(Protocol):
    """Where reports go: the `reports` input of the cell."""

    def send(self, report: AnyReport) -> None:
        """Send a report.

        Raises:
            LogError: it could not be sent; it may be sent again.

        """


@dataclass(frozen=True, slots=True)
class Applied:
    """How far the kernel agrees with the ledger."""

    seq: int
    failures: int
    repairs: int


class Reporter:
    """Sends what is due, and no more."""

    def __init__(
        self,
        settings: HostSettings,
        sink: ReportSink,
        monotonic: Callable[[], float],
        now_s: Callable[[], float],
    ) -> None:
        """Begin with nothing sent."""
        self._settings = settings
        self._sink = sink
        self._monotonic = monotonic
        self._now_s = now_s
        self._registered_at: float | None = None
        self._claim_at = 0.0
        self._applied: Applied | None = None
        self._applied_at = -APPLIED_INTERVAL_S
        self._said: dict[tuple[str, str, str], bool] = {}

    def register(self, view: HostView) -> None:
        """Announce this host: at the start, and while the ledger does not show it as it is, or as fenced.

        Raises:
            LogError: it could not be sent.

        """
        settings = self._settings
        registered = (view.physical_networks, view.lease_s, view.network_host)
        wanted = (frozenset(settings.physical_networks), settings.lease_s, settings.network_host)
        known = registered == wanted and not view.fenced
        now = self._monotonic()
        pause = APPLIED_INTERVAL_S if view.fenced else REPEAT_AFTER_S
        if self._registered_at is not None and (known or now - self._registered_at < pause):
            return
        self._sink.send(
            RegisterHost(
                id=self._new_id(),
                reporter=settings.host,
                host=settings.host,
                physical_networks=settings.physical_networks,
                lease_s=settings.lease_s,
                network_host=settings.network_host,
            )
        )
        self._registered_at = now

    def claim(self, view: HostView) -> None:
        """Claim a network that nobody serves, one a tick, so that networks spread over hosts.

        Which one is for the allocator to say: hosts that all named the oldest would all lose but one.

        Raises:
            LogError: it could not be sent.

        """
        now = self._monotonic()
        if now < self._claim_at:
            return
        self._claim_at = now + self._settings.claim_interval_s
        if view.claimable() and not view.fenced:
            host = self._settings.host
            self._sink.send(ClaimNetwork(id=self._new_id(), reporter=host, host=host))

    def applied(self, applied: Applied, *, alive: bool = True) -> None:
        """Report a position that changed, at most once a second, and as a sign of life one that did not.

        An agent that is not `alive`, because its lease has run out, shows no sign of life.

        Raises:
            LogError: it could not be sent.

        """
        now = self._monotonic()
        since = now - self._applied_at
        due = (
            self._settings.lease_s / HEARTBEATS_PER_LEASE if applied == self._applied else APPLIED_INTERVAL_S
        )
        if since < due or (applied == self._applied and not alive):
            return
        host = self._settings.host
        self._sink.send(
            ReportApplied(
                id=self._new_id(),
                reporter=host,
                host=host,
                seq=applied.seq,
                failures=applied.failures,
                repairs=applied.repairs,
            )
        )
        self._applied = applied
        self._applied_at = now

    def leases(self, view: HostView, sources: Iterable[FactsFile]) -> None:
        """Report lease facts that change something; each stays unread until it is sent.

        Raises:
            LogError: one could not be sent.
            HostError: it cannot be remembered that they were sent.

        """
        self._forget_settled(view)
        for source in sources:
            unread = source.unread()
            for fact in unread.facts:
                self._lease(view, fact)
            source.mark_read(unread)

    def held(self, view: HostView, network_id: str) -> Iterator[DhcpHost]:
        """Yield the guests that hold a lease on a network, as far as facts have been read."""
        network = view.networks.get(network_id)
        for allocation in network.allocations.values() if network else ():
            if self._believed(_key(allocation), allocation):
                yield DhcpHost(allocation.mac, allocation.address, allocation.hostname)

    def _lease(self, view: HostView, fact: LeaseFact) -> None:
        key = (fact.network_id, fact.address, fact.mac)
        network = view.networks.get(fact.network_id)
        allocation = network.allocations.get(fact.address) if network else None
        if allocation is not None and allocation.mac != fact.mac:
            allocation = None
        if self._believed(key, allocation) == fact.leased:
            return
        kind = LeaseFixedIp if fact.leased else ReleaseFixedIp
        host = self._settings.host
        self._sink.send(
            kind(
                id=self._new_id(),
                reporter=host,
                host=host,
                network_id=fact.network_id,
                address=fact.address,
                mac=fact.mac,
            )
        )
        self._said[key] = fact.leased

    def _believed(self, key: tuple[str, str, str], allocation: Allocation | None) -> bool | None:
        """Return whether an address is leased: what was said last, else the ledger; None: unknown."""
        said = self._said.get(key)
        if said is not None:
            return said
        return allocation.leased if allocation is not None else None

    def _forget_settled(self, view: HostView) -> None:
        """Leave it to the ledger once it says the same, or once the allocation is over."""
        for key, leased in list(self._said.items()):
            network_id, address, mac = key
            network = view.networks.get(network_id)
            allocation = network.allocations.get(address) if network else None
            if allocation is None or allocation.mac != mac or allocation.leased == leased:
                del self._said[key]

    def _new_id(self) -> str:
        return uuid7(int(self._now_s() * _MS_PER_S))


def _key(allocation: Allocation) -> tuple[str, str, str]:
    return (allocation.network_id, allocation.address, allocation.mac)
