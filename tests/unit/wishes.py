"""Commands and reports for tests, with what matters as arguments and good values for the rest.

Ids are set by whoever sends them (`tests.unit.given` numbers them); here they are placeholders.
"""

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
from events.instances import DeleteInstance, RequestedNetwork, SpawnInstance
from events.model import Actor
from events.moves import BindInstance, PrepareInstance, UnbindInstance
from events.networks import (
    AddressRange,
    ChangeVpn,
    ClaimNetwork,
    CreateNetworks,
    DeleteNetwork,
    NetworkCreated,
)
from events.ownership import SetNetworkHost
from events.projects import AddNetworkToProject, ModifyNetwork
from events.quotas import Resource, SetQuota
from tests.unit import people
from tests.unit.group_wishes import GROUP_WISHES

ANY_ID, ADMIN, ANN, BOB, uid = people.ANY_ID, people.ADMIN, people.ANN, people.BOB, people.uid
"""Who asks, and ids; see `tests.unit.people`."""


def create(
    name: str = "net", cidr: str | None = "10.0.0.0/24", actor: Actor = ADMIN, **fields: object
) -> CreateNetworks:
    """Ask for a FlatDHCP network whose label and id come from `name`."""
    asked = {"kind": "flatdhcp", "label": name, "uuid": uid(name), "cidr": cidr, **fields}
    return CreateNetworks.model_validate({"id": ANY_ID, "actor": actor, **asked})


def delete_network(name: str = "net", actor: Actor = ADMIN, **fields: object) -> DeleteNetwork:
    """Ask to delete a network."""
    return DeleteNetwork.model_validate({"id": ANY_ID, "actor": actor, "network_id": uid(name), **fields})


def vlan(name: str = "vlan", number: int = 100, **fields: object) -> NetworkCreated:
    """Return the fact of a VLAN network, 10.<number>.0.0/24, nobody's unless its project_id says so."""
    block = f"10.{number}.0"
    made = {
        "network_id": uid(name),
        "kind": "vlan",
        "label": name,
        "cidr": f"{block}.0/24",
        "netmask": "255.255.255.0",
        "broadcast": f"{block}.255",
        "gateway": f"{block}.1",
        "dhcp_server": f"{block}.1",
        "dhcp_start": f"{block}.3",
        "enable_dhcp": True,
        "bridge": f"br{number}",
        "vlan": number,
        "vpn_private_address": f"{block}.2",
        "reserved": (
            AddressRange(first=f"{block}.0", last=f"{block}.2"),
            AddressRange(first=f"{block}.255", last=f"{block}.255"),
        ),
        "physical_network": "default",
    }
    return NetworkCreated.model_validate(made | fields)


def add_network(project: str = "red", name: str | None = None, actor: Actor = ADMIN) -> AddNetworkToProject:
    """Ask for a VLAN network for a project."""
    network_id = None if name is None else uid(name)
    return AddNetworkToProject(id=ANY_ID, actor=actor, project_id=project, network_id=network_id)


def modify(name: str = "net", actor: Actor = ADMIN, **fields: object) -> ModifyNetwork:
    """Ask to change whose a network is."""
    return ModifyNetwork.model_validate({"id": ANY_ID, "actor": actor, "network_id": uid(name), **fields})


def vpn_change(
    project: str = "red", address: str = "192.0.2.1", port: int = 1194, actor: Actor = ADMIN
) -> ChangeVpn:
    """Ask that the VPN of a project's VLAN networks be reached elsewhere."""
    return ChangeVpn(
        id=ANY_ID, actor=actor, project_id=project, vpn_public_address=address, vpn_public_port=port
    )


def register(host: str = "h1", *physical_networks: str, **fields: object) -> RegisterHost:
    """Let a host announce itself; it reaches the default physical network unless others are named."""
    asked = {"reporter": host, "host": host, "physical_networks": physical_networks or ("default",), **fields}
    return RegisterHost.model_validate({"id": ANY_ID, **asked})


def applied(host: str, seq: int) -> ReportApplied:
    """Let a host report its applied position."""
    return ReportApplied(id=ANY_ID, reporter=host, host=host, seq=seq)


def claim(host: str = "h1", name: str | None = "net") -> ClaimNetwork:
    """Let a host claim a network; None: any."""
    return ClaimNetwork(id=ANY_ID, reporter=host, host=host, network_id=None if name is None else uid(name))


def set_host(name: str = "net", actor: Actor = ADMIN) -> SetNetworkHost:
    """Ask that a network be served now."""
    return SetNetworkHost(id=ANY_ID, actor=actor, network_id=uid(name))


def nic(name: str = "net", address: str | None = None, tag: str | None = None) -> RequestedNetwork:
    """Ask for a NIC on a network."""
    return RequestedNetwork(network_id=uid(name), address=address, tag=tag)


def spawn(
    name: str = "vm", *nics: RequestedNetwork, actor: Actor = ANN, project: str = "red", **fields: object
) -> SpawnInstance:
    """Ask for an instance of project red on host h1; without NICs, one on every network that it sees."""
    asked = {"instance_uuid": uid(name), "project_id": project, "host": "h1", **fields}
    if nics:
        asked["requested_networks"] = nics
    return SpawnInstance.model_validate({"id": ANY_ID, "actor": actor, **asked})


def delete(name: str = "vm", actor: Actor = ANN) -> DeleteInstance:
    """Ask to take everything from an instance."""
    return DeleteInstance(id=ANY_ID, actor=actor, instance_uuid=uid(name))


def unbind(name: str = "vm", host: str | None = "h1", actor: Actor = ANN, **fields: object) -> UnbindInstance:
    """Ask to take an instance from its host."""
    asked = {"instance_uuid": uid(name), "host": host, **fields}
    return UnbindInstance.model_validate({"id": ANY_ID, "actor": actor, **asked})


def bind(
    name: str = "vm", host: str = "h2", source: str | None = "h1", actor: Actor = ANN, **fields: object
) -> BindInstance:
    """Ask to give an instance to a host, after its source let go."""
    asked = {"instance_uuid": uid(name), "host": host, "source": source, **fields}
    return BindInstance.model_validate({"id": ANY_ID, "actor": actor, **asked})


def prepare(name: str = "vm", host: str = "h2", actor: Actor = ANN, **fields: object) -> PrepareInstance:
    """Ask to make an instance's NICs ready on a host."""
    asked = {"instance_uuid": uid(name), "host": host, **fields}
    return PrepareInstance.model_validate({"id": ANY_ID, "actor": actor, **asked})


def teardown(name: str = "vm", host: str = "h2", actor: Actor = ANN, **fields: object) -> PrepareInstance:
    """Ask to take an instance's NICs from a host."""
    return prepare(name, host, actor, teardown=True, **fields)


def add_ip(vm: str = "vm", name: str = "net", address: str | None = None, actor: Actor = ANN) -> AddFixedIp:
    """Ask for another address of a network for an instance."""
    return AddFixedIp(id=ANY_ID, actor=actor, instance_uuid=uid(vm), network_id=uid(name), address=address)


def remove_ip(vm: str, address: str, actor: Actor = ANN) -> RemoveFixedIp:
    """Ask to take an address from an instance."""
    return RemoveFixedIp(id=ANY_ID, actor=actor, instance_uuid=uid(vm), address=address)


def reserve(address: str, actor: Actor = ADMIN) -> ReserveFixedIp:
    """Ask never to hand out an address."""
    return ReserveFixedIp(id=ANY_ID, actor=actor, address=address)


def unreserve(address: str, actor: Actor = ADMIN) -> UnreserveFixedIp:
    """Ask to let a reserved address be handed out again."""
    return UnreserveFixedIp(id=ANY_ID, actor=actor, address=address)


def lease(host: str, address: str, mac: str, name: str = "net") -> LeaseFixedIp:
    """Let a host report that a guest took a lease."""
    return LeaseFixedIp(id=ANY_ID, reporter=host, host=host, network_id=uid(name), address=address, mac=mac)


def release(host: str, address: str, mac: str, name: str = "net") -> ReleaseFixedIp:
    """Let a host report that a lease ended."""
    return ReleaseFixedIp(id=ANY_ID, reporter=host, host=host, network_id=uid(name), address=address, mac=mac)


def floating_create(
    ip_range: str = "192.0.2.0/29", actor: Actor = ADMIN, **fields: object
) -> CreateFloatingIps:
    """Ask for floating IPs in a pool."""
    return CreateFloatingIps.model_validate({"id": ANY_ID, "actor": actor, "ip_range": ip_range, **fields})


def floating_delete(
    ip_range: str = "192.0.2.0/29", actor: Actor = ADMIN, **fields: object
) -> DeleteFloatingIps:
    """Ask to take floating IPs out of their pools."""
    return DeleteFloatingIps.model_validate({"id": ANY_ID, "actor": actor, "ip_range": ip_range, **fields})


def floating_allocate(
    actor: Actor = ANN, project: str = "red", pool: str = "nova", **fields: object
) -> AllocateFloatingIp:
    """Ask for a floating IP."""
    asked = {"id": ANY_ID, "actor": actor, "project_id": project, "pool": pool}
    return AllocateFloatingIp.model_validate({**asked, **fields})


def associate(
    floating: str, fixed: str, actor: Actor = ANN, name: str | None = None, **fields: object
) -> AssociateFloatingIp:
    """Ask to point a floating IP at a fixed one."""
    network_id = None if name is None else uid(name)
    asked = {"floating_address": floating, "fixed_address": fixed, "network_id": network_id}
    return AssociateFloatingIp.model_validate({"id": ANY_ID, "actor": actor, **asked, **fields})


def disassociate(address: str, actor: Actor = ANN, **fields: object) -> DisassociateFloatingIp:
    """Ask to point a floating IP at nothing."""
    return DisassociateFloatingIp.model_validate({"id": ANY_ID, "actor": actor, "address": address, **fields})


def floating_release(address: str, actor: Actor = ANN, **fields: object) -> ReleaseFloatingIp:
    """Ask to give a floating IP back to its pool."""
    return ReleaseFloatingIp.model_validate({"id": ANY_ID, "actor": actor, "address": address, **fields})


def quota(
    project: str = "red",
    actor: Actor = ADMIN,
    reset: tuple[Resource, ...] = (),
    **limits: int,
) -> SetQuota:
    """Ask for limits of a project."""
    asked = {"project_id": project, "limits": limits, "reset": reset}
    return SetQuota.model_validate({"id": ANY_ID, "actor": actor, **asked})


def private_domain(
    domain: str = "cloud.example", zone: str | None = None, actor: Actor = ADMIN
) -> CreatePrivateDnsDomain:
    """Ask for a domain for instances."""
    return CreatePrivateDnsDomain(id=ANY_ID, actor=actor, domain=domain, availability_zone=zone)


def public_domain(
    domain: str = "example.org", project: str | None = "red", actor: Actor = ADMIN
) -> CreatePublicDnsDomain:
    """Ask for a domain for floating IPs."""
    return CreatePublicDnsDomain(id=ANY_ID, actor=actor, domain=domain, project_id=project)


def delete_domain(domain: str = "example.org", actor: Actor = ADMIN) -> DeleteDnsDomain:
    """Ask to forget a domain."""
    return DeleteDnsDomain(id=ANY_ID, actor=actor, domain=domain)


def add_entry(
    name: str, address: str, actor: Actor = ANN, domain: str = "example.org", dns_type: str = "A"
) -> AddDnsEntry:
    """Ask to name a floating IP."""
    return AddDnsEntry(id=ANY_ID, actor=actor, domain=domain, name=name, address=address, dns_type=dns_type)


def modify_entry(name: str, address: str, actor: Actor = ANN, domain: str = "example.org") -> ModifyDnsEntry:
    """Ask to let a name stand for another floating IP."""
    return ModifyDnsEntry(id=ANY_ID, actor=actor, domain=domain, name=name, address=address)


def delete_entry(name: str, actor: Actor = ANN, domain: str = "example.org") -> DeleteDnsEntry:
    """Ask to forget a name."""
    return DeleteDnsEntry(id=ANY_ID, actor=actor, domain=domain, name=name)


ONE_OF_EACH: tuple[AnyCommand | AnyReport, ...] = (
    create(gateway="10.0.0.1", mtu=1500),
    delete_network(),
    vpn_change(),
    spawn("vm", nic("net", "10.0.0.9", "tag"), hostname="web.example", rxtx_factor=1.5),
    delete(),
    unbind(dest="h2", floating_addresses=("192.0.2.1",), epoch=1),
    bind(rxtx_factor=2.0),
    prepare(),
    add_ip("vm", "net", "10.0.0.9"),
    remove_ip("vm", "10.0.0.9"),
    reserve("10.0.0.9"),
    unreserve("10.0.0.9"),
    floating_create(),
    floating_delete(),
    floating_allocate(),
    associate("192.0.2.1", "10.0.0.2"),
    disassociate("192.0.2.1"),
    floating_release("192.0.2.1"),
    add_network("red", "net"),
    modify("net", project_id="red"),
    private_domain(zone="z1"),
    public_domain(),
    delete_domain(),
    add_entry("www", "192.0.2.1"),
    modify_entry("www", "192.0.2.2"),
    delete_entry("www"),
    quota(fixed_ips=5, reset=("floating_ips",)),
    *GROUP_WISHES,
    register(),
    applied("h1", 7),
    claim(),
    set_host(),
    lease("h1", "10.0.0.2", "fa:16:3e:00:00:01"),
    release("h1", "10.0.0.2", "fa:16:3e:00:00:01"),
)
"""One of every type; a test says so where the catalogue has more."""
