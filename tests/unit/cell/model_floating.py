"""The obvious model's floating addresses: one row each, in the order in which they were created."""

from collections.abc import Iterator

from events.floating_ips import (
    AllocateFloatingIp,
    AssociateFloatingIp,
    CreateFloatingIps,
    DeleteFloatingIps,
    DisassociateFloatingIp,
    ReleaseFloatingIp,
)
from events.model import Actor
from projections.cell.state import Rules
from tests.unit.cell.model_projects import Projects
from tests.unit.cell.model_rows import Answer, Floating, Net, Row, addresses


class FloatingModel(Projects):
    """The part of the cell that has to do with floating addresses."""

    def __init__(self, rules: Rules) -> None:
        """Begin empty."""
        super().__init__(rules)
        self._freed = 0

    def rows(self) -> Iterator[tuple[Net, Row]]:
        """Yield every address of every network."""
        for net in self.nets.values():
            for row in net.rows:
                yield net, row

    def free_rows(self, net: Net) -> list[Row]:
        """Return the rows that may be handed out, in order: never used, then free for longest."""
        return sorted((row for row in net.rows if row.free), key=lambda row: row.freed)

    def free(self, net: Net) -> list[str]:
        """Return their addresses."""
        return [row.address for row in self.free_rows(net)]

    def _free(self, row: Row) -> None:
        self._freed += 1
        kept = (row.planned, row.reserved, row.server)
        row.__dict__.update(Row(row.address, *kept, freed=self._freed).__dict__)

    def free_floating(self, pool: str) -> list[str]:
        """Return the floating addresses that may be handed out: never used, then free for longest."""
        free = [one for one in self.floatings if one.pool == pool and one.project is None]
        return [one.address for one in sorted(free, key=lambda one: one.freed)]

    def _CreateFloatingIps(self, asked: CreateFloatingIps, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        wanted = self._named(asked.ip_range)
        if any(one.address in wanted for one in self.floatings):
            return "FloatingIpExists", "ip_range"
        self.floatings += [Floating(address, asked.pool) for address in wanted]
        return None

    def _named(self, ip_range: str) -> list[str]:
        return addresses(ip_range)[1:-1] if "/" in ip_range else [ip_range]

    def _DeleteFloatingIps(self, asked: DeleteFloatingIps, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        wanted = self._named(asked.ip_range)
        meant = [one for one in self.floatings if one.address in wanted]
        if not meant:
            return "FloatingIpNotFoundForAddress", "ip_range"
        if not asked.force and any(one.target for one in meant):
            return "FloatingIpAssociated", "ip_range"
        if not asked.force and any(one.project for one in meant):
            return "FloatingIpInUse", "ip_range"
        self.floatings = [one for one in self.floatings if one not in meant]
        return None

    def _AllocateFloatingIp(self, asked: AllocateFloatingIp, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        if not asked.actor.is_admin and asked.actor.project != asked.project_id:
            return "Forbidden", "project_id"
        if asked.auto_assigned and not asked.actor.is_admin:
            return "Forbidden", "auto_assigned"
        if not asked.auto_assigned and self.over("floating_ips", asked.project_id, 1):
            return "FloatingIpLimitExceeded", "project_id"
        if asked.pool not in {one.pool for one in self.floatings}:
            return "FloatingIpPoolNotFound", "pool"
        free = self.free_floating(asked.pool)
        if not free:
            return "NoMoreFloatingIps", "pool"
        found = next(one for one in self.floatings if one.address == free[0])
        found.project, found.auto = asked.project_id, asked.auto_assigned
        return None

    def _usable(self, actor: Actor, address: str, where: str) -> Floating | tuple[str, str | None]:
        """Return a floating address that the actor may change, or a refusal."""
        found = next((one for one in self.floatings if one.address == address), None)
        if found is None:
            return "FloatingIpNotFoundForAddress", where
        if found.project is None or (not actor.is_admin and actor.project != found.project):
            return "Forbidden", where
        return found

    def _AssociateFloatingIp(self, asked: AssociateFloatingIp, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        floating = self._usable(asked.actor, asked.floating_address, "floating_address")
        if isinstance(floating, tuple):
            return floating
        if asked.affect_auto_assigned and not asked.actor.is_admin:
            return "Forbidden", "affect_auto_assigned"
        if floating.auto and not asked.affect_auto_assigned:
            return None
        meant = [
            (self.vms[row.instance].project == floating.project, net, row)
            for net, row in self.rows()
            if asked.network_id in (None, net.key)
            and row.address == asked.fixed_address
            and row.instance is not None
        ]
        for own, net, row in meant:
            if own:
                if net.asked.kind == "flat":
                    return "NotImplementedForKind", "fixed_address"
                if floating.target is not row:
                    self._point(floating, row)
                return None
        return ("Forbidden" if meant else "FixedIpNotFoundForAddress"), "fixed_address"

    def _DisassociateFloatingIp(self, asked: DisassociateFloatingIp, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        floating = self._usable(asked.actor, asked.address, "address")
        if isinstance(floating, tuple):
            return floating
        if asked.affect_auto_assigned and not asked.actor.is_admin:
            return "Forbidden", "affect_auto_assigned"
        if floating.auto and not asked.affect_auto_assigned:
            return "CannotDisassociateAutoAssignedFloatingIP", "address"
        if floating.target is None:
            return "FloatingIpNotAssociated", "address"
        floating.target = None
        return None

    def _ReleaseFloatingIp(self, asked: ReleaseFloatingIp, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        floating = self._usable(asked.actor, asked.address, "address")
        if isinstance(floating, tuple):
            return floating
        if asked.affect_auto_assigned and not asked.actor.is_admin:
            return "Forbidden", "affect_auto_assigned"
        if floating.auto and not asked.affect_auto_assigned:
            return None
        if floating.target is not None:
            return "FloatingIpAssociated", "address"
        self._give_back(floating)
        return None

    def _give_back(self, floating: Floating) -> None:
        self._freed += 1
        floating.project, floating.target, floating.auto = None, None, False
        floating.freed = self._freed

    def _point(self, floating: Floating, row: Row) -> None:
        floating.target = row
        floating.pointed = max(one.pointed for one in self.floatings) + 1

    def _unpoint(self, row: Row) -> None:
        """Take an address its floating ones; its project keeps those that it asked for."""
        for floating in sorted(self.floatings, key=lambda one: one.pointed):
            if floating.target is row:
                floating.target = None
                if floating.auto:
                    self._give_back(floating)
