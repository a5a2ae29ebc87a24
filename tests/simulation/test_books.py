"""Each sentence that the books hold records to: what breaks it is told, and what does not is let pass."""

from typing import Any

import pytest

from projections.cell.state import Rules
from tests.simulation.books import Books, Decision
from tests.simulation.violation import Violation

Event = dict[str, Any]

DRAINS_UNTIL = "2026-01-01T00:10:00.000Z"
EARLY_MS, LATE_MS = 0, 1 << 42


def event(kind: str, /, **fields: object) -> Event:
    """Return an event as it is read from a record."""
    return {"type": f"{kind}.v1", **fields}


def network(name: str = "net", **fields: object) -> Event:
    """Return a network of five addresses that nobody owns."""
    plan = {"cidr": "10.0.0.0/29", "kind": "flatdhcp", "vlan": None, "vpn_private_address": None}
    reserved = [{"first": "10.0.0.0", "last": "10.0.0.1"}, {"first": "10.0.0.7", "last": "10.0.0.7"}]
    return event(
        "NetworkCreated", **{"network_id": name, "project_id": None, "reserved": reserved, **plan, **fields}
    )


def spawned(name: str, host: str | None = "h1", project: str = "red") -> Event:
    """Return an instance without NICs."""
    groups = [f"default of {project}"]
    return event("InstanceSpawned", instance_uuid=name, host=host, project_id=project, security_groups=groups)


def nic(name: str, mac: str, of: str = "vm", on: str = "net", address_v6: str | None = None) -> Event:
    """Return a NIC of an instance."""
    return event("VifCreated", vif_id=name, mac=mac, instance_uuid=of, network_id=on, address_v6=address_v6)


def allocated(
    name: str, address: str, of: str = "vm", vif: str = "eth", mac: str = "m1", **fields: object
) -> Event:
    """Return an address of a NIC."""
    asked = {"network_id": "net", "project_id": "red", **fields}
    return event(
        "FixedIpAllocated",
        allocation_id=name,
        address=address,
        instance_uuid=of,
        vif_id=vif,
        mac=mac,
        **asked,
    )


def released(name: str, address: str, *waits_for: str, until_deadline: bool = False) -> Event:
    """Return that an address drains."""
    until = {"drain_until": DRAINS_UNTIL, "until_deadline": until_deadline}
    return event(
        "FixedIpDeallocated", allocation_id=name, address=address, waits_for=list(waits_for), **until
    )


def freed(name: str, address: str, reason: str) -> Event:
    """Return that an address is free."""
    return event("FixedIpDisassociated", allocation_id=name, network_id="net", address=address, reason=reason)


def owned(host: str, epoch: int, kind: str = "NetworkClaimed") -> Event:
    """Return that a host owns the network."""
    return event(kind, network_id="net", host=host, epoch=epoch)


def disowned(host: str, reason: str) -> Event:
    """Return that a host owns the network no longer."""
    return event("NetworkHostReleased", network_id="net", host=host, reason=reason)


def let_go(host: str, reason: str) -> Event:
    """Return that a host is known to serve the network no longer."""
    return event("NetworkHostLetGo", network_id="net", host=host, reason=reason)


def floating(kind: str, address: str = "192.0.2.1", **fields: object) -> Event:
    """Return something about a floating IP."""
    return event(f"FloatingIp{kind}", address=address, **fields)


def pool(kind: str = "Created") -> Event:
    """Return a range of two floating IPs, or its end."""
    return event(f"FloatingIps{kind}", first="192.0.2.1", last="192.0.2.2")


def applied(host: str, seq: int) -> Event:
    """Return that a host has let go."""
    return event("HostApplied", host=host, seq=seq)


def report(host: str, seq: int) -> Event:
    """Return the report of a host on how far it is."""
    return {"type": "ReportApplied.v1", "host": host, "seq": seq}


MINE = floating("Allocated", project_id="red", auto_assigned=False)
POINTS = floating("Associated", allocation_id="a1", project_id="red")
FENCED = event("HostFenced", host="h1", epoch=1)
BEGIN: list[Event] = [
    *(event("HostRegistered", host=host, epoch=1) for host in ("h1", "h2")),
    *(network(), owned("h1", 1), spawned("vm"), nic("eth", "m1"), allocated("a1", "10.0.0.2"), pool()),
]
"""Two hosts, a network of the first, an instance there with an address, and two floating IPs."""

GOOD: dict[str, list[Event]] = {
    "a second address": [allocated("a2", "10.0.0.3")],
    "an address again": [
        released("a1", "10.0.0.2", "h1"),
        freed("a1", "10.0.0.2", "timeout"),
        allocated("a2", "10.0.0.2"),
    ],
    "an address by move": [
        event("InstanceUnbound", instance_uuid="vm", host="h1", epoch=1),
        event("InstanceBound", instance_uuid="vm", host="h2", epoch=2),
    ],
    "a takeover": [FENCED, disowned("h1", "fenced"), owned("h2", 2)],
    "by hand": [disowned("h1", "assigned"), let_go("h1", "timeout"), owned("h2", 2, "NetworkHostAssigned")],
    "its own again": [disowned("h1", "disassociated"), owned("h1", 2)],
    "a floating IP": [MINE, POINTS],
}

BAD: dict[str, tuple[str, list[Event]]] = {
    "two hold an address": ("goes to a2", [allocated("a2", "10.0.0.2")]),
    "a host holds an instance's address": (
        "goes to a2",
        [event("HostAddressClaimed", allocation_id="a2", network_id="net", host="h1", address="10.0.0.2")],
    ),
    "an address of the network itself": ("keeps or has not", [allocated("a2", "10.0.0.1")]),
    "an address of elsewhere": ("keeps or has not", [allocated("a2", "10.0.0.9")]),
    "a reserved address": (
        "which is reserved",
        [event("FixedIpReserved", network_id="net", address="10.0.0.3"), allocated("a2", "10.0.0.3")],
    ),
    "an address of another project's network": (
        "of a network of blue",
        [event("NetworkProjectAssigned", network_id="net", project_id="blue"), allocated("a2", "10.0.0.3")],
    ),
    "an address for another's NIC": ("does not have", [spawned("vm2"), allocated("a2", "10.0.0.3", "vm2")]),
    "two NICs with one MAC": ("goes to eth2", [spawned("vm2"), nic("eth2", "m1", "vm2")]),
    "two NICs with one IPv6 address": (
        "goes to eth2",
        [nic("eth2", "m2", "vm2", address_v6="fe80::1"), nic("eth2", "m3", "vm3", address_v6="fe80::1")],
    ),
    "two NICs of one instance on a network": ("goes to eth2", [nic("eth2", "m2")]),
    "an instance twice": ("goes to red", [spawned("vm", "h2")]),
    "two hosts have an instance": (
        "goes to h2",
        [event("InstanceBound", instance_uuid="vm", host="h2", epoch=2)],
    ),
    "a host that has not lets go": (
        "does not hold it",
        [event("InstanceUnbound", instance_uuid="vm", host="h2", epoch=1)],
    ),
    "a binding skips an epoch": (
        "in epoch 3, not 2",
        [
            event("InstanceUnbound", instance_uuid="vm", host="h1", epoch=1),
            event("InstanceBound", instance_uuid="vm", host="h2", epoch=3),
        ],
    ),
    "two own a network": ("gets a network of h1", [owned("h2", 2)]),
    "an owner before the last one let go": (
        "gets a network of h1",
        [disowned("h1", "assigned"), owned("h2", 2, "NetworkHostAssigned")],
    ),
    "a fence that is none": ("is not fenced", [disowned("h1", "fenced")]),
    "a fenced owner": ("is fenced or unknown", [FENCED, disowned("h1", "fenced"), owned("h1", 2)]),
    "an owner in an old epoch": ("epoch 1 of", [FENCED, disowned("h1", "fenced"), owned("h2", 1)]),
    "a network that is not let go": ("not asked for", [let_go("h1", "timeout")]),
    "a network let go unsaid": ("did not say so", [disowned("h1", "assigned"), let_go("h1", "applied")]),
    "back in the same epoch": ("is back in epoch 1", [FENCED, event("HostRegistered", host="h1", epoch=1)]),
    "one VLAN for two networks": ("('VLAN', '7')", [network("n2", vlan=7), network("n3", vlan=7)]),
    "a network deleted with addresses": ("still held by a1", [event("NetworkDeleted", network_id="net")]),
    "free without a release": ("was not released", [freed("a1", "10.0.0.2", "timeout")]),
    "free before its host let go": (
        "it is to wait for",
        [released("a1", "10.0.0.2", "h1"), freed("a1", "10.0.0.2", "applied")],
    ),
    "free though it waits for its deadline": (
        "it is to wait for",
        [
            released("a1", "10.0.0.2", "h1", until_deadline=True),
            FENCED,
            applied("h1", 2),
            freed("a1", "10.0.0.2", "applied"),
        ],
    ),
    "a release that waits for nobody": ("does not wait for", [released("a1", "10.0.0.2")]),
    "a release while a floating IP points there": (
        "pointed at",
        [MINE, POINTS, released("a1", "10.0.0.2", "h1")],
    ),
    "a report that nobody made": ("did not say", [applied("h2", 9)]),
    "a floating IP of two": (
        "goes to blue",
        [MINE, floating("Allocated", project_id="blue", auto_assigned=False)],
    ),
    "a floating IP of no pool": (
        "of no pool",
        [floating("Allocated", "192.0.2.9", project_id="red", auto_assigned=False)],
    ),
    "a floating IP that points twice": ("floating IP's target", [MINE, POINTS, POINTS]),
    "a floating IP that points at nothing": (
        "nobody holds",
        [MINE, floating("Associated", allocation_id="a9", project_id="red")],
    ),
    "a floating IP into another project": (
        "another project",
        [
            floating("Allocated", project_id="blue", auto_assigned=False),
            floating("Associated", allocation_id="a1", project_id="blue"),
        ],
    ),
    "a floating IP released while it points": (
        "while it points",
        [MINE, POINTS, floating("Released", project_id="red")],
    ),
    "a range in two pools": ("in a pool already", [pool()]),
    "a range deleted under its user": ("somebody's", [MINE, pool("Deleted")]),
    "one name twice": (
        "('name', 'web')",
        [event("DnsEntryCreated", name="web", address=one) for one in ("192.0.2.1", "192.0.2.2")],
    ),
    "a group deleted with members": (
        "a group is deleted",
        [
            event("SecurityGroupCreated", group_id="g", project_id="red"),
            event("InstanceSecurityGroupAdded", instance_uuid="vm", group_id="g", project_id="red"),
            event("SecurityGroupDeleted", group_id="g", project_id="red"),
        ],
    ),
    "more fixed IPs than may be": (
        "('fixed_ips', 'red') is 4",
        [allocated(f"b{at}", f"10.0.0.{at}") for at in (3, 4, 5)],
    ),
    "more floating IPs than may be": (
        "('floating_ips', 'red') is 2",
        [MINE, floating("Allocated", "192.0.2.2", project_id="red", auto_assigned=False)],
    ),
    "more networks than may be": (
        "('networks', 'red') is 2",
        [network(name, project_id="red") for name in ("n2", "n3")],
    ),
    "more than a limit of its own": (
        "('fixed_ips', 'red') is 2",
        [event("QuotaSet", project_id="red", resource="fixed_ips", limit=1), allocated("a2", "10.0.0.3")],
    ),
}

RULES = Rules(quota_fixed_ips=3, quota_floating_ips=1, enable_network_quota=True, quota_networks=1)


def books() -> Books:
    """Return the books of a cell in which something has begun."""
    begun = Books(RULES)
    begun.take(Decision(1, EARLY_MS, None), BEGIN)
    return begun


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_passes(name: str) -> None:
    """Nothing is told about what may be."""
    books().take(Decision(2, LATE_MS, None), GOOD[name])


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told(name: str) -> None:
    """A record that breaks a sentence is a violation, which says what it breaks."""
    says, events = BAD[name]
    with pytest.raises(Violation) as told:
        books().take(Decision(2, LATE_MS, None), events)
    assert says in str(told.value)


def test_an_address_is_free_once_its_host_says_so() -> None:
    """A report up to the release frees it, an earlier one does not, nor does a deadline that is to come."""
    early, late = books(), books()
    for each in (early, late):
        each.take(Decision(2, EARLY_MS, None), [released("a1", "10.0.0.2", "h1")])
    free = [freed("a1", "10.0.0.2", "applied")]
    late.take(Decision(3, EARLY_MS, report("h1", 2)), [applied("h1", 2), *free])
    with pytest.raises(Violation, match="it is to wait for"):
        early.take(Decision(3, EARLY_MS, report("h1", 1)), [applied("h1", 1), *free])
    with pytest.raises(Violation, match="it is to wait for"):
        books_draining().take(Decision(3, EARLY_MS, None), [freed("a1", "10.0.0.2", "timeout")])


def books_draining() -> Books:
    """Return books in which an address drains."""
    begun = books()
    begun.take(Decision(2, EARLY_MS, None), [released("a1", "10.0.0.2", "h1")])
    return begun


def test_a_lowered_limit_takes_nothing_away() -> None:
    """What a project has stays; only more of it is too much."""
    begun = books()
    begun.take(
        Decision(2, EARLY_MS, None), [event("QuotaSet", project_id="red", resource="fixed_ips", limit=0)]
    )
    with pytest.raises(Violation, match="but may be 0"):
        begun.take(Decision(3, EARLY_MS, None), [allocated("a2", "10.0.0.3")])


def test_a_network_let_go_by_timeout_needs_time_to_pass() -> None:
    """A command can tell that nobody waits any longer as little as a report of too early a position."""
    begun = books()
    begun.take(Decision(2, EARLY_MS, None), [disowned("h1", "assigned")])
    with pytest.raises(Violation, match="no time passed"):
        begun.take(Decision(3, EARLY_MS, report("h2", 2)), [let_go("h1", "timeout")])
    with pytest.raises(Violation, match="did not say so"):
        begun.take(Decision(4, EARLY_MS, report("h1", 1)), [let_go("h1", "applied")])
