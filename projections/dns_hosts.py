"""DNS entries as a hosts file, which dnsmasq reads with `addn-hosts` (dnsmasq(8)): pure text."""

from collections.abc import Iterable
from typing import NamedTuple

HEAD = "# Made by `netledger dns export`; what is changed here is lost.\n"


class HostsEntry(NamedTuple):
    """A name of a domain, and what it stands for."""

    address: str
    name: str
    domain: str


def hosts_text(entries: Iterable[HostsEntry]) -> str:
    """Return the file: a line for each entry, in the order given, so that of several names the first counts.

    dnsmasq answers a reverse query with the first name that it reads for an address.
    """
    return HEAD + "".join(f"{entry.address} {entry.name}.{entry.domain}\n" for entry in entries)
