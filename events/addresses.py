"""Addresses and MACs: integers inside, canonical text in records.

Canonical is RFC 5952 for IPv6, and lower case with colons for MACs.

Parsing what people and programs send goes through netaddr (`parse_*`); converting what a record already holds
does not need to, and must be fast (`*_number`, `*_text`).
"""

import re
from contextlib import suppress
from socket import AF_INET6, inet_aton, inet_ntoa, inet_ntop, inet_pton
from typing import Literal

from netaddr import EUI, AddrFormatError, IPAddress, IPNetwork, mac_unix_expanded

IPV4_BITS = 32
IPV6_BITS = 128

_MAC = re.compile(
    r"[0-9a-f]{1,2}(?:[:-][0-9a-f]{1,2}){5}|[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}|[0-9a-f]{12}",
    re.IGNORECASE | re.ASCII,
).fullmatch
"""All octets are there. netaddr takes less, and reads fa:16:3e as 00:fa:00:16:00:3e."""


def ipv4_number(text: str) -> int:
    """Return canonical dotted-quad text as an integer."""
    return int.from_bytes(inet_aton(text))


def ipv4_text(number: int) -> str:
    """Return the dotted-quad text of an IPv4 address."""
    return inet_ntoa(number.to_bytes(4))


def ipv6_number(text: str) -> int:
    """Return canonical IPv6 text as an integer."""
    return int.from_bytes(inet_pton(AF_INET6, text))


def ipv6_text(number: int) -> str:
    """Return the text of an IPv6 address in the form of RFC 5952."""
    return inet_ntop(AF_INET6, number.to_bytes(16))


def mac_number(text: str) -> int:
    """Return canonical MAC text (six lower-case octets with colons) as an integer."""
    return int(text.replace(":", ""), 16)


def mac_text(number: int) -> str:
    """Return a MAC as six lower-case octets with colons."""
    return number.to_bytes(6).hex(":")


def parse_ipv4(text: str) -> str:
    """Return an IPv4 literal in canonical text.

    Raises:
        ValueError: it is not a dotted quad (leading zeros and short forms are refused: they mean different
        addresses to
            different programs).

    """
    try:
        return str(IPAddress(text, version=4, flags=0))
    except (AddrFormatError, ValueError, TypeError):
        message = f"{text!r} is not an IPv4 address; write it as four decimal numbers, such as 10.0.0.5"
        raise ValueError(message) from None


def parse_ipv6(text: str) -> str:
    """Return an IPv6 literal in the form of RFC 5952.

    Raises:
        ValueError: it is not an IPv6 address.

    """
    try:
        return ipv6_text(int(IPAddress(text, version=6)))
    except (AddrFormatError, ValueError, TypeError):
        message = f"{text!r} is not an IPv6 address; write it as in 2001:db8::5"
        raise ValueError(message) from None


def parse_cidr4(text: str) -> str:
    """Return an IPv4 block in canonical text; host bits are masked, as in nova (10.0.0.5/24 is 10.0.0.0/24).

    Raises:
        ValueError: it is not a block in CIDR notation with its prefix length.

    """
    return _parse_cidr(text, 4, "10.0.0.0/24")


def parse_cidr6(text: str) -> str:
    """Return an IPv6 block in canonical text; host bits are masked.

    Raises:
        ValueError: it is not a block in CIDR notation with its prefix length.

    """
    return _parse_cidr(text, 6, "2001:db8::/64")


def _parse_cidr(text: str, version: Literal[4, 6], example: str) -> str:
    if "/" in text:
        with suppress(AddrFormatError, ValueError, TypeError):
            return str(IPNetwork(text, version=version).cidr)
    message = f"{text!r} is not an IPv{version} block; write it with its prefix length, such as {example}"
    raise ValueError(message)


def parse_mac(text: str) -> str:
    """Return a unicast MAC in canonical text.

    Raises:
        ValueError: it is not a MAC, all zero, or a multicast one (the lowest bit of the first octet is set;
            IEEE 802).

    """
    try:
        mac = EUI(text if _MAC(text) else "", version=48, dialect=mac_unix_expanded)
    except (AddrFormatError, ValueError, TypeError):
        message = f"{text!r} is not a MAC address; write it as six octets, such as fa:16:3e:00:00:01"
        raise ValueError(message) from None
    if not int(mac):
        message = f"{text!r} is no network card's MAC (linux/etherdevice.h: is_valid_ether_addr)"
        raise ValueError(message)
    if int(mac) >> 40 & 1:
        message = f"{text!r} is a multicast MAC; a network card needs a unicast one (an even first octet)"
        raise ValueError(message)
    return str(mac)


def cidr4_bounds(text: str) -> tuple[int, int]:
    """Return the first and last address of a canonical IPv4 block as integers."""
    address, length = text.split("/")
    first = ipv4_number(address)
    return first, first + (1 << (IPV4_BITS - int(length))) - 1


def cidr4_text(first: int, last: int) -> str:
    """Return the block from `first` to `last`, which must be one, as canonical text."""
    return f"{ipv4_text(first)}/{IPV4_BITS - (last - first).bit_length()}"


def cidr6_bounds(text: str) -> tuple[int, int]:
    """Return the first and last address of a canonical IPv6 block as integers."""
    address, length = text.split("/")
    first = ipv6_number(address)
    return first, first + (1 << (IPV6_BITS - int(length))) - 1


def cidr6_text(first: int, last: int) -> str:
    """Return the IPv6 block from `first` to `last`, which must be one, as canonical text."""
    return f"{ipv6_text(first)}/{IPV6_BITS - (last - first).bit_length()}"


def cidr4_netmask(text: str) -> str:
    """Return the netmask of a canonical IPv4 block as dotted-quad text."""
    length = int(text.split("/")[1])
    return ipv4_text((1 << IPV4_BITS) - (1 << (IPV4_BITS - length)))
