"""Moves of instances between hosts (nova-network.md sections 10, 12.2 and 12.5)."""

from typing import Any

from events.model import Count
from events.moves import BindInstance, PrepareInstance, UnbindInstance
from events.refusals import Code
from services.methods.base import Asked, Method, Write, nothing
from services.methods.instances import InstanceName
from services.outcomes import refused
from services.tables import Tables


class StepArgs(InstanceName):
    """An instance, and the epoch of its binding if the step is meant for no other."""

    epoch: Count | None = None
    """That of `netledger instance show`. Not nova's: its callers leave it out."""


class MigrateStartArgs(StepArgs):
    """A migration that begins."""

    floating_addresses: list[str] | None = None
    """Only checked to be floating IPs; all that point at the instance go along."""
    rxtx_factor: float | None = None
    project_id: str | None = None
    source: str | None = None
    dest: str | None = None


class MigrateFinishArgs(MigrateStartArgs):
    """A migration that ends."""

    host: str | None = None
    """The destination, where `dest` is left out."""


class HostArgs(StepArgs):
    """An instance and a host."""

    host: str


class SetupArgs(HostArgs):
    """An instance and a host that its NICs are made ready on, or taken from."""

    instance: dict[str, Any] | None = None
    """nova's instance object; `instance_id` alone says which."""
    teardown: bool = False


def _start(args: MigrateStartArgs, asked: Asked, _tables: Tables) -> UnbindInstance:
    return UnbindInstance(
        id=asked.command_id,
        actor=asked.actor,
        instance_uuid=args.uuid(),
        host=args.source,
        dest=args.dest,
        floating_addresses=tuple(args.floating_addresses or ()),
        epoch=args.epoch,
    )


def _finish(args: MigrateFinishArgs, asked: Asked, _tables: Tables) -> BindInstance:
    host = args.dest or args.host
    if host is None:
        raise refused(Code.INVALID_INPUT, "Name the destination, by dest or by host.", "dest")
    return BindInstance(
        id=asked.command_id,
        actor=asked.actor,
        instance_uuid=args.uuid(),
        host=host,
        source=args.source,
        floating_addresses=tuple(args.floating_addresses or ()),
        rxtx_factor=args.rxtx_factor,
        epoch=args.epoch,
    )


def _setup(args: SetupArgs, asked: Asked, _tables: Tables) -> PrepareInstance:
    return PrepareInstance(
        id=asked.command_id,
        actor=asked.actor,
        instance_uuid=args.uuid(),
        host=args.host,
        teardown=args.teardown,
        epoch=args.epoch,
    )


def _setup_instance(args: HostArgs, asked: Asked, _tables: Tables) -> BindInstance:
    return BindInstance(
        id=asked.command_id,
        actor=asked.actor,
        instance_uuid=args.uuid(),
        host=args.host,
        epoch=args.epoch,
    )


def _cleanup_instance(args: HostArgs, asked: Asked, _tables: Tables) -> UnbindInstance:
    return UnbindInstance(
        id=asked.command_id,
        actor=asked.actor,
        instance_uuid=args.uuid(),
        host=args.host,
        epoch=args.epoch,
    )


METHODS: dict[str, Method] = {
    "migrate_instance_start": Write(MigrateStartArgs, _start, nothing, renamed={"host": "source"}),
    "migrate_instance_finish": Write(MigrateFinishArgs, _finish, nothing, renamed={"host": "dest"}),
    "setup_networks_on_host": Write(SetupArgs, _setup, nothing),
    "setup_instance_network_on_host": Write(HostArgs, _setup_instance, nothing),
    "cleanup_instance_network_on_host": Write(HostArgs, _cleanup_instance, nothing),
}
