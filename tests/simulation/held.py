"""Who holds what, read from the JSON of events: one holder of each thing at any position."""

from typing import Any, NamedTuple

from tests.simulation.violation import Violation

Event = dict[str, Any]
Thing = tuple[str, ...]


class _Rule(NamedTuple):
    """Something that an event gives to a holder, or takes from it."""

    what: str
    keys: tuple[str, ...]
    """Fields of the event that name the thing; one that is null names nothing."""
    holder: str
    """Field that names its holder; null: nobody."""


_ADDRESS = _Rule("address", ("network_id", "address"), "allocation_id")
_HOST_ADDRESS = _Rule("address of the host", ("network_id", "host"), "allocation_id")
_MAC = _Rule("MAC", ("mac",), "vif_id")
_NIC = _Rule("NIC", ("instance_uuid", "network_id"), "vif_id")
_ADDRESS_V6 = _Rule("IPv6 address", ("network_id", "address_v6"), "vif_id")
_FLOATING = _Rule("floating IP", ("address",), "project_id")
_TARGET = _Rule("floating IP's target", ("address",), "allocation_id")
_INSTANCE = _Rule("instance", ("instance_uuid",), "project_id")
_BINDING = _Rule("binding", ("instance_uuid",), "host")
_PROJECT = _Rule("network's project", ("network_id",), "project_id")
_VLAN = _Rule("VLAN", ("vlan",), "network_id")
_NETWORK = _Rule("network", ("network_id",), "network_id")
_ENTRY = _Rule("name", ("name",), "address")
_GROUP = _Rule("security group", ("group_id",), "project_id")
_MEMBER = _Rule("membership", ("instance_uuid", "group_id"), "project_id")

_GIVES: dict[str, tuple[_Rule, ...]] = {
    "NetworkCreated.v1": (_NETWORK, _VLAN, _PROJECT),
    "NetworkProjectAssigned.v1": (_PROJECT,),
    "InstanceSpawned.v1": (_INSTANCE, _BINDING),
    "InstanceBound.v1": (_BINDING,),
    "VifCreated.v1": (_MAC, _NIC, _ADDRESS_V6),
    "FixedIpAllocated.v1": (_ADDRESS,),
    "HostAddressClaimed.v1": (_ADDRESS, _HOST_ADDRESS),
    "FloatingIpAllocated.v1": (_FLOATING,),
    "FloatingIpAssociated.v1": (_TARGET,),
    "DnsEntryCreated.v1": (_ENTRY,),
    "SecurityGroupCreated.v1": (_GROUP,),
    "InstanceSecurityGroupAdded.v1": (_MEMBER,),
}
_TAKES: dict[str, tuple[_Rule, ...]] = {
    "NetworkProjectReleased.v1": (_PROJECT,),
    "InstanceDeleted.v1": (_INSTANCE, _BINDING),
    "InstanceUnbound.v1": (_BINDING,),
    "VifDeleted.v1": (_MAC, _NIC, _ADDRESS_V6),
    "FixedIpDisassociated.v1": (_ADDRESS,),
    "HostAddressReleased.v1": (_ADDRESS, _HOST_ADDRESS),
    "FloatingIpReleased.v1": (_FLOATING,),
    "FloatingIpDisassociated.v1": (_TARGET,),
    "DnsEntryDeleted.v1": (_ENTRY,),
    "SecurityGroupDeleted.v1": (_GROUP,),
    "InstanceSecurityGroupRemoved.v1": (_MEMBER,),
}


class Holders:
    """Everything that can have one holder only."""

    def __init__(self) -> None:
        """Begin with nothing held."""
        self.held: dict[Thing, str] = {}

    def take(self, seq: int, event: Event) -> None:
        """Follow one event.

        Raises:
            Violation: somebody else holds the thing, or it is given back by one who does not hold it.

        """
        kind = event["type"]
        for rule in _GIVES.get(kind, ()):
            self._follow(seq, rule, event, gives=True)
        for rule in _TAKES.get(kind, ()):
            self._follow(seq, rule, event, gives=False)
        match kind:
            case "InstanceSpawned.v1":
                for group in event["security_groups"]:
                    self._hold(seq, ("membership", event["instance_uuid"], group), event["project_id"])
            case "InstanceDeleted.v1":
                for group in event["security_groups"]:
                    self._free(seq, ("membership", event["instance_uuid"], group), event["project_id"])
            case "NetworkDeleted.v1":
                self._forget_network(seq, event["network_id"])
            case "SecurityGroupDeleted.v1":
                self._forbid("membership", 2, event["group_id"], f"at seq {seq} a group is deleted")
            case _:
                self._take_name(seq, event)

    def _take_name(self, seq: int, event: Event) -> None:
        match event["type"]:
            case "DnsEntryChanged.v1":
                self._free(seq, ("name", event["name"]), event["was"])
                self._hold(seq, ("name", event["name"]), event["address"])
            case "InstanceDnsEntriesCreated.v1":
                for name in event["names"]:
                    self._hold(seq, ("name", name), event["allocation_id"])
            case "InstanceDnsEntriesDeleted.v1":
                for name in event["names"]:
                    self._free(seq, ("name", name), event["allocation_id"])
            case _:
                pass

    def _follow(self, seq: int, rule: _Rule, event: Event, *, gives: bool) -> None:
        names = [event.get(key) for key in rule.keys]
        holder = event.get(rule.holder)
        if holder is None or None in names:
            return
        thing = (rule.what, *(str(name) for name in names))
        if gives:
            self._hold(seq, thing, holder)
        else:
            self._free(seq, thing, holder)

    def _hold(self, seq: int, thing: Thing, holder: str) -> None:
        if thing in self.held:
            raise Violation(f"at seq {seq} {thing} goes to {holder}, but {self.held[thing]} holds it")
        self.held[thing] = holder

    def _free(self, seq: int, thing: Thing, holder: str) -> None:
        if self.held.pop(thing, None) != holder:
            raise Violation(f"at seq {seq} {thing} is given back by {holder}, who does not hold it")

    def _forget_network(self, seq: int, network_id: str) -> None:
        """A network takes its VLAN along, and nothing else: the rest must be gone before."""
        self.held = {
            thing: holder for thing, holder in self.held.items() if thing[0] != "VLAN" or holder != network_id
        }
        self._free(seq, ("network", network_id), network_id)
        for what in ("address", "IPv6 address", "network's project"):
            self._forbid(what, 1, network_id, f"at seq {seq} a network is deleted")

    def _forbid(self, what: str, at: int, name: str, why: str) -> None:
        left = [thing for thing in self.held if thing[0] == what and thing[at] == name]
        if left:
            raise Violation(f"{why}, but {left[0]} is still held by {self.held[left[0]]}")
