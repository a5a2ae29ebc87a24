"""What moves of instances change in the tables. Pure.

The row of an instance names the host that it is bound to; bindings before that one are rows of their own. A
move says which host it takes an instance from, and of which epoch: where the tables say otherwise, two hosts
had one binding, and the change goes the careful way.
"""

from typing import TYPE_CHECKING

from events.moves import BoundPort, InstanceBound, InstancePrepared, InstanceUnbound, InstanceUnprepared
from projections.ipam.tables import FIXED_IPS, INSTANCES, VIFS, Value

if TYPE_CHECKING:
    from projections.ipam.changes import Changes

_HOST = INSTANCES.columns.index("host")
_BINDING_END = INSTANCES.columns.index("host_seq") + 1
_FACTOR = INSTANCES.columns.index("rxtx_factor")
_VIF_HOST = VIFS.columns.index("host")
_FIXED_HOST = FIXED_IPS.columns.index("host")

_NOW = 2
"""Where a row of `Changes.moved` begins to say what is true from now on."""


def unbound(changes: "Changes", seq: int, _time: str, event: InstanceUnbound) -> None:
    """End a binding, and take the host from everything that is the instance's."""
    since = _move(changes, event.instance_uuid, (event.host, event.epoch), (None, event.epoch), seq)
    changes.bindings.append([event.instance_uuid, event.host, event.epoch, since, seq])
    _put(changes, event.ports, None)


def bound(changes: "Changes", seq: int, time: str, event: InstanceBound) -> None:
    """Begin a binding."""
    uuid = event.instance_uuid
    _move(changes, uuid, (None, event.epoch - 1), (event.host, event.epoch), seq)
    row = changes.holds["instances"].began.get((uuid,))
    if row is not None:
        row[_FACTOR] = event.rxtx_factor
    else:
        changes.moved[uuid][-2:] = [True, event.rxtx_factor]
    if event.prepared:
        changes.holds["prepared_instances"].end((uuid, event.host), [], seq, time)
    _put(changes, event.ports, event.host)


def _move(
    changes: "Changes",
    uuid: str,
    before: tuple[Value, Value],
    after: tuple[Value, Value],
    seq: int,
) -> Value:
    """Change an instance's host and epoch; returns since when they were `before`, None if unknown here."""
    row = changes.holds["instances"].began.get((uuid,))
    first = _HOST
    if row is None:
        row = changes.moved.get(uuid)
        first = _NOW
    if row is None:
        changes.moved[uuid] = [*before, *after, seq, False, None]
        return None
    if (row[first], row[first + 1]) != before:
        changes.contradicted = True
    since = row[first + 2]
    row[first : first + 3] = [*after, seq]
    return since


def _put(changes: "Changes", ports: tuple[BoundPort, ...], host: str | None) -> None:
    for port in ports:
        nic = (port.mac, port.vif_id)
        row = changes.holds["vifs"].began.get(nic)
        if row is not None:
            row[_VIF_HOST] = host
        else:
            changes.moved_vifs[nic] = host
        for fixed in port.fixed:
            where = (port.network_id, fixed.address, fixed.allocation_id)
            row = changes.holds["fixed_ips"].began.get(where)
            if row is not None:
                row[_FIXED_HOST] = host
            else:
                changes.moved_fixed_ips[where] = host


def prepared(changes: "Changes", seq: int, time: str, event: InstancePrepared) -> None:
    """Let a host have ports of an instance."""
    if not event.more:
        where = (event.instance_uuid, event.host)
        changes.holds["prepared_instances"].begin(where, [*where, seq, time])


def unprepared(changes: "Changes", seq: int, time: str, event: InstanceUnprepared) -> None:
    """Let a host have them no longer."""
    changes.holds["prepared_instances"].end((event.instance_uuid, event.host), [], seq, time)
