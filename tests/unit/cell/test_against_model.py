"""Random histories, decided by the cell and by an obvious model: same answers, same rows, same order."""

from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from events.model import Actor
from events.quotas import Resource
from projections.cell.state import Rules
from tests.unit.cell.compared import Compared
from tests.unit.cell.few_macs import mac_text
from tests.unit.wishes import (
    ADMIN,
    ANN,
    BOB,
    add_ip,
    add_network,
    applied,
    associate,
    claim,
    create,
    delete,
    delete_network,
    disassociate,
    floating_allocate,
    floating_create,
    floating_delete,
    floating_release,
    lease,
    modify,
    nic,
    quota,
    register,
    release,
    remove_ip,
    reserve,
    spawn,
    uid,
    unreserve,
)

RULES = Rules(
    fixed_ip_disassociate_timeout=60,
    create_unique_mac_address_attempts=2,
    quota_fixed_ips=5,
    quota_floating_ips=2,
)

NETWORKS: dict[str, dict[str, Any]] = {
    "open": {"cidr": "10.0.0.0/29"},
    "red": {"cidr": "10.0.0.8/29", "project_id": "red"},
    "blue": {"cidr": "10.0.0.8/29", "project_id": "blue"},
    "far": {"cidr": "10.0.0.16/29", "physical_network": "rack2"},
    "flat": {"cidr": "10.0.0.24/29", "kind": "flat"},
    "over": {"cidr": "10.0.0.0/28"},
    "any": {"cidr": "10.0.0.0/27", "network_size": 8},
    "v1": {"cidr": "10.0.0.64/29", "kind": "vlan", "vlan": 100, "bridge_interface": "eth1"},
    "v2": {"cidr": "10.0.0.72/29", "kind": "vlan", "vlan": 101, "bridge_interface": "eth1"},
    "part": {"cidr": "10.0.0.32/27", "fixed_cidr": "10.0.0.40/29"},
}
"""The third shares the second's addresses; the sixth overlaps those; the seventh takes what is free."""

ACTORS = st.sampled_from([ADMIN, ADMIN, ANN, ANN, BOB])
OWNERS = st.sampled_from([ANN, ANN, ANN, BOB, ADMIN])
NAMES = st.sampled_from([*NETWORKS, "open", "red", "blue"])
HOSTS = st.sampled_from(["h1", "h2", "h3"])
VM_NAMES = [f"vm{number}" for number in range(6)]
VMS = st.sampled_from(VM_NAMES)
FIXED = st.integers(0, 47).map(lambda last: f"10.0.0.{last}")
FLOATING = st.sampled_from([1, 1, 1, 2, 2, 3, 4, 6, 7]).map(lambda last: f"192.0.2.{last}")

RANGES = st.sampled_from(["192.0.2.0/29", "192.0.2.0/30", "192.0.2.4", "192.0.2.6", "192.0.2.2"])
SELDOM = st.sampled_from([False, False, False, True])


class Histories(Compared):
    """Anything may happen next."""

    settled: ClassVar[Rules] = RULES

    @initialize(names=st.sampled_from([["open"], ["open"], ["v1", "v2"]]))
    def some_history(self, names: list[str]) -> None:
        """Begin where something can happen: a network for all, or some for whoever comes first."""
        for name in names:
            self.send(create(name, **NETWORKS[name]))
        for message in (register("h1"), floating_create("192.0.2.0/30")):
            self.send(message)

    @rule(name=NAMES, actor=ACTORS)
    def create_network(self, name: str, actor: Actor) -> None:
        """Create one of the networks."""
        self.send(create(name, actor=actor, **NETWORKS[name]))

    @rule(name=NAMES, actor=ACTORS, require=st.booleans())
    def delete_network(self, name: str, actor: Actor, require: bool) -> None:  # noqa: FBT001 - hypothesis passes it
        """Delete one of the networks."""
        self.send(delete_network(name, actor, require_disassociated=require))

    @rule(
        name=NAMES,
        actor=ACTORS,
        project=st.sampled_from([None, "red", "red", "blue"]),
        overwrite=st.booleans(),
    )
    def modify_network(self, name: str, actor: Actor, project: str | None, overwrite: bool) -> None:  # noqa: FBT001 - hypothesis passes it
        """Give one of the networks to a project, or take it away."""
        free = project is None
        self.send(modify(name, actor, project_id=project, disassociate_project=free, overwrite=overwrite))

    @rule(name=st.none() | NAMES, actor=ACTORS, project=st.sampled_from(["red", "blue"]))
    def add_network(self, name: str | None, actor: Actor, project: str) -> None:
        """Ask for a VLAN network."""
        self.send(add_network(project, name, actor))

    @rule(
        project=st.sampled_from(["red", "blue"]),
        actor=ACTORS,
        fixed=st.none() | st.integers(-1, 8),
        floating=st.none() | st.integers(-1, 3),
    )
    def set_quota(self, project: str, actor: Actor, fixed: int | None, floating: int | None) -> None:
        """Set limits of a project, or take them away."""
        wanted: dict[Resource, int | None] = {"fixed_ips": fixed, "floating_ips": floating}
        reset = tuple(name for name, limit in wanted.items() if limit is None)
        limits = {name: limit for name, limit in wanted.items() if limit is not None}
        self.send(quota(project, actor).model_copy(update={"limits": limits, "reset": reset}))

    @rule(host=HOSTS, reaches=st.sampled_from([("default",), ("default", "rack2"), ("rack2",)]))
    def register(self, host: str, reaches: tuple[str, ...]) -> None:
        """Register a host; the third hardly ever."""
        self.send(register(host if host != "h3" or len(reaches) > 1 else "h1", *reaches))

    @rule(host=HOSTS, name=NAMES)
    def claim(self, host: str, name: str) -> None:
        """Claim a network."""
        self.send(claim(host, name))

    @rule(
        vm=VMS,
        nics=st.none() | st.lists(st.tuples(NAMES, st.none() | FIXED), max_size=3),
        actor=OWNERS,
        project=st.sampled_from(["red", "red", "blue"]),
        host=HOSTS,
        macs=st.none() | st.none() | st.lists(st.integers(0, 9).map(mac_text), max_size=4),
        words=st.tuples(SELDOM, SELDOM),
    )
    def spawn(
        self,
        vm: str,
        nics: list[tuple[str, str | None]] | None,
        actor: Actor,
        project: str,
        host: str,
        macs: list[str] | None,
        words: tuple[bool, bool],
    ) -> None:
        """Spawn an instance on any networks, with any addresses and MACs."""
        wanted = None if nics is None else tuple(nic(name, address) for name, address in nics)
        auto, vpn = words
        wish = spawn(vm, actor=actor, project=project, host=host, macs=macs, auto_allocate=auto, vpn=vpn)
        self.send(wish.model_copy(update={"requested_networks": wanted}))

    @rule(data=st.data())
    def add_taken_ip(self, data: st.DataObject) -> None:
        """Ask for an address that another instance has, or has had lately."""
        held = [(net.key, row.address) for net, row in self.model.rows() if row.held]
        if held:
            key, address = data.draw(st.sampled_from(held))
            wish = add_ip(data.draw(VMS), "any", address, ADMIN)
            self.send(wish.model_copy(update={"network_id": key}))

    @rule(vm=VMS)
    def spawn_simply(self, vm: str) -> None:
        """Spawn an instance on the network that is nearly always there."""
        self.send(spawn(vm, nic("open"), host="h1"))

    @rule(vm=VMS, of=st.sampled_from([(ANN, "red"), (BOB, "blue")]))
    def spawn_anywhere(self, vm: str, of: tuple[Actor, str]) -> None:
        """Spawn an instance on whatever its project sees, or gets."""
        self.send(spawn(vm, actor=of[0], project=of[1], host="h1"))

    @rule(vm=VMS, actor=OWNERS)
    def delete(self, vm: str, actor: Actor) -> None:
        """Delete an instance."""
        self.send(delete(vm, actor))

    @rule(vm=VMS, name=NAMES, address=st.none() | FIXED, actor=OWNERS)
    def add_ip(self, vm: str, name: str, address: str | None, actor: Actor) -> None:
        """Give an instance another address."""
        self.send(add_ip(vm, name, address, actor))

    @rule(vm=VMS, address=FIXED, actor=OWNERS)
    def remove_ip(self, vm: str, address: str, actor: Actor) -> None:
        """Take any address from an instance."""
        self.send(remove_ip(vm, address, actor))

    @rule(data=st.data())
    def remove_ip_rightly(self, data: st.DataObject) -> None:
        """Take an address from the instance that has it."""
        held = [
            (vm, row.address) for _, row in self.model.rows() for vm in VM_NAMES if row.instance == uid(vm)
        ]
        if held:
            self.send(remove_ip(*data.draw(st.sampled_from(held)), ADMIN))

    @rule(address=FIXED, actor=ACTORS, keep=st.booleans())
    def reserve(self, address: str, actor: Actor, keep: bool) -> None:  # noqa: FBT001 - hypothesis passes it
        """Reserve an address, or let it go."""
        self.send((reserve if keep else unreserve)(address, actor))

    @rule(data=st.data())
    def unreserve_rightly(self, data: st.DataObject) -> None:
        """Let a reserved address go."""
        kept = [(net.key, row.address) for net, row in self.model.rows() if row.reserved]
        if kept:
            key, address = data.draw(st.sampled_from(kept))
            self.send(unreserve(address, ADMIN).model_copy(update={"network_id": key}))

    @rule(host=HOSTS, behind=st.integers(-1, 6))
    def applied(self, host: str, behind: int) -> None:
        """Report a position, seldom one that is not there yet."""
        self.send(applied(host, max(self.cell.state.seq - behind, 0)))

    @rule(host=HOSTS, address=FIXED, mac=st.integers(0, 9), name=NAMES, begins=st.booleans())
    def lease(self, host: str, address: str, mac: int, name: str, begins: bool) -> None:  # noqa: FBT001 - likewise
        """Report a lease, mostly a wrong one."""
        self.send((lease if begins else release)(host, address, mac_text(mac), name))

    @rule(data=st.data(), begins=st.booleans())
    def lease_rightly(self, data: st.DataObject, begins: bool) -> None:  # noqa: FBT001 - likewise
        """Report a lease that there is, if there is one."""
        held = [
            (net.host, row.address, row.mac, name)
            for name in NETWORKS
            if (net := self.model.nets.get(uid(name))) is not None and net.host is not None
            for row in net.rows
            if row.mac
        ]
        if held:
            host, address, mac, name = data.draw(st.sampled_from(held))
            self.send((lease if begins else release)(str(host), address, mac_text(mac & 0xFFFFFF), name))

    @rule(ip_range=RANGES, actor=ACTORS, pool=st.sampled_from(["nova", "nova", "dmz"]))
    def create_floating(self, ip_range: str, actor: Actor, pool: str) -> None:
        """Create floating addresses, before and behind others of the pool."""
        self.send(floating_create(ip_range, actor=actor, pool=pool))

    @rule(ip_range=RANGES, actor=ACTORS, force=st.sampled_from([False, False, True]))
    def delete_floating(self, ip_range: str, actor: Actor, force: bool) -> None:  # noqa: FBT001 - hypothesis passes it
        """Delete floating addresses, parts of ranges too."""
        self.send(floating_delete(ip_range, actor=actor, force=force))

    @rule(
        actor=OWNERS,
        project=st.sampled_from(["red", "red", "blue"]),
        pool=st.sampled_from(["nova", "nova", "dmz"]),
        auto=SELDOM,
    )
    def allocate_floating(self, actor: Actor, project: str, pool: str, auto: bool) -> None:  # noqa: FBT001 - likewise
        """Allocate a floating address."""
        self.send(floating_allocate(actor, project, pool, auto_assigned=auto))

    @rule(floating=FLOATING, fixed=FIXED, actor=OWNERS, name=st.none() | NAMES)
    def associate(self, floating: str, fixed: str, actor: Actor, name: str | None) -> None:
        """Point a floating address at any fixed one."""
        self.send(associate(floating, fixed, actor, name))

    @rule(data=st.data())
    def associate_rightly(self, data: st.DataObject) -> None:
        """Point a floating address at a fixed one that is held."""
        owned = [one.address for one in self.model.floatings if one.project is not None]
        held = [row.address for _, row in self.model.rows() if row.instance is not None]
        if owned and held:
            floating, fixed = data.draw(st.sampled_from(owned)), data.draw(st.sampled_from(held))
            self.send(associate(floating, fixed, ADMIN, affect_auto_assigned=data.draw(st.booleans())))

    @rule(data=st.data(), auto=SELDOM)
    def disassociate_rightly(self, data: st.DataObject, auto: bool) -> None:  # noqa: FBT001 - likewise
        """Take a floating address from the fixed one that has it."""
        pointing = [one.address for one in self.model.floatings if one.target is not None]
        if pointing:
            floating = data.draw(st.sampled_from(pointing))
            self.send(disassociate(floating, ADMIN, affect_auto_assigned=auto))

    @rule(floating=FLOATING, actor=OWNERS, auto=SELDOM)
    def disassociate(self, floating: str, actor: Actor, auto: bool) -> None:  # noqa: FBT001 - likewise
        """Point a floating address at nothing."""
        self.send(disassociate(floating, actor, affect_auto_assigned=auto))

    @rule(data=st.data())
    def release_owned_floating(self, data: st.DataObject) -> None:
        """Give a floating address back that a project owns, one rather that points somewhere."""
        owned = [one for one in self.model.floatings if one.project is not None]
        pointing = [one for one in owned if one.target is not None]
        if owned:
            self.send(floating_release(data.draw(st.sampled_from(pointing or owned)).address, ADMIN))

    @rule(floating=FLOATING, actor=OWNERS, auto=SELDOM)
    def release_floating(self, floating: str, actor: Actor, auto: bool) -> None:  # noqa: FBT001 - likewise
        """Give a floating address back."""
        self.send(floating_release(floating, actor, affect_auto_assigned=auto))

    @rule(seconds=st.sampled_from([0, 1, 30, 59, 60, 61]))
    def time_passes(self, seconds: int) -> None:
        """Let time pass, and what it brings about."""
        self.wait(seconds)


Histories.TestCase.settings = settings(
    max_examples=120,
    stateful_step_count=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestHistories = pytest.mark.slow(Histories.TestCase)
"""Some eight thousand steps; `--hypothesis-seed` replays them."""
