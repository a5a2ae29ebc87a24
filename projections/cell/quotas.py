"""Quotas: limits per project, and counts kept by the events that change them (nova-network.md section 7.8).

There are no reservations and no second ledger. What a project has is counted where it is taken and given
back, and compared with the limit in the same decision, so two of its commands never take the last unit both.
"""

from typing import NamedTuple

from events.errors import InvariantBroken
from events.model import Event
from events.quotas import RESOURCES, UNLIMITED, QuotaSet, Resource, SetQuota
from events.refusals import Code, Refusal
from projections.cell.state import CellState, Rules


class _Told(NamedTuple):
    code: Code
    what: str


_OVER: dict[Resource, _Told] = {
    "fixed_ips": _Told(Code.FIXED_IP_LIMIT_EXCEEDED, "fixed IPs"),
    "floating_ips": _Told(Code.FLOATING_IP_LIMIT_EXCEEDED, "floating IPs"),
    "networks": _Told(Code.OVER_QUOTA, "networks"),
}


def default_limit(rules: Rules, resource: Resource) -> int:
    """Return the limit of a project that has none of its own."""
    if resource == "fixed_ips":
        return rules.quota_fixed_ips
    if resource == "floating_ips":
        return rules.quota_floating_ips
    return rules.quota_networks if rules.enable_network_quota else UNLIMITED


def over(
    state: CellState, rules: Rules, project_id: str, resource: Resource, more: int, field: str
) -> Refusal | None:
    """Refuse if a project would have more of a resource than it may; who wants none is never over."""
    limit = state.quotas.get((project_id, resource))
    if limit is None:
        limit = default_limit(rules, resource)
    if limit == UNLIMITED or more == 0:
        return None
    used = state.usage[resource].get(project_id, 0)
    if used + more <= limit:
        return None
    code, what = _OVER[resource]
    message = (
        f"Project {project_id!r} has {used} {what} and may have {limit}; {more} more are too many. Give some"
        " back, or let an admin raise the limit with `netledger quota set`."
    )
    details: dict[str, str | int | None] = {"limit": limit, "used": used, "requested": more}
    return Refusal(code=code, field=field, message=message, details=details)


def count(state: CellState, resource: Resource, project_id: str, more: int) -> None:
    """Remember that a project has so many more of a resource, or fewer."""
    counted = state.usage[resource]
    used = counted.get(project_id, 0) + more
    if used > 0:
        counted[project_id] = used
    elif used == 0:
        del counted[project_id]
    else:
        message = f"project {project_id} gives back {resource} that it does not have"
        raise InvariantBroken(message)


def decide_set(state: CellState, command: SetQuota) -> tuple[Event, ...] | Refusal:
    """Set limits, or take them away; what is so already leaves no event."""
    if not command.actor.is_admin:
        return Refusal(code=Code.FORBIDDEN, field="actor.is_admin", message="Only an admin may set quotas.")
    both = set(command.limits) & set(command.reset)
    if both:
        message = f"A limit of {min(both)} is set and taken away in one command; say one of them."
        return Refusal(code=Code.INVALID_INPUT, field="reset", message=message)
    wanted: dict[Resource, int | None] = {**command.limits, **dict.fromkeys(command.reset)}
    if not wanted:
        message = f"Name a resource: {', '.join(RESOURCES)}."
        return Refusal(code=Code.INVALID_INPUT, field="limits", message=message)
    return tuple(
        QuotaSet(project_id=command.project_id, resource=resource, limit=wanted[resource])
        for resource in RESOURCES
        if resource in wanted and state.quotas.get((command.project_id, resource)) != wanted[resource]
    )


def apply_set(state: CellState, event: QuotaSet) -> None:
    """Let another limit hold."""
    if event.limit is None:
        del state.quotas[event.project_id, event.resource]
    else:
        state.quotas[event.project_id, event.resource] = event.limit
