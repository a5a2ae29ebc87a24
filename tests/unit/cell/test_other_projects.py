"""Every command from the side of another project, which owns nothing of what it names."""

from typing import get_args

import pytest

from events.catalog import AnyCommand
from events.model import Actor
from events.refusals import Code, Refusal
from tests.unit.cell.moving import RUNNING
from tests.unit.given import Message, given
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
from tests.unit.people import BOB, uid
from tests.unit.wishes import (
    add_entry,
    add_ip,
    add_network,
    associate,
    bind,
    create,
    delete,
    delete_domain,
    delete_entry,
    delete_network,
    disassociate,
    floating_allocate,
    floating_create,
    floating_delete,
    floating_release,
    modify,
    modify_entry,
    nic,
    prepare,
    private_domain,
    public_domain,
    quota,
    remove_ip,
    reserve,
    set_host,
    spawn,
    unbind,
    unreserve,
    vlan,
    vpn_change,
)

REDS, FREE = "192.0.2.1", "192.0.2.6"
HISTORY = (
    *RUNNING,
    create("reds", "10.7.0.0/24", project_id="red"),
    vlan("vlan", 100, project_id="red"),
    create_group("web"),
    add_rules("web", letting()),
    public_domain("example.org", "red"),
    add_entry("www", REDS),
    spawn("bobs", nic("net"), actor=BOB, project="blue"),
    floating_allocate(BOB, "blue"),
)
"""Everything that a project can own is red's; blue has an instance and a floating IP, 192.0.2.2."""

ADMINS = (Code.FORBIDDEN, "actor.is_admin")
NOT_THERE = (Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "security_group")
INSTANCE = (Code.FORBIDDEN, "instance_uuid")
WISHES: tuple[tuple[Message, tuple[Code, str]], ...] = (
    (create("mine", "10.8.0.0/24", project_id="blue"), ADMINS),
    (delete_network("reds"), ADMINS),
    (vpn_change("red"), ADMINS),
    (add_network("blue", "vlan"), ADMINS),
    (modify("reds", project_id="blue"), ADMINS),
    (set_host("reds"), ADMINS),
    (spawn("more", nic("net")), (Code.FORBIDDEN, "project_id")),
    (spawn("more", nic("reds"), project="blue"), (Code.NO_NETWORKS_FOUND, "requested_networks.0.network_id")),
    (
        spawn("more", nic("net"), nic("reds"), project="blue"),
        (Code.NETWORK_NOT_FOUND_FOR_PROJECT, "requested_networks.1.network_id"),
    ),
    (
        spawn("more", nic("net"), project="blue", security_groups=("web",)),
        (Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "security_groups.0"),
    ),
    (delete(), INSTANCE),
    (unbind(), INSTANCE),
    (bind(), INSTANCE),
    (prepare(), INSTANCE),
    (add_ip(), INSTANCE),
    (add_ip("bobs", "reds"), (Code.NETWORK_NOT_FOUND_FOR_PROJECT, "network_id")),
    (remove_ip("vm", "10.0.0.2"), INSTANCE),
    (remove_ip("bobs", "10.0.0.2"), (Code.FIXED_IP_NOT_FOUND_FOR_SPECIFIC_INSTANCE, "address")),
    (reserve("10.7.0.9"), ADMINS),
    (unreserve("10.7.0.9"), ADMINS),
    (floating_create("203.0.113.0/29"), ADMINS),
    (floating_delete(), ADMINS),
    (floating_allocate(BOB, "red"), (Code.FORBIDDEN, "project_id")),
    (associate(REDS, "10.0.0.3"), (Code.FORBIDDEN, "floating_address")),
    (associate("192.0.2.2", "10.0.0.2"), (Code.FORBIDDEN, "fixed_address")),
    (disassociate(REDS), (Code.FORBIDDEN, "address")),
    (floating_release(REDS), (Code.FORBIDDEN, "address")),
    (floating_release(FREE), (Code.FORBIDDEN, "address")),
    (private_domain("mine.example"), ADMINS),
    (public_domain("example.org", "blue"), ADMINS),
    (delete_domain(), ADMINS),
    (add_entry("mine", "192.0.2.2"), (Code.FORBIDDEN, "domain")),
    (modify_entry("www", "192.0.2.2"), (Code.FORBIDDEN, "domain")),
    (delete_entry("www"), (Code.FORBIDDEN, "domain")),
    (quota("blue", fixed_ips=99), ADMINS),
    (create_group("more", project="red"), (Code.FORBIDDEN, "project_id")),
    (update_group("web", name="mine"), NOT_THERE),
    (delete_group("web"), NOT_THERE),
    (delete_group("web", project="red"), (Code.FORBIDDEN, "project_id")),
    (add_rules("web", letting()), NOT_THERE),
    (
        add_rules("default", letting(group_id="web")),
        (Code.SECURITY_GROUP_NOT_FOUND_FOR_PROJECT, "rules.0.group_id"),
    ),
    (remove_rules("web", uid("rule")), NOT_THERE),
    (join_group(), INSTANCE),
    (join_group("bobs"), NOT_THERE),
    (leave_group(), INSTANCE),
    (provider_drop(), ADMINS),
    (provider_pass(uid("rule")), ADMINS),
)


@pytest.mark.parametrize(("wish", "told"), WISHES, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("project", ["blue", None], ids=["other project", "no project"])
def test_another_project_is_refused(wish: Message, told: tuple[Code, str], project: str | None) -> None:
    """By nova's name and the field, without a word of whose it is; the harness holds that nothing changes."""
    actor = Actor(user="bob", project=project)
    decision = given(*HISTORY).when(wish.model_copy(update={"actor": actor})).decision

    assert isinstance(decision, Refusal), decision
    assert project is None or (decision.code, decision.field) == told
    assert not {"'red'", "'ann'"} & set(decision.message.split()) - asked(wish)


def asked(wish: Message) -> set[str]:
    """Return the words of a wish, in quotes: a refusal may say them again."""
    return {f"'{word}'" for word in wish.model_dump_json().split('"')}


def test_no_command_is_left_out() -> None:
    """A command that is added has its refusals of other projects here."""
    every = set(get_args(get_args(AnyCommand)[0]))

    assert {type(wish) for wish, _ in WISHES} == every
