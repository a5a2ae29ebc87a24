"""Security groups of a project: created, renamed, deleted, and whose they are (nova-network.md 2.6)."""

import pytest

from events.errors import InvariantBroken
from events.model import Actor
from events.refusals import Code
from events.security_groups import (
    SecurityGroupCreated,
    SecurityGroupDeleted,
    SecurityGroupRuleAdded,
    SecurityGroupRuleRemoved,
    SecurityGroupUpdated,
    default_group_id,
)
from projections.cell.apply import apply_decision
from projections.cell.group import security_groups
from projections.cell.state import Rules
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.group_wishes import add_rules, create_group, delete_group, letting, update_group
from tests.unit.wishes import ADMIN, ANN, BOB, create, delete, spawn, uid

RED = default_group_id("red")
NOBODY = Actor(user="root", project=None, is_admin=True)


def group_id(scenario: Scenario, name: str, project: str = "red") -> str:
    """Return the id of a project's group."""
    return scenario.state.groups.names[project][name]


def test_a_group_is_created_without_rules() -> None:
    """It belongs to the project of whoever asked."""
    scenario = (
        given()
        .when(create_group("web", description="front"))
        .then(fact(SecurityGroupCreated, project_id="red", name="web", description="front"))
    )

    assert scenario.state.groups.by_id[group_id(scenario, "web")].rules == {}


def test_an_admin_creates_groups_of_any_project() -> None:
    """Of the one that is named, else of the admin's own."""
    given().when(create_group(actor=ADMIN, project="red")).then(fact(SecurityGroupCreated, project_id="red"))
    given().when(create_group(actor=ADMIN)).then(fact(SecurityGroupCreated, project_id="admin"))


def test_whose_group_it_shall_be_must_be_known() -> None:
    """An admin without a project has to name one."""
    given().when(create_group(actor=NOBODY)).then(refused(Code.INVALID_INPUT, "project_id", "project"))


def test_another_project_cannot_be_given_groups() -> None:
    """Nor have its own changed by naming it."""
    scenario = given(create_group("web"))

    scenario.when(create_group("ssh", BOB, project="red")).then(refused(Code.FORBIDDEN, "project_id", "bob"))
    scenario.when(delete_group("web", BOB, project="red")).then(refused(Code.FORBIDDEN, "project_id", "bob"))


def test_names_are_unique_in_a_project() -> None:
    """Another project may use the same name."""
    scenario = given(create_group("web"))

    scenario.when(create_group("web")).then(refused(Code.SECURITY_GROUP_EXISTS, "name", "web", "red"))
    scenario.when(create_group("web", BOB)).then(fact(SecurityGroupCreated, project_id="blue"))


def test_blanks_around_a_name_do_not_count() -> None:
    """As in nova's API."""
    scenario = given(create_group("  web "))

    scenario.when(create_group("web")).then(refused(Code.SECURITY_GROUP_EXISTS, "name", "web"))


def test_the_default_group_is_there_from_the_first() -> None:
    """Creating it is refused; a rule can be added to it before anybody is in it."""
    scenario = given()

    scenario.when(create_group("default")).then(refused(Code.SECURITY_GROUP_EXISTS, "name", "default"))
    scenario.when(add_rules("default", letting())).then(fact(SecurityGroupRuleAdded, group_id=RED))
    assert group_id(scenario, "default") == RED
    assert default_group_id("blue") != RED


@pytest.mark.parametrize("named", ["default", RED])
def test_the_default_group_cannot_be_changed_or_deleted(named: str) -> None:
    """Whether it is named by name or by id."""
    scenario = given(add_rules("default", letting()))

    scenario.when(delete_group(named)).then(refused(Code.INVALID_GROUP, "security_group", "default"))
    scenario.when(update_group(named, name="x")).then(
        refused(Code.INVALID_GROUP, "security_group", "default")
    )


def test_a_name_cannot_look_like_an_id() -> None:
    """Commands name a group by either."""
    given().when(create_group(uid("x"))).then(refused(Code.INVALID_INPUT, "name", "id"))


def test_a_project_has_its_quota_of_groups() -> None:
    """Counted, the default one included whether or not it was used."""
    scenario = given(create_group("a"), rules=Rules(quota_security_groups=3)).happens(create_group("b"))

    scenario.when(create_group("c")).then(
        refused(Code.SECURITY_GROUP_LIMIT_EXCEEDED, "project_id", "3", "quota_security_groups")
    )
    scenario.when(create_group("c", BOB)).then(fact(SecurityGroupCreated))
    scenario.happens(delete_group("a"))
    scenario.when(create_group("c")).then(fact(SecurityGroupCreated))


def test_a_quota_of_minus_one_is_none() -> None:
    """And one of zero forbids all but the default group, which needs no leave."""
    many = [create_group(f"g{number}") for number in range(12)]

    given(*many, rules=Rules(quota_security_groups=-1))
    scenario = given(create(), rules=Rules(quota_security_groups=0))
    scenario.when(create_group()).then(refused(Code.SECURITY_GROUP_LIMIT_EXCEEDED, "project_id"))
    scenario.happens(spawn())


def test_a_group_is_renamed_and_described() -> None:
    """What is left out stays; its id stays."""
    scenario = given(create_group("web", description="one"))
    known = group_id(scenario, "web")

    scenario.when(update_group("web", name="www")).then(
        fact(SecurityGroupUpdated, group_id=known, name="www", description="one")
    )
    scenario.when(update_group(known, description="two")).then(
        fact(SecurityGroupUpdated, name="www", description="two")
    )
    scenario.when(update_group("www")).then()
    scenario.when(update_group("web", name="x")).then(
        refused(Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "security_group", "web")
    )


def test_a_group_cannot_take_a_name_in_use() -> None:
    """The default group's neither."""
    scenario = given(create_group("web"), create_group("ssh"))

    for taken in ("ssh", "default"):
        scenario.when(update_group("web", name=taken)).then(
            refused(Code.SECURITY_GROUP_EXISTS, "name", taken)
        )


@pytest.mark.parametrize("wish", [update_group, delete_group], ids=["update", "delete"])
def test_another_projects_group_is_not_there(wish: object) -> None:
    """Its id answers as one that nobody has: who asks learns nothing."""
    assert callable(wish)
    scenario = given(create_group("web"))
    known = group_id(scenario, "web")

    for named in (known, "web", uid("nothing")):
        scenario.when(wish(named, BOB)).then(
            refused(Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "security_group", named)
        )


def test_an_admin_reaches_any_group_by_its_id() -> None:
    """By name only with its project."""
    scenario = given(create_group("web"), create_group("ssh"))
    known = group_id(scenario, "web")

    scenario.when(delete_group("ssh", ADMIN)).then(
        refused(Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "security_group", "ssh", "admin")
    )
    scenario.when(delete_group("ssh", ADMIN, "red")).then(fact(SecurityGroupDeleted, project_id="red"))
    scenario.when(delete_group(known.upper(), ADMIN)).then(fact(SecurityGroupDeleted, group_id=known))


def test_a_group_with_members_is_not_deleted() -> None:
    """The sentence says who is in it; without members it can go."""
    scenario = given(create(), create_group("web"), spawn("vm", security_groups=["web"]))

    scenario.when(delete_group()).then(
        refused(Code.INVALID_GROUP, "security_group", "in use", "1 instances", uid("vm"))
    )
    scenario.happens(delete("vm"))
    scenario.when(delete_group()).then(fact(SecurityGroupDeleted))


def test_rules_go_with_a_group_its_own_and_those_that_name_it() -> None:
    """In one decision; a rule that names itself is both, and goes once."""
    scenario = given(
        create_group("web"),
        create_group("db"),
        add_rules("web", letting(), letting(group_id="web")),
        add_rules("db", letting(group_id="web"), letting(ports=(22, 22))),
    )
    web, database = group_id(scenario, "web"), group_id(scenario, "db")

    scenario.when(delete_group("web")).then(
        fact(SecurityGroupRuleRemoved, group_id=web, source_group_id=None),
        fact(SecurityGroupRuleRemoved, group_id=web, source_group_id=web),
        fact(SecurityGroupRuleRemoved, group_id=database, source_group_id=web),
        fact(SecurityGroupDeleted, group_id=web),
    )
    assert len(scenario.state.groups.by_id[database].rules) == 1


def test_more_rules_than_a_decision_holds_keep_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to do; nothing is half deleted."""
    monkeypatch.setattr(security_groups, "REMOVED_PER_DECISION_MAX", 2)
    scenario = given(create_group(), add_rules("web", letting(), letting(ports=(1, 2))))

    scenario.when(delete_group()).then(refused(Code.INVALID_GROUP, "security_group", "2 rules", "remove"))


@pytest.mark.parametrize(
    "event",
    [
        SecurityGroupCreated(group_id=RED, project_id="red", name="x", description=""),
        SecurityGroupDeleted(group_id=RED, project_id="red"),
        SecurityGroupDeleted(group_id=uid("x"), project_id="red"),
        SecurityGroupUpdated(group_id=uid("x"), project_id="red", name="x", description=""),
        SecurityGroupRuleRemoved(
            rule_id=uid("x"), group_id=RED, project_id="red", source_group_id=None, revoked_by="2026-01-01"
        ),
    ],
    ids=["twice", "with rules", "unknown", "unknown name", "unknown rule"],
)
def test_a_broken_invariant_stops_the_reader(event: SecurityGroupCreated) -> None:
    """A group of a taken id, one deleted with its rules, one that is not there."""
    scenario = given(add_rules("default", letting()))

    with pytest.raises(InvariantBroken):
        apply_decision(scenario.state, scenario.state.seq + 1, scenario.now_ms, None, (event,))


def test_the_actor_of_a_project_reaches_its_own_by_id() -> None:
    """An id in capitals is the same id."""
    scenario = given(create_group())

    scenario.when(delete_group(group_id(scenario, "web").upper(), ANN)).then(fact(SecurityGroupDeleted))
