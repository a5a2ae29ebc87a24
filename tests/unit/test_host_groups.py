"""What a host knows of security groups is what the cell says; and what it lets in, as data."""

import random
from dataclasses import asdict

import pytest
from pydantic_core import to_json

from events.addresses import ipv4_text
from events.ids import CommandDraws
from events.refusals import Refusal
from events.security_groups import default_group_id
from projections.cell.state import Instance, Rules
from projections.host_filter import filters
from projections.host_view import HostView, concerns
from tests import golden
from tests.unit.cell.test_security_groups import group_id
from tests.unit.given import Message, Scenario, given
from tests.unit.group_wishes import (
    add_rules,
    create_group,
    delete_group,
    join_group,
    leave_group,
    letting,
    provider_drop,
    remove_rules,
)
from tests.unit.wishes import (
    ADMIN,
    BOB,
    add_ip,
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
    unbind,
)

HOSTS = ("h1", "h2", "h3")


class Watched:
    """A cell with the views of its hosts."""

    def __init__(self, scenario: Scenario) -> None:
        """Begin with empty views of a cell in which nothing has happened."""
        self.scenario = scenario
        self.views = {host: HostView(host) for host in HOSTS}
        self.fed = {host: HostView(host) for host in HOSTS}

    def send(self, *messages: Message) -> None:
        """Decide, and let every host see what was decided; one of each pair sees what concerns it alone."""
        for message in messages:
            decision = self.scenario.when(message).decision
            if isinstance(decision, Refusal):
                continue
            for host in HOSTS:
                for event in decision:
                    self.views[host].apply(self.scenario.state.seq, event)  # type: ignore[arg-type]  # of the catalogue
                    if concerns(event, host):  # type: ignore[arg-type]  # likewise
                        self.fed[host].apply(self.scenario.state.seq, event)  # type: ignore[arg-type]  # likewise

    def addresses(self, instance: Instance) -> set[str]:
        """Return the addresses of an instance, as the cell says."""
        return {ipv4_text(one.address) for vif in instance.vifs for one in vif.allocations.values()}

    def check(self) -> None:
        """Compare each view with the cell: groups of its instances, their rules, members that these name."""
        state = self.scenario.state
        for host, view in self.views.items():
            here = [one for one in state.instances.values() if host in {one.host, *one.prepared}]
            for instance in here:
                assert set(view.groups.groups_of(instance.uuid)) == set(instance.security_groups)
                assert set(view.groups.addresses_of(instance.uuid)) == self.addresses(instance)
            for group in state.groups.by_id.values():
                assert list(view.groups.rules.get(group.id, {})) == list(group.rules)
                if group.named_by:
                    told = {uuid: set(addresses) for uuid, addresses in view.groups.members_of(group.id)}
                    assert told == {uuid: self.addresses(state.instances[uuid]) for uuid in group.members}
            known = {row[1] for row in view.rows() if row[0] == "member"}
            named = {
                uuid for group in state.groups.by_id.values() if group.named_by for uuid in group.members
            }
            assert known == named | {one.uuid for one in here}
            assert view.digest() == self.fed[host].digest()


def random_message(scenario: Scenario, chance: random.Random) -> Message:
    """Return something that may or may not be granted."""
    vm, host = f"vm{chance.randrange(6)}", chance.choice(HOSTS)
    group, other = chance.choice(("web", "db", "default")), chance.choice(("web", "db", "default"))
    rules = [key for one in scenario.state.groups.by_id.values() for key in one.rules] or [uid("x")]
    makers = (
        lambda: create_group(chance.choice(("web", "db"))),
        lambda: delete_group(group),
        lambda: add_rules(group, letting(ports=(1, chance.randrange(1, 4)))),
        lambda: add_rules(group, letting(None, None, group_id=other), letting("udp", None, group_id="web")),
        lambda: add_rules(group, letting(None, None, group_id=other)),
        lambda: remove_rules(group, chance.choice(rules)),
        lambda: spawn(vm, host=host),
        lambda: spawn(vm, host=host, security_groups=[group, other]),
        lambda: delete(vm),
        lambda: join_group(vm, group),
        lambda: leave_group(vm, group),
        lambda: add_ip(vm, "net"),
        lambda: remove_ip(vm, f"10.0.0.{chance.randrange(2, 12)}"),
        lambda: prepare(vm, host),
        lambda: teardown(vm, host),
        lambda: bind(vm, host, None),
        lambda: unbind(vm, host),
        lambda: applied(host, scenario.state.seq),
    )
    return chance.choice(makers)()


@pytest.mark.parametrize("seed", range(6))
def test_every_host_knows_what_it_needs_and_no_more(seed: int) -> None:
    """Random histories of groups, members and moves: each host's view agrees with the cell at every step.

    Whoever is fed only what concerns it knows the same.
    """
    chance = random.Random(seed)
    watched = Watched(Scenario(Rules(), CommandDraws))
    watched.send(create("net", "10.0.0.0/26", kind="flat"), register("h1"), register("h2"))
    for _ in range(120):
        watched.send(random_message(watched.scenario, chance))
        watched.check()


def test_members_are_known_only_where_a_rule_names_their_group() -> None:
    """Ten instances elsewhere are nothing to this host until its group lets theirs in; then no longer."""
    watched = Watched(given())
    watched.send(
        create("net"), create_group("web"), *(spawn(f"vm{number}", host="h2") for number in range(10))
    )
    view = watched.views["h1"]
    assert not [row for row in view.rows() if row[0] == "member"]

    watched.send(add_rules("web", letting(group_id="default")))
    assert len(list(view.groups.members_of(default_group_id("red")))) == 10
    (rule_id,) = watched.scenario.state.groups.by_id[group_id(watched.scenario, "web")].rules
    watched.send(remove_rules("web", rule_id))
    assert not [row for row in view.rows() if row[0] == "member"]


def test_failure_15_rules_of_deleted_instances_do_not_come_back() -> None:
    """Nova added them again from a stale cache. A deleted instance, its address, a removed rule: all gone."""
    watched = Watched(given())
    watched.send(create("net", kind="flat"), add_rules("default", letting(None, None, group_id="default")))
    watched.send(spawn("vm0", host="h1"), spawn("vm1", host="h2"), delete("vm1"), delete("vm0"), spawn("vm2"))
    (port,) = filters(watched.views["h1"]).values()

    assert port.instance_uuid == uid("vm2")
    assert [rule.source for rule in port.rules if rule.source][1:] == ["10.0.0.0/24", "10.0.0.4/32"]


def test_what_a_host_lets_in() -> None:
    """The whole of 15.3 in its order, for two ports of one host."""
    watched = Watched(given())
    watched.send(
        create("front", cidr_v6="2001:db8:1::/64", gateway_v6="2001:db8:1::1"),
        create("back", "10.0.1.0/24", enable_dhcp=False),
        create_group("web"),
        add_rules(
            "web",
            letting(ports=(80, 80)),
            letting(ports=(8000, 8100), cidr="198.51.100.0/24"),
            letting("icmp", (-1, -1)),
            letting("icmp", (8, 0), cidr="2001:db8::/32"),
            letting("udp", (53, 53), group_id="default"),
            letting(None, None, group_id="web"),
        ),
        provider_drop(from_port=25, to_port=25),
        provider_drop("2001:db8:bad::/48", "icmp"),
        spawn("web", nic("front"), nic("back"), host="h1", security_groups=["web"]),
        spawn("client", nic("front"), host="h2"),
        spawn("stranger", nic("front"), actor=BOB, project="blue", host="h2"),
        spawn("other", nic("front"), host="h2", actor=ADMIN),
    )
    told = filters(watched.views["h1"])
    ports = [watched.views["h1"].ports[vif_id].network_id for vif_id in told]

    assert ports == [uid("front"), uid("back")]
    rules = [
        [{name: value for name, value in asdict(rule).items() if value is not None} for rule in port.rules]
        for port in told.values()
    ]
    golden.check("host/filter.json", to_json(rules, indent=1).decode() + "\n")
    closed = filters(watched.views["h1"], allow_same_net_traffic=False)
    left_out = [len(told[vif_id].rules) - len(closed[vif_id].rules) for vif_id in told]
    assert left_out == [2, 1]


def test_an_instance_without_groups_is_let_nothing_in() -> None:
    """But for what its network's services send."""
    watched = Watched(given())
    watched.send(create("net"), spawn("vm"), leave_group("vm", "default"), add_rules("default", letting()))
    (port,) = filters(watched.views["h1"], allow_same_net_traffic=False).values()

    assert [rule.verdict for rule in port.rules] == ["drop", "accept", "accept", "drop"]
