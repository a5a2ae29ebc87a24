"""IPv6 prefixes of networks, alone and beside IPv4 (nova-network.md sections 4.2 and 4.7)."""

from typing import Any

import pytest
from hypothesis import given as everything
from hypothesis import strategies as st

from events.addresses import cidr6_bounds, cidr6_text
from events.networks import CreateNetworks, NetworkCreated
from events.refusals import Code, Refusal
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.wishes import create, nic, spawn


def six(name: str = "six", cidr_v6: str = "fd00::/48", **fields: object) -> CreateNetworks:
    """Ask for networks of IPv6 alone."""
    asked: dict[str, Any] = {"cidr": None, "cidr_v6": cidr_v6, **fields}
    return create(name, **asked)


def prefixes(scenario: Scenario, command: CreateNetworks) -> list[str | None]:
    """Return the IPv6 blocks that a command gets."""
    return [one.cidr_v6 for one in scenario.when(command).of(NetworkCreated)]


def test_a_network_of_ipv6_alone() -> None:
    """A /64, its first address the gateway; nothing of IPv4, and no address to hand out."""
    given().when(six()).then(
        fact(
            NetworkCreated,
            **dict.fromkeys(("cidr", "netmask", "broadcast", "gateway", "dhcp_start", "dhcp_server")),
            cidr_v6="fd00::/64",
            gateway_v6="fd00::1",
            netmask_v6="64",
            reserved=(),
        )
    )


def test_both_versions_beside_each_other() -> None:
    """Each network takes a block of both; labels count them once."""
    given().when(
        create("net", "10.0.0.0/8", uuid=None, num_networks=3, network_size=256, cidr_v6="fd00::/48")
    ).then(
        *[
            fact(
                NetworkCreated,
                label=f"net_{index}",
                cidr=f"10.0.{index}.0/24",
                cidr_v6=f"fd00:0:0:{index}::/64" if index else "fd00::/64",
                netmask_v6="64",
            )
            for index in range(3)
        ]
    )


@pytest.mark.parametrize(
    ("cidr_v6", "count", "size", "expected"),
    [
        ("2001:db8::/32", None, None, ["2001:db8::/64"]),
        ("2001:db8::/64", None, 256, ["2001:db8::/64"]),
        ("2001:db8::5/63", 2, None, ["2001:db8::/64", "2001:db8:0:1::/64"]),
        ("2001:db8::/48", 2, 1 << 32, ["2001:db8::/64", "2001:db8:0:1::/64"]),
    ],
)
def test_prefixes_are_64_long(cidr_v6: str, count: int | None, size: int | None, expected: list[str]) -> None:
    """Whatever network_size says: guests form their own addresses under a /64 only (nova's bug 1011122)."""
    assert (
        prefixes(given(), six(cidr_v6=cidr_v6, num_networks=count, network_size=size, uuid=None)) == expected
    )


def test_a_block_is_taken_exactly_as_given() -> None:
    """With ipam, as long as it holds a /64."""
    given().when(six(cidr_v6="2001:db8::/56", ipam=True)).then(
        fact(NetworkCreated, cidr_v6="2001:db8::/56", netmask_v6="56", gateway_v6="2001:db8::1")
    )
    given().when(six(cidr_v6="2001:db8::/80", ipam=True)).then(refused(Code.INVALID_CIDR, "cidr_v6", "/64"))


@pytest.mark.parametrize(("cidr_v6", "count"), [("fd00::/65", None), ("fd00::/63", 3), ("fd00::1/128", 1)])
def test_a_block_that_cannot_supply_enough_is_refused(cidr_v6: str, count: int | None) -> None:
    """Nothing is created."""
    given().when(six(cidr_v6=cidr_v6, num_networks=count, uuid=None)).then(
        refused(Code.INVALID_CIDR, "cidr_v6", "/64")
    )


def test_prefixes_in_use_are_passed_over() -> None:
    """Nova never looked; two networks with one prefix have one gateway."""
    scenario = given(six("one", "fd00::/48"), create("two", cidr_v6="fd00:0:0:1::/64"))

    assert prefixes(scenario, six("more", num_networks=2, uuid=None)) == [
        "fd00:0:0:2::/64",
        "fd00:0:0:3::/64",
    ]
    scenario.when(six("same", "fd00::/64")).then(refused(Code.CIDR_CONFLICT, "cidr_v6", "fd00::/64", "one"))
    scenario.when(six("around", "fd00::/40", ipam=True)).then(refused(Code.CIDR_CONFLICT, "cidr_v6"))


def test_ipv4_is_created_beside_a_network_of_ipv6_alone() -> None:
    """In nova one of IPv6 alone made every later one of IPv4 fail with an error of its language."""
    given(six()).when(create()).then(fact(NetworkCreated, cidr="10.0.0.0/24", cidr_v6=None))


def test_all_or_nothing_of_both_versions() -> None:
    """Where one version finds no room, nothing of the other is created."""
    scenario = given(six("taken", "fd00:0:0:1::/64"))
    scenario.when(
        create("net", "10.0.0.0/8", uuid=None, num_networks=2, network_size=256, cidr_v6="fd00::/63")
    ).then(refused(Code.CIDR_CONFLICT, "cidr_v6", "taken", "1 of 2"))

    assert len(scenario.state.networks) == 1


@pytest.mark.parametrize("gateway", ["fd00::9", "fe80::1", "fd00::ffff:ffff:ffff:ffff"])
def test_a_gateway_of_ones_own(gateway: str) -> None:
    """In the prefix, or a link-local one, as routers announce themselves."""
    given().when(six(gateway_v6=gateway)).then(fact(NetworkCreated, gateway_v6=gateway))


@pytest.mark.parametrize("gateway", ["fd00::", "fd00:0:0:1::1", "2001:db8::1", "fe80::", "fec0::1"])
def test_a_gateway_that_guests_cannot_reach_is_refused(gateway: str) -> None:
    """Nova took any."""
    given().when(six(gateway_v6=gateway)).then(refused(Code.ADDRESS_OUT_OF_RANGE, "gateway_v6", gateway))


@pytest.mark.parametrize(
    "field",
    [
        {"gateway": "10.0.0.1"},
        {"dhcp_server": "10.0.0.1"},
        {"allowed_start": "10.0.0.1"},
        {"allowed_end": "10.0.0.1"},
        {"fixed_cidr": "10.0.0.0/24"},
    ],
)
def test_what_is_of_the_other_version_is_refused(field: dict[str, Any]) -> None:
    """It would be forgotten without a word."""
    given().when(six(**field)).then(refused(Code.INVALID_INPUT, next(iter(field)), "IPv4"))
    given().when(create(gateway_v6="fd00::1")).then(refused(Code.INVALID_INPUT, "gateway_v6", "IPv6"))


def test_a_network_needs_some_block() -> None:
    """As nova-manage said."""
    given().when(six().model_copy(update={"cidr_v6": None})).then(
        refused(Code.NETWORK_NOT_CREATED, "cidr", "cidr_v6")
    )


def test_ipv6_needs_its_mtu() -> None:
    """RFC 8200: 1280 bytes."""
    given().when(six(mtu=1279)).then(refused(Code.INVALID_INPUT, "mtu", "1280"))
    given().when(six(mtu=1280)).then(fact(NetworkCreated, mtu=1280))


def test_no_instance_gets_an_ipv4_address_of_a_network_without_any() -> None:
    """The pool of one of IPv6 alone is empty."""
    given(six()).when(spawn("vm", nic("six", "10.0.0.5"))).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, "requested_networks.0.address", "six")
    )


@everything(
    used=st.sets(st.integers(0, 15), max_size=12),
    at=st.integers(0, 15),
    length=st.integers(60, 64),
    count=st.integers(1, 6),
)
def test_every_split_of_ipv6(used: set[int], at: int, length: int, count: int) -> None:
    """The first free /64s of the block; refused only where there are too few."""
    base = cidr6_bounds("fd00::/60")[0]
    scenario = given(*(six(str(one), f"fd00:0:0:{one:x}::/64") for one in used))
    command = six(cidr_v6=f"fd00:0:0:{at:x}::/{length}", num_networks=count, uuid=None)
    decision = scenario.when(command).decision
    first, last = cidr6_bounds(str(command.cidr_v6))
    room = range((first - base) >> 64, ((last - base) >> 64) + 1)
    free = [one for one in room if one not in used]
    if isinstance(decision, Refusal):
        too_small = len(room) < count
        assert decision.code == (Code.INVALID_CIDR if too_small else Code.CIDR_CONFLICT)
        assert too_small or len(free) < count
        return
    made = [event.cidr_v6 for event in decision if isinstance(event, NetworkCreated)]
    starts = [base + (one << 64) for one in free[:count]]
    assert made == [cidr6_text(start, start + (1 << 64) - 1) for start in starts]
