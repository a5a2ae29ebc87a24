"""Every error of confluent_kafka becomes one of ours here, with a sentence that a person can act on."""

from confluent_kafka import KafkaError, KafkaException

from events.errors import (
    LogAccessDenied,
    LogError,
    LogUnavailable,
    OffsetOutOfRange,
    RecordTooLarge,
    TopicMissing,
    WrongLogSettings,
    WrongTopicSettings,
)

DENIED = frozenset(
    {
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError._AUTHENTICATION,  # noqa: SLF001 - librdkafka's own codes are spelled with an underscore
        KafkaError._SSL,  # noqa: SLF001 - the same
    }
)
MISSING = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.UNKNOWN_TOPIC_ID,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001 - as above
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - as above
        KafkaError._NOENT,  # noqa: SLF001 - as above; list_offsets says so where there is no leader to ask
    }
)
OUT_OF_RANGE = frozenset(
    {
        KafkaError.OFFSET_OUT_OF_RANGE,
        KafkaError._AUTO_OFFSET_RESET,  # noqa: SLF001 - as above
        KafkaError._LOG_TRUNCATION,  # noqa: SLF001 - as above
    }
)
TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})
BAD_TOPIC = frozenset(
    {
        KafkaError.INVALID_CONFIG,
        KafkaError.INVALID_PARTITIONS,
        KafkaError.INVALID_REPLICATION_FACTOR,
        KafkaError.POLICY_VIOLATION,
        KafkaError.TOPIC_EXCEPTION,
    }
)
BAD_SETTING = frozenset({KafkaError._INVALID_ARG, KafkaError._NOT_CONFIGURED})  # noqa: SLF001 - as above
ALL_DOWN = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - as above
QUEUE_FULL = KafkaError._QUEUE_FULL  # noqa: SLF001 - as above
END_OF_PARTITION = KafkaError._PARTITION_EOF  # noqa: SLF001 - as above


class Complaints:
    """What a client says by itself between answers: connections refused, credentials turned down.

    Given to a client as its `error_cb`. A timeout alone does not say why; the last complaint does.
    """

    def __init__(self) -> None:
        self.last: KafkaError | None = None
        self.serious = False

    def __call__(self, error: KafkaError) -> None:
        """Keep the error; serious: no broker can be reached, none lets us in, or a topic is gone."""
        if error.code() == ALL_DOWN or error.code() in DENIED | MISSING or error.fatal():
            self.serious = True
        if (
            error.code() != ALL_DOWN or self.last is None
        ):  # "all brokers are down" says less than the reason before it
            self.last = error

    def take_serious(self) -> KafkaError | None:
        """Return the last complaint if there was a serious one since the last call, and forget it."""
        if not self.serious:
            return None
        last, self.last, self.serious = self.last, None, False
        return last


def error_of(exception: KafkaException) -> KafkaError:
    """Return the error inside confluent_kafka's only exception."""
    error = exception.args[0]
    return error if isinstance(error, KafkaError) else KafkaError(KafkaError._FAIL, str(exception))  # noqa: SLF001 - as above


def translate(error: KafkaError, doing: str, servers: str, why: KafkaError | None = None) -> LogError:
    """Turn an error of Kafka into ours.

    Args:
        error: what was answered.
        doing: what was being done, in the form "reading topic x".
        servers: the bootstrap servers, to be named when they cannot be reached.
        why: what the client complained about while it was tried.

    """
    code = error.code()
    if code in MISSING:
        return TopicMissing(f"{doing}: Kafka at {servers} has no such topic or partition ({error.str()})")
    if code in OUT_OF_RANGE:
        return OffsetOutOfRange(f"{doing}: Kafka at {servers} does not hold the offset ({error.str()})")
    if code in TOO_LARGE:
        return RecordTooLarge(f"{doing}: the record is larger than the topic takes ({error.str()})")
    if code in BAD_TOPIC:
        return WrongTopicSettings(f"{doing}: Kafka at {servers} refuses the topic: {error.str()}")
    if code in BAD_SETTING:
        return WrongLogSettings(f"{doing}: librdkafka does not take the settings: {error.str()}")
    denied = next((one for one in (error, why) if one is not None and one.code() in DENIED), None)
    if denied is not None:
        return LogAccessDenied(
            f"{doing}: Kafka at {servers} does not let us: {denied.str()}. Check the credentials and ACLs"
        )
    reason = error.str() if why is None else f"{error.str()}; {why.str()}"
    return LogUnavailable(f"{doing}: Kafka at {servers} does not answer: {reason}")
