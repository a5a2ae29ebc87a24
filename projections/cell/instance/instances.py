"""Instances: all their NICs, MACs and addresses in one decision, or none (nova-network.md section 7)."""

from hashlib import blake2b
from sys import intern

from events.errors import InvariantBroken
from events.ids import Draws
from events.instances import (
    DeleteInstance,
    InstanceDeleted,
    InstanceSpawned,
    RequestedNetwork,
    SpawnInstance,
)
from events.model import Event, stated
from events.refusals import Code, Refusal
from projections.cell import quotas
from projections.cell.address.fixed_ips import release
from projections.cell.floating import auto_floating
from projections.cell.floating.floating_ips import unpoint
from projections.cell.group import group_members, security_groups
from projections.cell.host import host_addresses
from projections.cell.host.ownership import claim_on_demand
from projections.cell.instance import moves, nics
from projections.cell.instance.selection import select
from projections.cell.names import instance_dns
from projections.cell.network.networks import forbidden
from projections.cell.state import CellState, Instance, Network, Rules

_NOT_ASKED = {"type", "id", "actor", "correlation_id"}
"""What a repeated request may say otherwise."""


def decide_spawn(
    state: CellState, command: SpawnInstance, rules: Rules, draws: Draws, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Give an instance everything that it asks for, or nothing; the same request again changes nothing."""
    if not command.actor.is_admin and command.actor.project != command.project_id:
        return forbidden(command.actor, f"spawn instances of project {command.project_id!r}", "project_id")
    asked = request_digest(command)
    existing = state.instances.get(command.instance_uuid)
    if existing is not None:
        if existing.request_digest == asked:
            return ()
        message = f"Instance {command.instance_uuid} has networking by another request; delete it first."
        return Refusal(code=Code.INSTANCE_EXISTS, field="instance_uuid", message=message)
    # A spawn is these steps, each of which may refuse it; what a rule decides is in that rule's module.
    selected = select(state, command, rules)
    if isinstance(selected, Refusal):
        return selected
    wanted = selected.wanted
    impossible = _cannot_be(command, wanted)
    if impossible is not None:
        return impossible
    addresses = sum(network.block is not None for network, _ in wanted)
    over = quotas.over(state, rules, command.project_id, "fixed_ips", addresses, "project_id")
    if over is not None:
        return over
    groups = security_groups.resolve(state, command.project_id, command.security_groups)
    if isinstance(groups, Refusal):
        return groups
    made = nics.spawned(state, command, wanted, rules, draws, now_ms)
    if isinstance(made, Refusal):
        return made
    named = instance_dns.Named(command.instance_uuid, command.display_name, command.availability_zone)
    records = instance_dns.recorded(state, rules, named, made)
    floating = auto_floating.assigned(state, command.project_id, made, rules, now_ms)
    if isinstance(floating, Refusal):
        return floating
    served = (network for network, _ in wanted)
    hosts = host_addresses.claimed(served, (command.host,), made, draws, now_ms)
    if isinstance(hosts, Refusal):
        return hosts
    claims = claim_on_demand(state, (network for network, _ in wanted), rules)
    return (*selected.events, *claims, _spawned(command, asked, groups), *made, *hosts, *records, *floating)


def _cannot_be(command: SpawnInstance, wanted: list[tuple[Network, RequestedNetwork]]) -> Refusal | None:
    """Refuse what none of the selected networks can give."""
    if command.auto_allocate and not wanted:
        message = f"Project {command.project_id!r} sees no network; name one, or ask for none."
        return Refusal(code=Code.UNABLE_TO_AUTO_ALLOCATE_NETWORK, field="requested_networks", message=message)
    if command.vpn and all(network.plan.vpn_private_address is None for network, _ in wanted):
        message = "A VPN server needs a VLAN network; none of this instance's keeps an address for it."
        return Refusal(code=Code.NOT_IMPLEMENTED_FOR_KIND, field="vpn", message=message)
    return None


def _spawned(command: SpawnInstance, asked: str, groups: tuple[str, ...]) -> InstanceSpawned:
    return stated(
        InstanceSpawned,
        instance_uuid=command.instance_uuid,
        project_id=command.project_id,
        host=command.host,
        hostname=command.hostname,
        display_name=command.display_name,
        availability_zone=command.availability_zone,
        rxtx_factor=command.rxtx_factor,
        request_digest=asked,
        security_groups=groups,
    )


def request_digest(command: SpawnInstance) -> str:
    """Return a digest of all that a spawn asks for, by which the same request is known again.

    What is left out or asked for as by default counts as not asked for, so that a field of a later release
    does not make another request of it.
    """
    asked = command.model_dump_json(exclude=_NOT_ASKED, exclude_defaults=True)
    return blake2b(asked.encode(), digest_size=16).hexdigest()


def apply_spawned(state: CellState, event: InstanceSpawned) -> None:
    """Add an instance without NICs."""
    if event.instance_uuid in state.instances:
        message = f"instance {event.instance_uuid} is spawned twice"
        raise InvariantBroken(message)
    instance = state.instances[event.instance_uuid] = Instance(
        uuid=event.instance_uuid,
        project_id=intern(event.project_id),  # many instances have the same, and each record its own copy
        host=intern(event.host),
        hostname=event.hostname,
        display_name=event.display_name,
        availability_zone=event.availability_zone,
        rxtx_factor=event.rxtx_factor,
        request_digest=event.request_digest,
    )
    group_members.join(state, instance, event.security_groups)


def decide_delete(
    state: CellState, command: DeleteInstance, rules: Rules, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Take everything back from an instance; one that has nothing is no error, as in nova."""
    instance = state.instances.get(command.instance_uuid)
    if instance is None:
        return ()
    if not command.actor.is_admin and command.actor.project != instance.project_id:
        return forbidden(command.actor, f"delete instance {command.instance_uuid}", "instance_uuid")
    events: list[Event] = []
    for vif in instance.vifs:
        for allocation in vif.allocations.values():
            events += unpoint(state, allocation)
            events += instance_dns.forgotten(state, allocation)
            events += release(state, allocation, rules, now_ms)
    events += moves.unprepared(instance, instance.prepared)
    events += nics.deleted(instance)
    events.append(
        InstanceDeleted(
            instance_uuid=instance.uuid,
            project_id=instance.project_id,
            host=instance.host,
            security_groups=instance.security_groups,
        )
    )
    return tuple(events)


def apply_deleted(state: CellState, event: InstanceDeleted) -> None:
    """Forget an instance."""
    instance = state.instances.pop(event.instance_uuid)
    group_members.leave(state, instance, instance.security_groups)
    if instance.vifs or instance.prepared:
        message = f"instance {event.instance_uuid} is deleted while it has NICs, or ports on other hosts"
        raise InvariantBroken(message)
    moves.forget(state, instance)
