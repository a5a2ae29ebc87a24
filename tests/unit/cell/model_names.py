"""The obvious model with names: a list of them, and automatic floating IPs."""

from copy import deepcopy
from dataclasses import dataclass

from events.dns import (
    AddDnsEntry,
    CreatePrivateDnsDomain,
    CreatePublicDnsDomain,
    DeleteDnsDomain,
    DeleteDnsEntry,
    ModifyDnsEntry,
)
from events.fixed_ips import AddFixedIp
from events.floating_ips import DeleteFloatingIps
from events.instances import SpawnInstance
from events.model import Actor
from projections.cell.state import Rules
from tests.unit.cell.model import DrawMac, Model
from tests.unit.cell.model_rows import Answer, Floating, Net, Row


@dataclass
class Named:
    """A name, and the floating or fixed address that it stands for."""

    name: str
    domain: str
    floating: Floating | None = None
    row: Row | None = None

    @property
    def full(self) -> str:
        """The name with its domain."""
        return f"{self.name}.{self.domain}"

    @property
    def address(self) -> str | None:
        """What it stands for."""
        return next((one.address for one in (self.floating, self.row) if one is not None), None)


class NamesModel(Model):
    """The cell with names."""

    def __init__(self, draw_mac: DrawMac, rules: Rules) -> None:
        """Begin empty."""
        super().__init__(draw_mac, rules)
        self.domains: dict[str, tuple[str, str | None]] = {}
        """Scope, and zone or project."""
        self.named: list[Named] = []
        self.called: dict[str, tuple[str | None, str | None]] = {}
        """Display name and zone of instances."""

    # --- Instances --------------------------------------------------------------------------------------

    def _SpawnInstance(self, asked: SpawnInstance, now_ms: int) -> Answer:  # noqa: N802 - named after its command
        new = asked.instance_uuid not in self.vms
        before = deepcopy(self.__dict__)
        answer = super()._SpawnInstance(asked, now_ms)
        if answer is not None or not new:
            return answer
        self.called[asked.instance_uuid] = (asked.display_name, asked.availability_zone)
        rows = self._rows_of(asked.instance_uuid)
        self._call(asked.instance_uuid, rows)
        able = [row for net, row in rows if net.asked.kind != "flat"]
        if self._rules.auto_assign_floating_ip and able:
            pool = self._rules.default_floating_pool
            known, free = {one.pool for one in self.floatings}, self.free_floating(pool)
            if not free:
                self.__dict__.update(before)
                return "NoMoreFloatingIps" if pool in known else "FloatingIpPoolNotFound", None
            found = next(one for one in self.floatings if one.address == free[0])
            found.project, found.auto = asked.project_id, True
            self._point(found, able[0])
        return None

    def _rows_of(self, uuid: str) -> list[tuple[Net, Row]]:
        """Return an instance's addresses in order of its NICs, then of their allocation."""
        nets = [self.nets[key] for key in self.vms[uuid].macs]
        found = [(net, row) for net in nets for row in net.rows if row.instance == uuid]
        return sorted(found, key=lambda one: (nets.index(one[0]), one[1].taken))

    def _call(self, uuid: str, rows: list[tuple[Net, Row]]) -> None:
        domain = self._rules.instance_dns_domain
        display_name, zone = self.called[uuid]
        scope, of = self.domains.get(domain, ("private", None))
        if not domain or not rows or (scope == "private" and of not in (None, zone)):
            return
        taken = {one.full for one in self.named} | set(self.domains)
        for name in ((display_name or "").lower(), uuid):
            if name and " " not in name and f"{name}.{domain}" not in taken:
                self.named.append(Named(name, domain, row=rows[0][1]))

    def _release(self, net: Net, row: Row, now_ms: int) -> None:
        others = [one for _, one in self._rows_of(str(row.instance)) if one is not row]
        for one in self.named:
            if one.row is row:
                one.row = others[0] if others else None
        self._forget_the_nameless()
        super()._release(net, row, now_ms)

    def _AddFixedIp(self, asked: AddFixedIp, now_ms: int) -> Answer:  # noqa: N802 - named after its command
        first = asked.instance_uuid in self.vms and not self._rows_of(asked.instance_uuid)
        answer = super()._AddFixedIp(asked, now_ms)
        if answer is None and first:
            self._call(asked.instance_uuid, self._rows_of(asked.instance_uuid))
        return answer

    def _forget_the_nameless(self) -> None:
        self.named = [one for one in self.named if one.address is not None]

    # --- Floating IPs -----------------------------------------------------------------------------------

    def _give_back(self, floating: Floating) -> None:
        self.named = [one for one in self.named if one.floating is not floating]
        super()._give_back(floating)

    def _DeleteFloatingIps(self, asked: DeleteFloatingIps, now_ms: int) -> Answer:  # noqa: N802 - likewise
        answer = super()._DeleteFloatingIps(asked, now_ms)
        left = [id(one) for one in self.floatings]
        self.named = [one for one in self.named if one.floating is None or id(one.floating) in left]
        return answer

    # --- Names ------------------------------------------------------------------------------------------

    def _CreatePublicDnsDomain(  # noqa: N802 - named after its command
        self, asked: CreatePublicDnsDomain | CreatePrivateDnsDomain, _now_ms: int
    ) -> Answer:
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        if isinstance(asked, CreatePublicDnsDomain):
            scope, of = "public", asked.project_id
        else:
            scope, of = "private", asked.availability_zone
        if self.domains.get(asked.domain, (scope, of))[0] != scope:
            return "InvalidInput", "domain"
        self.domains[asked.domain] = (scope, of)
        return None

    _CreatePrivateDnsDomain = _CreatePublicDnsDomain

    def _DeleteDnsDomain(self, asked: DeleteDnsDomain, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        if not asked.actor.is_admin:
            return "Forbidden", "actor.is_admin"
        if asked.domain not in self.domains:
            return "NotFound", "domain"
        self.named = [one for one in self.named if one.domain != asked.domain]
        del self.domains[asked.domain]
        return None

    def _writable(self, actor: Actor, domain: str) -> Answer:
        if domain not in self.domains:
            return "NotFound", "domain"
        scope, of = self.domains[domain]
        mine = scope == "public" and of in (None, actor.project)
        return None if actor.is_admin or mine else ("Forbidden", "domain")

    def _nameable(self, actor: Actor, address: str) -> Floating | tuple[str, str | None]:
        floating = self._usable(actor, address, "address")
        if isinstance(floating, Floating) and floating.auto:
            return "Forbidden", "address"
        return floating

    def _AddDnsEntry(self, asked: AddDnsEntry, _now_ms: int) -> Answer:  # noqa: N802 - named after its command
        refused = self._writable(asked.actor, asked.domain)
        if refused is not None:
            return refused
        named = Named(asked.name, asked.domain)
        inner = [f".{one}" for one in self.domains if one.endswith(f".{asked.domain}")]
        if any(f".{named.full}".endswith(one) for one in inner):
            return "InvalidInput", "name"
        floating = self._nameable(asked.actor, asked.address)
        if isinstance(floating, tuple):
            return floating
        if named.full in {one.full for one in self.named}:
            return "FloatingIpDNSExists", "name"
        named.floating = floating
        self.named.append(named)
        return None

    def _entry(self, asked: ModifyDnsEntry | DeleteDnsEntry) -> Named | tuple[str, str | None]:
        refused = self._writable(asked.actor, asked.domain)
        if refused is not None:
            return refused
        found = [one for one in self.named if (one.name, one.domain) == (asked.name, asked.domain)]
        if not found:
            return "NotFound", "name"
        if found[0].floating is None:
            return "Forbidden", "name"
        theirs = found[0].floating.project != asked.actor.project
        if theirs and self.domains[asked.domain][1] is None and not asked.actor.is_admin:
            return "Forbidden", "name"
        return found[0]

    def _ModifyDnsEntry(self, asked: ModifyDnsEntry, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        entry = self._entry(asked)
        if isinstance(entry, tuple):
            return entry
        if entry.address == asked.address:
            return None
        floating = self._nameable(asked.actor, asked.address)
        if isinstance(floating, tuple):
            return floating
        entry.floating = floating
        return None

    def _DeleteDnsEntry(self, asked: DeleteDnsEntry, _now_ms: int) -> Answer:  # noqa: N802 - likewise
        entry = self._entry(asked)
        if isinstance(entry, tuple):
            return entry
        self.named.remove(entry)
        return None
