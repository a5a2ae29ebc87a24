"""Changing links and addresses: idempotent verbs on one pyroute2 handle. Already so is success."""

import socket
from collections.abc import Callable
from errno import EADDRNOTAVAIL, EEXIST, ENODEV
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from host_agent.errors import HostError, KernelRefused, from_errno
from host_agent.namespace import Namespace
from host_agent.observed import LINK_GROUP


class Links:
    """Verbs on the interfaces of one namespace."""

    def __init__(self, namespace: Namespace) -> None:
        """Open the handle: on a socket made inside, since pyroute2's own way to get there forks.

        Raises:
            BrokenEnvironment: there is no such namespace, or it may not be entered.

        """
        inside = namespace.call(
            lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, socket.NETLINK_ROUTE)
        )
        self._route: Any = IPRoute(fileno=inside.detach())

    def close(self) -> None:
        """Close the handle."""
        self._route.close()

    def create_bridge(self, name: str, mac: str) -> None:
        """Make a bridge that is marked as ours from its first moment.

        Raises:
            HostError: the kernel refused.

        """
        what = f"making bridge {name}"
        create = {"ifname": name, "kind": "bridge", "address": mac, "group": LINK_GROUP}
        _tolerating(what, (EEXIST,), lambda: self._route.link("add", **create))

    def set_bridge(self, name: str, *, mac: str, mtu: int | None, alias: str) -> None:
        """Set what a bridge of ours must have, and bring it up; an alias given at creation is ignored.

        Raises:
            HostError: the kernel refused, or the bridge is gone.

        """
        wanted = {"address": mac, "ifalias": alias, "group": LINK_GROUP, "state": "up"}
        if mtu is not None:
            wanted["mtu"] = mtu
        index = self.index(name)
        _tolerating(f"setting bridge {name}", (), lambda: self._route.link("set", index=index, **wanted))

    def delete(self, name: str) -> None:
        """Remove an interface.

        Raises:
            HostError: the kernel refused.

        """
        index = self._index(name)
        if index is not None:
            _tolerating(f"removing {name}", (ENODEV,), lambda: self._route.link("del", index=index))

    def enslave(self, name: str, bridge: str) -> None:
        """Make an interface a port of a bridge, and bring it up.

        Raises:
            HostError: the kernel refused, or one of them is gone.
            CapacityReached: the bridge is full.

        """
        index, master = self.index(name), self.index(bridge)
        _tolerating(
            f"putting {name} into bridge {bridge}",
            (),
            lambda: self._route.link("set", index=index, master=master, state="up"),
        )

    def add_address(self, name: str, address: str, label: str | None = None) -> None:
        """Give an interface an address with its prefix length.

        Raises:
            HostError: the kernel refused, or the interface is gone.

        """
        index = self.index(name)
        number, _, length = address.partition("/")
        marked = {} if label is None else {"label": label}
        _tolerating(
            f"giving {name} address {address}",
            (EEXIST,),
            lambda: self._route.addr("add", index=index, address=number, prefixlen=int(length), **marked),
        )

    def delete_address(self, name: str, address: str) -> None:
        """Take an address from an interface.

        Raises:
            HostError: the kernel refused.

        """
        index = self._index(name)
        number, _, length = address.partition("/")
        if index is not None:
            _tolerating(
                f"taking address {address} from {name}",
                (EADDRNOTAVAIL, ENODEV),
                lambda: self._route.addr("del", index=index, address=number, prefixlen=int(length)),
            )

    def index(self, name: str) -> int:
        """Return the index of an interface.

        Raises:
            KernelRefused: there is none of that name.

        """
        found = self._index(name)
        if found is None:
            raise KernelRefused(f"interface {name} does not exist on this host")
        return found

    def _index(self, name: str) -> int | None:
        found = self._route.link_lookup(ifname=name)
        return int(found[0]) if found else None


def _tolerating(what: str, numbers: tuple[int, ...], change: Callable[[], object]) -> None:
    """Run a change; an errno that says that it is so already is success."""
    try:
        change()
    except NetlinkError as error:
        if error.code not in numbers:
            raise from_errno(what, error.code) from error
    except OSError as error:
        raise HostError(f"{what}: netlink did not answer: {error.strerror}") from error
