"""Where a reader without a position of its own was last, so that starting over does not forget it (S10, S11).

The allocator and the host agents read the ledger from its start whenever they begin. After the log has lost
its tail, a reader that begins finds nothing wrong: what would show it is gone. So a process that starts over
compares the log with the place that it had reached before, and stays stopped until an operator has led on.
"""

from events.errors import LedgerAlarm
from events.ledger.fold import Alarm, LedgerFold
from events.ledger.follow import LedgerReader
from events.ledger.position import Position
from events.log.port import Log, TopicPartition


class LastPlace:
    """The farthest place in a ledger that this process has read up to."""

    def __init__(self, log: Log, where: TopicPartition, cell: str) -> None:
        """Begin without one."""
        self._log = log
        self._where = where
        self._cell = cell
        self._position: Position | None = None

    def remember(self, fold: LedgerFold) -> None:
        """Remember where a reader is that ends now, if it has come farther than the one before."""
        if fold.genesis is None:
            return
        position = fold.position()
        if self._position is None or position.next_offset >= self._position.next_offset:
            self._position = position

    def check(self) -> None:
        """Do nothing if the log still holds what was read before, or an operator has begun a new epoch.

        Raises:
            LedgerAlarm: it lost or changed records, or the topic was replaced.
            LogUnavailable: it does not answer.

        """
        if self._position is None:
            return
        try:
            LedgerReader(self._log, self._where, self._cell, self._position).close()
        except LedgerAlarm as alarm:
            if alarm.reason != Alarm.EPOCH_DIVERGED:
                raise
            self._position = None
