"""Instances by address, with patterns that match all of it or nothing; and leases as dnsmasq reads them."""

from time import time

import pytest

from events.fixed_ips import FixedIpReleased
from events.instances import VifCreated
from events.refusals import Code
from projections.ipam import searches
from services.client import Client
from services.methods import METHODS
from services.methods.base import Defaults, Read
from tests.integration.test_client import ANN, BOB, Cell, cell, client, refusal_of, spawn
from tests.integration.test_client_fixed_ips import network
from tests.ipam import look, project
from tests.written_ledger import (
    WrittenLedger,
    delete,
    instance_id,
    leased,
    mac,
    network_id,
)
from tests.written_ledger import network as network_created
from tests.written_ledger import spawn as spawned

__all__ = ["cell", "client"]


def by(client: Client, **filters: str) -> list[tuple[str, str]]:
    """Return what is found."""
    found = client.call("get_instance_uuids_by_ip_filter", filters)
    return [(row["instance_uuid"], row["ip"]) for row in found]


def test_a_pattern_matches_all_of_an_address_or_nothing(cell: Cell, client: Client) -> None:
    """In nova 10.0.0.2 found 10.0.0.20 too, since nothing anchored its end."""
    alls = network(client, "all")
    one, _ = spawn(client, "anns", requested_networks=[[alls, "10.0.0.2"]])
    other, _ = spawn(client, "bobs", requested_networks=[[alls, "10.0.0.20"]])

    assert [row["ip"] for row in client.get_instance_uuids_by_ip_filter(ip="10.0.0.2")] == ["10.0.0.2"]
    assert by(client, ip="10.0.0.2") == by(client, fixed_ip="10.0.0.2") == [(one, "10.0.0.2")]
    assert by(client, ip="10.0.0.2.*") == [(one, "10.0.0.2"), (other, "10.0.0.20")]
    assert by(client, ip=r"^10\.0\.0\.(2|9)$") == [(one, "10.0.0.2")]
    assert by(client, ip=r"10\.0\.0\.\d\d") == by(client, ip="[01.]*20") == [(other, "10.0.0.20")]
    assert by(client, ip="10.0.0", fixed_ip="10.0.0.99") == by(client, ip6=".*") == []


def test_only_what_the_actor_may_see_is_found(cell: Cell, client: Client) -> None:
    """Another project's instances are not there."""
    alls = network(client, "all")
    mine, _ = spawn(client, "anns", requested_networks=[[alls]])
    spawn(client, "bobs", requested_networks=[[alls]])

    assert by(cell.client(ANN), ip=".*") == by(cell.client(ANN), fixed_ip="10.0.0.2") == [(mine, "10.0.0.2")]
    assert by(cell.client(BOB), fixed_ip="10.0.0.2") == []
    assert len(by(client, ip=".*")) == 2


def test_what_is_found_is_in_the_order_of_nics_and_floating_ips_follow(cell: Cell, client: Client) -> None:
    """A floating IP is tried where its fixed one does not match, as in nova."""
    alls, anns = network(client, "all"), network(client, "ann")
    vm, _ = spawn(client, "anns", requested_networks=[[anns, "10.1.0.9"], [alls, "10.0.0.8"]])
    client.add_fixed_ip_to_instance(vm, anns, "10.1.0.7")
    client.floating_create("192.0.2.0/29")
    for fixed in ("10.1.0.9", "10.0.0.8"):
        floating = client.allocate_floating_ip("anns")
        client.associate_floating_ip(floating, fixed)

    assert by(client, ip="10.*") == [(vm, "10.1.0.9"), (vm, "10.1.0.7"), (vm, "10.0.0.8")]
    assert by(client, ip="192.*|10.0.*") == [(vm, "192.0.2.1"), (vm, "10.0.0.8")]


@pytest.mark.parametrize(
    ("filters", "code", "field"),
    [
        ({}, Code.INVALID_INPUT, "fixed_ip"),
        ({"fixed_ip": "10.0.0"}, Code.FIXED_IP_INVALID, "fixed_ip"),
        ({"fixed_ip": ".*"}, Code.FIXED_IP_INVALID, "fixed_ip"),
        ({"ip": ""}, Code.INVALID_INPUT, "ip"),
        ({"ip": "("}, Code.INVALID_INPUT, "ip"),
        ({"ip": "*"}, Code.INVALID_INPUT, "ip"),
        ({"ip": "1*+"}, Code.INVALID_INPUT, "ip"),
        ({"ip": "1{1,99999}"}, Code.INVALID_INPUT, "ip"),
        ({"ip": r"(1)\1"}, Code.INVALID_INPUT, "ip"),
        ({"ip": "(?=1)"}, Code.INVALID_INPUT, "ip"),
        ({"ip": "1\n"}, Code.INVALID_INPUT, "ip"),
        ({"ip": "1" * 101}, Code.INVALID_INPUT, "ip"),
        ({"ip": "1", "ip6": "["}, Code.INVALID_INPUT, "ip6"),
        ({"name": "1"}, Code.INVALID_INPUT, "name"),
    ],
)
def test_what_is_no_pattern_is_refused(
    client: Client, filters: dict[str, str], code: Code, field: str
) -> None:
    """And so is what could run for long: counted repetition and back references."""
    assert refusal_of(client, "get_instance_uuids_by_ip_filter", filters) == (code, field)


def test_a_pattern_that_other_engines_never_finish_is_answered_at_once(cell: Cell, client: Client) -> None:
    """Nested repetitions."""
    spawn(client, "anns", requested_networks=[[network(client, "all")]])
    began = time()

    assert by(client, ip="((((1|0|.)*)*)*)*:") == []
    assert time() - began < 5


def test_failure_6_the_lease_file_has_what_is_leased_also_while_it_drains(database: str) -> None:
    """Failure 6: nova's list was of what is allocated, so dnsmasq forgot leases or invented them."""
    one = network_id(1)
    ledger = WrittenLedger()
    ledger.decide(network_created(1))
    for number in (1, 2, 3, 4):
        ledger.decide(*spawned(number, (one, f"10.1.0.{number + 1}")))
        ledger.decide(leased(number, 0, one, f"10.1.0.{number + 1}"))
    ended = leased(2, 0, one, "10.1.0.3").model_dump(exclude={"type"})
    ledger.decide(FixedIpReleased(**ended))
    ledger.decide(*delete(3, (one, "10.1.0.4")))
    project(ledger, database)
    with look(database) as reader:
        rows = searches.leases(reader, one)
        assert searches.leases(reader, one, "host-2") == []
        assert searches.leases(reader, network_id(9)) is None
    assert rows is not None

    method = METHODS["get_dhcp_leases"]
    assert isinstance(method, Read)
    assert method.settled is not None
    rows[-1]["hostname"] = None
    before = int(time())
    lines = method.settled(rows, Defaults(dhcp_lease_time=600)).splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        f"{mac(1, 0)} 10.1.0.2 vm-1 *",
        f"{mac(3, 0)} 10.1.0.4 vm-3 *",
        f"{mac(4, 0)} 10.1.0.5 * *",
    ]
    assert before + 600 <= int(lines[0].split()[0]) <= int(time()) + 600


def test_ipv6_addresses_are_found_too(database: str) -> None:
    """Exactly, or by a pattern whose case does not matter."""
    where = network_id(1)
    ledger = WrittenLedger()
    ledger.decide(network_created(1, cidr_v6="2001:db8::/64", gateway_v6="2001:db8::1", netmask_v6="64"))
    ledger.decide(
        *(
            event.model_copy(update={"address_v6": "2001:db8::a"}) if isinstance(event, VifCreated) else event
            for event in spawned(1, (where, "10.1.0.2"))
        )
    )
    project(ledger, database)
    with look(database) as reader:
        found = [{"instance_uuid": instance_id(1), "ip": "2001:db8::a"}]
        assert searches.instances_by_ip(reader, ip6="2001:DB8:.*") == found
        assert searches.instances_by_ip(reader, fixed_ip="2001:db8::a") == found
        assert searches.instances_by_ip(reader, ip6="2001:db8") == []
        both = searches.instances_by_ip(reader, ip=".*", ip6=".*")
        assert [row["ip"] for row in both] == ["10.1.0.2", "2001:db8::a"]


def test_leases_are_for_admins(cell: Cell, client: Client) -> None:
    """They tell of every project's guests."""
    alls = network(client, "all")

    assert client.get_dhcp_leases(alls) == ""
    assert refusal_of(cell.client(ANN), "get_dhcp_leases", {"network": alls}) == (
        "Forbidden",
        "actor.is_admin",
    )
    assert refusal_of(client, "get_dhcp_leases", {"network": "x"}) == ("InvalidInput", "network")
