"""More addresses for an instance, and fewer (nova-network.md sections 7.6 and 8.6)."""

import pytest

from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpDisassociated
from events.floating_ips import FloatingIpDisassociated
from events.instances import InstanceDeleted, MacGenerated, VifCreated, VifDeleted
from events.refusals import Code
from projections.cell.address import more_fixed_ips
from projections.cell.state import Rules
from tests.unit.given import Later, Scenario, fact, given, refused
from tests.unit.wishes import (
    ADMIN,
    ANN,
    BOB,
    add_ip,
    applied,
    associate,
    claim,
    create,
    delete,
    delete_network,
    floating_allocate,
    floating_create,
    nic,
    register,
    remove_ip,
    reserve,
    spawn,
    uid,
)


def spawned() -> Scenario:
    """Begin with an instance that has one address, on a network beside which there is another one."""
    return given(create(), create("lan", "10.0.1.0/24"), spawn("vm", nic("net"), hostname="web"))


def test_another_address_lies_on_the_same_nic() -> None:
    """No NIC is created, and the allocation tells all that the hosts need."""
    scenario = spawned()
    vif = scenario.state.instances[uid("vm")].vifs[0]

    scenario.when(add_ip()).then(
        fact(
            FixedIpAllocated,
            network_id=uid("net"),
            address="10.0.0.3",
            vif_id=vif.id,
            mac=next(iter(vif.allocations.values())).mac,
            instance_uuid=uid("vm"),
            project_id="red",
            host="h1",
            hostname="web",
        )
    )
    assert len(vif.allocations) == 2


def test_a_certain_address_may_be_asked_for() -> None:
    """As in a spawn."""
    spawned().when(add_ip(address="10.0.0.77")).then(fact(FixedIpAllocated, address="10.0.0.77"))


def test_an_instance_without_a_nic_there_gets_one() -> None:
    """With a MAC as in a spawn, behind the NICs that it has."""
    spawned().when(add_ip("vm", "lan")).then(
        fact(MacGenerated, draws=1),
        fact(VifCreated, network_id=uid("lan"), host="h1", index=1, tag=None),
        fact(FixedIpAllocated, network_id=uid("lan"), address="10.0.1.2"),
    )


def test_every_command_adds_one_more() -> None:
    """A repeated command id is decided once, as everywhere; a new one is a new wish."""
    scenario = spawned().happens(add_ip(), add_ip())

    assert len(scenario.state.instances[uid("vm")].vifs[0].allocations) == 3


def test_an_admin_may_add_to_any_instance() -> None:
    """Of any project."""
    spawned().when(add_ip(actor=ADMIN)).then(fact(FixedIpAllocated, project_id="red"))


def test_another_project_adds_nothing() -> None:
    """Nor does it take anything away."""
    scenario = spawned()

    scenario.when(add_ip(actor=BOB)).then(refused(Code.FORBIDDEN, "instance_uuid", "bob"))
    scenario.when(remove_ip("vm", "10.0.0.2", BOB)).then(refused(Code.FORBIDDEN, "instance_uuid", "bob"))


def test_an_instance_without_networking_is_not_found() -> None:
    """Neither for adding nor for removing."""
    scenario = given(create())

    scenario.when(add_ip()).then(refused(Code.INSTANCE_NOT_FOUND, "instance_uuid"))
    scenario.when(remove_ip("vm", "10.0.0.2")).then(refused(Code.INSTANCE_NOT_FOUND, "instance_uuid"))


def test_the_network_must_exist_and_be_seen() -> None:
    """By the project of the instance, also where an admin asks."""
    scenario = spawned().happens(create("blue", "10.0.2.0/24", project_id="blue"))

    scenario.when(add_ip("vm", "none")).then(refused(Code.NETWORK_NOT_FOUND, "network_id"))
    scenario.when(add_ip("vm", "blue", actor=ADMIN)).then(
        refused(Code.NETWORK_NOT_FOUND_FOR_PROJECT, "network_id", "red")
    )


def test_the_host_must_reach_the_network() -> None:
    """As in a spawn, when the host has said what it reaches."""
    far = create("far", "10.0.2.0/24", physical_network="rack2")

    spawned().happens(register("h1"), far).when(add_ip("vm", "far")).then(
        refused(Code.NETWORK_NOT_REACHABLE, "network_id", "rack2")
    )


def test_a_full_network_has_no_more() -> None:
    """By nova's name; all five are taken."""
    scenario = given(create(cidr="10.0.0.0/29"), spawn("vm", nic("net")))
    scenario.happens(*[add_ip()] * 4)

    scenario.when(add_ip()).then(refused(Code.NO_MORE_FIXED_IPS, "network_id", "5 allocated"))


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("10.0.0.2", Code.FIXED_IP_ALREADY_IN_USE),
        ("10.0.0.9", Code.FIXED_IP_ALREADY_IN_USE),
        ("10.0.0.1", Code.FIXED_IP_NOT_FOUND_FOR_NETWORK),
        ("10.0.1.9", Code.FIXED_IP_NOT_FOUND_FOR_NETWORK),
    ],
    ids=["held", "reserved", "the gateway", "another network's"],
)
def test_a_certain_address_must_be_free(address: str, code: Code) -> None:
    """The refusal names the field of this command."""
    spawned().happens(reserve("10.0.0.9")).when(add_ip(address=address)).then(
        refused(code, "address", address)
    )


def test_macs_that_collide_leave_no_trace() -> None:
    """The sentence names the network for which a NIC was to be made."""

    class SameMac:
        def __init__(self, command_id: str) -> None:
            self._id = command_id

        def uuid(self, purpose: str, index: int) -> str:
            return uid(f"{self._id}{purpose}{index}")

        def mac_suffix(self, _index: int, _attempt: int) -> int:
            return 1

    scenario = given(create(), create("lan", "10.0.1.0/24"), spawn("vm", nic("net")), draws=SameMac)

    scenario.when(add_ip("vm", "lan")).then(refused(Code.VIRTUAL_INTERFACE_MAC_ADDRESS, "network_id"))


def test_an_instance_has_a_bounded_number_of_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting it frees them all in one decision, which is bounded."""
    monkeypatch.setattr(more_fixed_ips, "FIXED_IPS_MAX", 2)
    scenario = spawned().happens(add_ip())

    scenario.when(add_ip("vm", "lan")).then(refused(Code.INVALID_INPUT, "instance_uuid", "2 addresses"))


def test_an_instance_has_a_bounded_number_of_nics(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a spawn; addresses on the NICs that it has are still to be had."""
    monkeypatch.setattr(more_fixed_ips, "NICS_MAX", 1)
    scenario = spawned()

    scenario.when(add_ip("vm", "lan")).then(refused(Code.INVALID_INPUT, "network_id", "1 NICs"))
    scenario.when(add_ip()).then(fact(FixedIpAllocated))


def test_the_same_spawn_after_an_address_was_added_is_the_same_spawn() -> None:
    """What was added is not part of the request by which a repeated spawn is known."""
    spawned().happens(add_ip()).when(spawn("vm", nic("net"), hostname="web")).then()


def test_deleting_an_instance_takes_all_its_addresses() -> None:
    """Of all its NICs."""
    scenario = spawned().happens(add_ip(), add_ip("vm", "lan"))

    scenario.when(delete()).then(
        fact(FixedIpDeallocated, address="10.0.0.2"),
        fact(FixedIpDisassociated, address="10.0.0.2"),
        fact(FixedIpDeallocated, address="10.0.0.3"),
        fact(FixedIpDisassociated, address="10.0.0.3"),
        fact(FixedIpDeallocated, address="10.0.1.2"),
        fact(FixedIpDisassociated, address="10.0.1.2"),
        fact(VifDeleted, network_id=uid("net")),
        fact(VifDeleted, network_id=uid("lan")),
        fact(InstanceDeleted),
    )


# --- Removing -------------------------------------------------------------------------------------------


def test_a_removed_address_that_nobody_serves_is_free_at_once() -> None:
    """The others of its NIC stay."""
    scenario = spawned().happens(add_ip())

    scenario.when(remove_ip("vm", "10.0.0.2")).then(
        fact(FixedIpDeallocated, address="10.0.0.2", waits_for=()),
        fact(FixedIpDisassociated, address="10.0.0.2", reason="unserved"),
    )
    assert [one.address for one in scenario.state.instances[uid("vm")].vifs[0].allocations.values()] == [
        0x0A000003
    ]


def test_a_removed_address_drains_as_on_delete() -> None:
    """Until the hosts that served it have let go, or the deadline passes."""
    scenario = given(
        create(),
        register("h1"),
        register("n1"),
        claim("n1"),
        spawn(),
        rules=Rules(fixed_ip_disassociate_timeout=60),
    )

    scenario.when(remove_ip("vm", "10.0.0.2")).then(fact(FixedIpDeallocated, waits_for=("h1", "n1")))
    scenario.when(remove_ip("vm", "10.0.0.2")).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_SPECIFIC_INSTANCE, "address", "10.0.0.2")
    )
    scenario.when(add_ip(address="10.0.0.2")).then(refused(Code.FIXED_IP_ALREADY_IN_USE, "address"))
    scenario.happens(applied("h1", scenario.state.seq), Later(60))
    scenario.when(add_ip(address="10.0.0.2")).then(fact(FixedIpAllocated, address="10.0.0.2"))


def test_floating_ips_that_point_there_are_disassociated_in_the_same_decision() -> None:
    """Before the address goes; the project keeps them."""
    scenario = spawned().happens(
        add_ip(),
        floating_create(),
        floating_allocate(),
        floating_allocate(),
        associate("192.0.2.1", "10.0.0.3"),
    )
    scenario.happens(associate("192.0.2.2", "10.0.0.2"))

    scenario.when(remove_ip("vm", "10.0.0.3")).then(
        fact(FloatingIpDisassociated, address="192.0.2.1", fixed_address="10.0.0.3"),
        fact(FixedIpDeallocated, address="10.0.0.3"),
        fact(FixedIpDisassociated, address="10.0.0.3"),
    )


def test_the_nic_stays_without_addresses() -> None:
    """Its network is still in use, and the next address comes to the same MAC."""
    scenario = spawned()
    vif = scenario.state.instances[uid("vm")].vifs[0]
    scenario.happens(remove_ip("vm", "10.0.0.2"))

    scenario.when(delete_network()).then(refused(Code.NETWORK_IN_USE, "network_id"))
    scenario.when(add_ip()).then(fact(FixedIpAllocated, vif_id=vif.id))


@pytest.mark.parametrize("address", ["10.0.0.3", "10.0.0.99", "10.0.0.1", "192.168.0.1"])
def test_an_address_that_is_not_the_instances(address: str) -> None:
    """Another instance's, nobody's, the gateway and none of ours, by nova's name."""
    scenario = spawned().happens(spawn("other", nic("net")))

    scenario.when(remove_ip("vm", address, ANN)).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_SPECIFIC_INSTANCE, "address", address, uid("vm"))
    )
