"""Methods about quotas (nova-network.md 7.8)."""

from collections.abc import Mapping
from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, given
from services.tables import Row


class QuotaMethods(Caller, Protocol):
    """Quotas."""

    def quota_show(self, project_id: str | None = None, *, actor: Actor | None = None) -> Row:
        """Return a project's `limit`, `in_use` and `default` by resource, the actor's own when left out."""
        shown: Row = self.call("quota_show", given(project_id=project_id), actor=actor)
        return shown

    def quota_list(self, *, actor: Actor | None = None) -> list[Row]:
        """Return the limits that were set for projects, with who set them."""
        found: list[Row] = self.call("quota_list", actor=actor)
        return found

    def quota_update(
        self,
        project_id: str,
        quota_set: Mapping[str, int | None],
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> Row:
        """Give a project limits by resource, None for the default ones; returns those of its own."""
        args = {"project_id": project_id, "quota_set": quota_set}
        own: Row = self.call("quota_update", args, actor=actor, command_id=command_id)
        return own
