"""MACs are drawn from the command; no two live NICs of a cell share one (nova-network.md section 7.4)."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from events.fixed_ips import FixedIpAllocated
from events.ids import CommandDraws, Draws, uuid7
from events.instances import InstanceSpawned, MacGenerated, VifCreated, VifDeleted
from events.refusals import Code
from projections.cell.state import Rules
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.wishes import BOB, create, delete, nic, spawn, uid


class DrawnMacs(CommandDraws):
    """Draws whose MACs are those of a list, in order."""

    def __init__(self, command_id: str, suffixes: list[int]) -> None:
        """Take MACs from `suffixes`, which all draws of a test share."""
        super().__init__(command_id)
        self._suffixes = suffixes

    def mac_suffix(self, index: int, attempt: int) -> int:
        """Return the next of the list."""
        return self._suffixes.pop(0)


def drawn(*suffixes: int) -> Callable[[str], Draws]:
    """Return a source of draws with these MACs."""
    left = list(suffixes)
    return lambda command_id: DrawnMacs(command_id, left)


def two_networks(*suffixes: int, attempts: int = 5) -> Scenario:
    """Return a cell of two networks that draws these MACs."""
    rules = Rules(create_unique_mac_address_attempts=attempts)
    history = (create("a", "10.0.0.0/24"), create("b", "10.0.1.0/24"))
    return given(*history, rules=rules, draws=drawn(*suffixes))


def test_a_mac_has_novas_prefix() -> None:
    """fa:16:3e, then three drawn octets."""
    (mac,) = two_networks(0x00_00_2A).when(spawn("vm", nic("a"))).of(MacGenerated)

    assert (mac.mac, mac.draws) == ("fa:16:3e:00:00:2a", 1)


def test_a_mac_in_use_is_drawn_again() -> None:
    """The event counts the draws, those in use included."""
    scenario = two_networks(1, 1, 1, 2)
    scenario.happens(spawn("first", nic("a")))
    (mac,) = scenario.when(spawn("second", nic("a"))).of(MacGenerated)

    assert (mac.mac, mac.draws) == ("fa:16:3e:00:00:02", 3)


def test_two_nics_of_one_spawn_never_share_a_mac() -> None:
    """A candidate that was just drawn for the first NIC is in use for the second."""
    macs = two_networks(7, 7, 8).when(spawn("vm", nic("a"), nic("b"))).of(MacGenerated)

    assert [(mac.mac, mac.draws) for mac in macs] == [("fa:16:3e:00:00:07", 1), ("fa:16:3e:00:00:08", 2)]


def test_two_networks_share_one_space_of_macs() -> None:
    """A MAC is unique in the cell, not only in its network."""
    scenario = two_networks(7, 7, 8)
    scenario.happens(spawn("first", nic("a")))
    (mac,) = scenario.when(spawn("second", nic("b"))).of(MacGenerated)

    assert mac.mac == "fa:16:3e:00:00:08"


def test_too_many_collisions_are_refused() -> None:
    """After as many attempts as nova's option says, by nova's name, and without a trace of the first NIC."""
    scenario = two_networks(1, 2, 1, 1, 3, attempts=2)
    scenario.happens(spawn("first", nic("a")))

    scenario.when(spawn("second", nic("a"), nic("b"))).then(
        refused(Code.VIRTUAL_INTERFACE_MAC_ADDRESS, "requested_networks.1", "2")
    )
    (mac,) = scenario.when(spawn("third", nic("a"))).of(MacGenerated)
    assert mac.mac == "fa:16:3e:00:00:03"


def test_a_deleted_nics_mac_may_be_drawn_again() -> None:
    """As in nova, where a deleted row no longer counts."""
    scenario = two_networks(1, 1)
    scenario.happens(spawn("first", nic("a")))
    (gone,) = scenario.when(delete("first")).of(VifDeleted)
    (mac,) = scenario.when(spawn("second", nic("a"))).of(MacGenerated)

    assert (mac.mac, mac.draws) == (gone.mac, 1)


def test_the_same_command_draws_the_same() -> None:
    """Deciding is repeatable: identities and MACs come from the command id and nothing else."""
    one, again, other = (CommandDraws(uuid7(1, bits)) for bits in (5, 5, 6))

    assert one.uuid("vif", 0) == again.uuid("vif", 0)
    assert one.mac_suffix(0, 0) == again.mac_suffix(0, 0)
    assert len({one.uuid("vif", 0), one.uuid("vif", 1), one.uuid("fixed ip", 0), other.uuid("vif", 0)}) == 4
    assert (
        len({one.mac_suffix(0, 0), one.mac_suffix(0, 1), one.mac_suffix(1, 0), other.mac_suffix(0, 0)}) == 4
    )
    assert 0 <= one.mac_suffix(0, 0) < 1 << 24


MACS = ["52:54:00:00:00:0B", "52:54:00:00:00:0a"]


def test_supplied_macs_go_to_the_nics_from_the_lowest_on() -> None:
    """They are a set, as in nova, so the order in which they are written does not matter."""
    scenario = two_networks()
    vifs = scenario.when(spawn("vm", nic("b"), nic("a"), macs=MACS)).of(VifCreated)

    assert [vif.mac for vif in vifs] == ["52:54:00:00:00:0a", "52:54:00:00:00:0b"]
    assert [vif.network_id for vif in vifs] == [uid("b"), uid("a")]
    scenario.when(spawn("vm", nic("b"), nic("a"), macs=[*reversed(MACS), MACS[0]])).then()


def test_a_supplied_mac_is_not_drawn() -> None:
    """So no event says that it was generated; one that is left over is used for nothing."""
    scenario = two_networks()
    scenario.when(spawn("vm", nic("a"), macs=MACS)).then(
        fact(InstanceSpawned), fact(VifCreated, mac="52:54:00:00:00:0a"), fact(FixedIpAllocated)
    )
    scenario.happens(spawn("other", nic("a"), macs=["52:54:00:00:00:0b"]))


@pytest.mark.parametrize("macs", [[], MACS[:1]])
def test_too_few_supplied_macs_are_refused(macs: list[str]) -> None:
    """By nova's name, and nothing is left of the first NIC."""
    two_networks().when(spawn("vm", nic("a"), nic("b"), macs=macs)).then(
        refused(Code.VIRTUAL_INTERFACE_CREATE, "macs", str(len(macs)), "2 NICs")
    )


def test_a_supplied_mac_in_use_has_one_attempt() -> None:
    """There is no other to try, as in nova; also when it is another project's."""
    scenario = two_networks(0x0A).happens(spawn("first", nic("a")))

    scenario.when(
        spawn("second", nic("b"), nic("a"), macs=[MACS[0], "fa:16:3e:00:00:0a"], actor=BOB, project="blue")
    ).then(refused(Code.VIRTUAL_INTERFACE_MAC_ADDRESS, "macs", "fa:16:3e:00:00:0a"))
    scenario.happens(delete("first"), spawn("second", nic("a"), macs=["fa:16:3e:00:00:0a"]))


@pytest.mark.parametrize(
    "mac",
    ["", "fa:16:3e", "fa:16:3e:00:00:zz", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"],
)
def test_what_is_no_network_cards_mac_cannot_be_supplied(mac: str) -> None:
    """Malformed, multicast, broadcast, or all zero."""
    with pytest.raises(ValidationError, match="MAC"):
        spawn("vm", nic("a"), macs=[mac])
