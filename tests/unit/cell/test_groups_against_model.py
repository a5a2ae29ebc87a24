"""Random histories of security groups: who is in, what is let in, and for whom a free address must wait."""

from typing import ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from events.catalog import AnyCommand
from events.model import Actor
from events.security_groups import CreateProviderFirewallRule, RuleSpec
from projections.cell.state import Rules
from tests.unit.cell.compared import Compared
from tests.unit.cell.model import Model, Refused
from tests.unit.cell.model_groups import GroupsModel, Traffic
from tests.unit.cell.test_against_model import HOSTS, SELDOM, VM_NAMES, Histories
from tests.unit.group_wishes import (
    add_rules,
    create_group,
    delete_group,
    join_group,
    leave_group,
    letting,
    provider_drop,
    provider_pass,
    remove_rules,
    update_group,
)
from tests.unit.wishes import (
    ADMIN,
    ANN,
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

NOBODY = Actor(user="nobody")

SAID: list[tuple[RuleSpec, Traffic | Refused]] = [
    (letting(), Traffic("tcp", 80, 80, "0.0.0.0/0")),
    (letting("TCP", (80, 80), cidr="0.0.0.0/0"), Traffic("tcp", 80, 80, "0.0.0.0/0")),
    (letting("udp", (1, 65535), cidr="2001:db8::/64"), Traffic("udp", 1, 65535, "2001:db8::/64")),
    (letting("icmp", (-1, 255)), Traffic("icmp", -1, 255, "0.0.0.0/0")),
    (letting("icmp", (-2, 0)), ("InvalidPortRange", "from_port")),
    (letting("icmp", (0, 256)), ("InvalidPortRange", "to_port")),
    (letting("tcp", (0, 80)), ("InvalidPortRange", "from_port")),
    (letting("tcp", (80, 65536)), ("InvalidPortRange", "to_port")),
    (letting("tcp", (81, 80)), ("InvalidPortRange", "from_port")),
    (letting("tcp", None), ("InvalidInput", "from_port")),
    (letting(None), ("InvalidInput", "protocol")),
    (letting("tcp", (80, 80)).model_copy(update={"to_port": None}), ("InvalidInput", "to_port")),
    (letting("sctp"), ("InvalidIpProtocol", "protocol")),
    (letting(cidr="nowhere"), ("InvalidCidr", "cidr")),
]
"""Rules for blocks, and what they mean or why they are refused."""

SAID_OF_GROUPS: list[tuple[RuleSpec, Traffic | Refused]] = [
    (letting(None, None), Traffic(None, None, None, None)),
    (letting("tcp", None), Traffic("tcp", 1, 65535, None)),
    (letting("icmp", None), Traffic("icmp", -1, -1, None)),
    (letting("tcp", (80, 80)), Traffic("tcp", 80, 80, None)),
    (letting(None, (80, 80)), ("InvalidIpProtocol", "protocol")),
    (letting("tcp", None, cidr="10.0.0.0/8"), ("InvalidInput", "cidr")),
    (letting("tcp", (80, 80)).model_copy(update={"to_port": None}), ("InvalidPortRange", "to_port")),
    (letting("tcp", (80, 80)).model_copy(update={"from_port": None}), ("InvalidPortRange", "from_port")),
]
"""Rules for the members of groups, likewise; which group is said elsewhere."""

SAID_OF_PROVIDER: list[tuple[CreateProviderFirewallRule, Traffic | Refused]] = [
    (provider_drop(), Traffic("tcp", 1, 65535, "198.51.100.0/24")),
    (provider_drop(from_port=1, to_port=65535), Traffic("tcp", 1, 65535, "198.51.100.0/24")),
    (provider_drop("203.0.113.0/24", "icmp"), Traffic("icmp", -1, -1, "203.0.113.0/24")),
    (provider_drop(""), ("InvalidCidr", "cidr")),
    (provider_drop("nowhere"), ("InvalidCidr", "cidr")),
    (provider_drop(protocol="sctp"), ("InvalidIpProtocol", "protocol")),
    (provider_drop(from_port=25), ("InvalidPortRange", "to_port")),
    (provider_drop(to_port=25), ("InvalidPortRange", "from_port")),
    (provider_drop(from_port=26, to_port=25), ("InvalidPortRange", "from_port")),
    (provider_drop(from_port=26, to_port=65536), ("InvalidPortRange", "to_port")),
]
"""Rules of the provider's, likewise."""


def meaning(asked: RuleSpec | CreateProviderFirewallRule) -> Traffic | Refused:
    """Return what a rule means, or why it is refused."""
    if isinstance(asked, CreateProviderFirewallRule):
        said = ("cidr", "protocol", "from_port", "to_port")
        return next(
            means
            for wish, means in SAID_OF_PROVIDER
            if all(getattr(wish, name) == getattr(asked, name) for name in said)
        )
    table = SAID if asked.group_id is None else SAID_OF_GROUPS
    plain = asked.model_copy(update={"group_id": None})
    return next(means for spec, means in table if spec == plain)


GROUPS = st.sampled_from(["web", "web", "db", "default", "default", "ops"])
ACTORS = st.sampled_from([ANN, ANN, ANN, ADMIN, BOB])
SPECS = st.sampled_from([*([SAID[0][0], SAID[2][0], SAID[3][0]] * 6), *(spec for spec, _ in SAID)])
GOOD_OF_GROUPS = [spec for spec, means in SAID_OF_GROUPS if isinstance(means, Traffic)]
SPECS_OF_GROUPS = st.builds(
    lambda spec, group: spec.model_copy(update={"group_id": group}),
    st.sampled_from([*(GOOD_OF_GROUPS * 4), *(spec for spec, _ in SAID_OF_GROUPS)]),
    GROUPS,
)


class GroupHistories(Compared):
    """Anything may happen next to a security group."""

    settled: ClassVar[Rules] = Rules(
        fixed_ip_disassociate_timeout=60,
        create_unique_mac_address_attempts=3,
        quota_security_groups=3,
        quota_security_group_rules=4,
    )
    obvious: ClassVar[type[Model]] = GroupsModel

    def __init__(self) -> None:
        """Begin with two empty cells."""
        super().__init__()
        self.groups_model.meaning = meaning

    @property
    def groups_model(self) -> GroupsModel:
        """The model, as what it is."""
        assert isinstance(self.model, GroupsModel)
        return self.model

    @initialize()
    def some_history(self) -> None:
        """Begin where something can happen."""
        from_default = letting(None, None, group_id="default")
        self.send(create("net"))
        for host in ("h1", "h2", "h3"):
            self.send(register(host))
        wishes: tuple[AnyCommand, ...] = (
            *(create_group("web"), create_group("db"), add_rules("web", from_default)),
            *(spawn(vm, nic("net"), host=host) for vm, host in (("vm0", "h1"), ("vm1", "h2"))),
            spawn("vm2", nic("net"), host="h3", security_groups=["web"]),
        )
        for wish in wishes:
            self.send(wish)

    def chosen(self, data: st.DataObject) -> str:
        """Return the id of a group that there is, but for a default one, which may not be known yet."""
        groups = [one.key for one in self.groups_model.groups.values() if one.name != "default"]
        return data.draw(st.sampled_from(groups)) if groups else "web"

    def running(self, data: st.DataObject) -> str:
        """Return an instance that there is, seldom one that is not."""
        return data.draw(
            st.sampled_from([*[name for name in VM_NAMES if uid(name) in self.model.vms], "vm9"])
        )

    @rule(
        name=st.sampled_from(["web", "db", "ops", "default", uid("group")]),
        actor=st.sampled_from([ANN, ANN, ADMIN, BOB, NOBODY]),
        project=st.sampled_from([None, None, "red", "blue"]),
    )
    def create_group(self, name: str, actor: Actor, project: str | None) -> None:
        """Create a group."""
        self.send(create_group(name, actor, project=project))

    @rule(group=GROUPS, actor=ACTORS, name=st.sampled_from([None, "web", "ops", uid("group")]))
    def update_group(self, group: str, actor: Actor, name: str | None) -> None:
        """Rename a group, or change its description."""
        fields = {"description": "new"} if name is None else {"name": name}
        self.send(update_group(group, actor, **fields))

    @rule(group=GROUPS, actor=ACTORS, project=st.sampled_from([None, None, "red"]))
    def delete_group(self, group: str, actor: Actor, project: str | None) -> None:
        """Delete a group."""
        self.send(delete_group(group, actor, project))

    @rule(data=st.data(), actor=ACTORS)
    def delete_group_by_id(self, data: st.DataObject, actor: Actor) -> None:
        """Delete a group that there is."""
        self.send(delete_group(self.chosen(data), actor))

    @rule(group=GROUPS, specs=st.lists(SPECS | SPECS_OF_GROUPS, min_size=1, max_size=2), actor=ACTORS)
    def add_rules(self, group: str, specs: list[RuleSpec], actor: Actor) -> None:
        """Let something in, or not."""
        self.send(add_rules(group, *specs, actor=actor))

    @rule(group=GROUPS, spec=SPECS_OF_GROUPS)
    def add_rule_rightly(self, group: str, spec: RuleSpec) -> None:
        """Let a group's members in."""
        self.send(add_rules(group, spec, actor=ADMIN, project="red"))

    @rule(data=st.data(), actor=ACTORS, twice=SELDOM)
    def remove_rules(self, data: st.DataObject, actor: Actor, twice: bool) -> None:  # noqa: FBT001 - hypothesis passes it
        """Remove a rule that there is."""
        having = [one for one in self.groups_model.groups.values() if one.rules]
        if having:
            group = data.draw(st.sampled_from(having))
            rule_ids = [data.draw(st.sampled_from([*group.rules, *group.rules, uid("no rule")]))] * (
                1 + twice
            )
            self.send(remove_rules(group.key, *rule_ids, actor=actor))

    @rule(data=st.data(), group=GROUPS, actor=ACTORS)
    def join(self, data: st.DataObject, group: str, actor: Actor) -> None:
        """Put an instance into a group."""
        self.send(join_group(self.running(data), group, actor))

    @rule(data=st.data(), group=GROUPS, actor=ACTORS)
    def leave(self, data: st.DataObject, group: str, actor: Actor) -> None:
        """Take an instance out of a group."""
        self.send(leave_group(self.running(data), group, actor))

    @rule(data=st.data())
    def leave_rightly(self, data: st.DataObject) -> None:
        """Take an instance out of a group that it is in."""
        pairs = [
            (name, key)
            for name in VM_NAMES
            if uid(name) in self.model.vms
            for key in self.model.vms[uid(name)].groups
        ]
        if pairs:
            self.send(leave_group(*data.draw(st.sampled_from(pairs)), ADMIN))

    @rule(data=st.data(), actor=st.sampled_from([ADMIN, ADMIN, ANN]))
    def make_provider_rule(self, data: st.DataObject, actor: Actor) -> None:
        """Drop something for everybody."""
        wish, _ = data.draw(st.sampled_from(SAID_OF_PROVIDER))
        self.send(wish.model_copy(update={"actor": actor}))

    @rule(data=st.data(), actor=st.sampled_from([ADMIN, ADMIN, ANN]))
    def drop_provider_rule(self, data: st.DataObject, actor: Actor) -> None:
        """No longer drop it."""
        rule_ids = [*self.groups_model.provider, uid("no rule")]
        self.send(provider_pass(data.draw(st.sampled_from(rule_ids)), actor))

    @rule(
        data=st.data(),
        groups=st.none() | st.lists(GROUPS, max_size=2),
        host=HOSTS,
        owner=st.sampled_from([(ANN, "red"), (ANN, "red"), (BOB, "blue")]),
    )
    def spawn(
        self, data: st.DataObject, groups: list[str] | None, host: str, owner: tuple[Actor, str]
    ) -> None:
        """Spawn an instance into groups."""
        actor, project = owner
        absent = [name for name in VM_NAMES if uid(name) not in self.model.vms]
        vm = data.draw(st.sampled_from([*absent, *absent, "vm0"]))
        self.send(spawn(vm, nic("net"), actor=actor, project=project, host=host, security_groups=groups))

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """Delete an instance."""
        self.send(delete(self.running(data), ADMIN))

    @rule(data=st.data())
    def add_ip(self, data: st.DataObject) -> None:
        """Give an instance another address."""
        self.send(add_ip(self.running(data), "net", None, ADMIN))

    @rule(data=st.data())
    def remove_ip(self, data: st.DataObject) -> None:
        """Take an address from the instance that has it."""
        held = [
            (vm, row.address) for _, row in self.model.rows() for vm in VM_NAMES if row.instance == uid(vm)
        ]
        if held:
            self.send(remove_ip(*data.draw(st.sampled_from(held)), ADMIN))

    @rule(data=st.data(), host=HOSTS, step=st.sampled_from(["unbind", "bind", "prepare", "teardown"]))
    def step_of_a_move(self, data: st.DataObject, host: str, step: str) -> None:
        """Let an instance be on other hosts, whose members then let others in."""
        vm = self.running(data)
        wishes: dict[str, AnyCommand] = {
            "unbind": unbind(vm, None, ADMIN),
            "bind": bind(vm, host, None, ADMIN),
            "prepare": prepare(vm, host, ADMIN),
            "teardown": teardown(vm, host, ADMIN),
        }
        self.send(wishes[step])

    @rule(host=HOSTS, behind=st.integers(0, 4))
    def applied(self, host: str, behind: int) -> None:
        """Report a position."""
        self.send(applied(host, max(self.cell.state.seq - behind, 0)))

    @rule(seconds=st.sampled_from([0, 1, 30, 59, 60]))
    def time_passes(self, seconds: int) -> None:
        """Let time pass, and what it brings about."""
        self.wait(seconds)

    @invariant()
    def the_groups_are_the_same(self) -> None:
        """Each with its rules and members; a default group that nothing refers to counts as none."""
        state = self.cell.state
        found = {
            key: (
                *(one.project_id, one.name),
                {
                    rule.id: (
                        (
                            rule.traffic.protocol,
                            rule.traffic.from_port,
                            rule.traffic.to_port,
                            rule.traffic.cidr,
                        ),
                        rule.source_group_id,
                    )
                    for rule in one.rules.values()
                },
            )
            for key, one in state.groups.by_id.items()
        }
        expected = {key: (one.project, one.name, one.rules) for key, one in self.groups_model.groups.items()}
        assert {
            key: one for key, one in expected.items() if key in found or one[1] != "default" or one[2]
        } == found
        assert {uuid: list(one.security_groups) for uuid, one in state.instances.items()} == {
            uuid: one.groups for uuid, one in self.model.vms.items()
        }
        assert {
            key: (one.protocol, one.from_port, one.to_port, one.cidr)
            for key, one in state.groups.provider.items()
        } == self.groups_model.provider


GroupHistories.TestCase.settings = settings(Histories.TestCase.settings, max_examples=60)
TestGroupHistories = pytest.mark.slow(GroupHistories.TestCase)
"""Some five thousand steps more."""
