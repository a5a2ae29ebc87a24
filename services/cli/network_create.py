"""`netledger network create`, whose options are most of what nova's create_networks takes."""

from typing import Annotated

import typer

from services.cli.common import RepeatId, call, invocation, show_json, table

_CREATED = ("uuid", "label", "kind", "cidr", "cidr_v6", "gateway", "vlan", "project_id", "free")


def _option(flag: str, told: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(flag, help=told)
    return option


Label = Annotated[str, typer.Argument(help="Name for people, up to 255 characters.")]
Cidr = Annotated[
    str | None, typer.Argument(help="IPv4 block, such as 10.0.0.0/24; none for a network of IPv6 alone.")
]
CidrV6 = Annotated[str | None, _option("--cidr-v6", "IPv6 block, of which each network takes a /64.")]
Count = Annotated[int | None, _option("--count", "How many networks to take from the block, all or none.")]
Size = Annotated[
    int | None, _option("--size", "Addresses of each network. Default: an equal share of the block.")
]
Ipam = Annotated[bool | None, _option("--ipam", "Take the blocks exactly as given.")]
Kind = Annotated[
    str | None,
    _option(
        "--kind",
        "flatdhcp: we serve DHCP and the gateway; flat: an external router does; vlan: flatdhcp on a VLAN."
        " Default: the setting network_manager.",
    ),
]
Uuid = Annotated[str | None, _option("--uuid", "Id; made of the command's id when left out.")]
Gateway = Annotated[str | None, _option("--gateway", "Default: the block's first address.")]
GatewayV6 = Annotated[str | None, _option("--gateway-v6", "Default: the first address of the /64.")]
DhcpServer = Annotated[str | None, _option("--dhcp-server", "Default: the gateway.")]
Dhcp = Annotated[bool, typer.Option("--dhcp/--no-dhcp", help="Whether DHCP is served.")]
Dns1 = Annotated[str | None, _option("--dns1", "First name server.")]
Dns2 = Annotated[str | None, _option("--dns2", "Second name server.")]
Bridge = Annotated[str | None, _option("--bridge", "Bridge on every host of the network; not of a VLAN.")]
BridgeInterface = Annotated[
    str | None, _option("--bridge-interface", "Physical interface to enslave, or to make the VLAN on.")
]
Vlan = Annotated[int | None, _option("--vlan", "VLAN id. Default: the next free one.")]
VlanStart = Annotated[int | None, _option("--vlan-start", "Lowest VLAN id to take.")]
VpnStart = Annotated[int | None, _option("--vpn-start", "Lowest VPN port to take.")]
VpnClients = Annotated[
    int | None, _option("--cnt-vpn-clients", "Addresses at the end that are kept for clients of the VPN.")
]
Mtu = Annotated[int | None, _option("--mtu", "MTU of the network.")]
AllowedStart = Annotated[str | None, _option("--allowed-start", "First address that may be handed out.")]
AllowedEnd = Annotated[str | None, _option("--allowed-end", "Last address that may be handed out.")]
FixedCidr = Annotated[
    str | None, _option("--fixed-cidr", "Part of the block that addresses are handed out from.")
]
MultiHost = Annotated[bool | None, _option("--multi-host", "Each host serves its own instances.")]
ShareAddress = Annotated[
    bool | None, _option("--share-address", "All hosts of a multi_host network use one DHCP address.")
]
RxtxBase = Annotated[int | None, _option("--rxtx-base", "Base of a NIC's bandwidth.")]
Priority = Annotated[int | None, _option("--priority", "Kept for the operator; it decides nothing.")]
Project = Annotated[str | None, _option("--project", "Only this project sees the network.")]
PhysicalNetwork = Annotated[str | None, _option("--physical-network", "Physical network that it lives on.")]


def create(
    label: Label,
    cidr: Cidr = None,
    cidr_v6: CidrV6 = None,
    num_networks: Count = None,
    network_size: Size = None,
    ipam: Ipam = None,
    kind: Kind = None,
    uuid: Uuid = None,
    gateway: Gateway = None,
    gateway_v6: GatewayV6 = None,
    dhcp_server: DhcpServer = None,
    enable_dhcp: Dhcp = True,
    dns1: Dns1 = None,
    dns2: Dns2 = None,
    bridge: Bridge = None,
    bridge_interface: BridgeInterface = None,
    vlan: Vlan = None,
    vlan_start: VlanStart = None,
    vpn_start: VpnStart = None,
    cnt_vpn_clients: VpnClients = None,
    mtu: Mtu = None,
    allowed_start: AllowedStart = None,
    allowed_end: AllowedEnd = None,
    fixed_cidr: FixedCidr = None,
    multi_host: MultiHost = None,
    share_address: ShareAddress = None,
    rxtx_base: RxtxBase = None,
    priority: Priority = None,
    project_id: Project = None,
    physical_network: PhysicalNetwork = None,
    command_id: RepeatId = None,
) -> None:
    """Create a network, or several, with their complete address plans."""
    given = dict(locals())
    del given["command_id"]
    args = {name: value for name, value in given.items() if value is not None}
    if cidr is None and cidr_v6 is None:
        raise typer.BadParameter(
            "name an IPv4 block, an IPv6 block with --cidr-v6, or both.", param_hint="CIDR"
        )
    created = call("create_networks", args, command_id)
    if invocation().json:
        show_json(created)
    else:
        table(created, _CREATED)
