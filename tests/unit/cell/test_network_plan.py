"""How a network's addresses are planned (nova-network.md section 4.4 and 4.5)."""

from typing import Any, NamedTuple

import pytest

from events.fixed_ips import FixedIpAllocated
from events.networks import NetworkCreated
from events.refusals import Code
from tests.unit.given import fact, given, refused
from tests.unit.wishes import create, nic, spawn


class Worked(NamedTuple):
    """A call of nova's create_networks and the plan that nova made, executed against its code.

    Where nova's fixed_cidr reserved every address, or some of the allowed ones, and where its VPN server had
    the address of another, the plan is what was meant.
    """

    cidr: str
    asked: dict[str, Any]
    gateway: str
    dhcp_server: str
    dhcp_start: str
    reserved: list[tuple[str, str]]
    vpn_private_address: str | None = None
    which: int = 0
    """Which network of the call."""


def vlan(**asked: object) -> dict[str, Any]:
    """Return what is asked for a network of kind vlan."""
    return {"kind": "vlan", "bridge_interface": "eth1", **asked}


THREE = vlan(num_networks=3, network_size=16, uuid=None)
C = "192.168.0"
WORKED = {
    "plain": Worked(
        f"{C}.0/24", {}, f"{C}.1", f"{C}.1", f"{C}.2", [(f"{C}.0", f"{C}.1"), (f"{C}.255", f"{C}.255")]
    ),
    "flat": Worked(
        f"{C}.0/24",
        {"kind": "flat"},
        f"{C}.1",
        f"{C}.1",
        f"{C}.2",
        [(f"{C}.0", f"{C}.1"), (f"{C}.255", f"{C}.255")],
    ),
    "own gateway and DHCP server": Worked(
        f"{C}.0/24",
        {"gateway": f"{C}.254", "dhcp_server": f"{C}.2"},
        f"{C}.254",
        f"{C}.2",
        f"{C}.1",
        [(f"{C}.0", f"{C}.2"), (f"{C}.254", f"{C}.255")],
    ),
    "own gateway": Worked(
        f"{C}.0/24",
        {"gateway": f"{C}.5"},
        f"{C}.5",
        f"{C}.5",
        f"{C}.1",
        [(f"{C}.0", f"{C}.1"), (f"{C}.5", f"{C}.5"), (f"{C}.255", f"{C}.255")],
    ),
    "allowed range": Worked(
        "10.0.0.0/24",
        {"allowed_start": "10.0.0.5", "allowed_end": "10.0.0.250"},
        "10.0.0.5",
        "10.0.0.5",
        "10.0.0.6",
        [("10.0.0.0", "10.0.0.5"), ("10.0.0.251", "10.0.0.255")],
    ),
    "DHCP server behind the gateway": Worked(
        f"{C}.0/24",
        {"allowed_start": f"{C}.10", "allowed_end": f"{C}.245", "dhcp_server": f"{C}.11"},
        f"{C}.10",
        f"{C}.11",
        f"{C}.12",
        [(f"{C}.0", f"{C}.11"), (f"{C}.246", f"{C}.255")],
    ),
    "part of the block": Worked(
        "192.168.0.0/16",
        {"fixed_cidr": "192.168.100.0/24", "gateway": "192.168.1.1"},
        "192.168.1.1",
        "192.168.1.1",
        f"{C}.1",
        [(f"{C}.0", "192.168.100.1"), ("192.168.100.255", "192.168.255.255")],
    ),
    "part of the block with its start allowed": Worked(
        "10.0.0.0/24",
        {"fixed_cidr": "10.0.0.64/26", "allowed_start": "10.0.0.70"},
        "10.0.0.70",
        "10.0.0.70",
        "10.0.0.71",
        [("10.0.0.0", "10.0.0.70"), ("10.0.0.127", "10.0.0.255")],
    ),
    "part of the block, allowed far beyond it": Worked(
        "10.0.0.0/24",
        {"fixed_cidr": "10.0.0.64/26", "allowed_start": "10.0.0.9", "allowed_end": "10.0.0.200"},
        "10.0.0.9",
        "10.0.0.9",
        "10.0.0.10",
        [("10.0.0.0", "10.0.0.65"), ("10.0.0.127", "10.0.0.255")],
    ),
    "part of the block, and less of it allowed": Worked(
        "10.0.0.0/24",
        {"fixed_cidr": "10.0.0.64/26", "allowed_end": "10.0.0.99"},
        "10.0.0.1",
        "10.0.0.1",
        "10.0.0.2",
        [("10.0.0.0", "10.0.0.65"), ("10.0.0.100", "10.0.0.255")],
    ),
    "host bits are masked": Worked(
        "10.1.2.3/28",
        {},
        "10.1.2.1",
        "10.1.2.1",
        "10.1.2.2",
        [("10.1.2.0", "10.1.2.1"), ("10.1.2.15", "10.1.2.15")],
    ),
    "smallest": Worked(
        "10.0.0.8/29",
        {},
        "10.0.0.9",
        "10.0.0.9",
        "10.0.0.10",
        [("10.0.0.8", "10.0.0.9"), ("10.0.0.15", "10.0.0.15")],
    ),
    "first VLAN of three": Worked(
        "10.0.0.0/8",
        THREE,
        "10.0.0.1",
        "10.0.0.1",
        "10.0.0.3",
        [("10.0.0.0", "10.0.0.2"), ("10.0.0.15", "10.0.0.15")],
        "10.0.0.2",
    ),
    "second VLAN of three": Worked(
        "10.0.0.0/8",
        THREE,
        "10.0.0.17",
        "10.0.0.17",
        "10.0.0.19",
        [("10.0.0.16", "10.0.0.18"), ("10.0.0.31", "10.0.0.31")],
        "10.0.0.18",
        1,
    ),
    "third VLAN of three": Worked(
        "10.0.0.0/8",
        THREE,
        "10.0.0.33",
        "10.0.0.33",
        "10.0.0.35",
        [("10.0.0.32", "10.0.0.34"), ("10.0.0.47", "10.0.0.47")],
        "10.0.0.34",
        2,
    ),
    "VLAN with an allowed range": Worked(
        f"{C}.0/24",
        vlan(allowed_start=f"{C}.10", allowed_end=f"{C}.245", dhcp_server=f"{C}.11"),
        f"{C}.10",
        f"{C}.11",
        f"{C}.13",
        [(f"{C}.0", f"{C}.12"), (f"{C}.246", f"{C}.255")],
        f"{C}.12",
    ),
    "VLAN with VPN clients": Worked(
        "10.0.0.0/24",
        vlan(cnt_vpn_clients=5),
        "10.0.0.1",
        "10.0.0.1",
        "10.0.0.3",
        [("10.0.0.0", "10.0.0.2"), ("10.0.0.250", "10.0.0.255")],
        "10.0.0.2",
    ),
    "VLAN whose VPN server would be its DHCP server": Worked(
        f"{C}.0/24",
        vlan(gateway=f"{C}.254", dhcp_server=f"{C}.2"),
        f"{C}.254",
        f"{C}.2",
        f"{C}.3",
        [(f"{C}.0", f"{C}.2"), (f"{C}.254", f"{C}.255")],
        f"{C}.1",
    ),
    "VLAN whose VPN server would be its gateway": Worked(
        f"{C}.0/24",
        vlan(gateway=f"{C}.2", dhcp_server=f"{C}.1"),
        f"{C}.2",
        f"{C}.1",
        f"{C}.4",
        [(f"{C}.0", f"{C}.3"), (f"{C}.255", f"{C}.255")],
        f"{C}.3",
    ),
    "a whole /8": Worked(
        "10.0.0.0/8",
        {},
        "10.0.0.1",
        "10.0.0.1",
        "10.0.0.2",
        [("10.0.0.0", "10.0.0.1"), ("10.255.255.255", "10.255.255.255")],
    ),
}


@pytest.mark.parametrize("worked", WORKED.values(), ids=WORKED)
def test_the_plan_is_novas(worked: Worked) -> None:
    """Gateway, DHCP and VPN server, first DHCP address and reserved addresses, as nova worked them out."""
    plan = given().when(create(cidr=worked.cidr, **worked.asked)).of(NetworkCreated)[worked.which]

    assert (plan.gateway, plan.dhcp_server, plan.dhcp_start) == worked[2:5]
    assert plan.vpn_private_address == worked.vpn_private_address
    assert [(part.first, part.last) for part in plan.reserved] == worked.reserved


def test_netmask_and_broadcast_follow_from_the_block() -> None:
    """A /20 has its own netmask and its last address as broadcast."""
    given().when(create(cidr="10.4.16.0/20")).then(
        fact(NetworkCreated, cidr="10.4.16.0/20", netmask="255.255.240.0", broadcast="10.4.31.255")
    )


def test_what_is_asked_for_is_kept() -> None:
    """DNS servers, MTU, bridge interface, project and physical network go into the plan as given."""
    asked: dict[str, Any] = {
        "dns1": "8.8.8.8",
        "dns2": "8.8.4.4",
        "mtu": 1450,
        "bridge": "br100",
        "bridge_interface": "eth1",
        "project_id": "red",
        "physical_network": "rack1",
        "enable_dhcp": False,
    }
    given().when(create(**asked)).then(fact(NetworkCreated, **asked))


def test_a_bridge_is_named_after_its_network() -> None:
    """Two networks whose ids begin alike still get bridges of their own, and names that Linux takes."""
    alike = "0195f3c0-7a2b-7c3d-9e4f-00000000000"
    scenario = given(
        create("a", "10.0.0.0/24", uuid=alike + "1"), create("b", "10.0.1.0/24", uuid=alike + "2")
    )

    assert set(scenario.state.bridges) == {"br000000000001", "br000000000002"}
    assert all(len(bridge) <= 15 for bridge in scenario.state.bridges)


def test_a_network_without_an_id_draws_one() -> None:
    """The identity comes from the command, so that the same command draws the same one."""
    (plan,) = given().when(create(uuid=None)).of(NetworkCreated)

    assert plan == given().when(create(uuid=None)).of(NetworkCreated)[0]
    assert len(plan.network_id) == 36


@pytest.mark.parametrize("field", ["gateway", "dhcp_server", "allowed_start", "allowed_end"])
@pytest.mark.parametrize("address", ["10.0.0.0", "10.0.0.255", "10.0.1.7", "9.255.255.255"])
def test_addresses_outside_the_block_are_refused(field: str, address: str) -> None:
    """The network and broadcast address, and whatever lies beside the block, serve nobody."""
    asked: dict[str, Any] = {field: address}
    given().when(create(**asked)).then(refused(Code.ADDRESS_OUT_OF_RANGE, field, address))


@pytest.mark.parametrize("cidr", ["10.0.0.0/30", "10.0.0.0/31", "10.0.0.1/32"])
def test_a_block_too_small_for_guests_is_refused(cidr: str) -> None:
    """Below a /29 nothing is left beside network, gateway and broadcast address."""
    given().when(create(cidr=cidr)).then(refused(Code.INVALID_CIDR, "cidr", "/29"))


@pytest.mark.parametrize(
    "asked",
    [
        {"allowed_start": "10.0.0.254"},
        {"allowed_start": "10.0.0.9", "allowed_end": "10.0.0.8"},
        {"allowed_start": "10.0.0.9", "allowed_end": "10.0.0.9"},
        {"allowed_start": "10.0.0.9", "allowed_end": "10.0.0.10", "dhcp_server": "10.0.0.10"},
    ],
)
def test_a_range_without_room_for_guests_is_refused(asked: dict[str, Any]) -> None:
    """A gateway and a DHCP server alone are no network."""
    given().when(create(**asked)).then(refused(Code.ADDRESS_OUT_OF_RANGE, "allowed_end"))


@pytest.mark.parametrize("fixed_cidr", ["10.0.1.0/24", "10.0.0.0/23", "9.255.255.0/24", "0.0.0.0/0"])
def test_a_part_outside_the_block_is_refused(fixed_cidr: str) -> None:
    """Its addresses would be no addresses of the network."""
    given().when(create(fixed_cidr=fixed_cidr)).then(
        refused(Code.ADDRESS_OUT_OF_RANGE, "fixed_cidr", fixed_cidr, "10.0.0.0/24")
    )


@pytest.mark.parametrize(
    "asked",
    [
        {"fixed_cidr": "10.0.0.77/32"},
        {"fixed_cidr": "10.0.0.64/31"},
        {"fixed_cidr": "10.0.0.64/30", "gateway": "10.0.0.66"},
        {"fixed_cidr": "10.0.0.64/26", "allowed_start": "10.0.0.127"},
        {"fixed_cidr": "10.0.0.64/26", "allowed_end": "10.0.0.65"},
    ],
)
def test_a_part_without_room_for_guests_is_refused(asked: dict[str, Any]) -> None:
    """Its first two and its last address are reserved, like those of a block."""
    given().when(create(**asked)).then(refused(Code.ADDRESS_OUT_OF_RANGE, "fixed_cidr", "10.0.0.0/24"))


def test_only_a_parts_addresses_are_handed_out() -> None:
    """One after the other, then none; and none beside it by name."""
    scenario = given(create(fixed_cidr="10.0.0.64/29"))
    handed_out = [
        allocated.address
        for number in range(5)
        for allocated in scenario.when(spawn(f"vm{number}")).of(FixedIpAllocated)
    ]

    assert handed_out == [f"10.0.0.{last}" for last in range(66, 71)]
    scenario.when(spawn("late")).then(refused(Code.NO_MORE_FIXED_IPS, "requested_networks.0.network_id"))
    scenario.when(spawn("named", nic("net", "10.0.0.5"))).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, "requested_networks.0.address")
    )


@pytest.mark.parametrize("cidr", ["10.0.0.0/24", "10.0.0.128/25", "10.0.0.0/16", "10.0.0.8/29", "0.0.0.0/0"])
def test_an_overlapping_block_is_refused(cidr: str) -> None:
    """Equal, inside, around: the refusal names the other network."""
    taken = given(create("first", "10.0.0.0/24"))
    outcome = taken.when(create("second", cidr))

    outcome.then(refused(Code.CIDR_CONFLICT, "cidr", "first", "10.0.0.0/24"))


def test_neighbouring_blocks_are_no_conflict() -> None:
    """Where nova refused free blocks between used ones, every gap can be filled."""
    scenario = given(create("left", "10.0.0.0/24"), create("right", "10.0.2.0/24"))

    scenario.when(create("between", "10.0.1.0/24")).then(fact(NetworkCreated, gateway="10.0.1.1"))


def test_an_id_in_use_is_refused() -> None:
    """The caller's id names one network."""
    given(create("net", "10.0.0.0/24")).when(create("net", "10.1.0.0/24")).then(
        refused(Code.NETWORK_EXISTS, "uuid")
    )


def test_a_bridge_in_use_is_refused() -> None:
    """Two networks on one bridge would hear each other's DHCP."""
    taken = given(create("first", "10.0.0.0/24", bridge="br7"))

    taken.when(create("second", "10.1.0.0/24", bridge="br7")).then(
        refused(Code.NETWORK_NOT_CREATED, "bridge", "br7")
    )
