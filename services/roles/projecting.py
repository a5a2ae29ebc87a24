"""The projector: keeps the PostgreSQL tables of a cell at the ledger's position.

One thread reads, judges and folds a batch while another waits for the database to write the batch before.
What hosts say about themselves is followed beside it, at most once a second.
"""

from contextlib import ExitStack
from queue import Empty, Full, Queue
from threading import Event, Thread
from time import monotonic
from typing import NamedTuple, Self

import structlog
from pydantic import ValidationError

from events.catalog import REPORTS
from events.errors import LedgerAlarm
from events.hosts import ReportApplied
from events.ledger.fold import Alarm
from events.ledger.follow import Decided, LedgerReader
from events.ledger.position import Position
from events.log.port import Feed, Log, TopicPartition
from projections.ipam.changes import Changes
from projections.ipam.connection import Reader
from projections.ipam.errors import IpamOtherLedger
from projections.ipam.liveness import ReportPosition, read_report_position, write_reports
from projections.ipam.rows import fold
from projections.ipam.writer import IpamProjection, Outcome
from services.allocator.topics import CellTopics
from services.roles.health import Health

BATCH_MAX = 1000
"""Records of the ledger in one transaction; more of them only cost memory."""

AHEAD_MAX = 2
"""Batches that are read and folded before the database has written the one before."""

POLL_S = 0.5
"""How long nothing may come before the reader looks whether it should stop."""

STANDBY_S = 1.0
"""Pause of a projector that found another one ahead of it."""

LOOK_EVERY_S = 2.0
"""How often an idle projector asks whether the database is still there."""

LAG_EVERY_S = 2.0
"""How often a busy projector asks where the ledger ends."""

REPORTS_EVERY_S = 1.0
REPORTS_BATCH_MAX = 5000
REPORTS_LOOK_BACK = 20_000
"""Reports read at first, from the newest back: of each host only the last one counts."""

_APPLIED = b"ReportApplied"


class Batch(NamedTuple):
    """Decisions, what they change, and the position after them."""

    decided: list[Decided]
    changes: Changes
    to: Position


class Projector:
    """Runs the projection of one cell."""

    name = "projector"

    def __init__(self, log: Log, topics: CellTopics, dsn: str) -> None:
        """Prepare to write what `log` says into the database `dsn`; nothing is connected before `run`."""
        self._log = log
        self._topics = topics
        self._dsn = dsn
        self._logger = structlog.get_logger("projector").bind(cell=topics.cell)
        self._reader: LedgerReader | None = None
        self._written: Position | None = None
        self._phase = "starting"
        self._lag: int | None = None
        self._lag_at = 0.0
        self._looked_at = 0.0
        self.conflicts = 0
        """Conflicts that came to light since the start."""
        self.ready = False
        """Whether the tables have been at the end of the ledger since `run` began."""

    def health(self) -> Health:
        """Say how far the tables are."""
        written, reader = self._written, self._reader
        return Health(
            ready=self.ready,
            phase=self._phase,
            term=written.term if written is not None else None,
            seq=written.seq if written is not None else None,
            lag=self._lag,
            skipped={str(why): count for why, count in list(reader.fold.skipped.items())} if reader else {},
            conflicts=self.conflicts,
        )

    def run(self, stop: Event) -> None:
        """Project until `stop` is set. May be called again after it has raised.

        Raises:
            IpamOtherLedger: the tables were built from another ledger, or from another past of it.
            IpamOutdated: the tables have another layout.
            IpamUnavailable: the database does not answer.
            LedgerAlarm: the log lost or changed records; nothing was changed.
            LedgerMissing: the ledger was never initialised.
            LogUnavailable: the log does not answer.

        """
        self.ready = False
        while not stop.is_set():
            with ExitStack() as stack:
                outcome = self._follow(stack, stop)
            if outcome is not Outcome.APPLIED:
                self._phase = "standby"
                self._logger.info("starting over from where the tables are", because=str(outcome))
                stop.wait(STANDBY_S)

    def _follow(self, stack: ExitStack, stop: Event) -> Outcome:
        """Go on from where the tables are until told to stop, or until somebody else has moved them."""
        tables = stack.enter_context(IpamProjection(self._dsn, self._topics.cell))
        self._written = tables.position()
        reader = stack.enter_context(self._open(self._written))
        self._reader = reader
        reports = stack.enter_context(
            HostReports(self._log, self._topics.reports, self._dsn, self._topics.cell)
        )
        ahead = stack.enter_context(ReadAhead(reader, stop))
        self._phase = "catching up"
        self._logger.info("following", seq=self._written.seq if self._written else 0, schema=tables.schema)
        while not stop.is_set():
            batch = ahead.next(POLL_S)
            if batch is not None:
                outcome = self._write(tables, batch)
                if outcome is not Outcome.APPLIED:
                    return outcome
            self._measure(reader, idle=batch is None)
            if batch is None and not self._undisturbed(tables):
                return Outcome.SOMEBODY_AHEAD
            reports.look()
        return Outcome.APPLIED

    def _open(self, position: Position | None) -> LedgerReader:
        where, cell = self._topics.ledger, self._topics.cell
        if position is not None and position.topic_incarnation != self._log.topic(where.topic).incarnation:
            raise _other_ledger(
                f"from another topic than {where.topic!r} is now (it was deleted and created again)"
            )
        return LedgerReader(self._log, where, cell, position)

    def _write(self, tables: IpamProjection, batch: Batch) -> Outcome:
        applied = tables.apply(batch.decided, batch.to, batch.changes)
        if applied.conflicts:
            self.conflicts += applied.conflicts
            self._logger.critical(
                "something is held twice, or was given back without being held: see `netledger conflicts`",
                conflicts=applied.conflicts,
                seq=batch.to.seq,
            )
        if applied.outcome is Outcome.APPLIED:
            self._written = batch.to
        return applied.outcome

    def _undisturbed(self, tables: IpamProjection) -> bool:
        """Look now and then, while nothing comes, whether the database is there and as we left it."""
        if monotonic() - self._looked_at < LOOK_EVERY_S:
            return True
        self._looked_at = monotonic()
        return tables.undisturbed()

    def _measure(self, reader: LedgerReader, *, idle: bool) -> None:
        """Find out how far the tables are behind the ledger."""
        if not idle and monotonic() - self._lag_at < LAG_EVERY_S:
            return
        self._lag_at = monotonic()
        end = self._log.bounds(self._topics.ledger).end
        at = self._written.next_offset if self._written is not None else 0
        self._lag = max(0, end - at)
        if self._lag == 0:
            reader.require_genesis()
            self._phase = "following"
            self.ready = True


class ReadAhead:
    """Reads, judges and folds in a thread of its own, a few batches ahead of who writes them."""

    def __init__(self, reader: LedgerReader, stop: Event) -> None:
        """Read with `reader`, which is this thread's alone until the end, unless `stop` is set."""
        self._reader = reader
        self._stop = stop
        self._done = Event()
        self._queue: Queue[Batch | Exception] = Queue(AHEAD_MAX)
        self._thread = Thread(target=self._run, name="read-ahead", daemon=True)

    def next(self, timeout_s: float) -> Batch | None:
        """Return the next batch, None when there is none in time.

        Raises:
            NetledgerError: the ledger cannot be read on.

        """
        try:
            batch = self._queue.get(timeout=timeout_s)
        except Empty:
            return None
        if isinstance(batch, Exception):
            raise batch
        return batch

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and not self._done.is_set():
                batch = self._read()
                if batch is not None:
                    self._put(batch)
        except LedgerAlarm as alarm:
            diverged = alarm.reason in {Alarm.EPOCH_DIVERGED, Alarm.LEDGER_CHANGED}
            self._put(_other_ledger(f"from another past of this ledger ({alarm})") if diverged else alarm)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised again where batches are awaited
            self._put(error)

    def _read(self) -> Batch | None:
        before = self._reader.fold.next_offset
        decided = list(self._reader.poll(BATCH_MAX, POLL_S))
        if self._reader.fold.next_offset == before or self._reader.fold.genesis is None:
            return None
        return Batch(decided, fold(decided), self._reader.fold.position())

    def _put(self, batch: Batch | Exception) -> None:
        while not self._done.is_set():
            try:
                self._queue.put(batch, timeout=POLL_S)
            except Full:
                continue
            return

    def __enter__(self) -> Self:
        """Begin to read."""
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop reading, and wait until the thread is done."""
        self._done.set()
        self._thread.join()


class HostReports:
    """Follows what hosts say about themselves and keeps the newest of each in the tables."""

    def __init__(self, log: Log, where: TopicPartition, dsn: str, cell: str) -> None:
        """Go on where the tables were left, or a bounded number of reports before the end."""
        self._where = where
        self._incarnation = log.topic(where.topic).incarnation
        self._looked_at = 0.0
        self._tables = Reader(dsn, cell)
        bounds = log.bounds(where)
        known = read_report_position(self._tables)
        self._next = max(bounds.start, bounds.end - REPORTS_LOOK_BACK)
        if known is not None and known.incarnation == self._incarnation and known.next_offset <= bounds.end:
            self._next = max(self._next, known.next_offset)
        self._feed: Feed = log.follow({where: self._next})

    def look(self) -> None:
        """Take what has come, at most once a second; never waits.

        Raises:
            LogUnavailable: the log does not answer.
            IpamUnavailable: the database does not answer.

        """
        if monotonic() - self._looked_at < REPORTS_EVERY_S:
            return
        self._looked_at = monotonic()
        records = self._feed.poll(REPORTS_BATCH_MAX, 0.0)
        if not records:
            return
        self._next = records[-1].offset + 1
        reports = [report for record in records if (report := _applied(record.value)) is not None]
        write_reports(self._tables, reports, ReportPosition(self._incarnation, self._next))

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of a `with` block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop following."""
        self._feed.close()
        self._tables.close()


def _applied(value: bytes) -> ReportApplied | None:
    """Return a host's report about itself; whatever else is in the input is the allocator's to refuse."""
    if _APPLIED not in value:
        return None
    try:
        report = REPORTS.validate_json(value)
    except ValidationError:
        return None
    return report if isinstance(report, ReportApplied) and report.host == report.reporter else None


def _other_ledger(how: str) -> IpamOtherLedger:
    return IpamOtherLedger(
        f"The tables were built {how}. Run `netledger ledger rebuild` to build them anew from this one."
    )
