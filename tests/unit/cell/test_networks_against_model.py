"""Random histories of networks that change hands: VLANs, IPv6, every host serving, hosts that fall silent."""

from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from events.catalog import AnyCommand
from events.ids import uuid7
from events.model import Actor
from projections.cell.host.fences import Silence
from projections.cell.state import Rules
from tests.unit.cell.compared import Compared
from tests.unit.cell.few_macs import draw_mac
from tests.unit.cell.network_menu import (
    ACTORS,
    ADDRESSES,
    MANY_HOSTS,
    NAMES,
    NONSENSE,
    OWNERS,
    PLACES,
    PROJECTS,
    SUPPLIED,
    foreign_mac,
)
from tests.unit.cell.test_against_model import HOSTS, SELDOM, VM_NAMES, Histories
from tests.unit.wishes import (
    ADMIN,
    add_ip,
    add_network,
    applied,
    bind,
    claim,
    create,
    delete,
    delete_network,
    lease,
    modify,
    nic,
    prepare,
    quota,
    register,
    release,
    remove_ip,
    reserve,
    set_host,
    spawn,
    uid,
    unbind,
    unreserve,
    vpn_change,
)


class NetworkHistories(Compared):
    """Anything may happen next to a network."""

    settled: ClassVar[Rules] = Rules(
        fixed_ip_disassociate_timeout=60,
        create_unique_mac_address_attempts=2,
        quota_fixed_ips=6,
        enable_network_quota=True,
        quota_networks=4,
        use_ipv6=True,
        ipv6_backend="account_identifier",
    )

    @initialize()
    def some_history(self) -> None:
        """Begin where something can happen."""
        for name in ("v1", "v2", "all", "dual", "red", "blue"):
            self.send(create(name, **PLACES[name]))
        for host, reaches in (("h1", ["default"]), ("h2", ["default", "rack2"]), ("h3", ["default"])):
            self.send(register(host, *reaches))

    def key(self, data: st.DataObject) -> str:
        """Return the id of a network that there is, of those too whose id was drawn; seldom of another."""
        return data.draw(st.sampled_from([*self.model.nets, *self.model.nets, uid("v3"), uid("flat")]))

    def absent(self, data: st.DataObject) -> str:
        """Return the name of an instance that there is not, seldom of one that there is."""
        names = [name for name in VM_NAMES if uid(name) not in self.model.vms]
        return data.draw(st.sampled_from([*names, *names, "vm0"]))

    def running(self, data: st.DataObject) -> str:
        """Return the name of an instance that there is, seldom of one that there is not."""
        names = [name for name in VM_NAMES if uid(name) in self.model.vms]
        return data.draw(st.sampled_from([*names, *names, "vm0"]))

    @rule(name=NAMES, actor=ACTORS)
    def create_network(self, name: str, actor: Actor) -> None:
        """Create one of the networks."""
        self.send(create(name, actor=actor, **PLACES[name]))

    @rule(nonsense=st.sampled_from(NONSENSE))
    def create_nonsense(self, nonsense: tuple[dict[str, Any], str, str]) -> None:
        """Ask for a network that cannot be."""
        fields, code, field = nonsense
        self.refuse(create("nonsense", **({"cidr": "10.9.0.0/24"} | fields)), code, field)

    @rule(data=st.data(), actor=ACTORS, require=st.booleans())
    def delete_network(self, data: st.DataObject, actor: Actor, require: bool) -> None:  # noqa: FBT001 - hypothesis passes it
        """Delete a network."""
        wish = delete_network("any", actor, require_disassociated=require)
        self.send(wish.model_copy(update={"network_id": self.key(data)}))

    @rule(data=st.data())
    def delete_network_rightly(self, data: st.DataObject) -> None:
        """Delete a network that no NIC is on."""
        used = {key for vm in self.model.vms.values() for key in vm.macs}
        unused = [key for key in self.model.nets if key not in used]
        if unused:
            wish = delete_network("any", ADMIN, require_disassociated=False)
            self.send(wish.model_copy(update={"network_id": data.draw(st.sampled_from(unused))}))

    @rule(name=st.sampled_from(["all", "all", "v1", "dual"]))
    def empty_and_delete(self, name: str) -> None:
        """Delete a network after all instances on it."""
        for vm in [one for one in VM_NAMES if uid(one) in self.model.vms]:
            if uid(name) in self.model.vms[uid(vm)].macs:
                self.send(delete(vm, ADMIN))
        self.send(delete_network(name, ADMIN, require_disassociated=False))

    @rule(
        data=st.data(),
        actor=ACTORS,
        project=st.sampled_from([None, None, "red", "blue"]),
        host=st.none() | HOSTS,
        away=st.tuples(SELDOM, SELDOM),
        overwrite=st.booleans(),
    )
    def modify_network(
        self,
        data: st.DataObject,
        actor: Actor,
        project: str | None,
        host: str | None,
        away: tuple[bool, bool],
        overwrite: bool,  # noqa: FBT001 - hypothesis passes it
    ) -> None:
        """Change whose a network is, or who serves it, or say something that makes no sense."""
        said = {"disassociate_project": away[0], "disassociate_host": away[1], "overwrite": overwrite}
        wish = modify("any", actor, project_id=project, host=host, **said)
        self.send(wish.model_copy(update={"network_id": self.key(data)}))

    @rule(data=st.data(), host=st.none() | HOSTS)
    def serve_rightly(self, data: st.DataObject, host: str | None) -> None:
        """Give a network to a host, or take it from the one that has it."""
        wish = modify("any", ADMIN, host=host, disassociate_host=host is None, overwrite=True)
        self.send(wish.model_copy(update={"network_id": self.key(data)}))

    @rule(data=st.data(), any_one=SELDOM, actor=ACTORS, project=PROJECTS)
    def add_network(self, data: st.DataObject, any_one: bool, actor: Actor, project: str) -> None:  # noqa: FBT001 - likewise
        """Give a project a VLAN network."""
        key = None if any_one else self.key(data)
        self.send(add_network(project, None, actor).model_copy(update={"network_id": key}))

    @rule(project=PROJECTS)
    def add_any_network(self, project: str) -> None:
        """Give a project the next VLAN network of nobody."""
        self.send(add_network(project, None, ADMIN))

    @rule(data=st.data())
    def take_network_away(self, data: st.DataObject) -> None:
        """Let a network belong to nobody."""
        wish = modify("any", ADMIN, disassociate_project=True)
        self.send(wish.model_copy(update={"network_id": self.key(data)}))

    @rule(project=PROJECTS, host=HOSTS, data=st.data())
    def spawn_anywhere(self, project: str, host: str, data: st.DataObject) -> None:
        """Spawn an instance on all networks that its project sees, on one more if it sees none."""
        self.send(spawn(self.absent(data), actor=ADMIN, project=project, host=host))

    @rule(project=PROJECTS, actor=ACTORS, port=st.sampled_from([1000, 1194]))
    def change_vpn(self, project: str, actor: Actor, port: int) -> None:
        """Let the VPN of a project be reached elsewhere."""
        self.send(vpn_change(project, port=port, actor=actor))

    @rule(limit=st.integers(0, 1), host=HOSTS, data=st.data())
    def spawn_beyond_quota(self, limit: int, host: str, data: st.DataObject) -> None:
        """Spawn an instance of a project that sees no network, and may have one or none."""
        self.send(quota("green", ADMIN, (), networks=limit))
        self.send(spawn(self.absent(data), actor=ADMIN, project="green", host=host))

    @rule(project=PROJECTS, actor=ACTORS, networks=st.none() | st.integers(-1, 3), resets=SELDOM)
    def set_quota(self, project: str, actor: Actor, networks: int | None, resets: bool) -> None:  # noqa: FBT001 - likewise
        """Limit a project's networks, or say something that makes no sense."""
        limits = {} if networks is None else {"networks": networks}
        self.send(quota(project, actor, ("networks",) if resets else (), **limits))

    @rule(
        host=HOSTS,
        reaches=st.sampled_from([("default",), ("default", "rack2"), ("rack2",)]),
        serves=st.sampled_from([True, True, True, False]),
        lease_s=st.sampled_from([30, 30, 60]),
    )
    def register(self, host: str, reaches: tuple[str, ...], serves: bool, lease_s: int) -> None:  # noqa: FBT001 - likewise
        """Register a host."""
        self.send(register(host, *reaches, network_host=serves, lease_s=lease_s))

    @rule(host=HOSTS, data=st.data(), any_one=st.booleans())
    def claim(self, host: str, data: st.DataObject, any_one: bool) -> None:  # noqa: FBT001 - likewise
        """Claim a network, or any."""
        key = None if any_one else self.key(data)
        self.send(claim(host, None).model_copy(update={"network_id": key}))

    @rule(data=st.data(), by_hand=st.booleans())
    def serve_what_meets(self, data: st.DataObject, by_hand: bool) -> None:  # noqa: FBT001 - likewise
        """Give a host a network that shares addresses with one that it serves, or is to let go of."""
        nets = list(self.model.nets.values())
        meeting = [
            (net.key, host)
            for net in nets
            for other in nets
            for host in (other.host, other.leaving)
            if net is not other and host is not None and net.shares(other)
        ]
        if meeting:
            key, host = data.draw(st.sampled_from(meeting))
            wish = modify("any", ADMIN, host=host, overwrite=True) if by_hand else claim(host, None)
            self.send(wish.model_copy(update={"network_id": key}))

    @rule(host=HOSTS)
    def one_heir_of_two(self, host: str) -> None:
        """Give a host two networks that share addresses, which others are to let go of first."""
        for name in ("red", "blue"):
            self.send(modify(name, ADMIN, host=host, overwrite=True))

    @rule(seconds=st.sampled_from([0, 0, 61]))
    def all_is_let_go(self, seconds: int) -> None:
        """Let so much time pass that no host serves what it was to let go of."""
        left = [net.key for net in self.model.nets.values() if net.leaving is not None]
        self.wait(seconds, Silence(leavings=tuple(left)))

    @rule(data=st.data(), actor=ACTORS)
    def set_host(self, data: st.DataObject, actor: Actor) -> None:
        """Have a network served, one rather that its host is still to let go of."""
        left = [key for key, net in self.model.nets.items() if net.leaving is not None]
        key = data.draw(st.sampled_from(left)) if left else self.key(data)
        self.send(set_host("any", actor).model_copy(update={"network_id": key}))

    @rule(host=HOSTS, behind=st.integers(-1, 6))
    def applied(self, host: str, behind: int) -> None:
        """Report a position, seldom one that is not there yet."""
        self.send(applied(host, max(self.cell.state.seq - behind, 0)))

    @rule(data=st.data(), seconds=st.sampled_from([0, 0, 30, 61]))
    def silence(self, data: st.DataObject, seconds: int) -> None:
        """Let time pass, in which some hosts were not heard."""
        known = sorted(self.model.hosts)
        fenced = [name for name in known if self.model.hosts[name].fenced]
        left = sorted(key for key, net in self.model.nets.items() if net.leaving is not None)
        some = {
            name: tuple(data.draw(st.lists(st.sampled_from(of), unique=True, max_size=2))) if of else ()
            for name, of in (("hosts", known), ("fences", fenced), ("leavings", left))
        }
        if data.draw(st.booleans()):
            some["hosts"] = ()
        self.wait(seconds, Silence(**some))

    @rule(
        data=st.data(),
        nics=st.none() | st.none() | st.lists(st.tuples(NAMES, st.none() | ADDRESSES), max_size=3),
        actor=OWNERS,
        project=PROJECTS,
        host=HOSTS,
        macs=st.none() | st.none() | st.lists(SUPPLIED, min_size=1, max_size=4),
        words=st.tuples(SELDOM, SELDOM),
    )
    def spawn(
        self,
        data: st.DataObject,
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
        said = {"host": host, "macs": macs, "auto_allocate": auto, "vpn": vpn}
        wish = spawn(self.absent(data), actor=actor, project=project, **said)
        self.send(wish.model_copy(update={"requested_networks": wanted}))

    @rule(
        data=st.data(),
        host=HOSTS,
        vpn=SELDOM,
        macs=st.none() | st.lists(SUPPLIED, min_size=1, max_size=2),
        address=st.none() | st.none() | st.none() | ADDRESSES,
    )
    def spawn_rightly(
        self,
        data: st.DataObject,
        host: str,
        vpn: bool,  # noqa: FBT001 - likewise
        macs: list[str] | None,
        address: str | None,
    ) -> None:
        """Spawn an instance on a network that its project sees."""
        key = self.key(data)
        project = (self.model.nets[key].project if key in self.model.nets else None) or "red"
        said = {"host": host, "vpn": vpn, "macs": macs}
        wish = spawn(self.absent(data), actor=ADMIN, project=project, **said)
        wanted = (nic("any", address).model_copy(update={"network_id": key}),)
        self.send(wish.model_copy(update={"requested_networks": wanted}))

    @rule(data=st.data())
    def spawn_with_ipv6(self, data: st.DataObject) -> None:
        """Spawn two instances where IPv6 addresses are derived from half of a MAC, and the same half."""
        drawn_next = draw_mac(uuid7(self.cell.now_ms, self._sent + 2), 0, 0) & 0xFFFFFF
        for macs in ([foreign_mac(drawn_next)], None):
            self.send(spawn(self.absent(data), nic("dual"), actor=ADMIN, host="h1", macs=macs))

    @rule(data=st.data(), actor=OWNERS)
    def delete(self, data: st.DataObject, actor: Actor) -> None:
        """Delete an instance."""
        self.send(delete(self.running(data), actor))

    @rule(data=st.data(), address=st.none() | st.none() | ADDRESSES, actor=OWNERS, vpn=SELDOM)
    def add_ip(self, data: st.DataObject, address: str | None, actor: Actor, vpn: bool) -> None:  # noqa: FBT001 - likewise
        """Give an instance another address."""
        wish = add_ip(self.running(data), "any", address, actor)
        self.send(wish.model_copy(update={"vpn": vpn, "network_id": self.key(data)}))

    @rule(data=st.data())
    def remove_ip_rightly(self, data: st.DataObject) -> None:
        """Take an address from the instance that has it."""
        held = [
            (vm, row.address) for _, row in self.model.rows() for vm in VM_NAMES if row.instance == uid(vm)
        ]
        if held:
            self.send(remove_ip(*data.draw(st.sampled_from(held)), ADMIN))

    @rule(address=ADDRESSES, actor=ACTORS, keep=st.booleans(), data=st.data(), any_one=st.booleans())
    def reserve(self, address: str, actor: Actor, keep: bool, data: st.DataObject, any_one: bool) -> None:  # noqa: FBT001 - likewise
        """Reserve an address, or let it go."""
        key = None if any_one else self.key(data)
        self.send((reserve if keep else unreserve)(address, actor).model_copy(update={"network_id": key}))

    @rule(data=st.data(), host=MANY_HOSTS, step=st.sampled_from(["unbind", "bind", "prepare", "prepare"]))
    def step_of_a_move(self, data: st.DataObject, host: str, step: str) -> None:
        """Do something with an instance."""
        vm = self.running(data)
        wishes: dict[str, AnyCommand] = {
            "unbind": unbind(vm, None, ADMIN),
            "bind": bind(vm, host, None, ADMIN),
            "prepare": prepare(vm, host, ADMIN),
        }
        self.send(wishes[step])

    @rule(data=st.data(), keep=st.booleans())
    def reserve_rightly(self, data: st.DataObject, keep: bool) -> None:  # noqa: FBT001 - likewise
        """Reserve an address that is not, or let a reserved one go."""
        some = [(net.key, row.address) for net, row in self.model.rows() if row.reserved != keep]
        if some:
            key, address = data.draw(st.sampled_from(some))
            self.send((reserve if keep else unreserve)(address).model_copy(update={"network_id": key}))

    @rule(data=st.data(), begins=st.booleans(), host=HOSTS, wrong=SELDOM)
    def lease(self, data: st.DataObject, begins: bool, host: str, wrong: bool) -> None:  # noqa: FBT001 - likewise
        """Report a lease that there is, some by a host that does not serve it."""
        held = [(net, row) for net, row in self.model.rows() if row.mac and net.key == uid(net.asked.label)]
        if held:
            net, row = data.draw(st.sampled_from(held))
            server = row.host if net.asked.multi_host else net.host
            report = lease if begins else release
            mac = data.draw(SUPPLIED) if wrong else f"{row.mac:012x}"
            mac = mac if ":" in mac else ":".join(mac[at : at + 2] for at in range(0, 12, 2))
            self.send(report(host if wrong or server is None else server, row.address, mac, net.asked.label))

    @rule(seconds=st.sampled_from([0, 1, 30, 60, 61]))
    def time_passes(self, seconds: int) -> None:
        """Let time pass, and what it brings about."""
        self.wait(seconds)


NetworkHistories.TestCase.settings = settings(Histories.TestCase.settings, max_examples=80)
TestNetworkHistories = pytest.mark.slow(NetworkHistories.TestCase)
"""Some six thousand steps more."""
