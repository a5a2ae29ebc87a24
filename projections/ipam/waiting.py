"""Reading one's own writes: waiting until the tables have a position."""

from time import monotonic

from projections.ipam.connection import Reader
from projections.ipam.errors import IpamMissing, translated
from projections.ipam.writer import CHANNEL

_LOOK_AGAIN_S = 1.0
"""A notification can be missed when a session breaks: look again after so long, whatever comes."""

_SEQ = "SELECT seq FROM position"


def wait_for(reader: Reader, seq: int, timeout_s: float) -> bool:
    """Wait until the tables are at a position or past it; False when they are not in time.

    Raises:
        IpamUnavailable: the server did not answer.

    """
    deadline = monotonic() + timeout_s
    if _there(reader, seq):
        return True
    with translated():
        reader.connection.execute(f"LISTEN {CHANNEL}".encode())
    try:
        while not _there(reader, seq):
            left = deadline - monotonic()
            if left <= 0:
                return False
            with translated():
                list(reader.connection.notifies(timeout=min(left, _LOOK_AGAIN_S), stop_after=1))
        return True
    finally:
        if not reader.connection.closed:
            with translated():
                reader.connection.execute(f"UNLISTEN {CHANNEL}".encode())


def _there(reader: Reader, seq: int) -> bool:
    try:
        row = reader.row(_SEQ)
    except IpamMissing:
        return False
    return row is not None and bool(row["seq"] >= seq)
