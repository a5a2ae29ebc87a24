"""IPv6 addresses in the tables: with their NICs in network_info, in history, and seen when held twice."""

import pytest

from projections.ipam import history, queries
from tests.ipam import look, project
from tests.written_ledger import (
    WrittenLedger,
    delete,
    freed,
    instance_id,
    mac,
    network,
    network_id,
    spawn,
    vif_created,
)

NET, SIX = network_id(1), network_id(6)
ADDRESS = "fd06::1:2"


@pytest.fixture
def ledger() -> WrittenLedger:
    """Return a ledger in which an instance has a NIC of both versions, and one of IPv6 alone."""
    made = WrittenLedger()
    none = dict.fromkeys(("cidr", "netmask", "broadcast", "gateway", "dhcp_start", "dhcp_server"))
    made.decide(
        network(1, cidr_v6="fd01::/64", gateway_v6="fd01::1", netmask_v6="64"),
        network(6, cidr_v6="fd06::/64", netmask_v6="64", reserved=(), **none),
    )
    instance, *of_first_nic = spawn(1, (NET, "10.1.0.2"))
    first = [
        event.model_copy(update={"address_v6": "fd01::1:2"}) if event.type == "VifCreated.v1" else event
        for event in of_first_nic
    ]
    second = vif_created(1, 1, SIX).model_copy(update={"address_v6": ADDRESS})
    made.decide(instance, *first, second)
    return made


def test_each_nic_has_its_addresses(ledger: WrittenLedger, database: str) -> None:
    """Also the one without IPv4; found by one statement, like everything about an instance."""
    project(ledger, database)
    with look(database) as reader:
        found = queries.instance(reader, instance_id(1))
        (listed,) = queries.instances(reader)

    assert found == listed
    subnets = [vif["network"]["subnets"] for vif in found["network_info"]]
    assert [[[ip["address"] for ip in subnet["ips"]] for subnet in both] for both in subnets] == [
        [["10.1.0.2"], ["fd01::1:2"]],
        [[], [ADDRESS]],
    ]


def test_a_derived_address_is_found_like_a_fixed_one(ledger: WrittenLedger, database: str) -> None:
    """In the form of one; it was not allocated, so it has no id and never drains."""
    project(ledger, database)
    with look(database) as reader:
        (found,) = queries.fixed_ips_by_address(reader, ADDRESS)
        (fixed,) = queries.fixed_ips_by_address(reader, "10.1.0.2")

    assert list(found) == list(fixed)
    assert (found["instance_uuid"], found["mac"], found["project_id"]) == (
        instance_id(1),
        mac(1, 1),
        "blue",
    )
    assert (found["allocation_id"], found["allocated"], found["draining"]) == (None, True, False)


def test_history_tells_whose_nic_had_an_address(ledger: WrittenLedger, database: str) -> None:
    """When the NIC is gone, too."""
    gone = [
        event.model_copy(update={"address_v6": "fd01::1:2"}) if event.type == "VifDeleted.v1" else event
        for event in delete(1, (NET, "10.1.0.2"))
    ]
    *rest, last = gone
    six = vif_created(1, 1, SIX)
    first_gone = next(event for event in rest if event.type == "VifDeleted.v1")
    second_gone = first_gone.model_copy(
        update={"vif_id": six.vif_id, "mac": six.mac, "network_id": SIX, "address_v6": ADDRESS}
    )
    ledger.decide(*rest, second_gone, last)
    ledger.decide(freed(1, 0, NET, "10.1.0.2"))
    project(ledger, database)
    with look(database) as reader:
        (held,) = history.of_ipv6_address(reader, ADDRESS)
        both = history.ipv6_addresses_of_instance(reader, instance_id(1))
        nobody = queries.fixed_ips_by_address(reader, ADDRESS)

    assert nobody == []
    assert [row["address"] for row in both] == ["fd01::1:2", ADDRESS]
    assert (held["network"], held["project_id"], held["mac"]) == ("net-6", "blue", mac(1, 1))
    assert (held["from"]["seq"], held["to"]["seq"], held["contested"]) == (2, 3, False)


def test_an_address_of_two_nics_is_seen(ledger: WrittenLedger, database: str) -> None:
    """Independently of the allocator's own check; both are kept beside each other."""
    ledger.decide(*spawn(2, (NET, "10.1.0.3")))
    ledger.decide(vif_created(2, 1, SIX).model_copy(update={"address_v6": ADDRESS}))
    assert project(ledger, database) == 1
    with look(database) as reader:
        (conflict,) = history.conflicts(reader)
        held = queries.fixed_ips_by_address(reader, ADDRESS)

    assert (conflict["what"], conflict["problem"]) == ("ipv6_addresses", "held twice")
    assert [(row["instance_uuid"], row["contested"]) for row in held] == [
        (instance_id(1), False),
        (instance_id(2), True),
    ]
