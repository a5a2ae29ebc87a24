"""Running the IPAM projection over a written ledger, in one step."""

from collections.abc import Sequence

from events.ledger.follow import Decided, LedgerReader
from projections.ipam.connection import Reader
from projections.ipam.writer import Applied, IpamProjection, Outcome
from tests.written_ledger import LEDGER, WrittenLedger

CELL = "default"


def reader_of(ledger: WrittenLedger, tables: IpamProjection | None = None) -> LedgerReader:
    """Return a reader that goes on from where tables are, or from the start."""
    ledger.flush()
    return LedgerReader(ledger.log, LEDGER, CELL, tables.position() if tables is not None else None)


def project(ledger: WrittenLedger, dsn: str, batch: int = 1000) -> int:
    """Write what the ledger says into its tables, and return how many conflicts came to light."""
    conflicts = 0
    with IpamProjection(dsn, CELL) as tables, reader_of(ledger, tables) as reader:
        for decided in reader.catch_up(batch):
            applied = tables.apply(decided, reader.fold.position())
            assert applied.outcome is Outcome.APPLIED
            conflicts += applied.conflicts
    return conflicts


def step(tables: IpamProjection, reader: LedgerReader, records: int = 1000) -> Applied:
    """Read up to so many records and write them."""
    decided: Sequence[Decided] = reader.poll(records, 0.0)
    return tables.apply(decided, reader.fold.position())


def look(dsn: str) -> Reader:
    """Open the tables for reading."""
    return Reader(dsn, CELL)
