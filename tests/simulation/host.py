"""A host: registers, claims networks, serves what it owns while it holds its lease, reports now and then.

Its view and its lease are the agent's own (`projections.host_view`, `host_agent.lease`). It may fall silent:
then it reads nothing, or nothing that it says arrives, or both; the clock goes on.
"""

from typing import TYPE_CHECKING

from pydantic_core import to_json

from events.errors import LogError
from events.fixed_ips import FixedIpAllocated
from events.ids import uuid7
from events.ledger.follow import Decided
from host_agent.lease import Lease
from projections.host_view import HostView
from tests.simulation.line import REPORTS
from tests.simulation.plan import weighted
from tests.simulation.reader import Follower
from tests.simulation.violation import Violation
from tests.simulation.wishes import NETWORKS, Body

if TYPE_CHECKING:
    from tests.simulation.world import World

_MIX: tuple[tuple[float, str], ...] = (
    (3, "RegisterHost.v1"),
    (14, "ClaimNetwork.v1"),
    (16, "LeaseFixedIp.v1"),
    (10, "ReleaseFixedIp.v1"),
    (43, "ReportApplied.v1"),
)
_REMEMBERED = 8

Served = tuple[str, int]
"""A network and which one of that id it is: one that is created again is another."""


class Host(Follower):
    """A host agent, as far as the ledger and other hosts see one."""

    def __init__(self, world: "World", name: str) -> None:
        """Begin unregistered."""
        self.known: list[tuple[str, str, str]] = []
        """(network, address, MAC) of allocations seen, the ended ones too: facts about those are stale."""
        self.deaf = False
        """Whether it reads nothing."""
        self.mute = False
        """Whether nothing that it says arrives."""
        self.serving: frozenset[Served] = frozenset()
        """Networks whose gateway it was when it last looked."""
        self._begin(world, name)
        super().__init__(world, name)

    def _begin(self, world: "World", name: str) -> None:
        self.view = HostView(name, keep=frozenset(NETWORKS))
        self.lease = Lease(world.plan.lease_s, world.seconds)

    def start_over(self) -> None:
        """Read the ledger from its start; what was applied stays until then."""
        self._begin(self.world, self.name)
        super().start_over()

    def act(self) -> None:
        """Read on, then state a fact."""
        self.poll()
        self.report("RegisterHost.v1" if self.view.fenced else weighted(self.world.rng, _MIX))

    def poll(self, limit: int | None = None) -> None:
        """Read on, and be the gateway of what is this host's and of nothing else."""
        if self.deaf:
            return
        super().poll(limit)
        if self.stopped_by is not None or not self.is_open:
            return
        try:
            self.lease.renew(self.reader)
        except LogError:
            self.log.faults.end_outage()
        self._serve()

    def _serve(self) -> None:
        mine: frozenset[Served] = frozenset()
        if self.holds_lease():
            networks = self.view.networks.items()
            mine = frozenset((key, one.order) for key, one in networks if self.view.serves(one))
        for served in sorted(mine - self.serving):
            self._begin_to_serve(served)
        self.serving = mine

    def _begin_to_serve(self, served: Served) -> None:
        if self.world.lossy:
            return  # hosts that follow what the log has lost stop, and a person has to see to them
        for other in self.world.hosts:
            if other is not self and served in other.serving and other.holds_lease():
                raise Violation(f"{self.name} begins to serve network {served}, which {other.name} serves")

    def holds_lease(self) -> bool:
        """Tell whether it may be a gateway now: it gives that up by itself when its lease runs out."""
        return self.lease.held(self.view)

    def report(self, kind: str) -> None:
        """State a fact of a kind, if there is one to state."""
        rng = self.world.rng
        body: Body = {"type": kind, "reporter": self.name, "host": self.name}
        match kind:
            case "ClaimNetwork.v1":
                free = self.view.claimable()
                if rng.random() < 0.7:
                    body["network_id"] = rng.choice(free or NETWORKS)
            case "LeaseFixedIp.v1" | "ReleaseFixedIp.v1":
                if not self.known:
                    return
                body["network_id"], body["address"], body["mac"] = rng.choice(self.known)
            case "ReportApplied.v1":
                body["seq"] = self.reader.fold.seq
            case _:
                body["lease_s"] = self.world.plan.lease_s
                if rng.random() < 0.1:
                    body["host"] = "h9"
        if self.mute:
            self.world.say(self.name, f"reports {kind}, which nobody hears")
            return
        body["id"] = uuid7(self.world.now_ms, rng.getrandbits(74))
        self.world.say(self.name, f"reports {kind} as {body['id'][-6:]}")
        self.world.post(REPORTS, to_json(body))

    def take(self, decided: Decided) -> None:
        """Fold a decision, and remember allocations."""
        for event in decided.events:
            self.view.apply(decided.seq, event)
            if isinstance(event, FixedIpAllocated):
                self.known.append((event.network_id, event.address, event.mac))
        del self.known[:-_REMEMBERED]
