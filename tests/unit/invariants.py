"""What holds in a cell after every decision, asked of the state alone."""

from collections import Counter
from itertools import pairwise

from events.addresses import ipv4_text
from projections.cell.address.pool import Range
from projections.cell.host.hosting import has_owner
from projections.cell.network.visibility import visible
from projections.cell.state import SELECTABLE_BY_ALL, CellState, Network
from tests.unit.group_invariants import check_groups

LOOKED_THROUGH_MAX = 1000
"""Addresses of a pool that are all looked at after each decision."""


def check(state: CellState) -> None:
    """Fail with the first invariant that does not hold."""
    for network_id, network in state.networks.items():
        _check_network(state, network_id, network)
    _check_allocations(state)
    _check_instances(state)
    _check_bindings(state)
    _check_draining(state)
    _check_floating(state)
    _check_names(state)
    _check_ownership(state)
    _check_usage(state)
    _check_blocks(state)
    check_groups(state)
    assert set(state.bridges.values()) == set(state.networks)
    _check_visibility(state)
    assert SELECTABLE_BY_ALL in state.selectable


def _check_network(state: CellState, network_id: str, network: Network) -> None:
    pool = network.pool
    assert network.plan.network_id == network_id
    for address, allocation in pool.held.items():
        kept_for_vpn = ipv4_text(address) == network.plan.vpn_private_address
        assert (address in pool) != kept_for_vpn, "an address outside its network is held"
        assert (address in pool.apart) == kept_for_vpn
        assert network.block is not None
        assert network.block.first < address < network.block.last
        assert (allocation.address, allocation.network_id) == (address, network_id)
        assert state.allocations[allocation.id] is allocation
    draining = {allocation.id for allocation in pool.held.values() if allocation.draining}
    assert set(network.draining) == draining
    assert network.active == len(pool.held) - len(draining)
    vifs = [vif for instance in state.instances.values() for vif in instance.vifs]
    held_v6 = {vif.address_v6: vif.id for vif in vifs if vif.network_id == network_id and vif.address_v6}
    assert network.addresses_v6 == held_v6
    assert network.nics == sum(vif.network_id == network_id for vif in vifs)
    assert all(address in pool for address in pool.reserved)
    assert pool.free == pool.capacity - len((set(pool.held) | pool.reserved | pool.kept) - pool.apart)
    assert pool.kept == {one.address for one in network.host_addresses.values()}
    assert not pool.kept & set(pool.held), "an address is a host's own and held"


def _check_blocks(state: CellState) -> None:
    """Overlap is for different projects only, not for multi_host networks, and never on one host."""
    networks = state.networks
    for blocks, mine in (
        (state.blocks, {key: n.block for key, n in networks.items() if n.block}),
        (state.blocks_v6, {key: n.block_v6 for key, n in networks.items() if n.block_v6}),
    ):
        everything = Range(0, (1 << 128) - 1)
        assert sorted(block.network_id for block in blocks.overlapping(everything)) == sorted(mine)
        for key, block in mine.items():
            there = {one.network_id for one in blocks.at(block.first)}
            assert key in there
            for other in {one.network_id for one in blocks.overlapping(block)} - {key}:
                one, two = networks[key], networks[other]
                assert None not in {one.owner, two.owner}, "a network that excludes all others is overlapped"
                assert one.owner != two.owner, "networks of one project overlap"
                assert one.host is None or one.host != two.host, "a host serves networks that overlap"
    assert state.vlans == {n.plan.vlan: key for key, n in networks.items() if n.plan.vlan is not None}


def _check_allocations(state: CellState) -> None:
    held = [allocation.id for network in state.networks.values() for allocation in network.pool.held.values()]
    assert len(held) == len(set(held))
    assert set(held) == set(state.allocations)
    for allocation in state.allocations.values():
        vifs = state.instances[allocation.instance_uuid].vifs if not allocation.draining else []
        mine = [vif for vif in vifs if vif.id == allocation.vif_id]
        assert allocation.draining or mine[0].allocations[allocation.id] is allocation


def _check_instances(state: CellState) -> None:
    macs: dict[int, str] = {}
    for uuid, instance in state.instances.items():
        assert instance.uuid == uuid
        assert [vif.index for vif in instance.vifs] == list(range(len(instance.vifs)))
        for vif in instance.vifs:
            assert vif.mac not in macs, "two live NICs have one MAC"
            macs[vif.mac] = vif.id
            assert all(state.allocations[key] is one for key, one in vif.allocations.items())
    assert macs == state.macs


def _check_bindings(state: CellState) -> None:
    leaving = {(name, uuid) for name, host in state.hosts.items() for uuid in host.leaving}
    assert leaving == {(name, uuid) for uuid, one in state.instances.items() for name in one.left}
    for host in state.hosts.values():
        assert list(host.leaving.values()) == sorted(host.leaving.values()), "leaving is not in order"
    for instance in state.instances.values():
        assert (instance.host is None) == (instance.last_host is not None), "it is bound, or was"
        assert instance.host not in instance.prepared, "the owner is made ready beside itself"
        assert not {instance.host, *instance.prepared} & set(instance.left), "a host with ports left"
        assert len(set(instance.prepared)) == len(instance.prepared)
        owners = {one.host for vif in instance.vifs for one in vif.allocations.values()}
        assert owners <= {instance.host}, "an address is another host's than its instance"


def _check_draining(state: CellState) -> None:
    waiting = {one.id for one in state.allocations.values() if one.draining and one.waits_for}
    assert waiting <= set(state.deadlines), "an address could drain for ever"
    assert set(state.deadlines) <= {one.id for one in state.allocations.values() if one.draining}
    awaited = {(name, key) for name, host in state.hosts.items() for key in host.awaited}
    assert awaited == {(name, one.id) for one in state.allocations.values() for name in one.waits_for}
    for host in state.hosts.values():
        assert list(host.awaited.values()) == sorted(host.awaited.values()), "waiting is not in order"


def _check_floating(state: CellState) -> None:
    ranges = state.floating_ranges
    assert ranges == sorted(ranges, key=lambda one: one.first)
    assert all(one.last < next_one.first for one, next_one in pairwise(ranges)), "floating ranges overlap"
    assert {one.pool for one in ranges} == set(state.floating_pools)
    for name, pool in state.floating_pools.items():
        mine = [one for one in ranges if one.pool == name]
        assert pool.capacity == sum(one.last - one.first + 1 for one in mine)
        if pool.capacity > LOOKED_THROUGH_MAX:
            continue
        free = list(pool.candidates(0))
        held = [one.address for one in state.floating_ips.values() if one.pool == name]
        addresses = [address for one in mine for address in range(one.first, one.last + 1)]
        assert sorted(free + held) == addresses, "an address is free and held, or neither"
    pointing: set[tuple[str, int]] = set()
    for address, floating in state.floating_ips.items():
        assert floating.address == address
        assert any(one.first <= address <= one.last and one.pool == floating.pool for one in ranges)
        if floating.association is not None:
            pointing.add((floating.association.allocation_id, address))
    kept = {(one.id, address) for one in state.allocations.values() for address in one.floating}
    assert pointing == kept, "a floating IP and its fixed IP disagree"


def _check_usage(state: CellState) -> None:
    counted = {
        "fixed_ips": Counter(one.project_id for one in state.allocations.values() if not one.draining),
        "floating_ips": Counter(
            one.project_id for one in state.floating_ips.values() if not one.auto_assigned
        ),
        "networks": Counter(one.project_id for one in state.networks.values() if one.project_id is not None),
    }
    assert state.usage == counted, "quota usage has drifted from what there is"


def _check_visibility(state: CellState) -> None:
    vlans = {key for key, one in state.networks.items() if one.plan.kind == "vlan"}
    unowned = {key for key in vlans if state.networks[key].project_id is None}
    assert state.vlan_networks == len(vlans)
    assert [key for ids in state.unowned_vlans.values() for key in ids if key not in unowned] == []
    assert sum(map(len, state.unowned_vlans.values())) == len(unowned)
    found = {(owner, key) for owner, mine in state.selectable.items() for key in mine}
    assert found == {(one.project_id, key) for key, one in state.networks.items() if key not in unowned}, (
        "a project does not find its networks, or finds another one's"
    )
    for instance in state.instances.values():
        for vif in instance.vifs:
            assert visible(state.networks[vif.network_id], instance.project_id), "a NIC on a hidden network"


def _check_names(state: CellState) -> None:
    names = state.names
    assert {name: entry.full_name for name, entry in names.entries.items()} == {n: n for n in names.entries}
    of_domain = {(entry.domain, name) for name, entry in names.entries.items()}
    assert {(key, name) for key, mine in names.of_domain.items() for name in mine} == of_domain
    floating = {(one.address, name) for name, one in names.entries.items() if one.allocation_id is None}
    assert {(key, name) for key, mine in names.of_address.items() for name in mine} == floating
    assert {address for address, _ in floating} <= set(state.floating_ips), "a free floating IP has a name"
    fixed = {
        (one.allocation_id, name) for name, one in names.entries.items() if one.allocation_id is not None
    }
    assert {(key, name) for key, mine in names.of_allocation.items() for name in mine} == fixed
    for allocation_id in names.of_allocation:
        assert not state.allocations[allocation_id].draining, "an address that nobody has has a name"


def _check_ownership(state: CellState) -> None:
    owned = {(n.host, network_id) for network_id, n in state.networks.items() if n.host is not None}
    assert owned == {(name, network_id) for name, host in state.hosts.items() for network_id in host.networks}
    leaving = {(n.leaving, network_id) for network_id, n in state.networks.items() if n.leaving is not None}
    assert leaving == {(name, key) for name, host in state.hosts.items() for key in host.giving_up}
    assert {network_id for _, network_id in leaving} == set(state.leaving)
    assert all(n.host is None or n.leaving is None for n in state.networks.values())
    assert {name for name, host in state.hosts.items() if host.fenced_until is not None} == set(state.fenced)
    offered = {network_id for there in state.unhosted.values() for network_id in there}
    assert offered == {
        network_id
        for network_id, n in state.networks.items()
        if has_owner(n.plan) and n.host is None and n.leaving is None
    }
    ranked: dict[str, list[tuple[int, str]]] = {}
    for name, host in state.hosts.items():
        for reached in host.physical_networks if host.network_host and name not in state.fenced else ():
            ranked.setdefault(reached, []).append((len(host.networks), name))
    assert {reached: sorted(there) for reached, there in ranked.items()} == state.claimants
