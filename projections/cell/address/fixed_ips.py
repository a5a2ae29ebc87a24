"""Fixed IPs: allocated, draining, free; and the DHCP facts about them (nova-network.md section 8).

Freeing never waits for ever: a released address drains until every registered host that served it has
reported a position at or past the release, or its deadline passes. Hosts whose instances let the address in
by their security groups serve it too, in this sense. An address that no registered host serves is free at
once. A leased or draining address is never handed out.
"""

from events.addresses import ipv4_number, ipv4_text, mac_number
from events.clock import parse_time, time_text
from events.errors import InvariantBroken
from events.fixed_ips import (
    DisassociateReason,
    FixedIpAllocated,
    FixedIpDeallocated,
    FixedIpDisassociated,
    FixedIpLeased,
    FixedIpReleased,
    LeaseFixedIp,
    ReleaseFixedIp,
    StaleLeaseReported,
)
from events.model import Event
from events.refusals import Code, Refusal
from projections.cell import quotas
from projections.cell.group.group_state import MORE
from projections.cell.state import Allocation, CellState, Network, Rules

EXPIRED_PER_DECISION_MAX = 1000
"""Bound on the facts of one decision; the timer comes again at once for the rest."""


def release(state: CellState, allocation: Allocation, rules: Rules, now_ms: int) -> list[Event]:
    """Return the events that take an address from its instance: it drains, or is free at once if unserved."""
    network = state.networks[allocation.network_id]
    instance = state.instances[allocation.instance_uuid]
    letting_in = state.groups.letting_in_member(instance.security_groups, instance.lingering, now_ms)
    until_deadline = MORE in letting_in
    serving = {*instance.hosts(), network.host, network.leaving, *(() if until_deadline else letting_in)}
    waits_for = tuple(sorted(host for host in serving if host is not None and host in state.hosts))
    events: list[Event] = [
        FixedIpDeallocated(
            allocation_id=allocation.id,
            network_id=allocation.network_id,
            address=ipv4_text(allocation.address),
            instance_uuid=allocation.instance_uuid,
            host=allocation.host,
            waits_for=waits_for,
            drain_until=time_text(now_ms + rules.fixed_ip_disassociate_timeout * 1000),
            until_deadline=until_deadline,
        )
    ]
    if not (waits_for or until_deadline):
        events.append(disassociated(allocation, "unserved"))
    return events


def disassociated(allocation: Allocation, reason: DisassociateReason) -> FixedIpDisassociated:
    """Return the event that makes an allocation's address free."""
    return FixedIpDisassociated(
        allocation_id=allocation.id,
        network_id=allocation.network_id,
        address=ipv4_text(allocation.address),
        reason=reason,
    )


def decide_expired(state: CellState, now_ms: int) -> tuple[Event, ...]:
    """Free what has drained for too long (nova's _disassociate_stale_fixed_ips)."""
    expired: list[Event] = []
    for allocation_id, deadline_ms in state.deadlines.items():
        if deadline_ms > now_ms or len(expired) >= EXPIRED_PER_DECISION_MAX:
            break
        expired.append(disassociated(state.allocations[allocation_id], "timeout"))
    return tuple(expired)


def decide_lease(state: CellState, report: LeaseFixedIp | ReleaseFixedIp) -> tuple[Event, ...] | Refusal:
    """Record that a guest's lease began or ended; about an ended allocation that changes nothing."""
    network = state.networks.get(report.network_id)
    allocation = network.pool.held.get(ipv4_number(report.address)) if network is not None else None
    server = None if network is None else network.host
    if network is not None and network.plan.multi_host and allocation is not None:
        server = allocation.host
    if network is not None and (server or not network.plan.multi_host) and server != report.host:
        message = (
            f"Host {report.host!r} reports a lease on network {report.network_id}, which"
            f" {server or 'no host'} serves{' for that guest' if network.plan.multi_host else ''}."
        )
        return Refusal(code=Code.REPORT_ABOUT_ANOTHER_HOST, field="network_id", message=message)
    begins = isinstance(report, LeaseFixedIp)
    if allocation is None or allocation.mac != report.mac:
        return (
            StaleLeaseReported(
                report="lease" if begins else "release",
                network_id=report.network_id,
                address=report.address,
                mac=report.mac,
                host=report.host,
            ),
        )
    if allocation.leased == begins:
        return ()
    fact = FixedIpLeased if begins else FixedIpReleased
    return (
        fact(
            allocation_id=allocation.id,
            network_id=allocation.network_id,
            address=report.address,
            mac=report.mac,
            host=report.host,
        ),
    )


def apply_allocated(state: CellState, event: FixedIpAllocated) -> None:
    """Let a NIC hold an address."""
    network = state.networks[event.network_id]
    instance = state.instances[event.instance_uuid]
    vif = instance.vif(event.vif_id)
    if event.allocation_id in state.allocations:
        message = f"allocation {event.allocation_id} exists already"
        raise InvariantBroken(message)
    if mac_number(event.mac) != vif.mac or event.project_id != instance.project_id:
        message = f"allocation {event.allocation_id} names another MAC or project than its NIC has"
        raise InvariantBroken(message)
    allocation = Allocation(  # with the texts that are there already: a record brings its own copies
        id=event.allocation_id,
        network_id=network.plan.network_id,
        address=ipv4_number(event.address),
        mac_number=vif.mac,
        vif_id=vif.id,
        instance_uuid=instance.uuid,
        project_id=instance.project_id,
        host=instance.host if event.host == instance.host else event.host,
    )
    if event.address == network.plan.vpn_private_address:
        network.pool.take_apart(allocation.address, allocation)
    else:
        network.pool.take(allocation.address, allocation)
    network.active += 1
    quotas.count(state, "fixed_ips", allocation.project_id, 1)
    state.allocations[allocation.id] = allocation
    vif.allocations[allocation.id] = allocation


def apply_deallocated(state: CellState, event: FixedIpDeallocated, seq: int) -> None:
    """Let an address drain."""
    allocation = state.allocations[event.allocation_id]
    if allocation.draining or allocation.floating or allocation.id in state.names.of_allocation:
        message = f"allocation {allocation.id} is released twice, or while floating IPs or names point at it"
        raise InvariantBroken(message)
    network = state.networks[event.network_id]
    network.active -= 1
    quotas.count(state, "fixed_ips", allocation.project_id, -1)
    network.draining[allocation.id] = None
    allocation.draining = True
    allocation.waits_for = event.waits_for
    allocation.until_deadline = event.until_deadline
    vif = state.instances[allocation.instance_uuid].vif(allocation.vif_id)
    del vif.allocations[allocation.id]
    for host in event.waits_for:
        state.hosts[host].awaited[allocation.id] = seq
    if event.waits_for or event.until_deadline:
        state.deadlines[allocation.id] = parse_time(event.drain_until)


def apply_disassociated(state: CellState, event: FixedIpDisassociated, time_ms: int) -> None:
    """Give an address back to its pool."""
    allocation = state.allocations.pop(event.allocation_id)
    network: Network = state.networks[event.network_id]
    if not allocation.draining or network.pool.give_back(allocation.address, time_ms) is not allocation:
        message = f"address {event.address} is freed by {event.allocation_id}, which does not drain there"
        raise InvariantBroken(message)
    del network.draining[allocation.id]
    for host in allocation.waits_for:
        del state.hosts[host].awaited[allocation.id]
    state.deadlines.pop(allocation.id, None)


def apply_lease(state: CellState, event: FixedIpLeased | FixedIpReleased) -> None:
    """Remember whether a guest holds a lease."""
    state.allocations[event.allocation_id].leased = isinstance(event, FixedIpLeased)
