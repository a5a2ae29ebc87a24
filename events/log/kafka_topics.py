"""What a topic of ours must be in Kafka, so that nothing is lost, and the check of existing ones."""

from collections.abc import Mapping
from typing import NamedTuple

from events.errors import WrongTopicSettings
from events.log.kafka_settings import TOPIC_MESSAGE_BYTES_MAX
from events.log.port import TopicSpec

REPLICAS_WANTED = 3
INPUT_RETENTION_MS_MIN = 7 * 24 * 3600 * 1000
"""An existing input topic may forget after a week (Kafka's default): inputs are decided long before."""

FOR_EVER = "-1"


class Topic(NamedTuple):
    """What Kafka says about an existing topic. `replicas` is the least of any partition."""

    partitions: int
    replicas: int
    settings: Mapping[str, str]


class Flaw(NamedTuple):
    """One thing that is wrong with a topic; `value` is what to set `setting` to."""

    setting: str
    has: str
    must: str
    value: str


def replicas_for(configured: int, brokers: int) -> int:
    """Return how many replicas a topic should have: as configured, or as many as brokers up to 3 for -1."""
    return configured if configured > 0 else max(1, min(REPLICAS_WANTED, brokers))


def min_insync_for(replicas: int) -> int:
    """Return how many replicas must have a record before it is acknowledged, so that one may be lost."""
    return 2 if replicas >= REPLICAS_WANTED else 1


def settings_for(replicas: int) -> dict[str, str]:
    """Return the settings with which a topic is created (`ledger-protocol` sentence S14)."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": FOR_EVER,
        "retention.bytes": FOR_EVER,
        "message.timestamp.type": "CreateTime",
        "max.message.bytes": str(TOPIC_MESSAGE_BYTES_MAX),
        "min.insync.replicas": str(min_insync_for(replicas)),
        "unclean.leader.election.enable": "false",
    }


def flaws(spec: TopicSpec, topic: Topic) -> list[Flaw]:
    """Return every setting with which the topic could lose, reorder or refuse records."""
    wanted = settings_for(topic.replicas)
    found = []
    for setting, value in wanted.items():
        has = topic.settings.get(setting, "not known")
        must = _demand(setting, value, spec, topic, has)
        if must is not None:
            found.append(Flaw(setting, has, must, value))
    return found


def _demand(setting: str, wanted: str, spec: TopicSpec, topic: Topic, has: str) -> str | None:
    """Return what the setting must be, or None when it is good enough."""
    if has == wanted:
        return None
    number = int(has) if has.lstrip("-").isdigit() else None
    match setting:
        case "retention.ms" if spec.purpose == "input":
            enough = number is not None and number >= INPUT_RETENTION_MS_MIN
            must = f"-1 or at least {INPUT_RETENTION_MS_MIN}"
        case "max.message.bytes":
            enough = number is not None and number >= TOPIC_MESSAGE_BYTES_MAX
            must = f"at least {wanted}"
        case "min.insync.replicas":
            enough = number is not None and int(wanted) <= number <= topic.replicas
            must = f"between {wanted} and {topic.replicas} with {topic.replicas} replicas"
        case _:
            enough, must = False, wanted
    return None if enough else must


def check(spec: TopicSpec, topic: Topic, replicas: int, servers: str) -> None:
    """Do nothing, or say everything that is wrong with an existing topic and how to mend it.

    Raises:
        WrongTopicSettings: something is.

    """
    wrong = flaws(spec, topic)
    sentences = [f"{flaw.setting} is {flaw.has} and must be {flaw.must}" for flaw in wrong]
    mends = []
    if wrong:
        config = ",".join(f"{flaw.setting}={flaw.value}" for flaw in wrong)
        mends.append(
            f"kafka-configs --bootstrap-server {servers} --alter --entity-type topics "
            f"--entity-name {spec.name} --add-config {config}"
        )
    if topic.partitions < spec.partitions:
        sentences.append(f"it has {topic.partitions} partitions and must have {spec.partitions}")
        mends.append(
            f"kafka-topics --bootstrap-server {servers} --alter --topic {spec.name} "
            f"--partitions {spec.partitions}"
        )
    if topic.replicas < replicas:
        sentences.append(f"it has {topic.replicas} replicas and must have {replicas}")
        mends.append(
            f"kafka-reassign-partitions --bootstrap-server {servers} (or lower the replication factor)"
        )
    if sentences:
        raise WrongTopicSettings(
            f"the {spec.purpose} topic {spec.name} could lose, reorder or refuse records: "
            f"{'; '.join(sentences)}. Mend it: {' && '.join(mends)}"
        )
