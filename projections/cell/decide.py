"""What is decided on each command, report and tick: the subjects' rules by type."""

from typing import assert_never

from events.catalog import AnyCommand, AnyReport
from events.dns import (
    AddDnsEntry,
    CreatePrivateDnsDomain,
    CreatePublicDnsDomain,
    DeleteDnsDomain,
    DeleteDnsEntry,
    ModifyDnsEntry,
)
from events.fixed_ips import (
    AddFixedIp,
    LeaseFixedIp,
    ReleaseFixedIp,
    RemoveFixedIp,
    ReserveFixedIp,
    UnreserveFixedIp,
)
from events.floating_ips import (
    AllocateFloatingIp,
    AssociateFloatingIp,
    CreateFloatingIps,
    DeleteFloatingIps,
    DisassociateFloatingIp,
    ReleaseFloatingIp,
)
from events.hosts import RegisterHost, ReportApplied
from events.ids import Draws
from events.instances import DeleteInstance, SpawnInstance
from events.model import Event
from events.moves import BindInstance, PrepareInstance, UnbindInstance
from events.networks import ChangeVpn, ClaimNetwork, CreateNetworks, DeleteNetwork
from events.ownership import SetNetworkHost
from events.projects import AddNetworkToProject, ModifyNetwork
from events.quotas import SetQuota
from events.refusals import Code, Refusal
from projections.cell import quotas
from projections.cell.address import fixed_ips, more_fixed_ips, reservations
from projections.cell.floating import floating_ips, floating_ranges
from projections.cell.group import groups
from projections.cell.host import fences, hosts, ownership
from projections.cell.host.fences import NO_SILENCE, Silence
from projections.cell.instance import instances, moves
from projections.cell.names import dns
from projections.cell.network import network_plan, networks, projects, vpn
from projections.cell.state import CellState, Rules

Decision = tuple[Event, ...] | Refusal


def decide_command(
    state: CellState, command: AnyCommand, rules: Rules, draws: Draws, now_ms: int
) -> Decision:
    """Decide a wish; no events means that it is granted and nothing has to change."""
    match command:
        case SpawnInstance():
            return instances.decide_spawn(state, command, rules, draws, now_ms)
        case DeleteInstance() | UnbindInstance() | BindInstance() | PrepareInstance():
            return _decide_instance(state, command, rules, draws, now_ms)
        case AddFixedIp() | RemoveFixedIp() | ReserveFixedIp() | UnreserveFixedIp():
            return _decide_fixed_ip(state, command, rules, draws, now_ms)
        case (
            CreateNetworks()
            | DeleteNetwork()
            | ChangeVpn()
            | AddNetworkToProject()
            | ModifyNetwork()
            | SetNetworkHost()
        ):
            return _decide_network(state, command, rules, draws)
        case (
            CreateFloatingIps()
            | DeleteFloatingIps()
            | AllocateFloatingIp()
            | AssociateFloatingIp()
            | DisassociateFloatingIp()
            | ReleaseFloatingIp()
        ):
            return _decide_floating_ip(state, command, rules, now_ms)
        case (
            CreatePrivateDnsDomain()
            | CreatePublicDnsDomain()
            | DeleteDnsDomain()
            | AddDnsEntry()
            | ModifyDnsEntry()
            | DeleteDnsEntry()
        ):
            return _decide_dns(state, command)
        case SetQuota():
            return quotas.decide_set(state, command)
        case _:
            return groups.decide(state, command, rules, draws, now_ms)


def _decide_floating_ip(
    state: CellState,
    command: CreateFloatingIps
    | DeleteFloatingIps
    | AllocateFloatingIp
    | AssociateFloatingIp
    | DisassociateFloatingIp
    | ReleaseFloatingIp,
    rules: Rules,
    now_ms: int,
) -> Decision:
    match command:
        case CreateFloatingIps():
            return floating_ranges.decide_create(state, command)
        case DeleteFloatingIps():
            return floating_ranges.decide_delete(state, command)
        case AllocateFloatingIp():
            return floating_ips.decide_allocate(state, command, rules, now_ms)
        case AssociateFloatingIp():
            return floating_ips.decide_associate(state, command)
        case DisassociateFloatingIp():
            return floating_ips.decide_disassociate(state, command)
        case ReleaseFloatingIp():
            return floating_ips.decide_release(state, command)
        case _:
            assert_never(command)


def _decide_network(
    state: CellState,
    command: CreateNetworks
    | DeleteNetwork
    | ChangeVpn
    | AddNetworkToProject
    | ModifyNetwork
    | SetNetworkHost,
    rules: Rules,
    draws: Draws,
) -> Decision:
    match command:
        case CreateNetworks():
            planned = network_plan.decide_create(state, command, draws)
            return projects.within_quota(state, rules, command, planned)
        case DeleteNetwork():
            return networks.decide_delete(state, command)
        case ChangeVpn():
            return vpn.decide_change(state, command)
        case AddNetworkToProject():
            return projects.decide_add(state, command, rules)
        case ModifyNetwork():
            return projects.decide_modify(state, command, rules)
        case SetNetworkHost():
            return ownership.decide_set_host(state, command)
        case _:
            assert_never(command)


def _decide_instance(
    state: CellState,
    command: DeleteInstance | UnbindInstance | BindInstance | PrepareInstance,
    rules: Rules,
    draws: Draws,
    now_ms: int,
) -> Decision:
    match command:
        case DeleteInstance():
            return instances.decide_delete(state, command, rules, now_ms)
        case UnbindInstance():
            return moves.decide_unbind(state, command)
        case BindInstance():
            return moves.decide_bind(state, command, draws, now_ms)
        case PrepareInstance():
            return moves.decide_prepare(state, command, draws, now_ms)
        case _:
            assert_never(command)


def _decide_dns(
    state: CellState,
    command: CreatePrivateDnsDomain
    | CreatePublicDnsDomain
    | DeleteDnsDomain
    | AddDnsEntry
    | ModifyDnsEntry
    | DeleteDnsEntry,
) -> Decision:
    match command:
        case CreatePrivateDnsDomain() | CreatePublicDnsDomain():
            return dns.decide_create(state, command)
        case DeleteDnsDomain():
            return dns.decide_delete(state, command)
        case AddDnsEntry():
            return dns.decide_add(state, command)
        case ModifyDnsEntry():
            return dns.decide_modify(state, command)
        case DeleteDnsEntry():
            return dns.decide_delete_entry(state, command)
        case _:
            assert_never(command)


def _decide_fixed_ip(
    state: CellState,
    command: AddFixedIp | RemoveFixedIp | ReserveFixedIp | UnreserveFixedIp,
    rules: Rules,
    draws: Draws,
    now_ms: int,
) -> Decision:
    match command:
        case AddFixedIp():
            return more_fixed_ips.decide_add(state, command, rules, draws, now_ms)
        case RemoveFixedIp():
            return more_fixed_ips.decide_remove(state, command, rules, now_ms)
        case ReserveFixedIp():
            return reservations.decide_reserve(state, command)
        case UnreserveFixedIp():
            return reservations.decide_unreserve(state, command)
        case _:
            assert_never(command)


def decide_report(state: CellState, report: AnyReport) -> Decision:
    """Decide on a host's fact; no events means that it leaves no record."""
    if report.host != report.reporter:
        message = (
            f"Host {report.reporter!r} reports about host {report.host!r}; a host reports about itself only."
        )
        return Refusal(code=Code.REPORT_ABOUT_ANOTHER_HOST, field="host", message=message)
    match report:
        case RegisterHost():
            return hosts.decide_register(state, report)
        case ReportApplied():
            return hosts.decide_applied(state, report)
        case ClaimNetwork():
            return ownership.decide_claim(state, report)
        case LeaseFixedIp() | ReleaseFixedIp():
            return fixed_ips.decide_lease(state, report)
        case _:
            assert_never(report)


def decide_tick(
    state: CellState, rules: Rules, now_ms: int, silence: Silence = NO_SILENCE
) -> tuple[Event, ...]:
    """Decide what time alone brings about; no events means that nothing does.

    `silence` is what was not heard for how long, which the state of a cell does not know.
    """
    return fixed_ips.decide_expired(state, now_ms) or fences.decide(state, rules, now_ms, silence)
