"""Where the VPN of a project's networks is reached: nova-manage vpn change (nova-network.md section 12.7)."""

import pytest

from events.networks import CreateNetworks, NetworkVpnChanged
from events.refusals import Code
from projections.cell.canonical import canonical_rows
from tests.unit.given import fact, given, refused
from tests.unit.wishes import ANN, create, modify, uid, vpn_change


def vlan(name: str, third: int, project: str | None = "red") -> CreateNetworks:
    """Ask for a VLAN network."""
    return create(
        name, f"10.0.{third}.0/24", kind="vlan", bridge_interface="eth1", vlan=100 + third, project_id=project
    )


def test_all_vlan_networks_of_a_project_change() -> None:
    """As nova-manage did; other projects' and other kinds stay as they are."""
    scenario = given(
        vlan("one", 1),
        vlan("two", 2),
        vlan("blue", 3, "blue"),
        create("flat", "10.1.0.0/24", project_id="red"),
    )

    scenario.when(vpn_change("red", "192.0.2.9", 1194)).then(
        fact(NetworkVpnChanged, network_id=uid("one"), vpn_public_address="192.0.2.9", vpn_public_port=1194),
        fact(NetworkVpnChanged, network_id=uid("two")),
    )
    networks = scenario.state.networks
    assert networks[uid("two")].vpn_public_port == 1194
    assert networks[uid("blue")].vpn_public_address is None
    plans = [plan for _, plan, *_ in canonical_rows(scenario.state)["networks"]]
    assert sum('"vpn_public_address":"192.0.2.9"' in plan for plan in plans) == 2


def test_changing_to_what_is_changes_nothing() -> None:
    """Only networks that are reached elsewhere are told of."""
    scenario = given(vlan("one", 1), vpn_change(), vlan("two", 2))

    scenario.when(vpn_change()).then(fact(NetworkVpnChanged, network_id=uid("two")))
    scenario.when(vpn_change()).then()


@pytest.mark.parametrize("history", [(), (create("flat", project_id="red"),), (vlan("nobodys", 1, None),)])
def test_a_project_without_vlan_networks_has_no_vpn(history: tuple[CreateNetworks, ...]) -> None:
    """Where nova-manage said nothing and did nothing."""
    given(*history).when(vpn_change()).then(
        refused(Code.NETWORK_NOT_FOUND_FOR_PROJECT, "project_id", "red", "VLAN")
    )


def test_only_an_admin_changes_it() -> None:
    """Not even the project itself."""
    given(vlan("one", 1)).when(vpn_change(actor=ANN)).then(refused(Code.FORBIDDEN, "actor.is_admin"))


def test_a_network_keeps_its_vpn_when_it_changes_hands() -> None:
    """Address and port are the network's; the next project's admin changes them."""
    scenario = given(vlan("one", 1), vpn_change(), modify("one", project_id="blue", overwrite=True))

    assert scenario.state.networks[uid("one")].vpn_public_address == "192.0.2.1"


@pytest.mark.parametrize(("address", "port"), [("x", 1), ("192.0.2.1", 0), ("192.0.2.1", 65536)])
def test_what_is_no_address_or_port_is_not_read(address: str, port: int) -> None:
    """The language itself refuses it."""
    with pytest.raises(ValueError, match="vpn_public"):
        vpn_change("red", address, port)
