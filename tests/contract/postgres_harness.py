"""The log on PostgreSQL under the contract suite, and a wire in between that can be held and cut."""

import psycopg

from events.log.port import Log, TopicPartition, TopicSpec
from events.log.postgres import PostgresLog
from tests.contract.harness import Line, LogHarness
from tests.postgres_line import PostgresLine


class PostgresHarness(LogHarness):
    """PostgreSQL: every log has connections of its own to one database."""

    def __init__(self, dsn: str) -> None:
        super().__init__()
        self._dsn = dsn

    def _open(self) -> Log:
        return PostgresLog(self._dsn)

    def open_on_a_line(self, where: TopicPartition) -> tuple[Log, Line]:
        """Return a log whose every connection goes through a wire of ours."""
        line = self._cleanup.enter_context(PostgresLine(self._dsn))
        return self._cleanup.enter_context(PostgresLog(line.dsn)), line

    def replace_topic(self, spec: TopicSpec) -> None:
        """Delete its row and create it again."""
        with psycopg.connect(self._dsn) as connection:
            connection.execute("DELETE FROM netledger_log.topics WHERE name = %s", (spec.name,))
        self.open().ensure_topic(spec)
