"""What the tables say of a network: nova's fields in nova's order, also of one of IPv6 alone."""

import pytest

from events.networks import AddressRange, NetworkVpnChanged
from projections.ipam import placement, queries
from projections.ipam.digest import canonical_rows
from tests.ipam import look, project
from tests.written_ledger import WrittenLedger, network, network_id, spawn

ONE, SIX = network_id(1), network_id(6)

FIELDS = (
    "id uuid label injected cidr netmask broadcast gateway dhcp_start dhcp_server enable_dhcp"
    " share_address cidr_v6 gateway_v6 netmask_v6 multi_host bridge bridge_interface vlan mtu dns1 dns2"
    " vpn_public_address vpn_public_port vpn_private_address rxtx_base project_id host priority"
)
"""nova-network.md section 2.1."""

PLAIN = network(1, bridge_interface="eth1")
ONLY_V6 = network(6).model_copy(
    update={
        **dict.fromkeys(("cidr", "netmask", "broadcast", "gateway", "dhcp_start", "dhcp_server")),
        "cidr_v6": "fd00:0:0:6::/64",
        "gateway_v6": "fd00:0:0:6::1",
        "netmask_v6": "64",
        "reserved": (),
    }
)
FULL = network(
    7,
    kind="vlan",
    injected=True,
    share_address=True,
    multi_host=True,
    vlan=107,
    mtu=1450,
    cidr_v6="fd00:0:0:7::/64",
    gateway_v6="fd00:0:0:7::1",
    netmask_v6="64",
    vpn_public_address="192.0.2.1",
    vpn_public_port=1007,
    vpn_private_address="10.7.0.2",
    rxtx_base=100,
    priority=-1,
    project_id="red",
)


def test_a_network_has_novas_fields(database: str) -> None:
    """Names and forms as nova's network dict had them, ours behind them."""
    ledger = WrittenLedger()
    ledger.decide(PLAIN)
    project(ledger, database)
    with look(database) as reader:
        row = queries.network(reader, ONE)

    assert row is not None
    assert " ".join(row).startswith(FIELDS)
    said = PLAIN.model_dump()
    assert {name: row[name] for name in FIELDS.split() if name in said} == {
        name: said[name] for name in FIELDS.split() if name in said
    }
    assert (row["id"], row["uuid"], row["host"], row["kind"]) == (ONE, ONE, None, "flatdhcp")


def test_a_network_of_ipv6_alone_has_no_addresses_to_hand_out(database: str) -> None:
    """All of IPv4 is null, nothing is usable."""
    ledger = WrittenLedger()
    ledger.decide(ONLY_V6)
    project(ledger, database)
    with look(database) as reader:
        row = queries.network(reader, SIX)

    assert row is not None
    assert (row["cidr"], row["gateway"], row["cidr_v6"], row["netmask_v6"]) == (
        None,
        None,
        "fd00:0:0:6::/64",
        "64",
    )
    assert (row["addresses"], row["free"]) == (0, 0)


def test_everything_of_a_network_is_in_the_tables(database: str) -> None:
    """What the ledger says can be read back from the tables, word for word."""
    ledger = WrittenLedger()
    ledger.decide(PLAIN, ONLY_V6, FULL)
    project(ledger, database)
    with look(database) as reader:
        rows = canonical_rows(reader.connection)["networks"]

    assert [plan for _, plan, _, _ in rows] == [one.model_dump_json() for one in (PLAIN, ONLY_V6, FULL)]


def test_a_vpn_servers_address_is_none_of_those_handed_out(database: str) -> None:
    """Held or not, as many of the others are free."""
    kept = (
        AddressRange(first="10.8.0.0", last="10.8.0.2"),
        AddressRange(first="10.8.255.255", last="10.8.255.255"),
    )
    ledger = WrittenLedger()
    made = network(8, kind="vlan", vlan=108, vpn_private_address="10.8.0.2", reserved=kept)
    ledger.decide(made)
    ledger.decide(*spawn(1, (made.network_id, "10.8.0.2")))
    ledger.decide(*spawn(2, (made.network_id, "10.8.0.3")))
    project(ledger, database)
    with look(database) as reader:
        one, (listed,) = queries.network(reader, made.network_id), queries.networks(reader)
        (room,) = placement.availability(reader).networks

    assert one == listed
    for row in (listed, room):
        assert (row["addresses"], row["used"], row["free"]) == (65532, 1, 65531)


@pytest.mark.parametrize("batch", [1, 1000])
def test_a_changed_vpn_is_in_the_tables(batch: int, database: str) -> None:
    """Whether the network was there already or came in the same batch."""
    ledger = WrittenLedger()
    ledger.decide(FULL)
    ledger.decide(
        NetworkVpnChanged(network_id=FULL.network_id, vpn_public_address="198.51.100.1", vpn_public_port=1194)
    )
    project(ledger, database, batch)
    with look(database) as reader:
        rows = canonical_rows(reader.connection)["networks"]
        row = queries.network(reader, FULL.network_id)

    changed = FULL.model_copy(update={"vpn_public_address": "198.51.100.1", "vpn_public_port": 1194})
    assert [plan for _, plan, _, _ in rows] == [changed.model_dump_json()]
    assert row is not None
    assert (row["vpn_public_address"], row["vpn_public_port"]) == ("198.51.100.1", 1194)


def test_a_network_is_found_by_either_of_its_blocks(database: str) -> None:
    """As nova's delete_network and network modify looked it up; several may have one."""
    ledger = WrittenLedger()
    ledger.decide(FULL, ONLY_V6, PLAIN)
    project(ledger, database)
    with look(database) as reader:
        for block, expected in (
            ("10.7.0.0/16", FULL),
            ("fd00:0:0:7::/64", FULL),
            ("fd00:0:0:6::/64", ONLY_V6),
        ):
            assert [row["id"] for row in queries.networks_by_cidr(reader, block)] == [expected.network_id]
        assert queries.networks_by_cidr(reader, "10.7.0.0/24") == []
