"""Noticing that somebody changed something: rtnetlink and nftables notifications as one flag.

A notification is a hint to look again, never the state itself; a lost one (ENOBUFS) is a hint too.
"""

import socket
from errno import EAGAIN, ENOBUFS

from host_agent.namespace import Namespace

_RTMGRP_LINK = 0x1
_RTMGRP_IPV4_IFADDR = 0x10
_NETLINK_NETFILTER = 12
_NFNLGRP_NFTABLES = 7
_BUFFER = 1 << 16


class Watcher:
    """Sockets in one namespace that hear of every change to links, IPv4 addresses and nftables."""

    def __init__(self, namespace: Namespace) -> None:
        """Begin to listen.

        Raises:
            BrokenEnvironment: there is no such namespace, or it may not be entered.

        """
        self._sockets = namespace.call(
            lambda: (
                _listening(socket.NETLINK_ROUTE, _RTMGRP_LINK | _RTMGRP_IPV4_IFADDR),
                _listening(_NETLINK_NETFILTER, 1 << (_NFNLGRP_NFTABLES - 1)),
            )
        )

    def drain(self) -> bool:
        """Forget all notifications so far; tells whether there were any."""
        return any([_drained(each) for each in self._sockets])  # noqa: C419 - every socket is drained

    def close(self) -> None:
        """Stop listening."""
        for each in self._sockets:
            each.close()


def _listening(protocol: int, groups: int) -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
    made.settimeout(0)
    made.bind((0, groups))
    return made


def _drained(source: socket.socket) -> bool:
    heard = False
    while True:
        try:
            source.recv(_BUFFER)
        except OSError as error:
            if error.errno == EAGAIN:
                return heard
            if error.errno != ENOBUFS:
                raise
        heard = True
