"""Floating IPs that instances get by themselves (nova-network.md section 9.6)."""

from collections.abc import Sequence

from events.fixed_ips import FixedIpAllocated
from events.floating_ips import FloatingIpAssociated
from events.model import Event
from events.refusals import Refusal
from projections.cell.floating.floating_ips import allocation_of
from projections.cell.state import CellState, Rules


def assigned(
    state: CellState, project_id: str, made: Sequence[Event], rules: Rules, now_ms: int
) -> tuple[Event, ...] | Refusal:
    """Return the events that give the first address among `made` a floating IP, where each instance gets one.

    A flat network's address cannot have one. An empty pool refuses the spawn, as it failed nova's boot.
    """
    if not rules.auto_assign_floating_ip:
        return ()
    fixed = next(
        (event for event in made if isinstance(event, FixedIpAllocated) and _may(state, event)), None
    )
    if fixed is None:
        return ()
    floating = allocation_of(state, rules.default_floating_pool, project_id, now_ms, auto_assigned=True)
    if isinstance(floating, Refusal):
        message = f"{floating.message} Each instance gets one here (auto_assign_floating_ip)."
        return floating.model_copy(update={"field": None, "message": message})
    associated = FloatingIpAssociated(
        address=floating.address,
        interface=floating.interface,
        allocation_id=fixed.allocation_id,
        network_id=fixed.network_id,
        fixed_address=fixed.address,
        instance_uuid=fixed.instance_uuid,
        project_id=project_id,
    )
    return floating, associated


def _may(state: CellState, fixed: FixedIpAllocated) -> bool:
    return state.networks[fixed.network_id].plan.kind != "flat"
