"""Methods about security groups and the provider's rules (nova-network.md 2.6, 15.3)."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, given
from services.tables import Row

Rule = Mapping[str, str | int | None]
"""A rule: `protocol`, `from_port`, `to_port`, and `cidr` or `group_id`."""


class SecurityGroupMethods(Caller, Protocol):
    """Security groups. A group is named by id or by name; a name is one of the project's."""

    def create_security_group(
        self,
        name: str,
        description: str = "",
        *,
        project_id: str | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> Row:
        """Create a group of a project, the actor's own when none is named, and return it."""
        args = given(name=name, description=description, project_id=project_id)
        group: Row = self.call("create_security_group", args, actor=actor, command_id=command_id)
        return group

    def update_security_group(
        self,
        security_group: str,
        *,
        name: str | None = None,
        description: str | None = None,
        project_id: str | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Change a group's name or description."""
        args = given(security_group=security_group, name=name, description=description, project_id=project_id)
        self.call("update_security_group", args, actor=actor, command_id=command_id)

    def delete_security_group(
        self,
        security_group: str,
        *,
        project_id: str | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Delete a group that no instance is in, with the rules that name it as their source."""
        args = given(security_group=security_group, project_id=project_id)
        self.call("delete_security_group", args, actor=actor, command_id=command_id)

    def list_security_groups(
        self, *, project_id: str | None = None, all_tenants: bool = False, actor: Actor | None = None
    ) -> list[Row]:
        """Return a project's groups with their rules and numbers of members, or those of all projects."""
        args = given(project_id=project_id, all_tenants=all_tenants)
        found: list[Row] = self.call("list_security_groups", args, actor=actor)
        return found

    def get_security_group(
        self, security_group: str, *, project_id: str | None = None, actor: Actor | None = None
    ) -> Row:
        """Return a group with its rules."""
        args = given(security_group=security_group, project_id=project_id)
        group: Row = self.call("get_security_group", args, actor=actor)
        return group

    def add_security_group_rules(
        self,
        security_group: str,
        rules: Sequence[Rule],
        *,
        project_id: str | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> list[Row]:
        """Add rules to a group, all or none, and return them."""
        args = given(security_group=security_group, rules=rules, project_id=project_id)
        added: list[Row] = self.call("add_security_group_rules", args, actor=actor, command_id=command_id)
        return added

    def remove_security_group_rules(
        self,
        security_group: str,
        rule_ids: Sequence[str],
        *,
        project_id: str | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Remove rules from a group, all or none."""
        args = given(security_group=security_group, rule_ids=rule_ids, project_id=project_id)
        self.call("remove_security_group_rules", args, actor=actor, command_id=command_id)

    def get_security_group_rule(self, rule_id: str, *, actor: Actor | None = None) -> Row:
        """Return a rule by its id."""
        rule: Row = self.call("get_security_group_rule", {"rule_id": rule_id}, actor=actor)
        return rule

    def get_instance_security_groups(self, instance_uuid: str, *, actor: Actor | None = None) -> list[Row]:
        """Return the groups that an instance is in, in the order in which it joined them."""
        args = {"instance_uuid": instance_uuid}
        found: list[Row] = self.call("get_instance_security_groups", args, actor=actor)
        return found

    def add_security_group_to_instance(
        self,
        instance_uuid: str,
        security_group: str,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Put an instance into a group of its project."""
        args = {"instance_uuid": instance_uuid, "security_group": security_group}
        self.call("add_security_group_to_instance", args, actor=actor, command_id=command_id)

    def remove_security_group_from_instance(
        self,
        instance_uuid: str,
        security_group: str,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Take an instance out of a group."""
        args = {"instance_uuid": instance_uuid, "security_group": security_group}
        self.call("remove_security_group_from_instance", args, actor=actor, command_id=command_id)

    def provider_fw_rule_create(
        self,
        protocol: str,
        cidr: str,
        from_port: int | None = None,
        to_port: int | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> Row:
        """Drop something before it comes to any instance; all of the protocol where no ports are named."""
        args = given(protocol=protocol, cidr=cidr, from_port=from_port, to_port=to_port)
        rule: Row = self.call("provider_fw_rule_create", args, actor=actor, command_id=command_id)
        return rule

    def provider_fw_rule_destroy(
        self, rule_id: str, *, actor: Actor | None = None, command_id: str | None = None
    ) -> None:
        """Drop it no longer."""
        self.call("provider_fw_rule_destroy", {"rule_id": rule_id}, actor=actor, command_id=command_id)

    def provider_fw_rule_get_all(self, *, actor: Actor | None = None) -> list[Row]:
        """Return what the provider drops."""
        found: list[Row] = self.call("provider_fw_rule_get_all", actor=actor)
        return found
