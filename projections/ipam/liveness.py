"""What hosts say about themselves: how far their kernels agree with the ledger. Of no digest."""

from collections.abc import Iterable
from typing import NamedTuple

from events.clock import time_text
from events.hosts import ReportApplied
from events.ids import uuid7_time_ms
from projections.ipam.connection import Reader
from projections.ipam.errors import translated


class ReportPosition(NamedTuple):
    """How far the reports input has been read."""

    incarnation: str
    next_offset: int


_UPDATE = """
    INSERT INTO host_status (host, seq, failures, repairs, reported_time) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (host) DO UPDATE SET seq = excluded.seq, failures = excluded.failures,
        repairs = excluded.repairs, reported_time = excluded.reported_time
    WHERE host_status.reported_time <= excluded.reported_time
"""
_MOVE = """
    INSERT INTO report_position (incarnation, next_offset) VALUES (%s, %s)
    ON CONFLICT (only_row) DO UPDATE
    SET incarnation = excluded.incarnation, next_offset = excluded.next_offset
"""


def read_report_position(reader: Reader) -> ReportPosition | None:
    """Return how far the reports input was read before; None when it never was."""
    row = reader.row("SELECT incarnation, next_offset FROM report_position")
    return None if row is None else ReportPosition(row["incarnation"], row["next_offset"])


def write_reports(reader: Reader, reports: Iterable[ReportApplied], position: ReportPosition) -> None:
    """Remember each host's newest report, and how far the input was read.

    A report that comes again, or late, changes nothing: the newest one counts, by the time in its id.

    Raises:
        IpamMissing: there are no tables yet.
        IpamUnavailable: the server did not answer.

    """
    newest = {report.host: report for report in reports}
    with translated(), reader.connection.transaction():
        for report in newest.values():
            time = time_text(uuid7_time_ms(report.id))
            row = (report.host, report.seq, report.failures, report.repairs, time)
            reader.connection.execute(_UPDATE.encode(), row)
        reader.connection.execute(_MOVE.encode(), position)
