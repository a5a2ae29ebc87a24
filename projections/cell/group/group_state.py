"""What deciding must know of security groups, and which hosts let a member's address in.

Everything here is found by key. A group counts its members by host, so that releasing an address asks groups
for their hosts and never walks through members.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from events.security_groups import DEFAULT_GROUP, default_group_id

WAITED_FOR_MAX = 64
"""Hosts that a released address waits for because they let it in; more of them, and only time frees it."""

MORE = ""
"""Stands among hosts for more of them than an address waits for; no host has this name."""

Hosts = dict[str, int]
"""By host: until when it may let something in that was revoked, in ms."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a rule is about, in canonical form; None means any."""

    protocol: str | None
    from_port: int | None
    to_port: int | None
    cidr: str | None


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A rule of a group."""

    id: str
    traffic: Traffic
    source_group_id: str | None


@dataclass(slots=True)
class SecurityGroup:
    """A group, its rules and its members."""

    id: str
    project_id: str
    name: str
    description: str
    rules: dict[str, GroupRule] = field(default_factory=dict)
    members: dict[str, None] = field(default_factory=dict)
    """Ids of the instances in it."""
    hosts: dict[str, int] = field(default_factory=dict)
    """Number of its members by the hosts that have, or may still have, ports of them."""
    named_by: dict[str, int] = field(default_factory=dict)
    """Number of the rules that name this group as their source, by the group that they are of."""
    lingering: Hosts = field(default_factory=dict)
    """Hosts that had to let its members in until lately."""

    def count_hosts(self, hosts: Iterable[str], more: int) -> None:
        """Count a member more on some hosts, or one less."""
        for host in hosts:
            members = self.hosts.pop(host, 0) + more
            if members:
                self.hosts[host] = members


@dataclass(slots=True)
class SecurityGroups:
    """The groups of a cell and the provider's rules."""

    by_id: dict[str, SecurityGroup] = field(default_factory=dict)
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    """Ids of groups by project and name; a project's default group is here once something refers to it."""
    provider: dict[str, Traffic] = field(default_factory=dict)

    def get(self, group_id: str, project_id: str) -> SecurityGroup:
        """Return a group of a project; its default group need not have been referred to before.

        Raises:
            KeyError: there is no such group.

        """
        group = self.by_id.get(group_id)
        if group is not None:
            return group
        if group_id == default_group_id(project_id):
            return SecurityGroup(group_id, project_id, DEFAULT_GROUP, DEFAULT_GROUP)
        raise KeyError(group_id)

    def kept(self, group_id: str, project_id: str) -> SecurityGroup:
        """Return a group that is about to change, kept from now on if it is a default group.

        Raises:
            KeyError: there is no such group.

        """
        group = self.by_id.get(group_id)
        if group is None:
            group = self.get(group_id, project_id)
            self.keep(group)
        return group

    def keep(self, group: SecurityGroup) -> None:
        """Add a group."""
        self.by_id[group.id] = group
        self.names.setdefault(group.project_id, {})[group.name] = group.id

    def moved(self, group_ids: Iterable[str], before: set[str], after: set[str]) -> None:
        """Count a member of groups whose ports are on other hosts than before."""
        for group_id in group_ids:
            group = self.by_id[group_id]
            group.count_hosts(before - after, -1)
            group.count_hosts(after - before, 1)

    def letting_in(self, group: SecurityGroup, now_ms: int) -> Iterable[str]:
        """Return the hosts whose instances let a group's members in, at most a few too many.

        They are those of the members of every group with a rule that names this one, and those that may not
        have applied yet that such a rule is gone.
        """
        found: dict[str, None] = {}
        for group_id in group.named_by:
            add_hosts(found, self.by_id[group_id].hosts)
            if MORE in found:
                return found
        add_hosts(found, [host for host, until_ms in group.lingering.items() if until_ms > now_ms])
        return found

    def letting_in_member(
        self, group_ids: Iterable[str], lingering: Hosts | None, now_ms: int
    ) -> dict[str, None]:
        """Return the hosts that let in a member of these groups, MORE among them where they are too many.

        `lingering` are those that may not have applied yet that it left a group.
        """
        found: dict[str, None] = {}
        for group_id in group_ids:
            group = self.by_id[group_id]
            if group.named_by or group.lingering:
                add_hosts(found, self.letting_in(group, now_ms))
            if MORE in found:
                return found
        if lingering is not None:
            add_hosts(found, [host for host, until_ms in lingering.items() if until_ms > now_ms])
        return found


def add_hosts(found: dict[str, None], hosts: Iterable[str]) -> None:
    """Add hosts to those found, and MORE as soon as they are too many."""
    for host in hosts:
        found[host] = None
        if len(found) > WAITED_FOR_MAX:
            found[MORE] = None
            return


def linger(lingering: Hosts, hosts: Iterable[str], until_ms: int, now_ms: int) -> None:
    """Remember that hosts may let something in until a time, forget what is over, and keep few."""
    for host in [host for host, until in lingering.items() if until <= now_ms]:
        del lingering[host]
    for host in hosts:
        lingering[host] = max(until_ms, lingering.get(host, 0))
        if len(lingering) > WAITED_FOR_MAX:
            last_ms = max(lingering.values())
            lingering.clear()
            lingering[MORE] = last_ms
            return
