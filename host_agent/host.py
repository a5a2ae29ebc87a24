"""One host as the agent sees it: what is there, and a step that changes it. All of it in one namespace."""

import os
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

from events.errors import BrokenEnvironment
from host_agent.conntrack import Conntrack
from host_agent.dnsmasq import Dnsmasq, HeldLeases
from host_agent.errors import KernelRefused
from host_agent.facts import FactsFile
from host_agent.namespace import Namespace
from host_agent.netlink.dump import Dumper
from host_agent.netlink.links import Links
from host_agent.netlink.watch import Watcher
from host_agent.nft import Nft, open_engine
from host_agent.observed import ADDRESS_LABEL, BRIDGE_MARK, Observed
from host_agent.processes import Watch
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
from host_agent.sysctl import Sysctl
from projections.host_nat import change_elements, delete_table, replace_table
from projections.host_plan import FORWARDING, Bridge

_CAP_NET_ADMIN = 12
_SYSCTLS = (FORWARDING,)
_HOST_LENGTH = "/32"


class Host(Protocol):
    """What the agent needs of a host; tests put a model in its place."""

    def observe(self) -> Observed:
        """Return what is there now, and forget all hints up to now.

        Raises:
            NetledgerError: it cannot be seen.

        """

    def apply(self, step: Step) -> None:
        """Make one step. Already so is success.

        Raises:
            NetledgerError: it did not work.

        """

    def changed(self) -> bool:
        """Tell whether something may have changed since it was observed."""

    def facts(self) -> tuple[FactsFile, ...]:
        """Return the lease facts that guests made."""

    def close(self) -> None:
        """Let go of the host and leave everything as it is."""


class LinuxHost:
    """A host of the Linux kernel, dnsmasq and nftables."""

    def __init__(
        self,
        namespace: Namespace,
        networks_path: Path,
        held: HeldLeases,
        now_s: Callable[[], float],
    ) -> None:
        """Open everything.

        Raises:
            BrokenEnvironment: a privilege or a program is missing; the text names the package.

        """
        _need_privileges()
        namespace.identity()
        self._dhcp = Dnsmasq(namespace, networks_path, held, now_s)
        self._conntrack = Conntrack(namespace)
        self._sysctl = Sysctl(namespace)
        with ExitStack() as opened:
            self._dumper = opened.enter_context(closing(Dumper(namespace)))
            self._links = opened.enter_context(closing(Links(namespace)))
            self._watcher = opened.enter_context(closing(Watcher(namespace)))
            self._nft = opened.enter_context(closing(Nft(open_engine(namespace))))
            self._processes = opened.enter_context(closing(Watch()))
            self._opened = opened.pop_all()

    def observe(self) -> Observed:
        """Return what is there now, and forget all hints up to now.

        Raises:
            NetledgerError: it cannot be seen.

        """
        self._watcher.drain()
        dhcp = self._dhcp.observe()
        self._processes.follow(frozenset(each.process.pid for each in dhcp.values() if each.process))
        links = self._dumper.links()
        return Observed(
            links=links,
            addresses=self._dumper.addresses(links),
            sysctls=self._sysctl.read(_SYSCTLS),
            nat=self._nft.observe(),
            dhcp=dhcp,
        )

    def changed(self) -> bool:
        """Tell whether something may have changed since it was observed."""
        ended = self._processes.ended()
        return self._watcher.drain() or ended

    def facts(self) -> tuple[FactsFile, ...]:
        """Return the lease facts that guests made."""
        return self._dhcp.facts()

    def close(self) -> None:
        """Let go of the host and leave everything as it is."""
        self._opened.close()

    def apply(self, step: Step) -> None:
        """Make one step. Already so is success.

        Raises:
            NetledgerError: it did not work.

        """
        match step:
            case DeleteTable() | ReplaceTable() | ChangeElements() | EndFlows():
                self._translate(step)
            case StopDhcp() | RestartDhcp() | AddDhcpHosts():
                self._serve(step)
            case SetSysctl(name, value):
                self._sysctl.write(name, value)
            case _:
                self._link(step)

    def _translate(self, step: DeleteTable | ReplaceTable | ChangeElements | EndFlows) -> None:
        match step:
            case DeleteTable():
                self._nft.apply(delete_table())
            case ReplaceTable(nat):
                self._nft.apply(replace_table(nat))
            case ChangeElements(surplus, missing):
                self._nft.apply(change_elements(surplus, missing))
            case EndFlows(address):
                self._conntrack.end_flows(address)

    def _serve(self, step: StopDhcp | RestartDhcp | AddDhcpHosts) -> None:
        match step:
            case StopDhcp(network_id):
                self._dhcp.stop(network_id)
            case RestartDhcp(service):
                self._dhcp.restart(service, self._links.index(service.interface))
            case AddDhcpHosts(network_id, lines):
                self._dhcp.add_hosts(network_id, lines)

    def _link(
        self,
        step: UnbindAddress
        | BindAddress
        | DeleteLink
        | CreateBridge
        | MendBridge
        | Enslave
        | AddAddress
        | DeleteAddress,
    ) -> None:
        match step:
            case UnbindAddress(address, interface):
                self._links.delete_address(interface, address + _HOST_LENGTH)
            case BindAddress(address, interface):
                self._links.add_address(interface, address + _HOST_LENGTH, ADDRESS_LABEL)
            case DeleteLink(name):
                self._links.delete(name)
            case CreateBridge(bridge):
                self._links.create_bridge(bridge.name, bridge.mac)
                self._mend(bridge)
            case MendBridge(bridge):
                self._mend(bridge)
            case Enslave(interface, bridge_name):
                self._enslave(interface, bridge_name)
            case AddAddress(interface, address):
                self._links.add_address(interface, address)
            case DeleteAddress(interface, address):
                self._links.delete_address(interface, address)

    def _enslave(self, interface: str, bridge_name: str) -> None:
        """Make an interface a bridge's port, unless this host is reached at an IPv6 address of it.

        IPv4 addresses are observed at each pass, and such an interface is never a step; those of IPv6 are
        looked at here, once, because every port of every guest has some.
        """
        link = self._dumper.links().get(interface)
        own = self._dumper.routed_ipv6(link) if link is not None and not link.master else ()
        if own:
            raise KernelRefused(
                f"interface {interface} carries this host's own address {own[0]}; bridge {bridge_name} would "
                "cut it off. Give the network an interface of its own, or one with IPv6 switched off"
            )
        self._links.enslave(interface, bridge_name)

    def _mend(self, bridge: Bridge) -> None:
        alias = f"{BRIDGE_MARK}{bridge.network_id}"
        self._links.set_bridge(bridge.name, mac=bridge.mac, mtu=bridge.mtu, alias=alias)


def _need_privileges() -> None:
    """Go on only with CAP_NET_ADMIN, which root has (capabilities(7))."""
    status = Path("/proc/self/status").read_text(errors="replace")
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    if not int(effective, 16) >> _CAP_NET_ADMIN & 1:
        raise BrokenEnvironment(
            f"the host agent needs root or CAP_NET_ADMIN, and this process of user {os.geteuid()} has not; "
            "run it as root, or inside `unshare -Urnm`"
        )
