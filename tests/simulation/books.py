"""The slow model of a cell, kept from the JSON of events alone: what must hold at every position.

Nothing is decided or applied here with the code under test. What that folded must agree with this at the end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from typing import Any, NamedTuple

from events.addresses import ipv4_text, mac_text
from events.clock import parse_time
from projections.cell.state import CellState, Rules
from tests.simulation.held import Holders
from tests.simulation.owners import Owners, reported
from tests.simulation.quotas import Quotas
from tests.simulation.violation import Violation

Event = dict[str, Any]


class Decision(NamedTuple):
    """Where an event stands."""

    seq: int
    time_ms: int
    cause: Event | None
    """The command or report; None for a timer."""


@dataclass
class _Allocation:
    """A fixed IP from its allocation until it is free."""

    project: str
    instance: str
    released: int | None = None
    """Seq of its release, while it drains."""
    waits_for: set[str] = field(default_factory=set)
    until_ms: int = 0
    until_deadline: bool = False
    targets: int = 0
    """Floating IPs that point here."""


class Books:
    """Everything that is kept about a cell."""

    def __init__(self, rules: Rules) -> None:
        """Begin with an empty cell."""
        self.holders = Holders()
        self.owners = Owners()
        self.quotas = Quotas(rules)
        self._allocations: dict[str, _Allocation] = {}
        self._networks: dict[str, Event] = {}
        self._projects: dict[str, str | None] = {}
        """Of networks."""
        self._reserved: set[tuple[str, str]] = set()
        self._pools: set[str] = set()
        """Addresses of floating pools."""
        self._floating: dict[str, Event] = {}
        self._epochs: dict[str, int] = {}
        """Of bindings, by instance."""
        self._takers: dict[str, Callable[[Decision, Event], None]] = {
            "NetworkCreated.v1": self._network_created,
            "NetworkDeleted.v1": self._network_deleted,
            "NetworkProjectAssigned.v1": self._network_given,
            "NetworkProjectReleased.v1": self._network_given_back,
            "FixedIpAllocated.v1": self._allocated,
            "HostAddressClaimed.v1": self._in_its_network,
            "FixedIpDeallocated.v1": self._deallocated,
            "FixedIpDisassociated.v1": self._freed,
            "HostApplied.v1": self._applied,
            "FixedIpReserved.v1": self._address_reserved,
            "FixedIpUnreserved.v1": self._address_unreserved,
            "FloatingIpsCreated.v1": self._pool_grows,
            "FloatingIpsDeleted.v1": self._pool_shrinks,
            "FloatingIpAllocated.v1": self._floating_allocated,
            "FloatingIpReleased.v1": self._floating_released,
            "FloatingIpAssociated.v1": self._floating_associated,
            "FloatingIpDisassociated.v1": self._floating_disassociated,
            "InstanceSpawned.v1": self._spawned,
            "InstanceBound.v1": self._bound,
            "InstanceUnbound.v1": self._unbound,
            "QuotaSet.v1": lambda _, event: self.quotas.limit(event),
        }

    def take(self, decision: Decision, events: list[Event]) -> None:
        """Follow a decision.

        Raises:
            Violation: it breaks what must hold at every position.

        """
        for event in events:
            self.holders.take(decision.seq, event)
            self.owners.take(decision.seq, event, decision.cause)
            taker = self._takers.get(event["type"])
            if taker is not None:
                taker(decision, event)
        self.quotas.check(decision.seq)

    # --- Networks -------------------------------------------------------------------------------------------

    def _network_created(self, _: Decision, event: Event) -> None:
        self._networks[event["network_id"]] = event
        self._projects[event["network_id"]] = event["project_id"]
        self.quotas.count("networks", event["project_id"], 1)

    def _network_deleted(self, _: Decision, event: Event) -> None:
        del self._networks[event["network_id"]], self._projects[event["network_id"]]

    def _network_given(self, _: Decision, event: Event) -> None:
        self._projects[event["network_id"]] = event["project_id"]
        self.quotas.count("networks", event["project_id"], 1)

    def _network_given_back(self, _: Decision, event: Event) -> None:
        self._projects[event["network_id"]] = None
        self.quotas.count("networks", event["project_id"], -1)

    # --- Fixed IPs ------------------------------------------------------------------------------------------

    def _allocated(self, at: Decision, event: Event) -> None:
        network_id, project = event["network_id"], event["project_id"]
        self._in_its_network(at, event)
        mine, kind = self._projects[network_id], self._networks[network_id]["kind"]
        if mine not in ({project} if kind == "vlan" else {project, None}):
            raise Violation(f"at seq {at.seq} {project} gets an address of a network of {mine or 'nobody'}")
        nic = self.holders.held.get(("NIC", event["instance_uuid"], network_id))
        if nic != event["vif_id"] or self.holders.held.get(("MAC", event["mac"])) != nic:
            raise Violation(f"at seq {at.seq} an address goes to a NIC that its instance does not have")
        self._allocations[event["allocation_id"]] = _Allocation(project, event["instance_uuid"])
        self.quotas.count("fixed_ips", project, 1)

    def _in_its_network(self, at: Decision, event: Event) -> None:
        plan, text = self._networks[event["network_id"]], event["address"]
        address = IPv4Address(text)
        kept = any(
            IPv4Address(some["first"]) <= address <= IPv4Address(some["last"]) for some in plan["reserved"]
        )
        if text == plan["vpn_private_address"]:
            kept = at.cause is None or not at.cause.get("vpn")
        if address not in IPv4Network(plan["cidr"]) or kept:
            raise Violation(f"at seq {at.seq} {text} is handed out, which {plan['cidr']} keeps or has not")
        if (event["network_id"], text) in self._reserved:
            raise Violation(f"at seq {at.seq} {text} is handed out, which is reserved")

    def _deallocated(self, at: Decision, event: Event) -> None:
        allocation = self._allocations[event["allocation_id"]]
        if allocation.released is not None or allocation.targets:
            raise Violation(f"at seq {at.seq} {event['address']} is released twice, or pointed at")
        allocation.released = at.seq
        allocation.waits_for = set(event["waits_for"])
        allocation.until_ms = parse_time(event["drain_until"])
        allocation.until_deadline = event["until_deadline"]
        unwilling = self._bound_to(allocation.instance) - allocation.waits_for
        if unwilling & set(self.owners.epochs):
            raise Violation(f"at seq {at.seq} {event['address']} does not wait for {sorted(unwilling)}")
        self.quotas.count("fixed_ips", allocation.project, -1)

    def _bound_to(self, instance: str) -> set[str]:
        host = self.holders.held.get(("binding", instance))
        return set() if host is None else {host}

    def _freed(self, at: Decision, event: Event) -> None:
        allocation = self._allocations.pop(event["allocation_id"])
        if allocation.released is None:
            raise Violation(f"at seq {at.seq} {event['address']} is free, but was not released")
        match event["reason"]:
            case "timeout":
                early = at.time_ms < allocation.until_ms
            case "network_deleted":
                early = False
            case _:
                early = bool(allocation.waits_for) or allocation.until_deadline
        if early:
            raise Violation(
                f"at seq {at.seq} {event['address']} is free ({event['reason']}), but it is to wait for"
                f" {sorted(allocation.waits_for)} or until {allocation.until_ms}"
            )

    def _applied(self, at: Decision, event: Event) -> None:
        host, seq = event["host"], event["seq"]
        if reported(at.cause, host) < seq and (at.cause is not None or host not in self.owners.fenced):
            raise Violation(f"at seq {at.seq} {host} is said to have applied {seq}, which it did not say")
        for allocation in self._allocations.values():
            if allocation.released is not None and allocation.released <= seq:
                allocation.waits_for.discard(host)

    def _address_reserved(self, _: Decision, event: Event) -> None:
        self._reserved.add((event["network_id"], event["address"]))

    def _address_unreserved(self, _: Decision, event: Event) -> None:
        self._reserved.remove((event["network_id"], event["address"]))

    # --- Floating IPs ---------------------------------------------------------------------------------------

    def _pool_grows(self, at: Decision, event: Event) -> None:
        added = _addresses(event)
        if added & self._pools:
            raise Violation(f"at seq {at.seq} {sorted(added & self._pools)} are in a pool already")
        self._pools |= added

    def _pool_shrinks(self, at: Decision, event: Event) -> None:
        gone = _addresses(event)
        if gone - self._pools or gone & set(self._floating):
            raise Violation(f"at seq {at.seq} floating IPs are deleted that do not exist or are somebody's")
        self._pools -= gone

    def _floating_allocated(self, at: Decision, event: Event) -> None:
        if event["address"] not in self._pools:
            raise Violation(f"at seq {at.seq} floating IP {event['address']} of no pool is allocated")
        self._floating[event["address"]] = event
        self.quotas.count("floating_ips", None if event["auto_assigned"] else event["project_id"], 1)

    def _floating_released(self, at: Decision, event: Event) -> None:
        if ("floating IP's target", event["address"]) in self.holders.held:
            raise Violation(f"at seq {at.seq} floating IP {event['address']} is released while it points")
        was = self._floating.pop(event["address"])
        self.quotas.count("floating_ips", None if was["auto_assigned"] else was["project_id"], -1)

    def _floating_associated(self, at: Decision, event: Event) -> None:
        target = self._allocations.get(event["allocation_id"])
        if target is None or target.released is not None:
            raise Violation(f"at seq {at.seq} floating IP {event['address']} points at what nobody holds")
        if target.project != self._floating[event["address"]]["project_id"]:
            raise Violation(f"at seq {at.seq} floating IP {event['address']} points into another project")
        target.targets += 1

    def _floating_disassociated(self, _: Decision, event: Event) -> None:
        self._allocations[event["allocation_id"]].targets -= 1

    # --- Bindings -------------------------------------------------------------------------------------------

    def _spawned(self, _: Decision, event: Event) -> None:
        self._epochs[event["instance_uuid"]] = 1

    def _bound(self, at: Decision, event: Event) -> None:
        self._epochs[event["instance_uuid"]] += 1
        self._in_its_epoch(at, event)

    def _unbound(self, at: Decision, event: Event) -> None:
        self._in_its_epoch(at, event)

    def _in_its_epoch(self, at: Decision, event: Event) -> None:
        epoch = self._epochs[event["instance_uuid"]]
        if event["epoch"] != epoch:
            raise Violation(f"at seq {at.seq} a binding is changed in epoch {event['epoch']}, not {epoch}")

    # --- What was folded ------------------------------------------------------------------------------------

    def agrees(self, state: CellState) -> None:
        """Compare the end with what the code under test folded.

        Raises:
            Violation: they differ.

        """
        held = self.holders.held
        mine = {
            "addresses": {thing[1:]: holder for thing, holder in held.items() if thing[0] == "address"},
            "MACs": {thing[1]: holder for thing, holder in held.items() if thing[0] == "MAC"},
            "bindings": {thing[1]: holder for thing, holder in held.items() if thing[0] == "binding"},
            "projects": {key: one for key, one in self._projects.items() if one is not None},
            "owners": {key: (one.owner, one.leaving) for key, one in self.owners.networks.items()},
            "floating IPs": {address: event["project_id"] for address, event in self._floating.items()},
            "usage": {account: used for account, used in self.quotas.used.items() if used},
            "reserved": self._reserved,
        }
        for what, theirs in _folded(state).items():
            if mine[what] != theirs:
                raise Violation(f"{what} are {mine[what]} by the records, but were folded to {theirs}")


def _addresses(event: Event) -> set[str]:
    first, last = int(IPv4Address(event["first"])), int(IPv4Address(event["last"]))
    return {str(IPv4Address(number)) for number in range(first, last + 1)}


def _folded(state: CellState) -> dict[str, Any]:
    """Return what a state says of the same, in the same texts."""
    addresses = {(one.network_id, ipv4_text(one.address)): one.id for one in state.allocations.values()}
    for network_id, network in state.networks.items():
        for claimed in network.host_addresses.values():
            addresses[network_id, ipv4_text(claimed.address)] = claimed.id
    return {
        "addresses": addresses,
        "MACs": {mac_text(mac): vif_id for mac, vif_id in state.macs.items()},
        "bindings": {one.uuid: one.host for one in state.instances.values() if one.host is not None},
        "projects": {key: one.project_id for key, one in state.networks.items() if one.project_id},
        "owners": {key: (one.host, one.leaving) for key, one in state.networks.items()},
        "floating IPs": {ipv4_text(address): one.project_id for address, one in state.floating_ips.items()},
        "usage": {
            (resource, project): used
            for resource, projects in state.usage.items()
            for project, used in projects.items()
        },
        "reserved": {
            (key, ipv4_text(address)) for key, one in state.networks.items() for address in one.pool.reserved
        },
    }
