"""Where the benchmarks run: a log that every process can open by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

from events.log.port import Log, TopicSpec
from events.record import LEVEL, Genesis, encode_genesis
from services.allocator.runner import CellTopics, now_ms


@dataclass(frozen=True)
class Place:
    """A log by its kind and address."""

    kind: str
    address: str

    def open(self) -> Log:
        """Connect."""
        if self.kind == "kafka":
            from events.log.kafka import KafkaLog
            from events.log.kafka_settings import KafkaSettings

            return KafkaLog(KafkaSettings(self.address))
        from events.log.postgres import PostgresLog

        return PostgresLog(self.address)


@contextmanager
def place(kind: str) -> Iterator[Place]:
    """Use the servers that the environment names (KAFKA_BOOTSTRAP_SERVERS, NETLEDGER_DATABASE), or start some."""
    with TemporaryDirectory(prefix="netledger-bench-") as directory:
        if kind == "kafka" and (servers := environ.get("KAFKA_BOOTSTRAP_SERVERS")):
            yield Place(kind, servers)
        elif kind == "kafka":
            from services.dev_kafka import DevKafka

            with DevKafka(Path(directory)) as broker:
                yield Place(kind, broker.bootstrap_servers)
        elif dsn := environ.get("NETLEDGER_DATABASE"):
            yield Place(kind, dsn)
        else:
            from services.embedded_postgres import EmbeddedPostgres

            with EmbeddedPostgres(Path(directory)) as server:
                yield Place(kind, server.dsn)


def new_cell(log: Log) -> CellTopics:
    """Create topics of their own, with a ledger."""
    topics = CellTopics("bench", prefix=f"bench-{uuid4().hex[:8]}")
    for where, purpose in ((topics.ledger, "ledger"), (topics.commands, "input"), (topics.reports, "input")):
        log.ensure_topic(TopicSpec(where.topic, 1, purpose))
    genesis = Genesis(ledger_id=str(uuid4()), cell=topics.cell, level=LEVEL, window_commands=65_536)
    appender = log.appender(topics.ledger)
    appender.append([encode_genesis(genesis, now_ms())])
    appender.flush(10.0)
    appender.close()
    return topics
