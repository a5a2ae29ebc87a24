"""Methods about moves of instances between hosts (nova-network.md sections 10, 12.2 and 12.5).

`epoch` is ours: a step that names one is refused once the instance has had another owner.
"""

from collections.abc import Sequence
from typing import Protocol

from events.model import Actor
from services.manager.caller import Caller, given


class MoveMethods(Caller, Protocol):
    """Steps of migrations, evacuations and the like; `docs/operations.md` puts them in order."""

    def migrate_instance_start(
        self,
        instance_uuid: str,
        floating_addresses: Sequence[str] | None = None,
        *,
        source: str | None = None,
        dest: str | None = None,
        epoch: int | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Take an instance from its host, `source` if named; then nobody has it."""
        args = given(
            instance_uuid=instance_uuid,
            floating_addresses=floating_addresses,
            source=source,
            dest=dest,
            epoch=epoch,
        )
        self.call("migrate_instance_start", args, actor=actor, command_id=command_id)

    def migrate_instance_finish(  # noqa: PLR0913 - what nova's takes, and more
        self,
        instance_uuid: str,
        floating_addresses: Sequence[str] | None = None,
        host: str | None = None,
        *,
        rxtx_factor: float | None = None,
        source: str | None = None,
        dest: str | None = None,
        epoch: int | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Give an instance to `dest`, or `host`; where `source` is named, that must have let go."""
        args = given(
            instance_uuid=instance_uuid,
            floating_addresses=floating_addresses,
            host=host,
            rxtx_factor=rxtx_factor,
            source=source,
            dest=dest,
            epoch=epoch,
        )
        self.call("migrate_instance_finish", args, actor=actor, command_id=command_id)

    def setup_networks_on_host(
        self,
        instance_uuid: str,
        host: str,
        *,
        teardown: bool = False,
        epoch: int | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Make an instance's NICs ready on a host beside the one that has it, or take them from there."""
        args = given(instance_uuid=instance_uuid, host=host, teardown=teardown, epoch=epoch)
        self.call("setup_networks_on_host", args, actor=actor, command_id=command_id)

    def setup_instance_network_on_host(
        self,
        instance_uuid: str,
        host: str,
        *,
        epoch: int | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Give an instance to a host, away from whichever has it."""
        args = given(instance_uuid=instance_uuid, host=host, epoch=epoch)
        self.call("setup_instance_network_on_host", args, actor=actor, command_id=command_id)

    def cleanup_instance_network_on_host(
        self,
        instance_uuid: str,
        host: str,
        *,
        epoch: int | None = None,
        actor: Actor | None = None,
        command_id: str | None = None,
    ) -> None:
        """Take an instance from a host that has it; it keeps its addresses."""
        args = given(instance_uuid=instance_uuid, host=host, epoch=epoch)
        self.call("cleanup_instance_network_on_host", args, actor=actor, command_id=command_id)
