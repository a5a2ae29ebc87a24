"""Quotas: what a project may have and what it has (nova's os-quota-sets; nova-network.md section 7.8)."""

from typing import Any

from events.model import Actor, ProjectId
from events.quotas import RESOURCES, UNLIMITED, Resource, SetQuota
from events.refusals import Code
from projections.ipam import quotas
from services.methods.base import Args, Asked, Defaults, Method, NoArgs, Read, Write
from services.outcomes import Answer, refused
from services.tables import Row, Tables


class ShowArgs(Args):
    """A project; the actor's own when left out."""

    project_id: ProjectId | None = None


class UpdateArgs(Args):
    """A project, and limits by resource; null brings a default limit back."""

    project_id: str
    quota_set: dict[Resource, int | None]


def _show(args: ShowArgs, actor: Actor, tables: Tables) -> Row:
    project = args.project_id or actor.project
    if project is None:
        raise refused(Code.INVALID_INPUT, "Name the project: the actor has none.", "project_id")
    if not actor.is_admin and project != actor.project:
        message = f"User {actor.user!r} of project {actor.project!r} may not see quotas of {project!r}."
        raise refused(Code.FORBIDDEN, message, "project_id")
    found = tables.ask(lambda reader: quotas.of_project(reader, project))
    return {"id": project, **{resource: found[resource] for resource in RESOURCES}}


def _with_defaults(shown: Any, defaults: Defaults) -> Row:  # noqa: ANN401 - what `_show` returns
    """Fill in the limits of the settings, in the form of nova's `os-quota-sets/.../detail`."""
    standard: dict[Resource, int] = {
        "fixed_ips": defaults.quota_fixed_ips,
        "floating_ips": defaults.quota_floating_ips,
        "networks": defaults.quota_networks if defaults.enable_network_quota else UNLIMITED,
    }
    told: Row = {"id": shown["id"]}
    for resource, default in standard.items():
        own = shown[resource]["limit"]
        told[resource] = {
            "limit": default if own is None else own,
            "in_use": shown[resource]["in_use"],
            "reserved": 0,
            "default": default,
        }
    return told


def _update(args: UpdateArgs, asked: Asked, _tables: Tables) -> SetQuota:
    return SetQuota(
        id=asked.command_id,
        actor=asked.actor,
        project_id=args.project_id,
        limits={resource: limit for resource, limit in args.quota_set.items() if limit is not None},
        reset=tuple(resource for resource, limit in args.quota_set.items() if limit is None),
    )


def _updated(args: UpdateArgs, _answer: Answer, tables: Tables) -> Row:
    """Return the limits that the project has of its own; null where the default one holds."""
    found = tables.ask(lambda reader: quotas.of_project(reader, args.project_id))
    return {"id": args.project_id, **{resource: found[resource]["limit"] for resource in RESOURCES}}


def _list(_args: NoArgs, actor: Actor, tables: Tables) -> list[Row]:
    if not actor.is_admin:
        raise refused(Code.FORBIDDEN, "Only an admin sees all quotas.", "actor.is_admin")
    return tables.ask(quotas.limits)


METHODS: dict[str, Method] = {
    "quota_show": Read(ShowArgs, _show, _with_defaults),
    "quota_list": Read(NoArgs, _list),
    "quota_update": Write(UpdateArgs, _update, _updated, sighted=True, renamed={"limits": "quota_set"}),
}
