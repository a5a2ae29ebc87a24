"""Rules of security groups and of the provider: their grammar and their life (nova-network.md 15.3)."""

import pytest

from events.model import Actor
from events.refusals import Code
from events.security_groups import (
    ProviderFirewallRuleCreated,
    ProviderFirewallRuleDeleted,
    RuleSpec,
    SecurityGroupRuleAdded,
    SecurityGroupRuleRemoved,
    default_group_id,
)
from projections.cell.group import security_group_rules
from projections.cell.state import Rules
from tests.unit.cell.test_security_groups import group_id
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.group_wishes import (
    add_rules,
    create_group,
    letting,
    provider_drop,
    provider_pass,
    remove_rules,
)
from tests.unit.wishes import ADMIN, ANN, BOB, add_ip, create, spawn, uid

RED = default_group_id("red")
Said = tuple[str | None, int | None, int | None, str | None]


def said(spec: RuleSpec) -> Said:
    """Return what a rule of the group web becomes."""
    (event,) = given(create_group()).when(add_rules("web", spec)).of(SecurityGroupRuleAdded)
    return event.protocol, event.from_port, event.to_port, event.cidr


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (letting(), ("tcp", 80, 80, "0.0.0.0/0")),
        (letting("udp", (1, 65535), cidr=""), ("udp", 1, 65535, "0.0.0.0/0")),
        (letting("TCP", (80, 443), cidr="10.0.0.7/8"), ("tcp", 80, 443, "10.0.0.0/8")),
        (letting("icmp", (-1, -1)), ("icmp", -1, -1, "0.0.0.0/0")),
        (letting("icmp", (255, 255)), ("icmp", 255, 255, "0.0.0.0/0")),
        (letting("icmp", (8, 0), cidr="2001:DB8::1/32"), ("icmp", 8, 0, "2001:db8::/32")),
        (letting("tcp", None, group_id="default"), ("tcp", 1, 65535, None)),
        (letting("icmp", None, group_id="default"), ("icmp", -1, -1, None)),
        (letting(None, None, group_id="default"), (None, None, None, None)),
        (letting("udp", (53, 53), group_id=RED), ("udp", 53, 53, None)),
    ],
)
def test_a_rule_is_brought_to_canonical_form(spec: RuleSpec, expected: Said) -> None:
    """Protocol in lower case, blocks without host bits, what is left out of a group's rule is everything."""
    assert said(spec) == expected


@pytest.mark.parametrize(
    ("spec", "code", "field"),
    [
        (letting(None), Code.INVALID_INPUT, "protocol"),
        (letting("tcp", None), Code.INVALID_INPUT, "from_port"),
        (RuleSpec(protocol="tcp", from_port=1), Code.INVALID_INPUT, "to_port"),
        (letting("sctp"), Code.INVALID_IP_PROTOCOL, "protocol"),
        (letting("", None, group_id="default"), Code.INVALID_IP_PROTOCOL, "protocol"),
        (letting(None, (1, 2), group_id="default"), Code.INVALID_IP_PROTOCOL, "protocol"),
        (letting("tcp", (0, 80)), Code.INVALID_PORT_RANGE, "from_port"),
        (letting("tcp", (-1, -1)), Code.INVALID_PORT_RANGE, "from_port"),
        (letting("udp", (80, 65536)), Code.INVALID_PORT_RANGE, "to_port"),
        (letting("udp", (81, 80)), Code.INVALID_PORT_RANGE, "from_port"),
        (letting("icmp", (-2, 0)), Code.INVALID_PORT_RANGE, "from_port"),
        (letting("icmp", (8, 256)), Code.INVALID_PORT_RANGE, "to_port"),
        (RuleSpec(protocol="tcp", to_port=9, group_id="default"), Code.INVALID_PORT_RANGE, "from_port"),
        (RuleSpec(protocol="tcp", from_port=9, group_id="default"), Code.INVALID_PORT_RANGE, "to_port"),
        (letting(cidr="10.0.0.0"), Code.INVALID_CIDR, "cidr"),
        (letting(cidr="10.0.0.0/33"), Code.INVALID_CIDR, "cidr"),
        (letting(cidr="2001:db8::/129"), Code.INVALID_CIDR, "cidr"),
        (letting(cidr="world"), Code.INVALID_CIDR, "cidr"),
        (letting(cidr="10.0.0.0/8", group_id="default"), Code.INVALID_INPUT, "cidr"),
        (letting(group_id="nobody"), Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "group_id"),
    ],
)
def test_what_is_no_rule_is_refused_by_novas_names(spec: RuleSpec, code: Code, field: str) -> None:
    """With the field of the rule that is wrong; the good rule before it is not added either."""
    given(create_group()).when(add_rules("web", letting("udp"), spec)).then(refused(code, f"rules.1.{field}"))


def test_the_same_rule_is_refused() -> None:
    """However it is written, and within one command too."""
    scenario = given(create_group(), add_rules("web", letting(), letting(None, None, group_id="default")))

    for same in (letting("TCP", cidr="1.2.3.4/0"), letting(None, None, group_id=RED)):
        scenario.when(add_rules("web", letting(ports=(1, 1)), same)).then(
            refused(Code.SECURITY_GROUP_RULE_EXISTS, "rules.1", "web")
        )
    scenario.when(add_rules("web", letting(ports=(1, 1)), letting(ports=(1, 1)))).then(
        refused(Code.SECURITY_GROUP_RULE_EXISTS, "rules.1", "tcp 1 to 1")
    )
    scenario.when(add_rules("default", letting())).then(fact(SecurityGroupRuleAdded, group_id=RED))


def test_a_source_group_is_one_of_the_same_project() -> None:
    """Another project's is not there, by name or id; not for an admin either."""
    scenario = given(create_group("web"), create_group("theirs", BOB))
    theirs = group_id(scenario, "theirs", "blue")

    for actor in (ANN, ADMIN):
        for named in ("theirs", theirs):
            asked = add_rules("web", letting(group_id=named), actor=actor, project="red")
            scenario.when(asked).then(
                refused(Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "rules.0.group_id", named, "red")
            )


def test_a_group_has_its_quota_of_rules() -> None:
    """Counted with those asked for; -1 is none."""
    limited = given(create_group(), rules=Rules(quota_security_group_rules=2))

    limited.happens(add_rules("web", letting()))
    limited.when(add_rules("web", letting(ports=(1, 1)), letting(ports=(2, 2)))).then(
        refused(Code.SECURITY_GROUP_LIMIT_EXCEEDED, "rules", "1 rules", "2", "quota_security_group_rules")
    )
    limited.when(add_rules("web", letting(ports=(1, 1)))).then(fact(SecurityGroupRuleAdded))
    many = [letting(ports=(port, port)) for port in range(1, 31)]
    given(create_group(), add_rules("web", *many), rules=Rules(quota_security_group_rules=-1))


@pytest.mark.parametrize("actor", [BOB, ADMIN], ids=["other project", "admin of another"])
def test_another_projects_group_gets_and_loses_no_rules(actor: Actor) -> None:
    """Its name means a group of the actor's own project."""
    scenario = given(create_group("web"), add_rules("web", letting()))
    (rule_id,) = scenario.state.groups.by_id[group_id(scenario, "web")].rules

    for wish in (add_rules("web", letting(), actor=actor), remove_rules("web", rule_id, actor=actor)):
        scenario.when(wish).then(
            refused(Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "security_group", "web", str(actor.project))
        )


def test_rules_are_removed_all_or_none() -> None:
    """One that is not the group's, or named twice, keeps the others."""
    scenario = given(create_group(), add_rules("web", letting(), letting(ports=(1, 1))))
    scenario.happens(add_rules("default", letting()))
    first, second = scenario.state.groups.by_id[group_id(scenario, "web")].rules
    (other,) = scenario.state.groups.by_id[RED].rules

    for wrong in (uid("x"), other, first):
        scenario.when(remove_rules("web", first, wrong)).then(
            refused(Code.SECURITY_GROUP_NOT_FOUND_FOR_RULE, "rule_ids.1", wrong)
        )
    scenario.when(remove_rules("web", first, second)).then(
        fact(SecurityGroupRuleRemoved, rule_id=first), fact(SecurityGroupRuleRemoved, rule_id=second)
    )
    scenario.when(add_rules("web", letting())).then(fact(SecurityGroupRuleAdded))


def named(scenario: Scenario, wish: object) -> tuple[str, ...] | None:
    """Return the addresses of the members that a new rule tells hosts of; None if it tells nothing."""
    (event,) = scenario.when(wish).of(SecurityGroupRuleAdded)  # type: ignore[arg-type]  # a wish is a message
    if event.members is None:
        return None
    return tuple(one.address for member in event.members for one in member.addresses)


def test_the_first_rule_that_names_a_group_tells_its_members() -> None:
    """Hosts need not know members of groups that no rule names, so then they are told."""
    scenario = given(create(), create_group(), spawn("a"), spawn("b"), add_ip("b", "net"))

    assert named(scenario, add_rules("web", letting(group_id="default"))) == (
        "10.0.0.2",
        "10.0.0.3",
        "10.0.0.4",
    )
    assert named(scenario, add_rules("default", letting(group_id="default"))) is None
    assert named(scenario, add_rules("web", letting())) is None
    assert named(scenario, add_rules("web", letting(group_id="web"))) == ()


def test_one_command_tells_members_once() -> None:
    """The first of its rules does."""
    scenario = given(create(), create_group(), spawn("a"))
    asked = add_rules("web", letting(group_id="default"), letting("udp", group_id="default"))

    told = [event.members for event in scenario.when(asked).of(SecurityGroupRuleAdded)]
    assert [None if members is None else len(members) for members in told] == [1, None]


def test_after_the_last_rule_is_gone_the_next_tells_again() -> None:
    """With whoever is in the group then."""
    scenario = given(create(), create_group(), spawn("a"), add_rules("web", letting(group_id="default")))
    (rule_id,) = scenario.state.groups.by_id[group_id(scenario, "web")].rules
    scenario.happens(remove_rules("web", rule_id), spawn("b"))

    assert named(scenario, add_rules("web", letting(group_id="default"))) == ("10.0.0.2", "10.0.0.3")


def test_a_rule_cannot_begin_to_name_a_huge_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event lists no more members than a record holds; a group that is named already may grow."""
    monkeypatch.setattr(security_group_rules, "MEMBERS_TOLD_MAX", 1)
    scenario = given(create(), create_group(), spawn("a"), spawn("b"))

    scenario.when(add_rules("web", letting(group_id="default"))).then(
        refused(Code.SECURITY_GROUP_LIMIT_EXCEEDED, "rules.0.group_id", "2 members", "at most 1")
    )
    scenario.happens(add_rules("web", letting(group_id="web")), spawn("c", security_groups=["web"]))
    scenario.happens(spawn("d", security_groups=["web"]), add_rules("web", letting("udp", group_id="web")))


def test_the_provider_drops_and_drops_no_longer() -> None:
    """All ports, or all of ICMP, when none are named."""
    scenario = given()

    scenario.when(provider_drop("2001:DB8::1/32", "UDP")).then(
        fact(ProviderFirewallRuleCreated, protocol="udp", from_port=1, to_port=65535, cidr="2001:db8::/32")
    )
    scenario.when(provider_drop(protocol="icmp")).then(
        fact(ProviderFirewallRuleCreated, protocol="icmp", from_port=-1, to_port=-1)
    )
    rule_id = next(iter(scenario.state.groups.provider))
    scenario.when(provider_pass(rule_id)).then(fact(ProviderFirewallRuleDeleted, rule_id=rule_id))
    scenario.when(provider_pass(rule_id)).then(refused(Code.PROVIDER_FW_RULE_NOT_FOUND, "rule_id", rule_id))
    assert len(scenario.state.groups.provider) == 1


def test_the_providers_rules_are_for_admins() -> None:
    """They drop what projects let in."""
    scenario = given(provider_drop())
    (rule_id,) = scenario.state.groups.provider

    for wish in (provider_drop(actor=ANN), provider_pass(rule_id, ANN)):
        scenario.when(wish).then(refused(Code.FORBIDDEN, "actor.is_admin", "provider"))


@pytest.mark.parametrize(
    ("wish", "code", "field"),
    [
        (provider_drop(), Code.SECURITY_GROUP_RULE_EXISTS, "cidr"),
        (provider_drop(""), Code.INVALID_CIDR, "cidr"),
        (provider_drop("everybody"), Code.INVALID_CIDR, "cidr"),
        (provider_drop(protocol="gre"), Code.INVALID_IP_PROTOCOL, "protocol"),
        (provider_drop(from_port=1), Code.INVALID_PORT_RANGE, "to_port"),
        (provider_drop(from_port=9, to_port=8), Code.INVALID_PORT_RANGE, "from_port"),
    ],
)
def test_what_is_no_provider_rule_is_refused(wish: object, code: Code, field: str) -> None:
    """By the same names; a block must be named."""
    given(provider_drop()).when(wish).then(refused(code, field))  # type: ignore[arg-type]  # a wish is a message
