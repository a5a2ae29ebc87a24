"""Instances join and leave security groups, and whoever lets them in lets go before their address is free."""

import pytest

from events.errors import InvariantBroken
from events.fixed_ips import FixedIpDeallocated, FixedIpDisassociated
from events.instances import InstanceDeleted, InstanceSpawned, VifDeleted
from events.refusals import Code
from events.security_groups import (
    GROUPS_PER_INSTANCE_MAX,
    InstanceSecurityGroupAdded,
    InstanceSecurityGroupRemoved,
    default_group_id,
)
from projections.cell.apply import apply_decision
from projections.cell.group import group_state
from projections.cell.state import Rules
from tests.unit.cell.test_security_groups import group_id
from tests.unit.given import Later, Scenario, Step, fact, given, refused
from tests.unit.group_wishes import (
    add_rules,
    create_group,
    delete_group,
    join_group,
    leave_group,
    letting,
    remove_rules,
)
from tests.unit.wishes import (
    ADMIN,
    ANN,
    BOB,
    applied,
    bind,
    create,
    delete,
    nic,
    prepare,
    register,
    remove_ip,
    spawn,
    teardown,
    uid,
)

RED = default_group_id("red")


def test_an_instance_joins_its_projects_default_group() -> None:
    """Where none is named, or an empty list; without an event more."""
    for nothing in (None, ()):
        outcome = given(create()).when(spawn("vm", security_groups=nothing))
        (spawned,) = outcome.of(InstanceSpawned)

        assert spawned.security_groups == (RED,)
        assert len(outcome.events) == 4
        assert list(outcome.scenario.state.groups.by_id[RED].members) == [uid("vm")]


def test_an_instance_joins_the_groups_named_and_no_other() -> None:
    """By name or id, in that order, each once."""
    scenario = given(create(), create_group("web"), create_group("ssh"))
    web, ssh = group_id(scenario, "web"), group_id(scenario, "ssh")

    (spawned,) = scenario.when(spawn("vm", security_groups=["ssh", web, "web", " ssh "])).of(InstanceSpawned)
    assert spawned.security_groups == (ssh, web)
    assert RED not in scenario.state.groups.by_id


def test_a_spawn_into_groups_that_are_not_there_is_refused() -> None:
    """Or that are another project's, whoever asks: nothing is spawned."""
    scenario = given(create(), create_group("theirs", BOB))
    theirs = group_id(scenario, "theirs", "blue")

    for actor in (ANN, ADMIN):
        for wrong in ("nobody", "theirs", theirs, uid("x")):
            scenario.when(spawn("vm", actor=actor, security_groups=["default", wrong])).then(
                refused(Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "security_groups.1", wrong, "red")
            )


def test_groups_are_part_of_what_a_spawn_asks() -> None:
    """The same request again changes nothing, one with other groups is another request."""
    scenario = given(create(), create_group(), spawn("vm", security_groups=["web"]))

    scenario.when(spawn("vm", security_groups=["web"])).then()
    for other in (None, ["default"]):
        scenario.when(spawn("vm", security_groups=other)).then(refused(Code.INSTANCE_EXISTS, "instance_uuid"))


def test_an_instance_joins_and_leaves() -> None:
    """Joining tells its addresses; it may leave every group, and then nothing comes in."""
    scenario = given(create(), create_group(), spawn("vm"))
    web = group_id(scenario, "web")

    (joined,) = scenario.when(join_group()).of(InstanceSecurityGroupAdded)
    assert (joined.group_id, [one.address for one in joined.addresses]) == (web, ["10.0.0.2"])
    assert scenario.state.instances[uid("vm")].security_groups == (RED, web)
    for named in ("default", web):
        scenario.when(leave_group("vm", named)).then(fact(InstanceSecurityGroupRemoved))
    assert scenario.state.instances[uid("vm")].security_groups == ()


def test_the_event_of_a_deleted_instance_says_which_groups_it_left() -> None:
    """It leaves them in the decision in which its addresses begin to drain."""
    scenario = given(create(), create_group(), spawn("vm"), join_group())
    web = group_id(scenario, "web")

    (gone,) = scenario.when(delete()).of(InstanceDeleted)
    assert gone.security_groups == (RED, web)
    assert not scenario.state.groups.by_id[web].members


def test_joining_twice_and_leaving_what_one_is_not_in_are_refused() -> None:
    """By nova's names."""
    scenario = given(create(), create_group(), spawn("vm"))

    scenario.when(join_group("vm", "default")).then(
        refused(Code.SECURITY_GROUP_EXISTS_FOR_INSTANCE, "security_group", "default", uid("vm"))
    )
    scenario.when(leave_group("vm", "web")).then(
        refused(Code.SECURITY_GROUP_NOT_EXISTS_FOR_INSTANCE, "security_group", "web", uid("vm"))
    )


@pytest.mark.parametrize("wish", [join_group, leave_group], ids=["join", "leave"])
def test_groups_and_instances_are_of_one_project(wish: object) -> None:
    """Another project's instance is not to be changed, another project's group not to be had."""
    assert callable(wish)
    scenario = given(create(), create_group("theirs", BOB), spawn("vm"))
    theirs = group_id(scenario, "theirs", "blue")

    scenario.when(wish("vm", "theirs", BOB)).then(refused(Code.FORBIDDEN, "instance_uuid", "bob"))
    for named in ("theirs", theirs, "nobody"):
        for actor in (ANN, ADMIN):
            scenario.when(wish("vm", named, actor)).then(
                refused(Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "security_group", named, "red")
            )
    scenario.when(wish("nobody")).then(refused(Code.INSTANCE_NOT_FOUND, "instance_uuid"))


def test_an_admin_changes_any_instances_groups() -> None:
    """A name is a group of the instance's project, not of the admin's as in nova."""
    scenario = given(create(), create_group("web"), create_group("web", ADMIN), spawn("vm"))

    scenario.when(join_group("vm", "web", ADMIN)).then(
        fact(InstanceSecurityGroupAdded, group_id=group_id(scenario, "web"))
    )


def test_an_instance_is_in_so_many_groups_at_most() -> None:
    """A bound, far above every quota."""
    many = [create_group(f"g{number}") for number in range(GROUPS_PER_INSTANCE_MAX + 1)]
    scenario = given(create(), *many, rules=Rules(quota_security_groups=-1))
    names = [f"g{number}" for number in range(GROUPS_PER_INSTANCE_MAX)]

    scenario.happens(spawn("vm", security_groups=names))
    scenario.when(join_group("vm", "default")).then(
        refused(Code.SECURITY_GROUP_LIMIT_EXCEEDED, "instance_uuid", str(GROUPS_PER_INSTANCE_MAX))
    )


# --- Revoked before it is free ------------------------------------------------------------------------------


def two_tiers(*more: Step) -> Scenario:
    """Return a cell in which the web server on h1 may come to the database on h2; h3 has neither."""
    return given(
        *(create(kind="flat"), register("h1"), register("h2"), register("h3")),
        *(create_group("web"), create_group("db")),
        spawn("web", nic(), host="h1", security_groups=["web"]),
        spawn("db", nic(), host="h2", security_groups=["db"]),
        spawn("other", nic(), host="h3"),
        add_rules("db", letting(group_id="web")),
        *more,
    )


def waits_for(scenario: Scenario, vm: str = "web") -> tuple[str, ...]:
    """Delete an instance, and return the hosts that its address waits for."""
    (released,) = scenario.when(delete(vm)).of(FixedIpDeallocated)
    return released.waits_for


def test_failure_14_an_address_is_free_after_whoever_let_it_in_has_revoked_it() -> None:
    """Nova freed it first: the next holder was let in. The database's host is waited for too."""
    scenario = two_tiers()

    assert waits_for(scenario) == ("h1", "h2")
    assert not scenario.when(applied("h1", scenario.state.seq)).of(FixedIpDisassociated)
    scenario.when(applied("h3", scenario.state.seq)).then()
    assert scenario.when(applied("h2", scenario.state.seq)).of(FixedIpDisassociated)


def test_failure_14_holds_for_one_address_of_several() -> None:
    """Taken from an instance that lives on."""
    scenario = two_tiers()
    (released,) = scenario.when(remove_ip("web", "10.0.0.2")).of(FixedIpDeallocated)

    assert released.waits_for == ("h1", "h2")


def test_where_no_rule_names_a_group_a_release_waits_for_nobody_more() -> None:
    """The database is let in by nobody."""
    assert waits_for(two_tiers(), "db") == ("h2",)
    assert waits_for(two_tiers(), "other") == ("h3",)


def test_a_host_that_is_not_registered_is_not_waited_for() -> None:
    """Nobody there would ever answer."""
    scenario = given(create(), spawn("a", host="h8"), spawn("b", host="h9"))
    scenario.happens(add_rules("default", letting(group_id="default")))

    scenario.when(delete("a")).then(
        fact(FixedIpDeallocated, waits_for=(), until_deadline=False),
        fact(FixedIpDisassociated, reason="unserved"),
        fact(VifDeleted),
        fact(InstanceDeleted),
    )


@pytest.mark.parametrize("seconds", [0, 599, 600])
def test_a_rule_that_was_just_removed_may_still_let_in(seconds: int) -> None:
    """Until the time after which a host is waited for no longer anyway."""
    scenario = two_tiers()
    (rule_id,) = scenario.state.groups.by_id[group_id(scenario, "db")].rules
    scenario.happens(remove_rules("db", rule_id), Later(seconds))

    assert waits_for(scenario) == (("h1", "h2") if seconds < 600 else ("h1",))


@pytest.mark.parametrize("seconds", [0, 599, 600])
def test_who_just_left_a_group_may_still_be_let_in(seconds: int) -> None:
    """Its address waits for the hosts that let the group in."""
    scenario = two_tiers(leave_group("web", "web"), Later(seconds))

    assert waits_for(scenario) == (("h1", "h2") if seconds < 600 else ("h1",))


@pytest.mark.parametrize("seconds", [0, 599, 600])
def test_who_just_left_a_group_may_still_let_others_in(seconds: int) -> None:
    """The database left the group that lets the web servers in; its host may not know yet."""
    scenario = two_tiers(leave_group("db", "db"), Later(seconds))

    assert waits_for(scenario) == (("h1", "h2") if seconds < 600 else ("h1",))


def test_a_deleted_group_may_still_let_in() -> None:
    """After its last member left."""
    scenario = two_tiers(leave_group("db", "db"), delete_group("db"))

    assert waits_for(scenario) == ("h1", "h2")


def test_what_lingers_is_forgotten() -> None:
    """A later change sweeps out what is over, so nothing grows."""
    scenario = two_tiers()
    for _ in range(3):
        scenario.happens(leave_group("db", "db"), Later(601), join_group("db", "db"))
    scenario.happens(leave_group("db", "db"))

    assert list(scenario.state.groups.by_id[group_id(scenario, "web")].lingering) == ["h2"]


def many_hosts(hosts: int) -> Scenario:
    """Return a cell in which all of the default group on many hosts let each other in."""
    names = [f"h{number}" for number in range(hosts)]
    return given(
        create(),
        *(register(name) for name in names),
        *(spawn(f"vm-{name}", host=name) for name in names),
        add_rules("default", letting(group_id="default")),
    )


def test_too_many_hosts_are_not_waited_for_the_deadline_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more than the bound: the address waits for its own host and for its time, whichever is last."""
    monkeypatch.setattr(group_state, "WAITED_FOR_MAX", 3)
    assert waits_for(many_hosts(3), "vm-h0") == ("h0", "h1", "h2")
    scenario = many_hosts(4)

    (released,) = scenario.when(delete("vm-h0")).of(FixedIpDeallocated)
    assert (released.waits_for, released.until_deadline) == (("h0",), True)
    assert not scenario.when(applied("h0", scenario.state.seq)).of(FixedIpDisassociated)
    scenario.when_time_passes(599).then()
    scenario.when_time_passes(1).then(fact(FixedIpDisassociated, reason="timeout"))


def test_too_many_hosts_linger_as_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the rule is gone, or the instance left."""
    monkeypatch.setattr(group_state, "WAITED_FOR_MAX", 3)
    scenario = many_hosts(5)
    (rule_id,) = scenario.state.groups.by_id[RED].rules
    scenario.happens(leave_group("vm-h0", "default"), remove_rules("default", rule_id))

    for vm in ("vm-h0", "vm-h1"):
        (released,) = scenario.when(delete(vm)).of(FixedIpDeallocated)
        assert released.until_deadline
    scenario.happens(Later(600))
    (released,) = scenario.when(delete("vm-h2")).of(FixedIpDeallocated)
    assert not released.until_deadline


@pytest.mark.parametrize(
    "event",
    [
        InstanceSecurityGroupAdded(instance_uuid=uid("vm"), group_id=RED, project_id="red", addresses=()),
        InstanceSecurityGroupAdded(
            instance_uuid=uid("vm"), group_id=uid("x"), project_id="red", addresses=()
        ),
        InstanceSecurityGroupAdded(instance_uuid=uid("x"), group_id=RED, project_id="red", addresses=()),
        InstanceSecurityGroupRemoved(
            instance_uuid=uid("vm"),
            group_id=uid("x"),
            project_id="red",
            revoked_by="2026-01-01T00:00:00.000Z",
        ),
    ],
    ids=["twice", "no group", "no instance", "not in it"],
)
def test_a_broken_invariant_stops_the_reader(event: InstanceSecurityGroupAdded) -> None:
    """Whoever joins is not in it yet, whoever leaves was."""
    scenario = given(create(), spawn("vm"))

    with pytest.raises(InvariantBroken):
        apply_decision(scenario.state, scenario.state.seq + 1, scenario.now_ms, None, (event,))


def test_a_host_with_ports_of_a_member_lets_others_in_too() -> None:
    """One that is made ready for a migration, and one that was left and has not confirmed it."""
    scenario = two_tiers(prepare("db", "h3"), bind("db", "h1", None))
    database = scenario.state.groups.by_id[group_id(scenario, "db")]

    assert set(database.hosts) == {"h1", "h2", "h3"}
    assert waits_for(scenario) == ("h1", "h2", "h3")
    scenario.happens(applied("h2", scenario.state.seq), teardown("db", "h3"))
    assert set(database.hosts) == {"h1", "h3"}
    scenario.happens(applied("h3", scenario.state.seq))
    assert set(database.hosts) == {"h1"}
