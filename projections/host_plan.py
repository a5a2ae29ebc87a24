"""What a host's kernel and daemons should look like now: a pure function of its view and its own settings.

`plan` makes the whole plan. A `Planner` makes the same plan again after some networks changed, at the cost of
those networks only.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import blake2b

from events.addresses import cidr4_bounds, cidr4_netmask, ipv4_number, ipv4_text
from events.hosts import LEASE_S_DEFAULT
from events.networks import DEFAULT_PHYSICAL_NETWORK, NetworkCreated
from projections.host_dhcp import DhcpHost, DhcpService
from projections.host_nat import MASQUERADE, FloatingNat, Nat, NatNetwork
from projections.host_network import Floating, NetworkView
from projections.host_view import HostView

FORWARDING = "net.ipv4.ip_forward"

_LOCALLY_ADMINISTERED = 0x02
_MULTICAST = 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """What a host's operator decides. An option that nova had keeps nova's name and default."""

    host: str
    physical_networks: tuple[str, ...] = (DEFAULT_PHYSICAL_NETWORK,)
    """Physical networks that this host reaches."""
    network_host: bool = True
    """Whether this host claims networks that nobody serves; a host that only computes does not."""
    lease_s: int = LEASE_S_DEFAULT
    """Seconds without the end of the ledger after which this host gives up what only one host may do."""
    public_interface: str = "eth0"
    """Where floating IPs are bound, and what guests' traffic to the world leaves by."""
    flat_interface: str | None = None
    """Enslaved to bridges in place of a network's own bridge_interface: hosts differ."""
    routing_source_ip: str | None = None
    """Source of guests' traffic to the world. None: the public interface's address; empty: no translation."""
    dhcp_domain: str = "novalocal"
    dhcp_lease_time: int = 86400
    """Seconds."""
    dns_server: tuple[str, ...] = ()
    """Name servers that dnsmasq asks; none: those of the host."""
    use_network_dns_servers: bool = False
    """Whether dnsmasq also asks a network's dns1 and dns2."""
    networks_path: str | None = None
    """Where dnsmasq's files are, a directory for each host; None: below the agent's data directory."""
    full_pass_interval_s: float = 30.0
    """How often kernel and daemons are compared with the plan without being asked to."""
    claim_interval_s: float = 1.0
    """How often one network that nobody serves is claimed."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge of ours; `network_id` is the network it was made for."""

    name: str
    network_id: str
    mac: str
    """Pinned: a bridge without one takes the lowest of its guests' and changes it as they come and go."""
    mtu: int | None
    interface: str | None
    """Physical interface to enslave."""
    addresses: tuple[str, ...]
    """All addresses it has, with their prefix lengths; none on a host that only computes."""


@dataclass(frozen=True, slots=True)
class BoundAddress:
    """A floating IP that this host answers for."""

    address: str
    interface: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that the ledger asks of this host and that cannot be had; it counts as a failure."""

    network_id: str
    message: str


@dataclass(frozen=True, slots=True)
class HostPlan:
    """Everything of ours that should be there; whatever else is marked as ours should not."""

    bridges: tuple[Bridge, ...] = ()
    dhcp: tuple[DhcpService, ...] = ()
    nat: Nat | None = None
    floating: tuple[BoundAddress, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """What one network asks of this host."""

    order: int
    bridge: Bridge
    block: tuple[int, int] | None
    """First and last address, if this host routes for the network."""
    dhcp: DhcpService | None
    nat: NatNetwork | None
    floating: tuple[Floating, ...]

    def bridge_only(self) -> "_Part":
        """Return the same part without anything that only the network host does."""
        bridge = replace(self.bridge, addresses=())
        return replace(self, bridge=bridge, block=None, dhcp=None, nat=None, floating=())


def plan(view: HostView, settings: HostSettings) -> HostPlan:
    """Return the whole plan."""
    return Planner(settings).plan(view)


class Planner:
    """Plans again and again, keeping the parts of networks that did not change."""

    def __init__(self, settings: HostSettings) -> None:
        """Begin with no parts."""
        self._settings = settings
        self._parts: dict[str, _Part] = {}
        self._unserved: dict[str, Problem] = {}

    def plan(self, view: HostView, changed: Iterable[str] | None = None, *, leased: bool = True) -> HostPlan:
        """Return the plan; `changed` names the networks that changed since the last call, None means all.

        Without a lease it has nothing that only one host may do; ports and bridges stay.
        """
        if changed is None:
            self._parts.clear()
            self._unserved.clear()
            changed = view.networks
        for network_id in changed:
            part = self._part(view, network_id)
            self._unserved.pop(network_id, None)
            if isinstance(part, Problem):
                self._unserved[network_id] = part
                part = None
            if part is None:
                self._parts.pop(network_id, None)
            else:
                self._parts[network_id] = part
        parts = sorted(self._parts.values(), key=lambda part: part.order)
        joined = _joined(parts if leased else [part.bridge_only() for part in parts], self._settings)
        unserved = (self._unserved[network_id] for network_id in sorted(self._unserved))
        taken = (Problem(network_id, _TAKEN) for network_id in sorted(view.missing))
        return replace(joined, problems=(*joined.problems, *unserved, *taken))

    def _part(self, view: HostView, network_id: str) -> _Part | Problem | None:
        network = view.networks.get(network_id)
        if network is None:
            return None
        serves = view.serves(network)
        if not serves and not view.has_ports_on(network_id):
            return None
        definition = network.definition
        reason = _cannot_serve(definition)
        if reason is not None:
            return Problem(network_id, f"network {definition.label!r} ({network_id}) {reason}")
        cidr = definition.cidr if serves and definition.kind != "flat" else None
        bridge = Bridge(
            name=definition.bridge,
            network_id=network_id,
            mac=bridge_mac(self._settings.host, definition.bridge),
            mtu=definition.mtu,
            interface=self._settings.flat_interface or definition.bridge_interface,
            addresses=(f"{definition.dhcp_server}/{cidr.split('/')[1]}",) if cidr else (),
        )
        return _Part(
            order=network.order,
            bridge=bridge,
            block=cidr4_bounds(cidr) if cidr else None,
            dhcp=_dhcp(network, cidr, self._settings) if cidr and definition.enable_dhcp else None,
            nat=NatNetwork(cidr, _outgoing(network, self._settings)) if cidr else None,
            floating=tuple(f for f in network.floating.values() if _held(network, f)) if cidr else (),
        )


_TAKEN = "was taken over from another host: its addresses are being read from the ledger"


def _cannot_serve(definition: NetworkCreated) -> str | None:
    """Return why this agent must not build anything for a network, None if it can.

    Of a flat network it makes the bridge alone, whatever its addresses are.
    """
    if definition.kind == "vlan":
        return "is of kind vlan: this agent makes no VLAN devices yet"
    if definition.kind == "flat":
        return None
    if definition.multi_host:
        return "is multi_host: this agent does not serve such networks yet"
    if definition.cidr is None:
        return "has IPv6 addresses only: this agent does not serve them yet"
    return None


def bridge_mac(host: str, bridge: str) -> str:
    """Return the MAC of a bridge: always the same on one host, another one on each host."""
    octets = bytearray(blake2b(f"{host} {bridge}".encode(), digest_size=6).digest())
    octets[0] = (octets[0] | _LOCALLY_ADMINISTERED) & ~_MULTICAST
    return octets.hex(":")


def _held(network: NetworkView, floating: Floating) -> bool:
    """Tell whether the allocation that a floating IP points at is still there."""
    return network.allocation(floating.fixed_address, floating.allocation_id) is not None


def _outgoing(network: NetworkView, settings: HostSettings) -> str | None:
    """Return what becomes of guests' own addresses on the way out (nova-network.md 14.2).

    Nothing where an external router is the gateway, or where the network has no DHCP.
    """
    definition = network.definition
    if not definition.enable_dhcp or definition.gateway != definition.dhcp_server:
        return None
    if settings.routing_source_ip is None:
        return MASQUERADE
    return settings.routing_source_ip or None


def _dhcp(network: NetworkView, cidr: str, settings: HostSettings) -> DhcpService:
    definition = network.definition
    first, last = cidr4_bounds(cidr)
    servers = settings.dns_server
    if settings.use_network_dns_servers:
        servers += tuple(server for server in (definition.dns1, definition.dns2) if server is not None)
    first_of_nic: dict[str, DhcpHost] = {}
    for held in network.allocations.values():
        first_of_nic.setdefault(held.mac, DhcpHost(held.mac, held.address, held.hostname))
    return DhcpService(
        network_id=definition.network_id,
        interface=definition.bridge,
        first=definition.dhcp_start or ipv4_text(first + 2),
        netmask=definition.netmask or cidr4_netmask(cidr),
        router=definition.gateway or ipv4_text(first + 1),
        mtu=definition.mtu,
        lease_time_s=settings.dhcp_lease_time,
        lease_max=last - first + 1,
        domain=settings.dhcp_domain,
        servers=servers,
        hosts=tuple(sorted(first_of_nic.values(), key=lambda host: ipv4_number(host.address))),
    )


def _joined(parts: list[_Part], settings: HostSettings) -> HostPlan:
    """Return the plan of several networks' parts, which must be in the order of the networks' creation.

    Where two networks want what only one can have, the older one has it.
    """
    problems: list[Problem] = []
    parts = _without_overlaps(parts, problems)
    bridges = _bridges(parts, problems)
    dhcp = _one_service_a_bridge(parts, problems)
    networks = tuple(part.nat for part in parts if part.nat is not None)
    floating = sorted(
        (floating for part in parts for floating in part.floating),
        key=lambda floating: (floating.since, ipv4_number(floating.address)),
    )
    translated = tuple(
        FloatingNat(each.address, each.fixed_address, each.interface or settings.public_interface)
        for each in floating
    )
    return HostPlan(
        bridges=bridges,
        dhcp=dhcp,
        nat=Nat(settings.public_interface, networks, translated) if networks else None,
        floating=tuple(BoundAddress(each.address, each.interface) for each in translated),
        sysctls=((FORWARDING, "1"),) if networks else (),
        problems=tuple(problems),
    )


def _without_overlaps(parts: list[_Part], problems: list[Problem]) -> list[_Part]:
    """Serve only one of two networks whose blocks overlap: one routing table cannot tell them apart."""
    taken: list[tuple[int, int]] = []
    kept = []
    for part in parts:
        if part.block is None:
            kept.append(part)
            continue
        first, last = part.block
        if any(first <= other_last and other_first <= last for other_first, other_last in taken):
            message = "its block overlaps one that this host serves already; let another host claim it"
            problems.append(Problem(part.bridge.network_id, message))
            kept.append(part.bridge_only())
        else:
            taken.append(part.block)
            kept.append(part)
    return kept


def _bridges(parts: list[_Part], problems: list[Problem]) -> tuple[Bridge, ...]:
    """Join the parts of networks that share a bridge."""
    bridges: dict[str, Bridge] = {}
    for part in parts:
        wanted = part.bridge
        there = bridges.get(wanted.name)
        if there is None:
            bridges[wanted.name] = wanted
            continue
        if (wanted.mtu, wanted.interface) != (there.mtu, there.interface):
            message = f"bridge {wanted.name} is network {there.network_id}'s, with another MTU or interface"
            problems.append(Problem(wanted.network_id, message))
        bridges[wanted.name] = replace(there, addresses=there.addresses + wanted.addresses)
    return tuple(bridges.values())


def _one_service_a_bridge(parts: list[_Part], problems: list[Problem]) -> tuple[DhcpService, ...]:
    """Run at most one DHCP server on a bridge: two would both hear every guest."""
    services: dict[str, DhcpService] = {}
    for part in parts:
        service = part.dhcp
        if service is None:
            continue
        there = services.setdefault(service.interface, service)
        if there is not service:
            message = (
                f"network {there.network_id} has DHCP on bridge {service.interface} already; name another"
            )
            problems.append(Problem(service.network_id, message))
    return tuple(services.values())
