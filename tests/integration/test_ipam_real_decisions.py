"""What the allocator really decides, written into the tables, is what its own state says."""

import random
from collections.abc import Callable

import pytest

from events.fixed_ips import RemoveFixedIp
from events.ids import CommandDraws
from events.instances import InstanceSpawned
from events.refusals import Refusal
from projections.cell.canonical import canonical_rows as rows_of_state
from projections.cell.host.fences import Silence
from projections.cell.state import Rules
from projections.ipam import quotas
from projections.ipam.digest import canonical_rows
from tests.ipam import look, project
from tests.unit import group_wishes, wishes
from tests.unit.given import Message, Scenario
from tests.unit.made import network
from tests.written_ledger import WrittenLedger

HOSTS = ("h1", "h2", "h3")
NETWORKS = {"net": "10.0.0.0/28", "lan": "10.0.1.0/28", "wan": "10.0.2.0/26"}
INSTANCES = tuple(f"vm{number}" for number in range(12))
ADDRESSES = tuple(f"192.0.2.{last}" for last in range(1, 7))


def of_groups(
    scenario: Scenario, chance: random.Random, instance: str, host: str
) -> list[Callable[[], Message]]:
    """Return commands about security groups."""
    group = chance.choice(("web", "db", "default"))
    rule = chance.choice(
        [key for one in scenario.state.groups.by_id.values() for key in one.rules] or [wishes.uid("x")]
    )
    provided = chance.choice([*scenario.state.groups.provider] or [wishes.uid("x")])
    return [
        *[lambda: group_wishes.create_group(group)] * 2,
        lambda: group_wishes.update_group(group, name=chance.choice(("web", "db", "x"))),
        *[lambda: group_wishes.delete_group(group)] * 2,
        lambda: group_wishes.delete_group("x"),
        lambda: group_wishes.add_rules(group, group_wishes.letting(ports=(1, chance.randrange(1, 4)))),
        *[
            lambda: group_wishes.add_rules(
                group, group_wishes.letting(None, None, group_id=chance.choice(("web", "db")))
            )
        ]
        * 2,
        *[lambda: group_wishes.remove_rules(group, rule)] * 3,
        lambda: wishes.spawn(instance, wishes.nic("net"), host=host, security_groups=["default", group]),
        *[lambda: group_wishes.join_group(instance, group)] * 3,
        *[lambda: group_wishes.leave_group(instance, group)] * 3,
        lambda: group_wishes.provider_drop(f"198.51.100.{chance.randrange(4)}/32"),
        lambda: group_wishes.provider_pass(provided),
    ]


def random_message(scenario: Scenario, chance: random.Random) -> Message:
    """Return a command or report that may or may not be granted."""
    name, instance, host = (chance.choice(tuple(some)) for some in (NETWORKS, INSTANCES, HOSTS))
    held = chance.choice(tuple(scenario.state.allocations.values()) or (None,))
    floating = chance.choice(ADDRESSES)
    fixed = f"10.0.{chance.randrange(3)}.{chance.randrange(2, 15)}"
    makers: list[Callable[[], Message]] = [
        lambda: wishes.create(name, NETWORKS[name], multi_host=chance.random() < 0.3),
        lambda: wishes.create("rack", "10.1.0.0/26", uuid=None, num_networks=3, network_size=16),
        *[lambda: wishes.create("lane", "10.0.3.0/28", kind="vlan", bridge_interface="eth1")] * 2,
        wishes.add_network,
        lambda: wishes.spawn(instance, actor=wishes.BOB, project="blue", host=host),
        lambda: wishes.delete_network(name),
        lambda: wishes.modify(name, project_id=chance.choice(("red", "blue")), overwrite=True),
        *[lambda: wishes.modify(name, disassociate_project=True)] * 2,
        lambda: wishes.modify(name, host=host, overwrite=True),
        lambda: wishes.modify(name, disassociate_host=True),
        lambda: wishes.delete_network(name, require_disassociated=False),
        lambda: wishes.register(host, *chance.sample(("default", "fast"), chance.randrange(1, 3))),
        lambda: wishes.claim(host, name),
        lambda: wishes.applied(host, chance.randrange(scenario.state.seq + 1)),
        lambda: wishes.applied(host, scenario.state.seq),
        lambda: wishes.floating_create(f"192.0.2.{chance.choice((1, 2, 4))}"),
        lambda: wishes.floating_create("192.0.2.4/30"),
        *[wishes.floating_allocate] * 2,
        lambda: wishes.floating_delete(f"192.0.2.{chance.choice((0, 4))}/30", force=chance.random() < 0.5),
        lambda: wishes.floating_delete(floating),
        lambda: wishes.public_domain("example.org", chance.choice(("red", None))),
        lambda: wishes.private_domain("cloud.example", chance.choice((None, "north"))),
        lambda: wishes.delete_domain(chance.choice(("example.org", "cloud.example"))),
        *[lambda: wishes.add_entry(chance.choice(("www", "mail")), floating)] * 2,
        lambda: wishes.modify_entry(chance.choice(("www", "mail")), floating),
        lambda: wishes.delete_entry(chance.choice(("www", "mail"))),
        lambda: wishes.quota(chance.choice(("red", "blue")), fixed_ips=chance.choice((-1, 4, 40))),
        lambda: wishes.quota(chance.choice(("red", "blue")), reset=("fixed_ips", "networks")),
        lambda: wishes.associate(floating, fixed),
        lambda: wishes.disassociate(floating),
        lambda: wishes.floating_release(floating),
        *[lambda: wishes.spawn(instance, wishes.nic(name), host=host, display_name=instance[:3])] * 8,
        *[lambda: wishes.spawn(instance, wishes.nic(name), wishes.nic("net"), host=host)] * 4,
        *[lambda: wishes.delete(instance)] * 4,
        *[lambda: wishes.unbind(instance, chance.choice((host, None)))] * 2,
        *[lambda: wishes.bind(instance, host, chance.choice((*HOSTS, None)))] * 4,
        *[lambda: wishes.prepare(instance, host)] * 2,
        lambda: wishes.teardown(instance, host),
        *[lambda: wishes.add_ip(instance, name)] * 2,
        lambda: wishes.add_ip(instance, name, fixed),
        *[lambda: wishes.spawn(instance, wishes.nic("six"), wishes.nic(name), host=host)] * 3,
        lambda: wishes.spawn(instance, wishes.nic("six"), macs=[f"02:00:00:00:00:0{chance.randrange(9)}"]),
        lambda: wishes.spawn(instance, wishes.nic("private"), vpn=True, availability_zone="north"),
        *[lambda: wishes.reserve(fixed)] * 2,
        *[lambda: wishes.unreserve(fixed)] * 2,
        *of_groups(scenario, chance, instance, host),
    ]
    known = {wishes.uid(one): one for one in (*NETWORKS, "private", "lane")}
    if held is not None and held.network_id in known:
        address = f"10.0.{held.address >> 8 & 255}.{held.address & 255}"
        where = known[held.network_id]
        makers += [
            lambda: wishes.lease(host, address, held.mac, where),
            lambda: wishes.release(host, address, held.mac, where),
            lambda: RemoveFixedIp(
                id=wishes.ANY_ID, actor=wishes.ADMIN, instance_uuid=held.instance_uuid, address=address
            ),
        ]
    return chance.choice(makers)()


def random_silence(scenario: Scenario, chance: random.Random) -> Silence:
    """Let a host fall silent, or a fence run out."""
    hosts = tuple(name for name in scenario.state.hosts if chance.random() < 0.4)
    return Silence(hosts, tuple(scenario.state.fenced), tuple(scenario.state.leaving))


@pytest.mark.parametrize("seed", range(6))
def test_the_tables_say_what_the_cells_state_says(database: str, seed: int) -> None:
    """Random commands and reports, in batches of random sizes: the same rows at every stop."""
    chance = random.Random(seed)
    rules = Rules(
        use_ipv6=True,
        ipv6_backend="account_identifier",
        instance_dns_domain="cloud.example" if seed % 2 else "",
        auto_assign_floating_ip=seed == 3,
    )
    scenario = Scenario(rules, CommandDraws)
    ledger = WrittenLedger()
    for made in (
        network("six", None, cidr_v6="fd00::/64"),
        network("private", "10.0.3.0/29", kind="vlan", cidr_v6="fd00:0:0:1::/64"),
    ):
        scenario.happens(made)
        ledger.decide(made)
    compared = spawned = 0
    for _ in range(400):
        if chance.random() < 0.08:
            silence = random_silence(scenario, chance)
            decision = scenario.when_time_passes(chance.choice((1, 700)), silence).decision
        else:
            decision = scenario.when(random_message(scenario, chance)).decision
        if isinstance(decision, Refusal):
            ledger.decide(refusal=decision)
        else:
            ledger.decide(*decision)
            spawned += any(isinstance(event, InstanceSpawned) for event in decision)
        if chance.random() < 0.05:
            assert project(ledger, database, batch=chance.choice((1, 3, 1000))) == 0
            with look(database) as reader:
                assert canonical_rows(reader.connection) == rows_of_state(scenario.state)
                for owner in ("red", "blue"):
                    used = {name: row["in_use"] for name, row in quotas.of_project(reader, owner).items()}
                    assert used == {name: of.get(owner, 0) for name, of in scenario.state.usage.items()}
            compared += 1
    assert compared > 3
    assert spawned > 1
