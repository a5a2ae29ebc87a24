"""The steps that change a host: small, idempotent, and readable as a sentence each."""

from dataclasses import dataclass

from projections.host_dhcp import DhcpService
from projections.host_nat import Elements, Nat
from projections.host_plan import Bridge


@dataclass(frozen=True, slots=True)
class UnbindAddress:
    """Stop answering for a floating IP."""

    address: str
    interface: str

    def __str__(self) -> str:
        return f"unbind floating IP {self.address} from {self.interface}"


@dataclass(frozen=True, slots=True)
class BindAddress:
    """Answer for a floating IP."""

    address: str
    interface: str

    def __str__(self) -> str:
        return f"bind floating IP {self.address} to {self.interface}"


@dataclass(frozen=True, slots=True)
class DeleteTable:
    """Remove the NAT table."""

    def __str__(self) -> str:
        return "remove the NAT table"


@dataclass(frozen=True, slots=True)
class ReplaceTable:
    """Put the whole NAT table in place, in one transaction."""

    nat: Nat

    def __str__(self) -> str:
        return (
            f"write the NAT table: {len(self.nat.networks)} networks, {len(self.nat.floating)} floating IPs"
        )


@dataclass(frozen=True, slots=True)
class ChangeElements:
    """Take elements out of the NAT maps and put others in, in one transaction."""

    surplus: Elements
    missing: Elements

    def __str__(self) -> str:
        out = sorted(key[0] for key in self.surplus.get("floating_dnat", {}))
        new = sorted(key[0] for key in self.missing.get("floating_dnat", {}))
        return f"change NAT: out {', '.join(out) or 'none'}; in {', '.join(new) or 'none'}"


@dataclass(frozen=True, slots=True)
class EndFlows:
    """End the open connections of a floating IP that went away or elsewhere."""

    address: str

    def __str__(self) -> str:
        return f"end the connections of floating IP {self.address}"


@dataclass(frozen=True, slots=True)
class StopDhcp:
    """End a network's DHCP service and remove its files."""

    network_id: str

    def __str__(self) -> str:
        return f"stop DHCP of network {self.network_id}"


@dataclass(frozen=True, slots=True)
class RestartDhcp:
    """Start a network's DHCP service anew with just these hosts, which also forgets the leases of others."""

    service: DhcpService
    reason: str

    def __str__(self) -> str:
        hosts = len(self.service.hosts)
        return f"start DHCP of network {self.service.network_id} with {hosts} hosts: {self.reason}"


@dataclass(frozen=True, slots=True)
class AddDhcpHosts:
    """Tell a running DHCP service of further hosts."""

    network_id: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        return f"add {len(self.lines)} hosts to DHCP of network {self.network_id}"


@dataclass(frozen=True, slots=True)
class DeleteLink:
    """Remove an interface of ours."""

    name: str

    def __str__(self) -> str:
        return f"remove {self.name}"


@dataclass(frozen=True, slots=True)
class CreateBridge:
    """Make a bridge, marked and up, without addresses."""

    bridge: Bridge

    def __str__(self) -> str:
        return f"make bridge {self.bridge.name}"


@dataclass(frozen=True, slots=True)
class MendBridge:
    """Set mark, MAC, MTU and state of a bridge of ours as they should be."""

    bridge: Bridge

    def __str__(self) -> str:
        return f"set bridge {self.bridge.name} right"


@dataclass(frozen=True, slots=True)
class Enslave:
    """Make a physical interface a port of a bridge, and bring it up."""

    interface: str
    bridge: str

    def __str__(self) -> str:
        return f"put {self.interface} into bridge {self.bridge}"


@dataclass(frozen=True, slots=True)
class AddAddress:
    """Give a bridge an address."""

    interface: str
    address: str

    def __str__(self) -> str:
        return f"give {self.interface} address {self.address}"


@dataclass(frozen=True, slots=True)
class DeleteAddress:
    """Take an address from a bridge of ours."""

    interface: str
    address: str

    def __str__(self) -> str:
        return f"take address {self.address} from {self.interface}"


@dataclass(frozen=True, slots=True)
class SetSysctl:
    """Set a kernel parameter of the network namespace."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"set {self.name} to {self.value}"


Step = (
    UnbindAddress
    | BindAddress
    | DeleteTable
    | ReplaceTable
    | ChangeElements
    | EndFlows
    | StopDhcp
    | RestartDhcp
    | AddDhcpHosts
    | DeleteLink
    | CreateBridge
    | MendBridge
    | Enslave
    | AddAddress
    | DeleteAddress
    | SetSysctl
)
"""Anything that changes a host."""
