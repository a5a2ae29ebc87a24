"""The state of a cell as sorted, canonical rows, and its digest.

Two readers that folded the same records have the same digest.
"""

from hashlib import sha256
from typing import Any

from pydantic_core import to_json

from events.addresses import ipv4_text, ipv6_text, mac_text
from events.clock import time_text
from events.networks import NetworkCreated
from projections.cell.group import canonical_groups
from projections.cell.state import CellState, Host, Network

Rows = dict[str, list[tuple[Any, ...]]]


def canonical_rows(state: CellState) -> Rows:
    """Return what the state says about the world: the rows of `projections.ipam` by table, sorted."""
    return {
        "networks": sorted(
            (network_id, to_json(_as_it_is(n)).decode(), n.host, n.epoch)
            for network_id, n in state.networks.items()
        ),
        "host_addresses": sorted(
            (network_id, ipv4_text(held.address), held.id, host)
            for network_id, n in state.networks.items()
            for host, held in n.host_addresses.items()
        ),
        "hosts": sorted(_host(name, host) for name, host in state.hosts.items()),
        "instances": sorted(
            (
                i.uuid,
                i.project_id,
                i.host,
                i.epoch,
                i.hostname,
                i.display_name,
                i.availability_zone,
                i.rxtx_factor,
            )
            for i in state.instances.values()
        ),
        "prepared_instances": sorted((i.uuid, host) for i in state.instances.values() for host in i.prepared),
        "vifs": sorted(
            (
                *(vif.id, mac_text(vif.mac), vif.instance_uuid, vif.network_id, vif.index, vif.tag),
                None if vif.address_v6 is None else ipv6_text(vif.address_v6),
            )
            for instance in state.instances.values()
            for vif in instance.vifs
        ),
        "fixed_ips": sorted(
            (
                a.id,
                a.network_id,
                ipv4_text(a.address),
                a.mac,
                a.vif_id,
                a.instance_uuid,
                a.project_id,
                a.host,
                a.leased,
                a.draining,
            )
            for a in state.allocations.values()
        ),
        "fixed_ip_reservations": sorted(
            (network_id, ipv4_text(address))
            for network_id, n in state.networks.items()
            for address in n.pool.reserved
        ),
        **_floating_rows(state),
        "quotas": sorted((project, resource, limit) for (project, resource), limit in state.quotas.items()),
    }


def _host(name: str, host: Host) -> tuple[Any, ...]:
    until = None if host.fenced_until is None else time_text(host.fenced_until)
    return (name, host.lease_s, host.network_host, host.epoch, until, *sorted(host.physical_networks))


def _as_it_is(network: Network) -> NetworkCreated:
    """Return a network's plan with what may change since it was created."""
    plan = network.plan
    now = {
        "project_id": network.project_id,
        "vpn_public_address": network.vpn_public_address,
        "vpn_public_port": network.vpn_public_port,
    }
    changed = any(getattr(plan, name) != value for name, value in now.items())
    return plan.model_copy(update=now) if changed else plan


def _floating_rows(state: CellState) -> Rows:
    """Return the rows of floating IPs and of names."""
    return {
        "floating_ranges": sorted(
            (ipv4_text(r.first), ipv4_text(r.last), r.pool, r.interface) for r in state.floating_ranges
        ),
        "floating_ips": sorted(
            (
                ipv4_text(f.address),
                f.pool,
                f.interface,
                f.project_id,
                f.auto_assigned,
                f.association.allocation_id if f.association else None,
            )
            for f in state.floating_ips.values()
        ),
        "dns_domains": sorted(
            (d.name, d.scope, d.availability_zone, d.project_id) for d in state.names.domains.values()
        ),
        "dns_entries": sorted(
            (e.domain, e.name, ipv4_text(e.address), e.allocation_id) for e in state.names.entries.values()
        ),
        **canonical_groups.rows(state),
    }


def _internals(state: CellState) -> dict[str, Any]:
    """Return what decides later decisions without being in a row: orders, requests, the window."""
    return {
        "seq": state.seq,
        "time_ms": state.time_ms,
        "window": state.window.internals(),
        "pools": sorted((network_id, n.pool.internals()) for network_id, n in state.networks.items()),
        "floating_pools": sorted((name, pool.internals()) for name, pool in state.floating_pools.items()),
        "names": [
            sorted((key, list(names)) for key, names in index.items())
            for index in (state.names.of_domain, state.names.of_allocation)
        ],
        "names_of_addresses": sorted((a, list(names)) for a, names in state.names.of_address.items()),
        "selectable": sorted((project or "", list(mine)) for project, mine in state.selectable.items()),
        "unowned_vlans": sorted((name, list(ids)) for name, ids in state.unowned_vlans.items()),
        "vlan_networks": state.vlan_networks,
        "draining": sorted((network_id, list(n.draining)) for network_id, n in state.networks.items()),
        "requests": sorted((i.uuid, i.request_digest) for i in state.instances.values()),
        "moves": sorted(
            (i.uuid, i.last_host, i.prepared, i.left)
            for i in state.instances.values()
            if i.last_host or i.prepared or i.left
        ),
        "leaving": sorted((name, list(host.leaving.items())) for name, host in state.hosts.items()),
        "floating": sorted((a.id, list(a.floating)) for a in state.allocations.values() if a.floating),
        "awaited": sorted((name, list(host.awaited.items())) for name, host in state.hosts.items()),
        "deadlines": list(state.deadlines.items()),
        "usage": {resource: sorted(counted.items()) for resource, counted in state.usage.items()},
        "fenced": sorted(state.fenced.items()),
        "unhosted": sorted((name, list(there)) for name, there in state.unhosted.items()),
        "giving_up": sorted((name, list(host.giving_up.items())) for name, host in state.hosts.items()),
        "heirs": sorted(
            (network_id, n.leaving, n.heir) for network_id, n in state.networks.items() if n.leaving
        ),
        "until_deadline": sorted(a.id for a in state.allocations.values() if a.until_deadline),
        "groups": canonical_groups.internals(state),
    }


def digest(state: CellState) -> str:
    """Return the SHA-256 over everything in the state, in hex."""
    return sha256(to_json({"rows": canonical_rows(state), "internals": _internals(state)})).hexdigest()
