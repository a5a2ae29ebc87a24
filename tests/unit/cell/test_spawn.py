"""An instance gets all its NICs, MACs and addresses in one decision, or none (nova-network.md section 7)."""

import pytest

from events.fixed_ips import FixedIpAllocated
from events.instances import NICS_MAX, InstanceSpawned, MacGenerated, VifCreated
from events.refusals import Code
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.wishes import ADMIN, ANN, BOB, create, delete, delete_network, nic, register, spawn, uid


def two_networks() -> Scenario:
    """Return a cell with networks `a` and `b` that every project sees."""
    return given(create("a", "10.0.0.0/24"), create("b", "10.0.1.0/29"))


def test_one_nic_is_one_mac_one_vif_and_one_address() -> None:
    """The events name each other by id, and carry what a host needs."""
    scenario = given(create())
    outcome = scenario.when(spawn("vm", nic("net", tag="front"), hostname="web", display_name="Web 1"))

    outcome.then(
        fact(InstanceSpawned, instance_uuid=uid("vm"), project_id="red", host="h1", display_name="Web 1"),
        fact(MacGenerated, draws=1),
        fact(VifCreated, instance_uuid=uid("vm"), network_id=uid("net"), host="h1", index=0, tag="front"),
        fact(FixedIpAllocated, network_id=uid("net"), address="10.0.0.2", host="h1", hostname="web"),
    )
    (mac,), (vif,) = outcome.of(MacGenerated), outcome.of(VifCreated)
    (address,) = outcome.of(FixedIpAllocated)
    assert mac.mac == vif.mac == address.mac
    assert mac.vif_id == vif.vif_id == address.vif_id


def test_requested_order_is_nic_order() -> None:
    """The first network asked for is eth0, whatever was created first."""
    vifs = two_networks().when(spawn("vm", nic("b"), nic("a"))).of(VifCreated)

    assert [(vif.index, vif.network_id) for vif in vifs] == [(0, uid("b")), (1, uid("a"))]


def test_any_number_of_nics() -> None:
    """As many as the limit says, each with its own address, MAC and identity."""
    scenario = given(*(create(f"n{number}", f"10.0.{number}.0/24") for number in range(NICS_MAX)))
    outcome = scenario.when(spawn("vm", *(nic(f"n{number}") for number in range(NICS_MAX))))

    addresses = [allocated.address for allocated in outcome.of(FixedIpAllocated)]
    assert addresses == [f"10.0.{number}.2" for number in range(NICS_MAX)]
    assert len({vif.mac for vif in outcome.of(VifCreated)}) == NICS_MAX
    assert len({vif.vif_id for vif in outcome.of(VifCreated)}) == NICS_MAX
    assert len({allocated.allocation_id for allocated in outcome.of(FixedIpAllocated)}) == NICS_MAX


def test_an_instance_can_ask_for_no_nics() -> None:
    """An empty list is not the same as none: nothing is allocated."""
    asked = spawn().model_copy(update={"requested_networks": ()})

    given(create()).when(asked).then(fact(InstanceSpawned, instance_uuid=uid("vm")))


def test_a_requested_address_is_given() -> None:
    """Exactly that one."""
    given(create()).when(spawn("vm", nic("net", "10.0.0.77"))).then(
        fact(InstanceSpawned),
        fact(MacGenerated),
        fact(VifCreated),
        fact(FixedIpAllocated, address="10.0.0.77"),
    )


@pytest.mark.parametrize("address", ["10.0.0.0", "10.0.0.1", "10.0.0.255", "10.0.1.2", "9.9.9.9"])
def test_an_address_that_the_network_does_not_hand_out_is_refused(address: str) -> None:
    """Reserved addresses and those of other networks."""
    given(create()).when(spawn("vm", nic("net", address))).then(
        refused(Code.FIXED_IP_NOT_FOUND_FOR_NETWORK, "requested_networks.0.address", address, "10.0.0.0/24")
    )


def test_an_address_in_use_is_refused() -> None:
    """Two instances never hold one address, whoever asks last."""
    scenario = two_networks().happens(spawn("first", nic("a", "10.0.0.9")))

    scenario.when(spawn("second", nic("b"), nic("a", "10.0.0.9"))).then(
        refused(Code.FIXED_IP_ALREADY_IN_USE, "requested_networks.1.address", "10.0.0.9")
    )


def test_a_draining_address_is_not_given() -> None:
    """Its last holder's host may still serve it."""
    scenario = given(create(), register(), spawn("first", nic("net", "10.0.0.9")), delete("first"))

    scenario.when(spawn("second", nic("net", "10.0.0.9"))).then(
        refused(Code.FIXED_IP_ALREADY_IN_USE, "requested_networks.0.address")
    )


def test_a_full_second_network_leaves_no_trace() -> None:
    """All or nothing: neither the first NIC nor its address remain."""
    scenario = two_networks()
    for number in range(5):
        scenario.happens(spawn(f"vm{number}", nic("b")))

    scenario.when(spawn("last", nic("a"), nic("b"))).then(
        refused(Code.NO_MORE_FIXED_IPS, "requested_networks.1.network_id", "'b'", "5 allocated")
    )
    assert uid("last") not in scenario.state.instances
    scenario.when(spawn("next", nic("a"))).then(
        fact(InstanceSpawned),
        fact(MacGenerated),
        fact(VifCreated),
        fact(FixedIpAllocated, address="10.0.0.2"),
    )


def test_an_exhausted_network_tells_what_drains() -> None:
    """Whoever waits knows that waiting helps."""
    scenario = given(create("b", "10.0.1.0/29"), register())
    scenario.happens(*(spawn(f"vm{number}") for number in range(5)), delete("vm0"))

    scenario.when(spawn("last")).then(
        refused(Code.NO_MORE_FIXED_IPS, "requested_networks.0.network_id", "4 allocated", "1 draining")
    )


def test_the_same_request_again_changes_nothing() -> None:
    """Under another command id, too: compute may have lost the answer."""
    given(create(), spawn("vm", nic())).when(spawn("vm", nic())).then()


def test_who_asks_again_does_not_matter() -> None:
    """An admin who repeats what the project's user asked gets the same answer."""
    given(create(), spawn("vm", nic())).when(spawn("vm", nic(), actor=ADMIN, correlation_id=uid("c"))).then()


@pytest.mark.parametrize(
    "other",
    [
        spawn("vm"),
        spawn("vm", nic("net", "10.0.0.9")),
        spawn("vm", nic(tag="x")),
        spawn("vm", nic(), host="h2"),
        spawn("vm", nic(), hostname="other"),
        spawn("vm", nic(), actor=ADMIN, project="blue"),
        spawn("vm", nic(), display_name="Other"),
        spawn("vm", nic(), availability_zone="north"),
        spawn("vm", nic(), rxtx_factor=2.0),
        spawn("vm", nic(), macs=["02:00:00:00:00:01"]),
        spawn("vm", nic(), vpn=True),
        spawn("vm", nic(), auto_allocate=True),
    ],
    ids=[
        *("networks", "address", "tag", "host", "hostname", "project"),
        *("display_name", "availability_zone", "rxtx_factor", "macs", "vpn", "auto"),
    ],
)
def test_another_request_for_the_same_instance_is_refused(other: object) -> None:
    """It is not added to what the instance has; nova created a second set of NICs."""
    scenario = given(create(), spawn("vm", nic()))

    scenario.when(other).then(refused(Code.INSTANCE_EXISTS, "instance_uuid", uid("vm")))  # type: ignore[arg-type]  # pytest's parameters are objects


def test_nothing_requested_is_every_network_that_the_project_sees() -> None:
    """Those of nobody in order of creation, then its own; not those of others."""
    scenario = given(
        create("own", "10.0.0.0/24", project_id="red"),
        create("other", "10.0.1.0/24", project_id="blue"),
        create("open", "10.0.2.0/24"),
    )
    vifs = scenario.when(spawn()).of(VifCreated)

    assert [vif.network_id for vif in vifs] == [uid("open"), uid("own")]


def test_nothing_requested_and_nothing_there_is_no_error() -> None:
    """As in nova: an instance without NICs."""
    given().when(spawn()).then(fact(InstanceSpawned))


def test_a_request_for_networks_of_any_kind_wants_at_least_one() -> None:
    """Nova's `auto`: like no request, but to end without NICs is refused."""
    given().when(spawn(auto_allocate=True)).then(
        refused(Code.UNABLE_TO_AUTO_ALLOCATE_NETWORK, "requested_networks", "'red'")
    )
    given(create(project_id="blue")).when(spawn(auto_allocate=True)).then(
        refused(Code.UNABLE_TO_AUTO_ALLOCATE_NETWORK, "requested_networks", "'red'")
    )
    assert given(create()).when(spawn(auto_allocate=True)).of(VifCreated)


def test_nothing_requested_leaves_out_what_the_host_does_not_reach() -> None:
    """A host with one physical network can take instances although the cell has others."""
    scenario = given(
        create("near", "10.0.0.0/24", physical_network="rack1"),
        create("far", "10.0.1.0/24", physical_network="rack2"),
        register("h1", "rack1"),
    )
    vifs = scenario.when(spawn()).of(VifCreated)

    assert [vif.network_id for vif in vifs] == [uid("near")]


def test_nothing_requested_where_nothing_is_reached_is_refused() -> None:
    """Networks are there, but none for this host: an instance without NICs is not what was meant."""
    scenario = given(create("far", "10.0.1.0/24", physical_network="rack2"), register("h1", "rack1"))

    scenario.when(spawn()).then(refused(Code.NETWORK_NOT_REACHABLE, "host", "h1"))


def test_nothing_requested_among_too_many_networks_is_refused() -> None:
    """An instance with more NICs than a guest can have is a mistake; the limit is named."""
    scenario = given(*(create(f"n{number}", f"10.0.{number}.0/24") for number in range(NICS_MAX)))
    assert len(scenario.when(spawn("fits")).of(VifCreated)) == NICS_MAX
    scenario.happens(create("one more", "10.1.0.0/24"))

    scenario.when(spawn()).then(refused(Code.INVALID_INPUT, "requested_networks", str(NICS_MAX)))


def test_a_network_asked_for_twice_is_refused() -> None:
    """An instance has one NIC on a network, as in nova's API."""
    two_networks().when(spawn("vm", nic("a"), nic("b"), nic("a"))).then(
        refused(Code.NETWORK_DUPLICATED, "requested_networks.2.network_id", uid("a"))
    )


def test_an_unknown_network_is_refused() -> None:
    """The field tells which of them."""
    two_networks().when(spawn("vm", nic("a"), nic("nowhere"))).then(
        refused(Code.NETWORK_NOT_FOUND_FOR_PROJECT, "requested_networks.1.network_id", uid("nowhere"))
    )


def test_another_projects_network_is_refused() -> None:
    """Seen from both sides: its own project may, the other may not."""
    scenario = given(create(project_id="red"))

    scenario.when(spawn("b", nic(), actor=BOB, project="blue")).then(
        refused(Code.NO_NETWORKS_FOUND, "requested_networks.0.network_id", "blue")
    )
    scenario.happens(spawn("a", nic(), actor=ANN, project="red"))


def test_a_network_beyond_the_hosts_reach_is_refused() -> None:
    """It was asked for by name, so it is not left out in silence."""
    scenario = given(create(physical_network="rack2"), register("h1", "rack1"))

    scenario.when(spawn("vm", nic())).then(
        refused(Code.NETWORK_NOT_REACHABLE, "requested_networks.0.network_id", "h1", "rack2")
    )


def test_a_host_that_never_registered_may_run_instances() -> None:
    """Nothing is known about what it reaches, and nobody there serves addresses."""
    given(create(physical_network="rack2")).when(spawn("vm", nic(), host="h9")).then(
        fact(InstanceSpawned, host="h9"),
        fact(MacGenerated),
        fact(VifCreated),
        fact(FixedIpAllocated, host="h9"),
    )


def test_a_user_spawns_for_its_own_project_only() -> None:
    """An admin does for any."""
    scenario = given(create())

    scenario.when(spawn(actor=BOB, project="red")).then(refused(Code.FORBIDDEN, "project_id", "bob"))
    scenario.happens(spawn(actor=ADMIN, project="red"))


def test_an_actor_without_a_project_is_no_projects_member() -> None:
    """No project is ever assumed."""
    nobody = ANN.model_copy(update={"project": None})

    given(create()).when(spawn(actor=nobody)).then(refused(Code.FORBIDDEN, "project_id"))


def test_an_instance_deleted_and_spawned_again_is_new() -> None:
    """Other address, other identities."""
    scenario = given(create(), register())
    first = scenario.when(spawn()).of(FixedIpAllocated)
    again = scenario.happens(delete()).when(spawn()).of(FixedIpAllocated)

    assert first[0].address == "10.0.0.2"
    assert again[0].address == "10.0.0.3"
    assert first[0].allocation_id != again[0].allocation_id


def test_a_deleted_network_is_not_spawned_on() -> None:
    """Neither when asked for nor when nothing is."""
    scenario = given(create("a", "10.0.0.0/24"), create("b", "10.0.1.0/24"), delete_network("a"))

    scenario.when(spawn("vm", nic("a"))).then(
        refused(Code.NO_NETWORKS_FOUND, "requested_networks.0.network_id")
    )
    assert [vif.network_id for vif in scenario.when(spawn()).of(VifCreated)] == [uid("b")]
