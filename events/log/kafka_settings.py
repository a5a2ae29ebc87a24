"""How to reach Kafka, and what each librdkafka client is told.

Any librdkafka setting can be passed through (TLS, SASL, timeouts, compression...). The few on which the
order and the durability of the log depend are ours: naming one of them is an error, so that nobody weakens
the log by a line in a settings file and learns of it from a lost decision.

Source of names and meanings: librdkafka's `CONFIGURATION.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from events.errors import WrongLogSettings
from events.log.kafka_logging import librdkafka_logger

TOPIC_MESSAGE_BYTES_MAX = 8 * 1024 * 1024
"""`max.message.bytes` of our topics: a record of `RECORD_BYTES_MAX` and its headers fit easily."""

Config = dict[str, Any]
"""What the constructors of confluent_kafka take."""

_EVERY_CLIENT: Config = {"allow.auto.create.topics": False}

_PRODUCER: Config = {
    "enable.idempotence": True,
    "acks": "all",
    "max.in.flight": 5,  # the most with which an idempotent producer keeps its order
    "message.max.bytes": TOPIC_MESSAGE_BYTES_MAX,
}

_CONSUMER: Config = {
    "enable.auto.commit": False,  # the ledger itself says up to where inputs are decided
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",  # a lost offset must be an error, never a jump
    "isolation.level": "read_uncommitted",  # an open transaction of somebody else must not stall us
}

_OURS = {
    **dict.fromkeys(_EVERY_CLIENT, "netledger never creates a topic by accident"),
    **dict.fromkeys(_PRODUCER, "the log would lose or reorder records"),
    **dict.fromkeys(_CONSUMER, "readers would skip or repeat records"),
    **dict.fromkeys(
        (
            "request.required.acks",
            "max.in.flight.requests.per.connection",
            "retries",
            "message.send.max.retries",
        ),
        "the log would lose or reorder records",
    ),
    "transactional.id": "the ledger's terms do what transactions would",
    "enable.partition.eof": "readers would take the end of the log for a record",
    "group.id": "it follows from the cell",
    "group.instance.id": "a new owner would wait until the old one times out",
    "message.timeout.ms": "it is the delivery timeout of netledger's own settings",
    "delivery.timeout.ms": "it is the delivery timeout of netledger's own settings",
    "bootstrap.servers": "it is a setting of its own",
    "metadata.broker.list": "bootstrap.servers is a setting of its own",
}
"""Settings that cannot be passed through, each with the reason."""

_DEFAULTS: Config = {
    "client.id": "netledger",
    "socket.keepalive.enable": True,
    "socket.timeout.ms": 10_000,
    "reconnect.backoff.ms": 50,
    "reconnect.backoff.max.ms": 1_000,  # a broker that comes back is noticed within a second or so
    "retry.backoff.ms": 50,
    "retry.backoff.max.ms": 500,
    "log.connection.close": False,
}
_PRODUCER_DEFAULTS: Config = {
    "linger.ms": 0,  # what queues up while requests are in flight is batched anyway
}
_CONSUMER_DEFAULTS: Config = {
    "check.crcs": True,
    "fetch.min.bytes": 1,
    "fetch.error.backoff.ms": 50,
    "fetch.queue.backoff.ms": 10,  # 1 s by default: a reader that catches up would stop and go
    "queued.max.messages.kbytes": 32 * 1024,
}


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """Where Kafka is and how patient we are.

    Args:
        bootstrap_servers: `host:port`, several separated by commas.
        librdkafka: settings passed through to every client; never shown, as passwords are among them.
        replication_factor: of topics that we create; -1 means as many as there are brokers, at most 3.
        answer_timeout_s: how long any question to Kafka may take before it is `LogUnavailable`.
        delivery_timeout_s: how long an append may take before its fate is called unknown.

    Raises:
        WrongLogSettings: a setting is passed through that is ours, or a value makes no sense.

    """

    bootstrap_servers: str
    librdkafka: Mapping[str, str] = field(default_factory=dict, repr=False)
    replication_factor: int = -1
    answer_timeout_s: float = 10.0
    delivery_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what would weaken the log."""
        if not self.bootstrap_servers.strip():
            raise WrongLogSettings("Kafka's bootstrap servers are not set; give them as host:port,host:port")
        if self.replication_factor < -1 or self.replication_factor == 0:
            raise WrongLogSettings(
                f"the replication factor is {self.replication_factor}; give 1 or more, or -1 for as many as "
                "there are brokers, at most 3"
            )
        if self.answer_timeout_s <= 0 or self.delivery_timeout_s <= 0:
            raise WrongLogSettings("Kafka's timeouts must be more than 0 seconds")
        for name in self.librdkafka:
            if name in _OURS:
                raise WrongLogSettings(f"the librdkafka setting {name} cannot be changed: {_OURS[name]}")
            if name.endswith("_cb") or name in {"logger", "default.topic.config", "on_delivery", "on_commit"}:
                raise WrongLogSettings(f"{name} is not a setting of librdkafka that a file could hold")

    def admin(self) -> Config:
        """Return the configuration of an admin client."""
        return self._config({}, {})

    def producer(self) -> Config:
        """Return the configuration of an appender's producer."""
        timeout_ms = max(1, round(self.delivery_timeout_s * 1000))
        return self._config(_PRODUCER_DEFAULTS, {**_PRODUCER, "message.timeout.ms": timeout_ms})

    def consumer(self, group: str, **ours: str | float) -> Config:
        """Return the configuration of a consumer; `ours` (with _ for .) goes before everything else."""
        dotted = {name.replace("_", "."): value for name, value in ours.items()}
        return self._config(_CONSUMER_DEFAULTS, {**_CONSUMER, "group.id": group, **dotted})

    def _config(self, defaults: Config, ours: Config) -> Config:
        return {
            **_DEFAULTS,
            **defaults,
            **self.librdkafka,
            **_EVERY_CLIENT,
            **ours,
            "bootstrap.servers": self.bootstrap_servers,
            "logger": librdkafka_logger(),
        }
