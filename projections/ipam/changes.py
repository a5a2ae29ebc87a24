"""What a batch of decisions changes in the tables, before it is written."""

from dataclasses import dataclass, field

from projections.ipam.tables import HELD_TABLES, HeldTable, Row, Where


@dataclass
class Holds:
    """What changes in one table of holds."""

    table: HeldTable
    began: dict[Where, Row] = field(default_factory=dict)
    """Holds that began and last, as rows of the table."""
    ended: list[Row] = field(default_factory=list)
    """Holds of the table that ended: where, ending columns, to_seq, to_time."""
    passed: list[Row] = field(default_factory=list)
    """Holds that began and ended, as rows of the history."""
    began_twice: bool = False
    """One holder began the same hold twice: the batch cannot be folded."""

    def begin(self, where: Where, row: Row) -> None:
        """Let something be held from now on."""
        if where in self.began:
            self.began_twice = True
        self.began[where] = row

    def end(self, where: Where, ending: Row, seq: int, time: str) -> None:
        """Let something no longer be held."""
        row = self.began.pop(where, None)
        if row is None:
            self.ended.append([*where, *ending, seq, time])
            return
        columns = dict(zip(self.table.columns, row, strict=True))
        kept = [columns[name] for name in self.table.kept]
        self.passed.append([*kept, *ending, columns["from_seq"], columns["from_time"], seq, time])


@dataclass
class Changes:
    """What a batch of decisions changes, by table."""

    holds: dict[str, Holds] = field(
        default_factory=lambda: {table.name: Holds(table) for table in HELD_TABLES}
    )
    decisions: list[Row] = field(default_factory=list)
    registered: dict[str, Row] = field(default_factory=dict)
    """By host: host, physical networks, lease, network host, epoch, fenced until, seq, time."""
    fenced: dict[str, str] = field(default_factory=dict)
    """By host registered before this batch: about when others take over."""
    let_go: dict[str, int] = field(default_factory=dict)
    """By host: position up to which it has let go of released addresses."""
    claimed: dict[str, Row] = field(default_factory=dict)
    """By network held before this batch: host or None, and epoch."""
    projects: dict[str, str | None] = field(default_factory=dict)
    """By network held before this batch: the project that it belongs to."""
    vpns: dict[str, Row] = field(default_factory=dict)
    """By network held before this batch: public address and port of its VPN."""
    quotas: dict[tuple[str, str], Row] = field(default_factory=dict)
    """By project and resource: limit (None: the default one), seq, time."""
    renamed: dict[str, Row] = field(default_factory=dict)
    """By security group held before this batch: name and description."""
    default_groups: dict[str, Row] = field(default_factory=dict)
    """Default security groups that something refers to, as rows of their table; they may be there already."""
    leased: dict[Where, bool] = field(default_factory=dict)
    """By fixed IP held before this batch."""
    released: dict[Where, Row] = field(default_factory=dict)
    """By fixed IP held before this batch: released_seq, released_time, waits_for, drain_until."""
    moved: dict[str, Row] = field(default_factory=dict)
    """By instance of before this batch: host and epoch as they were, as they are, since which seq; whether
    rxtx_factor is another one, and which."""
    moved_vifs: dict[Where, str | None] = field(default_factory=dict)
    """Host, by NIC of before this batch."""
    moved_fixed_ips: dict[Where, str | None] = field(default_factory=dict)
    """Host, by fixed IP held before this batch."""
    bindings: list[Row] = field(default_factory=list)
    """Bindings that ended: instance, host, epoch, from_seq (None: that of the instance's row), to_seq."""
    contradicted: bool = False
    """A move began where the one before it did not end."""

    @property
    def irregular(self) -> bool:
        """Whether something within the batch cannot be, so that its rows do not tell the whole story."""
        return self.contradicted or any(holds.began_twice for holds in self.holds.values())
