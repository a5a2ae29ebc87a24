"""VLAN ids, bridges and VPN ports of new networks (nova-network.md section 4.6)."""

from typing import Any

import pytest
from hypothesis import given as everything
from hypothesis import strategies as st

from events.networks import CreateNetworks, NetworkCreated
from events.refusals import Code, Refusal
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.wishes import create, delete_network


def vlans(count: int = 1, cidr: str = "10.0.0.0/8", **fields: object) -> CreateNetworks:
    """Ask for networks of kind vlan."""
    asked: dict[str, Any] = {"bridge_interface": "eth1", "network_size": 256, "num_networks": count, **fields}
    return create("net", cidr, kind="vlan", **{"uuid": None, **asked})


def having(*ids: int) -> Scenario:
    """Return a cell with these VLANs."""
    return given(*(vlans(vlan=vlan) for vlan in ids))


def chosen(scenario: Scenario, command: CreateNetworks) -> list[int | None]:
    """Return the VLAN ids that a command gets."""
    return [one.vlan for one in scenario.when(command).of(NetworkCreated)]


@pytest.mark.parametrize(
    ("used", "start", "count", "expected"),
    [
        ((), None, 2, [100, 101]),
        ((100, 101), 100, 1, [102]),
        ((100, 101), 100, 2, [102, 103]),
        ((100, 101), 99, 1, [102]),
        ((101,), 100, 2, [102, 103]),
        ((4094,), 4090, 4, [4091, 4092, 4093, 4090]),
        ((), 4094, 1, [4094]),
        ((200,), 100, 1, [101]),
    ],
)
def test_vlan_ids_are_novas(
    used: tuple[int, ...], start: int | None, count: int, expected: list[int]
) -> None:
    """As far behind vlan_start as there are networks; else above the highest; else the lowest."""
    assert chosen(having(*used), vlans(count, vlan_start=start)) == expected


def test_never_fixed_vlan_creation_is_atomic() -> None:
    """With 101 in use, nova gave two networks 102 both, and the first stayed when the second failed."""
    scenario = having(101)
    outcome = scenario.when(vlans(2, vlan_start=100))

    outcome.then(fact(NetworkCreated, vlan=102), fact(NetworkCreated, vlan=103))
    assert sorted(scenario.state.vlans) == [101, 102, 103]
    scenario.when(vlans(2, vlan=200)).then(refused(Code.INVALID_INPUT, "vlan", "one network only"))


def test_a_bridge_is_named_after_its_vlan() -> None:
    """On every host alike, whatever network_id; the port counts on from vpn_start."""
    given().when(vlans(2, vlan_start=7, vpn_start=2000, vpn_public_address="192.0.2.1")).then(
        *[
            fact(
                NetworkCreated,
                vlan=7 + index,
                bridge=f"br{7 + index}",
                bridge_interface="eth1",
                vpn_public_address="192.0.2.1",
                vpn_public_port=2000 + index,
            )
            for index in range(2)
        ]
    )


def test_vpn_ports_are_given_once() -> None:
    """Nova counted networks, so that a port was given twice once a network had been deleted."""
    scenario = given(vlans(uuid="0195f3c0-7a2b-7c3d-9e4f-000000000001"), vlans())
    first, second = (network.vpn_public_port for network in scenario.state.networks.values())
    gone = next(iter(scenario.state.networks))
    scenario.happens(delete_network().model_copy(update={"network_id": gone}))
    (third,) = scenario.when(vlans()).of(NetworkCreated)

    assert (first, second, third.vpn_public_port) == (1000, 1001, 1002)


def test_the_vlan_of_another_network_is_refused() -> None:
    """The refusal names it; of a deleted network the id is free again."""
    scenario = given(vlans(vlan=100, uuid="0195f3c0-7a2b-7c3d-9e4f-000000000001"))

    scenario.when(vlans(vlan=100)).then(refused(Code.DUPLICATE_VLAN, "vlan", "000000000001"))
    gone = delete_network().model_copy(update={"network_id": "0195f3c0-7a2b-7c3d-9e4f-000000000001"})
    scenario.happens(gone).when(vlans(vlan=100)).then(fact(NetworkCreated, vlan=100))


def test_a_vlan_whose_bridge_another_network_has_is_refused_or_passed_over() -> None:
    """A flat network may have a bridge of such a name."""
    scenario = given(create("flat", "10.200.0.0/24", bridge="br102"))

    scenario.when(vlans(vlan=102)).then(refused(Code.NETWORK_NOT_CREATED, "vlan", "br102"))
    assert chosen(scenario, vlans(2)) == [101, 103]


def test_more_vlans_than_there_are_free_ids_are_refused() -> None:
    """All or nothing, and none of 4095."""
    scenario = having(4093)

    scenario.when(vlans(3, vlan_start=4092)).then(refused(Code.INVALID_INPUT, "vlan_start", "4094"))
    assert sorted(scenario.state.vlans) == [4093]
    assert sorted(chosen(scenario, vlans(2, vlan_start=4092)), key=str) == [4092, 4094]


def test_more_vpn_ports_than_there_are_are_refused() -> None:
    """A port is 65535 at most."""
    given().when(vlans(2, vpn_start=65535)).then(refused(Code.INVALID_INPUT, "vpn_start", "65535"))


def test_a_vlan_needs_an_interface() -> None:
    """As nova's VlanManager demanded it."""
    given().when(vlans(bridge_interface=None)).then(
        refused(Code.NETWORK_NOT_CREATED, "bridge_interface", "bridge_interface")
    )


def test_the_bridge_of_a_vlan_cannot_be_chosen() -> None:
    """Nova ignored it without a word."""
    given().when(vlans(bridge="br7")).then(refused(Code.INVALID_INPUT, "bridge", "br<vlan>"))


@pytest.mark.parametrize(
    "field",
    [
        {"vlan": 100},
        {"vlan_start": 100},
        {"vpn_start": 1000},
        {"vpn_public_address": "192.0.2.1"},
        {"cnt_vpn_clients": 1},
    ],
)
def test_what_is_of_vlans_is_refused_for_other_kinds(field: dict[str, Any]) -> None:
    """Nova ignored it without a word."""
    for kind in ("flat", "flatdhcp"):
        given().when(create(kind=kind, **field)).then(refused(Code.INVALID_INPUT, next(iter(field)), kind))


@pytest.mark.parametrize("vlan", [0, 4095, -1, "7", 7.5, True])
@pytest.mark.parametrize("field", ["vlan", "vlan_start"])
def test_a_number_that_is_no_vlan_id_is_not_read(field: str, vlan: object) -> None:
    """1 to 4094 (IEEE 802.1Q)."""
    with pytest.raises(ValueError, match=field):
        vlans().model_validate({**vlans().model_dump(), field: vlan})


@everything(
    used=st.sets(st.integers(4060, 4094), max_size=30),
    start=st.integers(4060, 4094),
    count=st.integers(1, 36),
)
def test_failure_24_every_choice_of_vlan_ids(used: set[int], start: int, count: int) -> None:
    """Distinct, from vlan_start on, none in use; refused only if there are fewer than asked for."""
    scenario = given()
    for vlan in used:
        scenario.happens(vlans(vlan=vlan, network_size=8))
    decision = scenario.when(vlans(count, vlan_start=start, network_size=8)).decision
    free = set(range(start, 4095)) - used
    if isinstance(decision, Refusal):
        assert (decision.code, decision.field, len(free) < count) == (Code.INVALID_INPUT, "vlan_start", True)
        return
    ids = [event.vlan for event in decision if isinstance(event, NetworkCreated)]
    assert len(ids) == len(set(ids)) == count
    assert set(ids) <= free
