"""Where the benchmarks run: a log that every process can open by itself, and topics of their own on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple
from uuid import uuid4

from events.log.kafka import KafkaLog
from events.log.kafka_settings import KafkaSettings
from events.log.port import Log, Message, TopicPartition, TopicSpec
from events.log.postgres import PostgresLog
from events.record import LEVEL, Genesis, encode_genesis
from services.allocator.runner import now_ms
from services.allocator.topics import CellTopics
from services.dev.kafka import DevKafka
from services.embedded.postgres import EmbeddedPostgres

LogKind = Literal["kafka", "postgres"]

KAFKA = "KAFKA_BOOTSTRAP_SERVERS"
"""Environment: brokers to use instead of one started from its jars."""

POSTGRES = "NETLEDGER_DATABASE"
"""Environment: connection string of a database to use instead of an embedded server."""

WINDOW_COMMANDS = 65_536
APPEND_TIMEOUT_S = 10.0


class Place(NamedTuple):
    """A log by its kind and address: what another process needs to open it."""

    kind: LogKind
    address: str

    def open(self) -> Log:
        """Connect."""
        if self.kind == "kafka":
            return KafkaLog(KafkaSettings(self.address))
        return PostgresLog(self.address)


@contextmanager
def place(kind: LogKind) -> Iterator[Place]:
    """Use the servers that the environment names, or start some on a directory that is removed at the end."""
    named = environ.get(KAFKA if kind == "kafka" else POSTGRES)
    if named:
        yield Place(kind, named)
        return
    with TemporaryDirectory(prefix="netledger-bench-", ignore_cleanup_errors=True) as directory:
        if kind == "kafka":
            with DevKafka(Path(directory)) as broker:
                yield Place(kind, broker.bootstrap_servers)
        else:
            with EmbeddedPostgres(Path(directory)) as server:
                yield Place(kind, server.dsn)


def new_topics(log: Log) -> CellTopics:
    """Create empty topics of a cell that nobody else uses."""
    name = f"bench-{uuid4().hex[:8]}"
    topics = CellTopics(name, prefix=name)
    log.ensure_topic(TopicSpec(topics.ledger.topic, 1, "ledger"))
    for where in (topics.commands, topics.reports):
        log.ensure_topic(TopicSpec(where.topic, 1, "input"))
    return topics


def new_cell(log: Log) -> CellTopics:
    """Create topics with a ledger that has begun."""
    topics = new_topics(log)
    genesis = Genesis(ledger_id=str(uuid4()), cell=topics.cell, level=LEVEL, window_commands=WINDOW_COMMANDS)
    append(log, topics.ledger, [encode_genesis(genesis, now_ms())])
    return topics


def append(log: Log, where: TopicPartition, messages: list[Message]) -> None:
    """Append and wait until it is acknowledged."""
    appender = log.appender(where)
    appender.append(messages)
    appender.flush(APPEND_TIMEOUT_S)
    appender.close()
