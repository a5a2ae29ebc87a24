"""The NAT table of a network host, as values and as nftables commands (libnftables-json(5)).

Floating IPs are elements of three maps, so that one more or less is a change of elements and never of rules
(nova's per-address rules cost a save and restore each, and duplicates sent traffic to the old instance). A
rule carries a digest of itself in its comment, by which a reader of the kernel's table sees that it is still
what was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from pydantic_core import to_json

FAMILY = "ip"
TABLE = "netledger"
MARK = "netledger "
"""Begins the comment of every rule of ours; a digest follows."""

MASQUERADE = "masquerade"

Command = dict[str, Any]
"""One command or object of libnftables' JSON; its forms are nft's, not ours."""


@dataclass(frozen=True, slots=True)
class NatNetwork:
    """A network whose gateway is this host."""

    cidr: str
    outgoing: str | None
    """Source address of what leaves by the public interface, or `MASQUERADE`; None: it leaves as it is."""


@dataclass(frozen=True, slots=True)
class FloatingNat:
    """Traffic for `address` goes to `fixed`; what `fixed` sends out by `interface` comes from `address`."""

    address: str
    fixed: str
    interface: str


@dataclass(frozen=True, slots=True)
class Nat:
    """All NAT of one host; `floating` in order of association: the first of a fixed IP's is its source."""

    public_interface: str
    networks: tuple[NatNetwork, ...]
    floating: tuple[FloatingNat, ...]


Elements = Mapping[str, Mapping[tuple[str, ...], str]]
"""Contents of each map: its key, joined of one or more parts, and the address it leads to."""

MAP_TYPES: Mapping[str, tuple[str, ...]] = {
    "floating_dnat": ("ipv4_addr",),
    "floating_snat": ("ifname", "ipv4_addr"),
    "floating_reflect": ("ipv4_addr",),
}
"""Types of the parts of each map's key; the value is always an address."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A base chain of type nat, and its rules by the comments that carry their digests."""

    name: str
    hook: str
    priority: int
    rules: tuple[str, ...]


def _payload(field: str) -> Command:
    return {"payload": {"protocol": FAMILY, "field": field}}


def _equal(left: Command, right: str | Command) -> Command:
    return {"match": {"op": "==", "left": left, "right": right}}


def _block(cidr: str) -> Command:
    address, length = cidr.split("/")
    return {"prefix": {"addr": address, "len": int(length)}}


_WAS_DNATED: Command = {"match": {"op": "in", "left": {"ct": {"key": "status"}}, "right": "dnat"}}
_OUT: Command = {"meta": {"key": "oifname"}}


def _translate(verb: str, key: Command, name: str) -> Command:
    return {verb: {"addr": {"map": {"key": key, "data": f"@{name}"}}}}


def _to_fixed() -> list[list[Command]]:
    return [[_translate("dnat", _payload("daddr"), "floating_dnat")]]


def _outward(nat: Nat) -> list[list[Command]]:
    """Return the rules of postrouting, in order.

    First the reflected flows, which were sent to a floating IP of this host by one of its guests: the sender
    appears under its own floating IP (nova-network.md 14.3); without one it must still be answered through
    the gateway, so it appears as the gateway.
    """
    rules = [[_WAS_DNATED, _translate("snat", _payload("saddr"), "floating_reflect")]]
    rules += [
        [
            _WAS_DNATED,
            _equal(_payload("saddr"), _block(network.cidr)),
            _equal(_payload("daddr"), _block(network.cidr)),
            {MASQUERADE: None},
        ]
        for network in nat.networks
    ]
    rules.append([_translate("snat", {"concat": [_OUT, _payload("saddr")]}, "floating_snat")])
    for network in nat.networks:
        if network.outgoing is not None:
            source = (
                {MASQUERADE: None} if network.outgoing == MASQUERADE else {"snat": {"addr": network.outgoing}}
            )
            leaves = _equal(_OUT, nat.public_interface)
            rules.append([leaves, _equal(_payload("saddr"), _block(network.cidr)), source])
    return rules


def _rules(nat: Nat) -> list[tuple[str, str, int, list[list[Command]]]]:
    return [
        ("prerouting", "prerouting", -100, _to_fixed()),
        ("output", "output", -100, _to_fixed()),
        ("postrouting", "postrouting", 100, _outward(nat)),
    ]


def _comment(expression: list[Command]) -> str:
    return MARK + blake2b(to_json(expression), digest_size=8).hexdigest()


def chains(nat: Nat) -> tuple[Chain, ...]:
    """Return what the kernel's chains must look like."""
    return tuple(
        Chain(name, hook, priority, tuple(_comment(rule) for rule in rules))
        for name, hook, priority, rules in _rules(nat)
    )


def elements(nat: Nat) -> dict[str, dict[tuple[str, ...], str]]:
    """Return what the kernel's maps must hold."""
    found: dict[str, dict[tuple[str, ...], str]] = {name: {} for name in MAP_TYPES}
    for floating in nat.floating:
        found["floating_dnat"][floating.address,] = floating.fixed
        found["floating_snat"].setdefault((floating.interface, floating.fixed), floating.address)
        found["floating_reflect"].setdefault((floating.fixed,), floating.address)
    return found


def delete_table() -> list[Command]:
    """Return the commands that remove the table, whether it is there or not (nft 1.0.6 has no `destroy`)."""
    table = {"table": {"family": FAMILY, "name": TABLE}}
    return [{"add": table}, {"delete": table}]


def replace_table(nat: Nat) -> list[Command]:
    """Return the commands that put the whole table in place of whatever it was, in one transaction."""
    commands = [*delete_table(), {"add": {"table": {"family": FAMILY, "name": TABLE}}}]
    for name, key in MAP_TYPES.items():
        kind = key[0] if len(key) == 1 else list(key)
        commands.append(
            {
                "add": {
                    "map": {"family": FAMILY, "table": TABLE, "name": name, "type": kind, "map": "ipv4_addr"}
                }
            }
        )
    commands += _element_commands("add", elements(nat))
    for name, hook, priority, rules in _rules(nat):
        chain = {"family": FAMILY, "table": TABLE, "name": name}
        base = {"type": "nat", "hook": hook, "prio": priority, "policy": "accept"}
        commands.append({"add": {"chain": {**chain, **base}}})
        place = {"family": FAMILY, "table": TABLE, "chain": name}
        commands += [{"add": {"rule": {**place, "comment": _comment(rule), "expr": rule}}} for rule in rules]
    return commands


def change_elements(surplus: Elements, missing: Elements) -> list[Command]:
    """Return the commands that take elements out and put others in, in one transaction."""
    return [*_element_commands("delete", surplus), *_element_commands("add", missing)]


def _element_commands(verb: str, contents: Elements) -> list[Command]:
    commands: list[Command] = []
    for name in MAP_TYPES:
        pairs = sorted(contents.get(name, {}).items())
        if pairs:
            listed = [[key[0] if len(key) == 1 else {"concat": list(key)}, value] for key, value in pairs]
            where = {"family": FAMILY, "table": TABLE, "name": name}
            commands.append({verb: {"element": {**where, "elem": listed}}})
    return commands


def document(commands: list[Command]) -> bytes:
    """Return commands as the JSON document that libnftables and `nft -j -f` take."""
    return to_json({"nftables": commands})
