"""Who should own a cell, by a lock that PostgreSQL keeps for one session at a time."""

import threading

import structlog

from events.errors import LogError
from events.log.postgres_connection import Connection, Server, cut, lock_key, translated

LOOK_S = 0.25
"""How often the lock is asked for, or the session looked after once it is held."""

CLOSE_S_MAX = 2.0

log = structlog.get_logger()


class PostgresOwnership:
    """Holds the advisory lock of a cell in a session of its own, from a thread of its own.

    The server frees the lock with the session: at once when we close it or die, within seconds when we vanish
    from the network.
    """

    def __init__(self, dsn: str, cell: str) -> None:
        self._server = Server(dsn)
        self._cell = cell
        self._connection: Connection | None = None
        self._assigned = False
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name=f"ownership of {cell}", daemon=True)
        self._keeper.start()

    def assigned(self) -> bool:
        """Return whether the lock was held when the session was last looked after, within `LOOK_S`."""
        return self._assigned

    def close(self) -> None:
        """Give up the lock at once."""
        self._assigned = False
        self._stop.set()
        self._keeper.join(CLOSE_S_MAX)
        connection = self._connection
        if self._keeper.is_alive() and connection is not None:
            cut(connection)
            self._keeper.join(CLOSE_S_MAX)

    def _keep(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._assigned = self._look() and not self._stop.is_set()
                except LogError as error:
                    self._lose(error)
                self._stop.wait(LOOK_S)
        finally:
            self._assigned = False
            self._disconnect()

    def _look(self) -> bool:
        """Ask for the lock, or, when it is held, whether the session that holds it is alive."""
        if self._connection is None:
            self._connection = self._server.connect(f"owner of {self._cell}")
        with translated(self._server, f"asking to own cell {self._cell}"):
            if self._assigned:
                self._connection.execute("SELECT")
                return True
            key = lock_key(f"owner of {self._cell}")
            answer = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone()
        return answer == (True,)

    def _lose(self, error: LogError) -> None:
        if self._assigned:
            log.warning("the session that owned the cell is gone", cell=self._cell, why=str(error))
        self._assigned = False
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
