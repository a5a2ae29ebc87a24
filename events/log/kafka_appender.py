"""Appends to one Kafka partition: idempotent, in order, acknowledged by all replicas that must have it."""

import time
from collections.abc import Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka import Message as Report

from events.errors import AppenderClosed, LogError, LogUnavailable, RecordTooLarge
from events.log.kafka_errors import Complaints, error_of, translate
from events.log.kafka_settings import KafkaSettings
from events.log.port import RECORD_BYTES_MAX, AppendOutcome, Message, TopicPartition

QUEUE_FULL_WAIT_S = 0.01
"""How long to serve delivery reports before trying again when librdkafka's queue is full."""

REPORTS_EVERY = 256
"""Within one large call, delivery reports are served once in so many messages."""


class KafkaAppender:
    """The `Appender` port on a producer of its own.

    An idempotent producer keeps the order of what it is given, across retries and changes of leader, but
    after a message has failed it would go on with the next one. So the first failure ends the appender: what
    waits is purged, what is in flight has an unknown fate, and a request already on its way may still land.
    """

    def __init__(self, settings: KafkaSettings, where: TopicPartition) -> None:
        self._where = where
        self._servers = settings.bootstrap_servers
        self._doing = f"appending to {where.topic}/{where.partition}"
        self._complaints = Complaints()
        self._given = 0
        self._settled = 0
        self._known: list[AppendOutcome] = []
        self._failure: LogError | None = None
        self._purged = False
        self._producer: Producer | None = None
        try:
            self._producer = Producer({**settings.producer(), "error_cb": self._complaints})
        except KafkaException as error:
            raise translate(error_of(error), self._doing, self._servers) from error

    def append(self, messages: Sequence[Message]) -> None:
        """Hand messages over. Waits only while librdkafka's queue is full, at most the delivery timeout."""
        producer = self._producer
        if producer is None or self._failure is not None:
            raise AppenderClosed(f"{self._doing}: this appender has failed or was closed; open a new one")
        for message in messages:
            if len(message.value) > RECORD_BYTES_MAX:
                raise RecordTooLarge(
                    f"{self._doing}: a record of {len(message.value)} bytes; at most {RECORD_BYTES_MAX} are "
                    "taken"
                )
        first, self._given = self._given, self._given + len(messages)
        for index, message in enumerate(messages, first):
            if not self._produce(producer, index, message):
                break
            if index % REPORTS_EVERY == 0:
                self._serve(0)
        self._serve(0)

    def outcomes(self) -> Sequence[AppendOutcome]:
        """Return what has become known since the last call, in order of appending."""
        self._serve(0)
        known, self._known = self._known, []
        return known

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything handed over has an outcome; False when `timeout_s` passed first."""
        deadline = time.monotonic() + timeout_s
        while self._settled < self._given:
            left = deadline - time.monotonic()
            self._serve(max(0.0, left))
            if left <= 0:
                break
        return self._settled == self._given

    def close(self) -> None:
        """Give up what is not acknowledged. Safe to call twice."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        if self._settled < self._given:
            self._fail(LogUnavailable(f"{self._doing}: closed before Kafka acknowledged; fate unknown"))
        producer.purge()  # else close would wait for what cannot be delivered
        producer.close()

    def _produce(self, producer: Producer, index: int, message: Message) -> bool:
        """Give the message to the producer; False when the appender has failed meanwhile."""
        topic, partition = self._where
        headers, value = message
        while self._failure is None:
            try:
                producer.produce(
                    topic,
                    value,
                    partition=partition,
                    headers=list(headers),
                    on_delivery=partial(self._delivered, index),
                )
            except BufferError:
                self._serve(QUEUE_FULL_WAIT_S)
            except KafkaException as error:
                self._fail(translate(error_of(error), self._doing, self._servers, self._complaints.last))
            else:
                return True
        return False

    def _delivered(self, index: int, error: KafkaError | None, report: Report) -> None:
        """Take a delivery report. One out of turn or without an offset counts as a failure."""
        if self._failure is not None:
            return  # its fate was already called unknown
        offset = report.offset()
        if error is not None:
            self._fail(translate(error, self._doing, self._servers, self._complaints.last))
        elif index != self._settled or offset is None:
            self._fail(
                LogUnavailable(
                    f"{self._doing}: Kafka acknowledged message {index} out of turn or without an offset"
                )
            )
        else:
            self._settled += 1
            self._known.append(AppendOutcome(offset, None))

    def _fail(self, error: LogError) -> None:
        """Call the fate of everything not yet acknowledged unknown. Purging waits until no callback runs."""
        self._failure = error
        self._known.extend([AppendOutcome(None, error)] * (self._given - self._settled))
        self._settled = self._given

    def _serve(self, timeout_s: float) -> None:
        """Serve delivery reports; after a failure, take back what was not sent."""
        producer = self._producer
        if producer is None:
            return
        try:
            producer.poll(timeout_s)
        except KafkaException as error:  # librdkafka has given this producer up for good
            if self._failure is None:
                self._fail(translate(error_of(error), self._doing, self._servers))
        if self._failure is not None and not self._purged:
            self._purged = True
            producer.purge()
            self._serve(0)
