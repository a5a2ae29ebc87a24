"""Moves of instances: the binding, its epoch, and ports made ready beforehand (nova-network.md section 10).

An instance is bound to one host or to none. Every step names what it believes; one that comes late is refused
and told the truth. A host that lost its ports is remembered until it reports a position past that, because
addresses that are released meanwhile must wait for it too.
"""

from collections.abc import Iterable
from itertools import takewhile

from events.addresses import ipv4_number, ipv4_text, ipv6_text, mac_text
from events.errors import InvariantBroken
from events.ids import Draws
from events.instances import VifCreated
from events.model import Event
from events.moves import (
    BindInstance,
    BoundFixed,
    BoundFloating,
    BoundPort,
    InstanceBound,
    InstancePrepared,
    InstanceUnbound,
    InstanceUnprepared,
    Port,
    PrepareInstance,
    UnbindInstance,
)
from events.refusals import Code, Refusal
from projections.cell.floating.floating_ips import range_of
from projections.cell.group.group_members import addresses_of
from projections.cell.host import host_addresses
from projections.cell.instance.selection import reached
from projections.cell.network.networks import forbidden, not_reachable
from projections.cell.state import CellState, Host, Instance, Vif

PREPARED_MAX = 4
"""Hosts that an instance may be made ready on at once, beside its own; a migration needs one."""


def decide_unbind(state: CellState, command: UnbindInstance) -> tuple[Event, ...] | Refusal:
    """Take an instance from the host that has it; once more changes nothing."""
    instance = _instance(state, command)
    if isinstance(instance, Refusal):
        return instance
    source = command.host or instance.host
    if source is None or (instance.host is None and source == instance.last_host):
        return ()
    if instance.host != source:
        return _not_on_host(instance, source, "host")
    return () if source == command.dest else (_unbound(state, instance, source),)


def decide_bind(
    state: CellState, command: BindInstance, draws: Draws, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Give an instance to a host: after its source let go, or, where no source is named, at once."""
    instance = _instance(state, command)
    if isinstance(instance, Refusal):
        return instance
    source, host = command.source, command.host
    if instance.host == host:
        return ()
    if source is not None and instance.host == source:
        message = f"Instance {instance.uuid} is still bound to host {source!r}: unbind it there first."
        return _told(Code.INSTANCE_STILL_BOUND, instance, "source", message)
    if source is not None and (instance.host is not None or instance.last_host != source):
        return _not_on_host(instance, source, "source")
    refusal = _unreached(state, instance, host)
    if refusal is not None:
        return refusal
    factor = instance.rxtx_factor if command.rxtx_factor is None else command.rxtx_factor
    bound = InstanceBound(
        instance_uuid=instance.uuid,
        host=host,
        epoch=instance.epoch + 1,
        prepared=host in instance.prepared,
        hostname=instance.hostname,
        rxtx_factor=factor,
        security_groups=instance.security_groups,
        ports=_bound_ports(state, instance),
    )
    hosts = _host_addresses(state, instance, host, draws, now_ms)
    if isinstance(hosts, Refusal):
        return hosts
    left = () if instance.host is None else (_unbound(state, instance, instance.host),)
    return (*left, *hosts, bound)


def _host_addresses(
    state: CellState, instance: Instance, host: str, draws: Draws, now_ms: int
) -> list[Event] | Refusal:
    """Return the events that give a host its own addresses on the instance's multi_host networks."""
    networks = (state.networks[vif.network_id] for vif in instance.vifs)
    return host_addresses.claimed(networks, (host,), (), draws, now_ms)


def decide_prepare(
    state: CellState, command: PrepareInstance, draws: Draws, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Make an instance's NICs ready on a host, or take that back; what is so already stays so."""
    if command.teardown and command.instance_uuid not in state.instances:
        return ()
    instance = _instance(state, command)
    if isinstance(instance, Refusal):
        return instance
    host = command.host
    if command.teardown and instance.host == host:
        return (_unbound(state, instance, host),)
    if command.teardown:
        return tuple(unprepared(instance, {host} & set(instance.prepared)))
    if host == instance.host or host in instance.prepared:
        return ()
    if len(instance.prepared) >= PREPARED_MAX:
        message = (
            f"Instance {instance.uuid} is made ready on {PREPARED_MAX} hosts already"
            f" ({', '.join(instance.prepared)}); take one back first."
        )
        return Refusal(code=Code.INVALID_INPUT, field="host", message=message)
    refusal = _unreached(state, instance, host)
    if refusal is not None:
        return refusal
    hosts = _host_addresses(state, instance, host, draws, now_ms)
    if isinstance(hosts, Refusal):
        return hosts
    ports = tuple(_port(vif) for vif in instance.vifs)
    return (*hosts, _prepared(instance, host, ports, more=False))


def _instance(
    state: CellState, command: UnbindInstance | BindInstance | PrepareInstance
) -> Instance | Refusal:
    """Return the instance of a step, which the actor may move and which is in the epoch that it names."""
    uuid = command.instance_uuid
    instance = state.instances.get(uuid)
    if instance is None:
        message = f"Instance {uuid} has no networking here."
        return Refusal(code=Code.INSTANCE_NOT_FOUND, field="instance_uuid", message=message)
    if not command.actor.is_admin and command.actor.project != instance.project_id:
        return forbidden(command.actor, f"move instance {uuid}", "instance_uuid")
    if command.epoch is not None and command.epoch != instance.epoch:
        message = (
            f"This step is of epoch {command.epoch} of instance {uuid}, which is in epoch {instance.epoch},"
            f" {_whereabouts(instance)}."
        )
        return _told(Code.INSTANCE_NOT_ON_HOST, instance, "epoch", message)
    return instance if isinstance(command, PrepareInstance) else _named(state, instance, command)


def _named(
    state: CellState, instance: Instance, command: UnbindInstance | BindInstance
) -> Instance | Refusal:
    """Refuse a step that names floating IPs which do not exist; what else became of one is no error."""
    for index, address in enumerate(command.floating_addresses):
        if range_of(state, ipv4_number(address)) is None:
            message = f"{address} is not a floating IP of any pool."
            field = f"floating_addresses.{index}"
            return Refusal(code=Code.FLOATING_IP_NOT_FOUND_FOR_ADDRESS, field=field, message=message)
    return instance


def _not_on_host(instance: Instance, host: str, field: str) -> Refusal:
    message = f"Host {host!r} does not have instance {instance.uuid}, which is {_whereabouts(instance)}."
    return _told(Code.INSTANCE_NOT_ON_HOST, instance, field, message)


def _whereabouts(instance: Instance) -> str:
    if instance.host is not None:
        return f"bound to host {instance.host!r}"
    return f"bound to no host (last to {instance.last_host!r})"


def _told(code: Code, instance: Instance, field: str, message: str) -> Refusal:
    """Refuse, and tell programs who has the instance."""
    details: dict[str, str | int | None] = {
        "host": instance.host,
        "epoch": instance.epoch,
        "last_host": instance.last_host,
    }
    return Refusal(code=code, field=field, message=message, details=details)


def _unreached(state: CellState, instance: Instance, host: str) -> Refusal | None:
    """Refuse a host that is not attached to every network of the instance."""
    known = state.hosts.get(host)
    for vif in instance.vifs:
        network = state.networks[vif.network_id]
        if not reached(network, known):
            return not_reachable(network, host, "host")
    return None


def _port(vif: Vif) -> Port:
    return Port(vif_id=vif.id, mac=mac_text(vif.mac), network_id=vif.network_id, address_v6=_address_v6(vif))


def _address_v6(vif: Vif) -> str | None:
    return None if vif.address_v6 is None else ipv6_text(vif.address_v6)


def _bound_ports(state: CellState, instance: Instance) -> tuple[BoundPort, ...]:
    return tuple(
        BoundPort(
            vif_id=vif.id,
            mac=mac_text(vif.mac),
            network_id=vif.network_id,
            address_v6=_address_v6(vif),
            fixed=tuple(
                BoundFixed(
                    allocation_id=allocation.id,
                    address=ipv4_text(allocation.address),
                    leased=allocation.leased,
                    floating=tuple(_floating(state, address) for address in allocation.floating),
                )
                for allocation in vif.allocations.values()
            ),
        )
        for vif in instance.vifs
    )


def _floating(state: CellState, address: int) -> BoundFloating:
    floating = state.floating_ips.get(address)
    interface = None if floating is None else floating.interface
    return BoundFloating(address=ipv4_text(address), interface=interface)


def _unbound(state: CellState, instance: Instance, host: str) -> InstanceUnbound:
    return InstanceUnbound(
        instance_uuid=instance.uuid, host=host, epoch=instance.epoch, ports=_bound_ports(state, instance)
    )


def _prepared(instance: Instance, host: str, ports: tuple[Port, ...], *, more: bool) -> InstancePrepared:
    return InstancePrepared(
        instance_uuid=instance.uuid,
        host=host,
        epoch=instance.epoch,
        security_groups=instance.security_groups,
        more=more,
        ports=ports,
        addresses=addresses_of(instance),
    )


def joined(instance: Instance, made: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events that bring new NICs to the hosts which their instance is made ready on."""
    ports = tuple(
        Port(vif_id=one.vif_id, mac=one.mac, network_id=one.network_id, address_v6=one.address_v6)
        for one in made
        if isinstance(one, VifCreated)
    )
    return tuple(_prepared(instance, host, ports, more=True) for host in instance.prepared if ports)


def unprepared(instance: Instance, hosts: Iterable[str]) -> list[Event]:
    """Return the events that take an instance's ports from hosts that they were made ready on."""
    ports = tuple(_port(vif) for vif in instance.vifs)
    return [
        InstanceUnprepared(instance_uuid=instance.uuid, host=host, epoch=instance.epoch, ports=ports)
        for host in hosts
    ]


def apply_unbound(state: CellState, event: InstanceUnbound) -> None:
    """Let nobody have an instance."""
    instance = state.instances[event.instance_uuid]
    if (instance.host, instance.epoch) != (event.host, event.epoch):
        message = (
            f"instance {event.instance_uuid} is unbound from {event.host} of epoch {event.epoch}, but is"
            f" {_whereabouts(instance)} of epoch {instance.epoch}"
        )
        raise InvariantBroken(message)
    before = instance.hosts()
    _put(instance, None)
    instance.last_host = event.host
    _leave(state, instance, event.host)
    state.groups.moved(instance.security_groups, before, instance.hosts())


def apply_bound(state: CellState, event: InstanceBound) -> None:
    """Let a host have an instance that nobody has; two owners at one position is what must never be."""
    instance = state.instances[event.instance_uuid]
    known = event.host in instance.prepared
    if instance.host is not None or event.epoch != instance.epoch + 1 or event.prepared != known:
        message = (
            f"instance {event.instance_uuid} is bound to {event.host} for epoch {event.epoch}, but is"
            f" {_whereabouts(instance)} of epoch {instance.epoch}"
        )
        raise InvariantBroken(message)
    before = instance.hosts()
    instance.epoch = event.epoch
    instance.rxtx_factor = event.rxtx_factor
    instance.last_host = None
    instance.prepared = tuple(host for host in instance.prepared if host != event.host)
    _put(instance, event.host)
    _come_back(state, instance, event.host)
    state.groups.moved(instance.security_groups, before, instance.hosts())


def _put(instance: Instance, host: str | None) -> None:
    instance.host = host
    for vif in instance.vifs:
        for allocation in vif.allocations.values():
            allocation.host = host


def apply_prepared(state: CellState, event: InstancePrepared) -> None:
    """Let an instance have ports on a host that does not have it."""
    instance = state.instances[event.instance_uuid]
    known = event.host in instance.prepared
    if event.host == instance.host or event.epoch != instance.epoch or event.more != known:
        message = (
            f"instance {event.instance_uuid} is made ready on {event.host} in epoch {event.epoch}, but is"
            f" {_whereabouts(instance)} of epoch {instance.epoch}"
        )
        raise InvariantBroken(message)
    before = instance.hosts()
    if not known:
        instance.prepared = (*instance.prepared, event.host)
    _come_back(state, instance, event.host)
    state.groups.moved(instance.security_groups, before, instance.hosts())


def apply_unprepared(state: CellState, event: InstanceUnprepared) -> None:
    """Let a host have no ports of an instance any more."""
    instance = state.instances[event.instance_uuid]
    if event.host not in instance.prepared:
        message = f"instance {event.instance_uuid} is not made ready on {event.host}"
        raise InvariantBroken(message)
    before = instance.hosts()
    instance.prepared = tuple(host for host in instance.prepared if host != event.host)
    _leave(state, instance, event.host)
    state.groups.moved(instance.security_groups, before, instance.hosts())


def _leave(state: CellState, instance: Instance, host: str) -> None:
    """Remember that a registered host must still let go of an instance's ports."""
    known = state.hosts.get(host)
    if known is not None and host not in instance.left:
        instance.left = (*instance.left, host)
        known.leaving[instance.uuid] = state.seq


def _come_back(state: CellState, instance: Instance, host: str) -> None:
    if host in instance.left:
        instance.left = tuple(one for one in instance.left if one != host)
        del state.hosts[host].leaving[instance.uuid]


def forget(state: CellState, instance: Instance) -> None:
    """Wait for nobody any more: the instance is gone, and its addresses wait by themselves."""
    for host in instance.left:
        del state.hosts[host].leaving[instance.uuid]


def let_go_until(host: Host, seq: int) -> int:
    """Return the last position up to `seq` at which a host lost ports that it still must let go of, or 0."""
    return max(takewhile(lambda left_seq: left_seq <= seq, host.leaving.values()), default=0)


def apply_let_go(state: CellState, host: str, seq: int) -> None:
    """Wait no longer for a host that reports a position at or past the loss of its ports."""
    leaving = state.hosts[host].leaving
    while leaving:
        uuid, left_seq = next(iter(leaving.items()))
        if left_seq > seq:
            break
        del leaving[uuid]
        instance = state.instances[uuid]
        before = instance.hosts()
        instance.left = tuple(one for one in instance.left if one != host)
        state.groups.moved(instance.security_groups, before, instance.hosts())
