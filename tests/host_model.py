"""A host that exists only as values: what each step does to links, addresses, NAT and DHCP."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from host_agent.errors import KernelRefused
from host_agent.facts import FactsFile
from host_agent.observed import (
    ADDRESS_LABEL,
    BRIDGE_MARK,
    LINK_GROUP,
    Address,
    DhcpDirectory,
    DhcpProcess,
    Link,
    NatTable,
    Observed,
)
from host_agent.steps import (
    AddAddress,
    AddDhcpHosts,
    BindAddress,
    ChangeElements,
    CreateBridge,
    DeleteAddress,
    DeleteLink,
    DeleteTable,
    EndFlows,
    Enslave,
    MendBridge,
    ReplaceTable,
    RestartDhcp,
    SetSysctl,
    Step,
    StopDhcp,
    UnbindAddress,
)
from projections.host_dhcp import generation, host_lines
from projections.host_nat import MAP_TYPES, chains, elements
from projections.host_plan import Bridge

NETWORKS_PATH = "/var/lib/netledger/networks"


def nic(name: str, index: int) -> Link:
    """Return a physical interface."""
    return Link(index, name, None, "02:00:00:00:00:01", 1500, up=True, master=0, alias=None, group=0)


@dataclass
class ModelHost:
    """The model; `break_step` may raise to make a step fail."""

    links: dict[str, Link] = field(default_factory=lambda: {"eth0": nic("eth0", 2)})
    addresses: list[Address] = field(default_factory=list)
    sysctls: dict[str, str] = field(default_factory=dict)
    nat: NatTable | None = None
    dhcp: dict[str, DhcpDirectory] = field(default_factory=dict)
    made: list[Step] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    hint: bool = False
    sources: tuple[FactsFile, ...] = ()
    break_step: Callable[[Step], None] = lambda step: None
    networks_path: str = NETWORKS_PATH
    _last: int = 100

    def observe(self) -> Observed:
        """Return everything, and forget the hint."""
        self.hint = False
        return Observed(
            dict(self.links), tuple(self.addresses), dict(self.sysctls), self.nat, dict(self.dhcp)
        )

    def changed(self) -> bool:
        """Tell, once, that a test changed something."""
        hint, self.hint = self.hint, False
        return hint

    def facts(self) -> tuple[FactsFile, ...]:
        """Return the files that a test gave."""
        return self.sources

    def close(self) -> None:
        """Do nothing."""

    def lose_link(self, name: str) -> None:
        """Delete an interface by hand."""
        self._delete(name)
        self.hint = True

    def apply(self, step: Step) -> None:
        """Make a step as a kernel would."""
        self.break_step(step)
        self.made.append(step)
        match step:
            case UnbindAddress(address, interface):
                self._drop(interface, f"{address}/32")
            case BindAddress(address, interface):
                self._add(interface, f"{address}/32", ADDRESS_LABEL)
            case AddAddress(interface, address):
                self._add(interface, address, interface)
            case DeleteAddress(interface, address):
                self._drop(interface, address)
            case CreateBridge(bridge):
                self._last += 1
                self.links[bridge.name] = _link(bridge, self._last)
            case MendBridge(bridge):
                self.links[bridge.name] = _link(bridge, self.links[bridge.name].index)
            case DeleteLink(name):
                self._delete(name)
            case Enslave(interface, name):
                self.links[interface] = replace(self.links[interface], master=self.links[name].index, up=True)
            case SetSysctl(name, value):
                self.sysctls[name] = value
            case _:
                self._serve(step)

    def _serve(self, step: Step) -> None:
        match step:
            case DeleteTable():
                self.nat = None
            case ReplaceTable(nat):
                self.nat = NatTable(chains(nat), dict(MAP_TYPES), elements(nat))
            case ChangeElements():
                self._change(step)
            case EndFlows(address):
                self.ended.append(address)
            case StopDhcp(network_id):
                del self.dhcp[network_id]
            case RestartDhcp(service):
                directory = f"{self.networks_path}/{service.network_id}"
                index = self.links[service.interface].index
                process = DhcpProcess(len(self.made), generation(service, directory), index)
                self.dhcp[service.network_id] = DhcpDirectory(process, frozenset(host_lines(service)))
            case AddDhcpHosts(network_id, lines):
                there = self.dhcp[network_id]
                self.dhcp[network_id] = replace(there, hosts=there.hosts | set(lines))

    def _change(self, step: ChangeElements) -> None:
        assert self.nat is not None
        contents = {name: dict(pairs) for name, pairs in self.nat.elements.items()}
        for name, pairs in step.surplus.items():
            for key, value in pairs.items():
                assert contents[name].pop(key) == value, "the kernel refuses to delete what is not there"
        for name, pairs in step.missing.items():
            for key, value in pairs.items():
                assert key not in contents[name], "the kernel refuses another value for a key"
                contents[name][key] = value
        self.nat = replace(self.nat, elements=contents)

    def _delete(self, name: str) -> None:
        link = self.links.pop(name)
        self.addresses = [each for each in self.addresses if each.interface != name]
        for port in [port for port in self.links.values() if port.master == link.index]:
            self.links[port.name] = replace(port, master=0)

    def _add(self, interface: str, address: str, label: str) -> None:
        if interface not in self.links:
            raise KernelRefused(f"interface {interface} does not exist on this host")
        self.addresses.append(Address(interface, address, label))

    def _drop(self, interface: str, address: str) -> None:
        self.addresses = [
            each for each in self.addresses if (each.interface, each.address) != (interface, address)
        ]


def _link(bridge: Bridge, index: int) -> Link:
    return Link(
        index,
        bridge.name,
        "bridge",
        bridge.mac,
        bridge.mtu or 1500,
        up=True,
        master=0,
        alias=f"{BRIDGE_MARK}{bridge.network_id}",
        group=LINK_GROUP,
    )


def files_in(directory: Path) -> tuple[FactsFile, ...]:
    """Return the lease facts below a directory, as a host would."""
    return tuple(FactsFile(path) for path in sorted(directory.iterdir()) if path.is_dir())
