"""How long this host may do what only one host may do: gateways, DHCP, NAT, floating IPs (docs/adr/0021)."""

from collections.abc import Callable
from typing import Protocol

from projections.host_view import HostView

RENEWALS_PER_LEASE = 6
"""The log is asked for its end this often within a lease, so that one slow answer does no harm."""


class Ended(Protocol):
    """A log that is read, and has an end."""

    @property
    def next_offset(self) -> int:
        """Offset up to which it was read."""

    def end(self) -> int:
        """Ask the log where it ends now.

        Raises:
            LogError: it did not answer.

        """


class Lease:
    """Runs from when the log was last asked for its end, once all before that end is folded."""

    def __init__(self, lease_s: int, monotonic: Callable[[], float]) -> None:
        """Begin without a lease."""
        self._lease_s = lease_s
        self._monotonic = monotonic
        self._since: float | None = None
        self._asked: tuple[float, int] | None = None
        """When the log was asked for its end, and what it said, until all before that is folded."""

    def renew(self, log: Ended) -> None:
        """Take notice of what was folded; ask the log for its end now and then.

        Raises:
            LogError: it did not answer.

        """
        now = self._monotonic()
        fresh = self._since is not None and now - self._since < self._lease_s / RENEWALS_PER_LEASE
        if self._asked is None and not fresh:
            self._asked = (now, log.end())
        if self._asked is not None and log.next_offset >= self._asked[1]:
            self._since = self._asked[0]
            self._asked = None

    def held(self, view: HostView) -> bool:
        """Tell whether this host may do what its view gives to it alone.

        The shorter of its own lease and the one that the ledger knows counts: others wait for that one.
        """
        if self._since is None or view.fenced:
            return False
        lease_s = self._lease_s if view.lease_s is None else min(self._lease_s, view.lease_s)
        return self._monotonic() - self._since < lease_s
