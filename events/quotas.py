"""Quotas: how many addresses and networks a project may have (nova-network.md section 7.8)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from events.model import Command, Event, ProjectId

Resource = Literal["fixed_ips", "floating_ips", "networks"]
"""What is counted, by nova's names."""

RESOURCES: tuple[Resource, ...] = ("fixed_ips", "floating_ips", "networks")

UNLIMITED = -1
"""The limit that limits nothing, as in nova."""

Limit = Annotated[int, Strict(), Field(ge=UNLIMITED, le=(1 << 31) - 1)]


class SetQuota(Command):
    """Give a project limits of its own, or the default ones back (nova's os-quota-sets).

    What the project has already stays, also above a new limit.
    """

    subject_field: ClassVar[str] = "project_id"

    type: Literal["SetQuota.v1"] = "SetQuota.v1"
    project_id: ProjectId
    limits: dict[Resource, Limit] = Field(default_factory=dict)
    """New limits by resource; -1 limits nothing."""
    reset: Annotated[tuple[Resource, ...], Field(max_length=len(RESOURCES))] = ()
    """Resources for which the default limit holds again."""


class QuotaSet(Event):
    """A project has another limit of a resource from now on."""

    type: Literal["QuotaSet.v1"] = "QuotaSet.v1"
    project_id: str
    resource: Resource
    limit: int | None
    """-1: none. None: the default limit of the settings, whatever that is at the time."""
