"""What no ledger may say: a reader that meets it stops, because a bug wrote it (design section 5)."""

from typing import Any

import pytest

from events.errors import InvariantBroken
from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpLeased
from events.hosts import HostApplied
from events.instances import InstanceDeleted, InstanceSpawned, MacGenerated, VifCreated, VifDeleted
from events.model import Event
from events.networks import NetworkClaimed, NetworkCreated, NetworkDeleted
from projections.cell.apply import apply_decision
from tests.unit.given import Scenario, given
from tests.unit.wishes import associate, create, floating_allocate, floating_create, nic, register, spawn, uid


def running() -> Scenario:
    """Return a cell with a network, a registered host and an instance that has 10.0.0.2 and a floating IP."""
    return given(
        create(),
        register(),
        spawn("vm", nic()),
        floating_create("192.0.2.0/29"),
        floating_allocate(),
        associate("192.0.2.1", "10.0.0.2"),
    )


class Bad:
    """Events that are right but for one thing, made from those of a running cell."""

    def __init__(self) -> None:
        """Take the events of `running`."""
        scenario = given(register())
        self.network = scenario.when(create()).of(NetworkCreated)[0]
        spawned = scenario.when(spawn("vm", nic()))
        self.instance = spawned.of(InstanceSpawned)[0]
        self.mac = spawned.of(MacGenerated)[0]
        self.vif = spawned.of(VifCreated)[0]
        self.address = spawned.of(FixedIpAllocated)[0]

    def but(self, event: Event, **fields: Any) -> Event:  # noqa: ANN401 - any field of any event
        """Return the event with other values."""
        return event.model_copy(update=fields)


BAD = Bad()
OTHER_NETWORK = {"network_id": uid("other"), "bridge": "br9"}
OTHER_BLOCK = {"cidr": "10.1.0.0/24", "reserved": ()}

BROKEN: dict[str, Event] = {
    "a network is created twice": BAD.but(BAD.network, **OTHER_BLOCK, bridge="br9"),
    "two networks have one bridge": BAD.but(BAD.network, **OTHER_BLOCK, network_id=uid("other")),
    "two networks overlap": BAD.but(BAD.network, **OTHER_NETWORK),
    "a block is no block": BAD.but(BAD.network, **OTHER_NETWORK, cidr="everything"),
    "an unknown network is deleted": NetworkDeleted(network_id=uid("other")),
    "a network in use is deleted": NetworkDeleted(network_id=uid("net")),
    "an unknown network is claimed": NetworkClaimed(network_id=uid("other"), host="h1", epoch=1),
    "an owner's epoch is skipped": NetworkClaimed(network_id=uid("net"), host="h1", epoch=2),
    "an unregistered host applies": HostApplied(host="h9", seq=1),
    "an instance is spawned twice": BAD.instance,
    "two live NICs have one MAC": BAD.but(BAD.mac, vif_id=uid("vif")),
    "a NIC takes another's MAC": BAD.but(BAD.vif, vif_id=uid("vif")),
    "a NIC of no instance": BAD.but(
        BAD.vif, vif_id=uid("vif"), mac="fa:16:3e:00:00:01", instance_uuid=uid("x")
    ),
    "a NIC on no network": BAD.but(BAD.vif, vif_id=uid("vif"), mac="fa:16:3e:00:00:01", network_id=uid("x")),
    "a NIC has a MAC that is none": BAD.but(BAD.vif, vif_id=uid("vif"), mac="fa:16:xx"),
    "an allocation is made twice": BAD.but(BAD.address, address="10.0.0.3"),
    "an address has two holders": BAD.but(BAD.address, allocation_id=uid("a")),
    "an address outside its network": BAD.but(BAD.address, allocation_id=uid("a"), address="10.0.1.2"),
    "a reserved address is allocated": BAD.but(BAD.address, allocation_id=uid("a"), address="10.0.0.1"),
    "an address is no address": BAD.but(BAD.address, allocation_id=uid("a"), address="10.0.0.x"),
    "an address for no NIC": BAD.but(
        BAD.address, allocation_id=uid("a"), address="10.0.0.3", vif_id=uid("x")
    ),
    "a released address points somewhere": FixedIpDeallocated(
        allocation_id=BAD.address.allocation_id,
        network_id=uid("net"),
        address="10.0.0.2",
        instance_uuid=uid("vm"),
        host="h1",
        waits_for=(),
        drain_until="2026-01-01T00:00:00.000Z",
        until_deadline=False,
    ),
    "an unknown allocation is leased": FixedIpLeased(
        allocation_id=uid("x"), network_id=uid("net"), address="10.0.0.2", mac=BAD.mac.mac, host="h1"
    ),
    "a NIC with an address is deleted": VifDeleted(
        vif_id=BAD.vif.vif_id, mac=BAD.mac.mac, instance_uuid=uid("vm"), network_id=uid("net"), host="h1"
    ),
    "an instance with NICs is deleted": InstanceDeleted(
        instance_uuid=uid("vm"), project_id="red", host="h1", security_groups=()
    ),
    "an unknown instance is deleted": InstanceDeleted(
        instance_uuid=uid("x"), project_id="red", host="h1", security_groups=()
    ),
}


@pytest.mark.parametrize("event", BROKEN.values(), ids=BROKEN)
def test_a_broken_invariant_stops_the_reader(event: Event) -> None:
    """Whatever the cause, it is one error that says which decision it was and what is wrong with it."""
    state = running().state

    with pytest.raises(InvariantBroken, match=rf"^decision {state.seq + 1}\b"):
        apply_decision(state, state.seq + 1, state.time_ms, None, (event,))


@pytest.mark.parametrize(("step", "later_ms"), [(0, 0), (2, 0), (1, -1)])
def test_decisions_follow_one_another_in_number_and_time(step: int, later_ms: int) -> None:
    """The seq is gap-free and time never goes back."""
    state = running().state

    with pytest.raises(InvariantBroken, match="cannot follow"):
        apply_decision(state, state.seq + step, state.time_ms + later_ms, None, ())
