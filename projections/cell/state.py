"""The state of a cell: plain containers, changed by `apply_*` and read by `decide_*` of each subject.

Addresses and MACs are integers here. Everything is found by key: nothing that a spawn needs is searched for.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from events.addresses import mac_text
from events.floating_ips import FloatingIpAssociated
from events.networks import NetworkCreated
from events.quotas import RESOURCES, Resource
from projections.cell.address.few import Few
from projections.cell.address.pool import AddressPool, Range
from projections.cell.floating.floating_pool import FloatingPool
from projections.cell.group.group_state import Hosts, SecurityGroups
from projections.cell.names.dns_names import Names
from projections.cell.network.blocks import Blocks
from projections.cell.window import Window

SELECTABLE_BY_ALL = None
"""Key of networks that every project sees."""


@dataclass(slots=True)
class Allocation:
    """A fixed IP and who holds it, from its allocation until it is free again."""

    id: str
    network_id: str
    address: int
    mac_number: int
    vif_id: str
    instance_uuid: str
    project_id: str
    host: str | None
    """Host that has the instance; of a draining address the one that had it when it was released."""
    leased: bool = False
    draining: bool = False
    waits_for: tuple[str, ...] = ()
    """Hosts that have not let go yet, while draining."""
    floating: Few[int, None] = field(default_factory=Few)
    """Floating IPs that point here, in order of association."""
    until_deadline: bool = False
    """Whether, while draining, it waits for its deadline whatever its hosts say."""

    @property
    def mac(self) -> str:
        """MAC of its NIC, as text."""
        return mac_text(self.mac_number)


class HostAddress(NamedTuple):
    """The address at which a host serves a multi_host network."""

    id: str
    address: int


@dataclass(slots=True)
class Network:
    """A network, its network host and its addresses."""

    plan: NetworkCreated
    block: Range | None
    """First and last IPv4 address; None for a network of IPv6 alone, whose pool is empty."""
    block_v6: Range | None
    pool: AddressPool[Allocation]
    project_id: str | None
    """The project that alone may use it, None for all; at first that of its plan."""
    vpn_public_address: str | None = None
    vpn_public_port: int | None = None
    host: str | None = None
    epoch: int = 0
    """Counts its owners."""
    leaving: str | None = None
    """Host that owned it and is not known yet to have let go of it; then it has no owner."""
    heir: str | None = None
    """Host that shall own it then."""
    host_addresses: dict[str, HostAddress] = field(default_factory=dict)
    """By host that serves it, if it is multi_host and they share none."""
    active: int = 0
    """Allocations that are not draining."""
    nics: int = 0
    draining: dict[str, None] = field(default_factory=dict)
    """Ids of draining allocations."""
    addresses_v6: dict[int, str] = field(default_factory=dict)
    """IPv6 addresses of its NICs, with the id of each one's NIC."""

    @property
    def owner(self) -> str | None:
        """The project to which its blocks are exclusive (`projections.cell.network.blocks`); None: nobody."""
        return None if self.plan.multi_host else self.project_id


@dataclass(slots=True)
class Host:
    """A registered host."""

    physical_networks: frozenset[str]
    lease_s: int
    network_host: bool
    epoch: int
    fenced_until: int | None = None
    """When what waits for it is freed, in ms, if it is fenced."""
    networks: dict[str, None] = field(default_factory=dict)
    """Ids of those that it owns."""
    giving_up: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """Networks that it is to let go of, with the seq of their release, in that order."""
    awaited: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """Draining allocations that wait for this host, with the seq of their release, in that order."""
    leaving: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """Instances that lost their ports here, with the seq of that, in order, until it reports that seq."""


@dataclass(slots=True)
class Vif:
    """A NIC."""

    id: str
    mac: int
    instance_uuid: str
    network_id: str
    index: int
    tag: str | None
    address_v6: int | None = None
    allocations: Few[str, Allocation] = field(default_factory=Few)


@dataclass(slots=True)
class Instance:
    """An instance that has networking."""

    uuid: str
    project_id: str
    host: str | None
    """Host that it is bound to; None in the middle of a move."""
    hostname: str | None
    display_name: str | None
    availability_zone: str | None
    rxtx_factor: float | None
    request_digest: str
    vifs: list[Vif] = field(default_factory=list)
    security_groups: tuple[str, ...] = ()
    """Ids of the groups that it is in, in the order in which it joined."""
    lingering: Hosts | None = None
    """Hosts that may not have applied yet that it left a group."""
    epoch: int = 1
    """Counts the hosts that it was bound to."""
    last_host: str | None = None
    """Host that it was bound to last, while it is bound to none."""
    prepared: tuple[str, ...] = ()
    """Other hosts that have ports of it."""
    left: tuple[str, ...] = ()
    """Registered hosts that have not confirmed yet that their ports of it are gone."""

    def hosts(self) -> set[str]:
        """Return all hosts that have, or may still have, ports of it."""
        return {*self.prepared, *self.left, *(() if self.host is None else (self.host,))}

    def vif(self, vif_id: str) -> Vif:
        """Return one of its NICs.

        Raises:
            KeyError: it has no such NIC.

        """
        for vif in self.vifs:
            if vif.id == vif_id:
                return vif
        raise KeyError(vif_id)


@dataclass(slots=True)
class FloatingIp:
    """A floating IP that a project owns."""

    address: int
    pool: str
    interface: str | None
    project_id: str
    auto_assigned: bool
    association: FloatingIpAssociated | None = None


class FloatingRange(NamedTuple):
    """Floating addresses from `first` to `last`, both included, all of one pool."""

    first: int
    last: int
    pool: str
    interface: str | None


class CellState:
    """Everything that deciding must know about a cell."""

    __slots__ = (
        "allocations",
        "blocks",
        "blocks_v6",
        "bridges",
        "claimants",
        "deadlines",
        "fenced",
        "floating_ips",
        "floating_pools",
        "floating_ranges",
        "groups",
        "hosts",
        "instances",
        "leaving",
        "macs",
        "names",
        "networks",
        "quotas",
        "selectable",
        "seq",
        "time_ms",
        "unhosted",
        "unowned_vlans",
        "usage",
        "vlan_networks",
        "vlans",
        "window",
    )

    def __init__(self, window_commands: int) -> None:
        """Begin with an empty cell that remembers `window_commands` command ids."""
        self.seq = 0
        self.time_ms = 0
        self.window = Window(window_commands)
        self.hosts: dict[str, Host] = {}
        self.fenced: dict[str, int] = {}
        """Hosts that fell silent and have not come back, with the seq of their fence."""
        self.claimants: dict[str, list[tuple[int, str]]] = {}
        """Live network hosts by physical network: (networks owned, name), ascending."""
        self.networks: dict[str, Network] = {}
        self.unhosted: dict[str, dict[str, None]] = {}
        """Networks that may be claimed by physical network, those without an owner for longest first."""
        self.leaving: dict[str, None] = {}
        """Networks that a host is to let go of."""
        self.bridges: dict[str, str] = {}
        self.vlans: dict[int, str] = {}
        """Networks by VLAN id."""
        self.blocks = Blocks()
        """Every network's IPv4 block."""
        self.blocks_v6 = Blocks()
        """Every network's IPv6 block."""
        self.selectable: dict[str | None, dict[str, None]] = {SELECTABLE_BY_ALL: {}}
        """Networks by the project that alone may use them, in order of creation."""
        self.unowned_vlans: dict[str, dict[str, None]] = {}
        """VLAN networks that wait for a project, by physical network, longest first."""
        self.vlan_networks = 0
        self.instances: dict[str, Instance] = {}
        self.macs: dict[int, str] = {}
        self.allocations: dict[str, Allocation] = {}
        """Active and draining, by allocation id."""
        self.deadlines: OrderedDict[str, int] = OrderedDict()
        """When draining ends whatever its hosts say, in ms, by allocation id, in order of release."""
        self.floating_pools: dict[str, FloatingPool] = {}
        self.floating_ranges: list[FloatingRange] = []
        """The ranges of every pool, ascending; ranges never overlap."""
        self.floating_ips: dict[int, FloatingIp] = {}
        """By address, those that projects own."""
        self.names = Names()
        self.quotas: dict[tuple[str, Resource], int] = {}
        """Limits of projects that have their own; -1: none."""
        self.usage: dict[Resource, dict[str, int]] = {resource: {} for resource in RESOURCES}
        """What projects have, by resource; who has nothing is not there."""
        self.groups = SecurityGroups()


@dataclass(frozen=True, slots=True)
class Rules:
    """Settings that deciding follows; nova's names and defaults."""

    fixed_ip_disassociate_timeout: int = 600
    """Seconds after which a released address is free even if its hosts have not reported."""
    claim_on_demand: bool = True
    """Whether a spawn gives a network that nobody serves to a network host."""
    lease_margin: int = 15
    """Seconds beyond a host's lease that a takeover waits: for its last steps, and for clocks that drift."""
    create_unique_mac_address_attempts: int = 5
    """MAC candidates drawn for a NIC before the spawn is refused."""
    quota_fixed_ips: int = -1
    """Fixed IPs that a project may have, unless it has a limit of its own; -1: any number."""
    quota_floating_ips: int = 10
    """Floating IPs, likewise."""
    enable_network_quota: bool = False
    """Whether the number of a project's networks is limited where no limit of its own says so."""
    quota_networks: int = 3
    """Networks, likewise."""
    use_ipv6: bool = False
    """Whether NICs on networks with IPv6 get an address."""
    ipv6_backend: Literal["rfc2462", "account_identifier"] = "rfc2462"
    """How it is derived."""
    default_floating_pool: str = "nova"
    """Where automatic floating IPs come from."""
    auto_assign_floating_ip: bool = False
    """Whether each instance gets a floating IP for its first fixed one."""
    instance_dns_domain: str = ""
    """Domain in which instances have records; empty: none have."""
    quota_security_groups: int = 10
    """Security groups of a project, its default one included; -1: any number."""
    quota_security_group_rules: int = 20
    """Rules of a security group; -1: any number."""
