"""DNS records of instances: two names for the first address, in the instance domain (section 11.2)."""

import pytest

from events.dns import InstanceDnsEntriesCreated, InstanceDnsEntriesDeleted
from events.errors import InvariantBroken
from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpDisassociated
from events.instances import InstanceDeleted, InstanceSpawned, MacGenerated, VifCreated, VifDeleted
from projections.cell.state import Rules
from tests.unit.given import Message, Scenario, fact, given
from tests.unit.wishes import (
    ADMIN,
    BOB,
    add_entry,
    add_ip,
    create,
    delete,
    floating_allocate,
    floating_create,
    nic,
    private_domain,
    public_domain,
    register,
    remove_ip,
    spawn,
    uid,
)

DOMAIN = "cloud.example"


def cloud(*more: Message, rules: Rules | None = None) -> Scenario:
    """Return a cell with two networks in which instances are named, and more happened."""
    rules = rules or Rules(instance_dns_domain=DOMAIN, claim_on_demand=False)
    return given(create(), create("other", "10.0.1.0/24"), register(), *more, rules=rules)


def names(scenario: Scenario) -> dict[str, str]:
    """Return the address's last two octets of each name."""
    return {
        name: f"{entry.address >> 8 & 255}.{entry.address & 255}"
        for name, entry in scenario.state.names.entries.items()
    }


def test_an_instance_has_its_display_name_and_its_id() -> None:
    """One event for both, whatever the number of its NICs; they stand for its first address."""
    cloud().when(spawn("vm", nic("net"), nic("other"), display_name="Web-1")).then(
        *(fact(InstanceSpawned), *(fact(kind) for kind in (MacGenerated, VifCreated, FixedIpAllocated) * 2)),
        fact(
            InstanceDnsEntriesCreated,
            domain=DOMAIN,
            names=("web-1", uid("vm")),
            address="10.0.0.2",
            instance_uuid=uid("vm"),
        ),
    )


def test_without_the_option_no_instance_has_names() -> None:
    """The default, as in nova; also where there is a private domain."""
    scenario = cloud(private_domain(), rules=Rules())

    assert not scenario.when(spawn("vm", nic(), display_name="web")).of(InstanceDnsEntriesCreated)


def test_a_display_name_that_is_taken_fails_no_boot() -> None:
    """In nova the second boot failed. The first keeps the name; both have their ids."""
    scenario = cloud(spawn("one", nic(), display_name="web"))

    (named,) = scenario.when(spawn("two", nic(), display_name="WEB")).of(InstanceDnsEntriesCreated)
    assert named.names == (uid("two"),)
    assert names(scenario) == {
        f"web.{DOMAIN}": "0.2",
        f"{uid('one')}.{DOMAIN}": "0.2",
        f"{uid('two')}.{DOMAIN}": "0.3",
    }


def test_a_name_is_free_again_with_its_instance() -> None:
    """The next that is called so has it."""
    scenario = cloud(spawn("one", nic(), display_name="web"), delete("one"))

    assert names(scenario) == {}
    (named,) = scenario.when(spawn("two", nic(), display_name="web")).of(InstanceDnsEntriesCreated)
    assert named.names == ("web", uid("two"))


@pytest.mark.parametrize(
    "display_name", [None, "", "My VM", "a.b", "-a", "a_b", "caf\u00e9", "a" * 64, "K\u2126", uid("vm")]
)
def test_failure_25_a_display_name_that_is_no_label_is_left_out(display_name: str | None) -> None:
    """The instance boots all the same, and has its id."""
    (named,) = cloud().when(spawn("vm", nic(), display_name=display_name)).of(InstanceDnsEntriesCreated)

    assert named.names == (uid("vm"),)


def test_the_longest_label_is_a_name() -> None:
    """63 characters (RFC 1035)."""
    (named,) = cloud().when(spawn("vm", nic(), display_name="a" * 63)).of(InstanceDnsEntriesCreated)

    assert named.names[0] == "a" * 63


@pytest.mark.parametrize(("registered", "of_vm"), [("z1", "z2"), ("z1", None)])
def test_an_instance_of_another_zone_has_no_names(registered: str, of_vm: str | None) -> None:
    """As in nova, it boots all the same."""
    scenario = cloud(private_domain(DOMAIN, registered))

    assert not scenario.when(spawn("vm", nic(), availability_zone=of_vm)).of(InstanceDnsEntriesCreated)


@pytest.mark.parametrize(("registered", "of_vm"), [("z1", "z1"), (None, "z1"), (None, None)])
def test_an_instance_of_the_zone_has_names(registered: str | None, of_vm: str | None) -> None:
    """A domain without a zone is every zone's."""
    scenario = cloud(private_domain(DOMAIN, registered))

    assert scenario.when(spawn("vm", nic(), availability_zone=of_vm)).of(InstanceDnsEntriesCreated)


def test_names_that_a_domain_or_an_entry_has_are_left_out() -> None:
    """What an admin said stays."""
    scenario = cloud(
        public_domain(DOMAIN, None),
        public_domain(f"eu.{DOMAIN}", None),
        floating_create(),
        floating_allocate(),
        add_entry("web", "192.0.2.1", ADMIN, DOMAIN),
    )

    for vm, name in (("one", "web"), ("two", "eu")):
        (named,) = scenario.when(spawn(vm, nic(), display_name=name)).of(InstanceDnsEntriesCreated)
        assert named.names == (uid(vm),)


def test_names_go_with_the_instance() -> None:
    """Before its addresses are released."""
    scenario = cloud(spawn("vm", nic("net"), nic("other"), display_name="web"))
    events = scenario.when(delete()).events
    kinds = [type(event) for event in events]

    assert kinds.count(InstanceDnsEntriesDeleted) == 1
    assert kinds.index(InstanceDnsEntriesDeleted) < kinds.index(FixedIpDeallocated)
    assert names(scenario) == {}


def test_names_move_on_when_their_address_is_removed() -> None:
    """To the next one that the instance has, in one decision."""
    scenario = cloud(spawn("vm", nic("net"), nic("other"), display_name="web"))

    scenario.when(remove_ip("vm", "10.0.0.2")).then(
        fact(InstanceDnsEntriesDeleted, names=("web", uid("vm")), address="10.0.0.2"),
        fact(InstanceDnsEntriesCreated, names=("web", uid("vm")), address="10.0.1.2"),
        fact(FixedIpDeallocated, address="10.0.0.2"),
    )
    scenario.when(remove_ip("vm", "10.0.1.2")).then(
        fact(InstanceDnsEntriesDeleted, address="10.0.1.2"), fact(FixedIpDeallocated)
    )


def test_removing_another_address_leaves_the_names() -> None:
    """They stand for the first."""
    scenario = cloud(spawn("vm", nic("net"), nic("other"), display_name="web"))

    scenario.when(remove_ip("vm", "10.0.1.2")).then(fact(FixedIpDeallocated))
    assert names(scenario)[f"web.{DOMAIN}"] == "0.2"


def test_an_added_address_gets_the_names_if_it_is_the_only_one() -> None:
    """Any later one gets none."""
    scenario = cloud(spawn("vm", nic(), display_name="web"), remove_ip("vm", "10.0.0.2"))

    (named,) = scenario.when(add_ip("vm", "other")).of(InstanceDnsEntriesCreated)
    assert (named.names, named.address) == (("web", uid("vm")), "10.0.1.2")
    assert not scenario.when(add_ip("vm", "net")).of(InstanceDnsEntriesCreated)


def test_a_repeated_spawn_names_nothing_again() -> None:
    """It changes nothing at all."""
    cloud(spawn("vm", nic(), display_name="web")).when(spawn("vm", nic(), display_name="web")).then()


def test_another_project_may_have_the_name_but_never_takes_it() -> None:
    """Names are of the cell, not of a project."""
    scenario = cloud(spawn("anns", nic(), display_name="web"))
    bobs = spawn("bobs", nic(), actor=BOB, project="blue", display_name="web")

    (named,) = scenario.when(bobs).of(InstanceDnsEntriesCreated)
    assert named.names == (uid("bobs"),)
    scenario.happens(delete("bobs", BOB))
    assert f"web.{DOMAIN}" in names(scenario)


def test_names_are_those_of_the_holder_not_of_the_address() -> None:
    """Two projects use one block; nova deleted every name that it found for the address."""
    scenario = given(
        create("reds", project_id="red"),
        create("blues", project_id="blue"),
        spawn("anns", nic("reds"), display_name="a"),
        spawn("bobs", nic("blues"), actor=BOB, project="blue", display_name="b"),
        rules=Rules(instance_dns_domain=DOMAIN),
    )
    assert set(names(scenario).values()) == {"0.2"}

    scenario.when(delete("anns")).then(
        fact(InstanceDnsEntriesDeleted, names=("a", uid("anns")), address="10.0.0.2"),
        fact(FixedIpDeallocated),
        fact(FixedIpDisassociated),
        fact(VifDeleted),
        fact(InstanceDeleted),
    )
    assert set(names(scenario)) == {f"b.{DOMAIN}", f"{uid('bobs')}.{DOMAIN}"}


def test_an_address_released_with_its_names_stops_the_reader() -> None:
    """They would lead to its next holder."""
    scenario = cloud(spawn("vm", nic(), display_name="web"))
    deallocated = given(create(), register(), spawn("vm", nic())).when(delete()).of(FixedIpDeallocated)[0]
    mine = next(iter(scenario.state.allocations.values()))

    with pytest.raises(InvariantBroken, match="names point at it"):
        scenario.happens(deallocated.model_copy(update={"allocation_id": mine.id}))


def test_names_of_an_address_that_drains_stop_the_reader() -> None:
    """Nobody has it."""
    scenario = cloud(spawn("vm", nic(), display_name="web"))
    (named,) = (
        InstanceDnsEntriesCreated(
            domain=DOMAIN,
            names=("late",),
            address="10.0.0.2",
            allocation_id=one.id,
            instance_uuid=one.instance_uuid,
        )
        for one in scenario.state.allocations.values()
    )
    scenario.happens(delete())

    with pytest.raises(InvariantBroken, match="drains"):
        scenario.happens(named)
