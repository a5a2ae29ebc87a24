"""What can go wrong on a host. errno, exit codes and library messages are translated where they are met."""

import os
from errno import EACCES, EPERM, EXFULL

from events.errors import BrokenEnvironment, NetledgerError


class HostError(NetledgerError):
    """A step on this host did not work; it is tried again at the next pass."""

    code = "HostError"


class KernelRefused(HostError):
    """The kernel refused a change."""

    code = "KernelRefused"


class CapacityReached(HostError):
    """A kernel object is full: a bridge takes at most 1023 ports."""

    code = "CapacityReached"


class NftFailed(HostError):
    """nftables refused a transaction; nothing of it was applied."""

    code = "NftFailed"


class DhcpFailed(HostError):
    """dnsmasq did not start, or did not stop."""

    code = "DhcpFailed"


class ConntrackFailed(HostError):
    """Flows of a removed floating IP could not be ended."""

    code = "ConntrackFailed"


def from_errno(what: str, number: int) -> NetledgerError:
    """Return the error for an errno that the kernel gave; `what` says what was tried."""
    text = os.strerror(number)
    if number in (EPERM, EACCES):
        return BrokenEnvironment(
            f"{what}: {text}. The host agent needs root, or CAP_NET_ADMIN in its namespace."
        )
    if number == EXFULL:
        return CapacityReached(f"{what}: a bridge takes at most 1023 ports")
    return KernelRefused(f"{what}: {text}")
