"""A host: registers, claims networks, reports leases and how far it has applied, now and then too late."""

from typing import TYPE_CHECKING

from pydantic_core import to_json

from events.fixed_ips import FixedIpAllocated
from events.ids import uuid7
from events.ledger.follow import Decided
from tests.simulation.line import REPORTS
from tests.simulation.plan import weighted
from tests.simulation.reader import Follower
from tests.simulation.wishes import NETWORKS, Body

if TYPE_CHECKING:
    from tests.simulation.world import World

_MIX: tuple[tuple[float, str], ...] = (
    (4, "RegisterHost.v1"),
    (10, "ClaimNetwork.v1"),
    (20, "LeaseFixedIp.v1"),
    (12, "ReleaseFixedIp.v1"),
    (40, "ReportApplied.v1"),
)
_REMEMBERED = 8


class Host(Follower):
    """A host agent, as far as the ledger sees one."""

    def __init__(self, world: "World", name: str) -> None:
        """Begin unregistered."""
        self.known: list[tuple[str, str, str]] = []
        """(network, address, MAC) of allocations seen, the ended ones too: facts about those are stale."""
        super().__init__(world, name)

    def act(self) -> None:
        """Read on, then state a fact."""
        self.poll()
        self.report(weighted(self.world.rng, _MIX))

    def report(self, kind: str) -> None:
        """State a fact of a kind, if there is one to state."""
        rng = self.world.rng
        body: Body = {"type": kind, "reporter": self.name, "host": self.name}
        match kind:
            case "ClaimNetwork.v1":
                body["network_id"] = rng.choice(NETWORKS)
            case "LeaseFixedIp.v1" | "ReleaseFixedIp.v1":
                if not self.known:
                    return
                body["network_id"], body["address"], body["mac"] = rng.choice(self.known)
            case "ReportApplied.v1":
                body["seq"] = self.reader.fold.seq
            case _:
                if rng.random() < 0.1:
                    body["host"] = "h9"
        body["id"] = uuid7(self.world.now_ms, rng.getrandbits(74))
        self.world.say(self.name, f"reports {kind} as {body['id'][-6:]}")
        self.world.post(REPORTS, to_json(body))

    def take(self, decided: Decided) -> None:
        """Remember allocations."""
        if decided.head.cause == "SpawnInstance.v1" and not decided.head.refused:
            seen = [event for event in decided.events if isinstance(event, FixedIpAllocated)]
            self.known += [(event.network_id, event.address, event.mac) for event in seen]
            del self.known[:-_REMEMBERED]
