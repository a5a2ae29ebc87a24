"""Reserved addresses in the tables: who reserved them, beside who holds them."""

from events.fixed_ips import FixedIpReserved, FixedIpUnreserved
from events.ownership import HostAddressClaimed
from projections.ipam import placement, queries
from tests.ipam import look, project
from tests.written_ledger import WrittenLedger, delete, instance_id, network, network_id, spawn

ONE, TWO = network_id(1), network_id(2)


def test_reserved_and_held_addresses_in_one_list(database: str) -> None:
    """In order of address, with who reserved them; a held one may be reserved, and is counted once."""
    ledger = WrittenLedger()
    ledger.decide(network(1), network(2))
    ledger.decide(*spawn(1, (ONE, "10.1.0.2"), (TWO, "10.2.0.2")))
    ledger.decide(*spawn(2, (ONE, "10.1.0.3")))
    ledger.decide(*delete(2, (ONE, "10.1.0.3")))
    for address in ("10.1.0.9", "10.1.0.3", "10.1.0.10"):
        ledger.decide(FixedIpReserved(network_id=ONE, address=address), cause="ReserveFixedIp.v1")
    ledger.decide(FixedIpUnreserved(network_id=ONE, address="10.1.0.9"), cause="UnreserveFixedIp.v1")
    project(ledger, database)
    with look(database) as reader:
        listed = queries.fixed_list(reader, ONE)
        counted = queries.network(reader, ONE)
        everywhere = queries.fixed_list(reader)
        assert queries.fixed_list(reader, network_id(9)) is None
    assert listed is not None
    assert everywhere is not None
    assert [(row["address"], row["state"], row["reserved"], row["reserved_by"]) for row in listed] == [
        ("10.1.0.2", "allocated", False, None),
        ("10.1.0.3", "draining", True, "ann"),
        ("10.1.0.10", "reserved", True, "ann"),
    ]
    assert listed[1]["waits_for"] == ["host-1"]
    assert (listed[2]["network"], listed[2]["reserved_at"]) == ("net-1", "2026-05-28T20:26:47.000Z")
    assert [row["address"] for row in everywhere] == ["10.1.0.2", "10.1.0.3", "10.1.0.10", "10.2.0.2"]
    assert counted is not None
    assert [counted[name] for name in ("addresses", "used", "reserved", "free")] == [65533, 2, 2, 65530]


def test_addresses_of_hosts_themselves(database: str) -> None:
    """Listed with their host, not free, and what the host's guests find their DHCP server at."""
    ledger = WrittenLedger()
    own = {"network_id": ONE, "host": "host-1", "address": "10.1.0.3", "allocation_id": network_id(77)}
    ledger.decide(network(1, multi_host=True))
    ledger.decide(*spawn(1, (ONE, "10.1.0.2")), HostAddressClaimed.model_validate(own))
    ledger.decide(FixedIpReserved(network_id=ONE, address="10.1.0.3"), cause="ReserveFixedIp.v1")
    project(ledger, database)
    with look(database) as reader:
        listed = queries.fixed_list(reader, ONE)
        counted = queries.network(reader, ONE)
        (there,) = placement.availability(reader).networks
        (asked,) = placement.requested(reader, [(ONE, "10.1.0.3")])
        found = queries.instance(reader, instance_id(1))
    assert listed is not None
    assert [(row["address"], row["state"], row["host"], row["reserved"]) for row in listed] == [
        ("10.1.0.2", "allocated", "host-1", False),
        ("10.1.0.3", "host", "host-1", True),
    ]
    assert counted is not None
    assert (counted["used"], counted["free"], there["free"], asked["held"]) == (1, 65531, 65531, True)
    assert found is not None
    assert found["network_info"][0]["network"]["subnets"][0]["meta"] == {"dhcp_server": "10.1.0.3"}
