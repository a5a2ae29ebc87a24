"""Reads Kafka partitions: one consumer without a group, at offsets that we name."""

import time
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import Message as KafkaMessage
from confluent_kafka import TopicPartition as KafkaPartition

from events.errors import LogError, LogUnavailable, TopicMissing
from events.log.kafka_errors import END_OF_PARTITION, Complaints, error_of, translate
from events.log.kafka_settings import KafkaSettings
from events.log.port import LogRecord, TopicPartition

READER_GROUP = "netledger-reader"
"""librdkafka wants a name. Nothing is ever committed under it and it has no members."""

READER_WAIT_MS = 20
"""How long a broker may hold back its answer at the end of the log; the next page may have to wait for it."""

DATA_OF = itemgetter(1)


def new_consumer(settings: KafkaSettings, complaints: Complaints, **ours: str | float) -> Consumer:
    """Make a consumer that reads by `assign` only."""
    try:
        return Consumer({**settings.consumer(READER_GROUP, **ours), "error_cb": complaints})
    except KafkaException as error:
        raise translate(error_of(error), "opening a reader", settings.bootstrap_servers) from error


def is_about_the_group(error: KafkaError) -> bool:
    """Tell whether librdkafka speaks of the group that we name and never use (no ACL is needed for it)."""
    return error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED


def to_record(message: KafkaMessage, places: Mapping[tuple[str, int], TopicPartition]) -> LogRecord:
    """Turn a message into a record. What Kafka calls null, which we never write, is empty here."""
    where = places[message.topic(), message.partition()]  # type: ignore[index] # only error events have none
    headers: Any = message.headers() or ()  # a list of pairs; the stub allows all that can be produced
    if not all(map(DATA_OF, headers)):
        headers = ((name, data or b"") for name, data in headers)
    offset: Any = message.offset()  # never None in what was fetched
    return LogRecord(where, offset, tuple(headers), message.value() or b"")


class KafkaFeed:
    """The `Feed` port.

    Kafka does not always tell a consumer that a topic was deleted and made again under its name: reading may
    go on in the new one if it has the offset. The ledger's readers notice: by the incarnation, by the chain
    hash, and by reading the record at their own place again.

    Args:
        settings: where Kafka is.
        positions: the next offset of each partition.
        check: raises if a followed topic is not there any more, or is another one of the same name. Asked
            when the consumer has doubts, which it also has while a broker starts.

    """

    def __init__(
        self,
        settings: KafkaSettings,
        positions: Mapping[TopicPartition, int],
        check: Callable[[], None],
    ) -> None:
        self._servers = settings.bootstrap_servers
        self._doing = "following " + ", ".join(f"{where.topic}/{where.partition}" for where in positions)
        self._places: dict[tuple[str, int], TopicPartition] = {where: where for where in positions}
        self._check = check
        self._complaints = Complaints()
        self._broken: LogError | None = None
        self._consumer: Consumer | None = new_consumer(
            settings,
            self._complaints,
            topic_metadata_propagation_max_ms=0,  # the topic exists; do not wait 30 s before doubting it
        )
        self._consumer.assign(
            [KafkaPartition(topic, partition, offset) for (topic, partition), offset in positions.items()]
        )

    def poll(self, limit: int, timeout_s: float) -> Sequence[LogRecord]:
        """Return what is there as soon as anything is, at most `limit` records; waits at most `timeout_s`."""
        if self._broken is not None:
            raise self._broken
        records = []
        for message in self._fetch(limit, timeout_s):
            error = message.error()
            if error is None:
                records.append(to_record(message, self._places))
            elif not is_about_the_group(error):
                self._take_error(error)
        if records:
            return records
        if self._broken is not None:
            raise self._broken
        complaint = self._complaints.take_serious()
        if complaint is not None and not is_about_the_group(complaint):
            self._hear(complaint)
        return records

    def close(self) -> None:
        """Stop following. Safe to call twice."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _fetch(self, limit: int, timeout_s: float) -> list[KafkaMessage]:
        if self._consumer is None:
            raise LogUnavailable(f"{self._doing}: this feed was closed")
        try:
            first = self._consumer.poll(timeout_s)
            if first is None:
                return []
            # consume(n, 0) hands over what has been fetched; with a timeout it would wait for all n
            return [first, *self._consumer.consume(limit - 1, 0)] if limit > 1 else [first]
        except KafkaException as error:  # librdkafka has given this consumer up for good
            self._broken = translate(error_of(error), self._doing, self._servers)
            raise self._broken from error

    def _take_error(self, error: KafkaError) -> None:
        """Keep an error until the records before it are handed over."""
        translated = translate(error, self._doing, self._servers, self._complaints.last)
        if isinstance(translated, LogUnavailable | TopicMissing):
            self._complaints(error)
            self._complaints.serious = True
        elif self._broken is None:
            self._broken = translated

    def _hear(self, complaint: KafkaError) -> None:
        """Raise what the consumer complains about; a topic is called missing only after asking again."""
        error = translate(complaint, self._doing, self._servers)
        if not isinstance(error, TopicMissing):
            raise error
        try:
            self._check()
        except LogUnavailable:
            self._take_error(complaint)  # ask again at the next poll
            raise
        except LogError as gone:
            self._broken = gone
            raise


class KafkaReader:
    """Reads pages with one consumer that is kept. Not for use by several threads at once."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._complaints = Complaints()
        self._consumer = new_consumer(
            settings, self._complaints, enable_partition_eof="true", fetch_wait_max_ms=READER_WAIT_MS
        )

    def read(self, where: TopicPartition, offset: int, limit: int) -> Sequence[LogRecord]:
        """Return up to `limit` records from `offset` to the end of the partition.

        Raises:
            OffsetOutOfRange: Kafka does not hold the offset (any more).
            LogUnavailable: the end was not reached in time.

        """
        doing = f"reading {where.topic}/{where.partition} from {offset}"
        servers, places = self._settings.bootstrap_servers, {(where.topic, where.partition): where}
        deadline = time.monotonic() + self._settings.answer_timeout_s
        records: list[LogRecord] = []
        self._complaints.take_serious()
        self._consumer.assign([KafkaPartition(where.topic, where.partition, offset)])
        try:
            while len(records) < limit:
                message = self._consumer.poll(max(0.0, deadline - time.monotonic()))
                if message is None:
                    raise LogUnavailable(
                        f"{doing}: Kafka at {servers} did not answer in {self._settings.answer_timeout_s:g} s"
                    )
                error = message.error()
                if error is None:
                    records.append(to_record(message, places))
                elif error.code() == END_OF_PARTITION:
                    break
                elif not is_about_the_group(error):
                    raise translate(error, doing, servers, self._complaints.last)
        finally:
            self._consumer.unassign()
        return records

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close()
