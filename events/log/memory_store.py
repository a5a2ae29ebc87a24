"""The records behind the log in memory, and the accidents that can befall them.

A store outlives the logs opened on it, as a broker outlives its clients.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from events.errors import OffsetOutOfRange, TopicMissing
from events.log.port import LogRecord, TopicInfo, TopicPartition


class Partition:
    """The records of one partition; the first of them has the offset `start`."""

    __slots__ = ("records", "start")

    def __init__(self, start: int = 0, records: Sequence[LogRecord] = ()) -> None:
        self.start = start
        self.records = list(records)

    @property
    def end(self) -> int:
        """Return the offset that the next record will get."""
        return self.start + len(self.records)

    def read(self, where: TopicPartition, offset: int, limit: int) -> list[LogRecord]:
        """Return up to `limit` records from `offset` on.

        Raises:
            OffsetOutOfRange: `offset` is below the start or above the end.

        """
        at = offset - self.start
        if not 0 <= at <= len(self.records):
            raise OffsetOutOfRange(
                f"{where.topic}/{where.partition} holds the offsets {self.start} to {self.end}, not {offset}"
            )
        return self.records[at : at + limit]


class Topic(NamedTuple):
    """A topic's description and its partitions."""

    info: TopicInfo
    partitions: Sequence[Partition]

    def copied(self) -> "Topic":
        """Return a copy that later appends to this one do not reach."""
        return Topic(self.info, [Partition(one.start, one.records) for one in self.partitions])


class Backup(NamedTuple):
    """What a store held at one moment; see `MemoryStore.backup`."""

    topics: Mapping[str, Topic]


class MemoryStore:
    """The records of all topics. Safe for use by several threads.

    `name` begins the incarnation of each topic, so that topics of two stores can be told apart. Whoever
    appends holds `lock` and calls `wake`.
    """

    def __init__(self, name: str = "memory") -> None:
        self.name = name
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._waiting = 0
        self._topics: dict[str, Topic] = {}
        self._incarnations = 0

    def create(self, name: str, partitions: int) -> TopicInfo:
        """Create a topic, in place of the one of the same name if there is one."""
        with self.lock:
            self._incarnations += 1
            info = TopicInfo(name, f"{self.name}-{self._incarnations}", partitions)
            self._topics[name] = Topic(info, [Partition() for _ in range(partitions)])
            self.wake()
            return info

    def topic(self, name: str) -> TopicInfo:
        """Describe a topic.

        Raises:
            TopicMissing: there is none of this name.

        """
        topic = self._topics.get(name)
        if topic is None:
            raise TopicMissing(f"there is no topic {name!r} in this log")
        return topic.info

    def partition(self, where: TopicPartition) -> Partition:
        """Return one partition.

        Raises:
            TopicMissing: the topic or the partition does not exist.

        """
        topic = self._topics.get(where.topic)
        if topic is None or not 0 <= where.partition < len(topic.partitions):
            raise TopicMissing(
                f"there is no partition {where.partition} of a topic {where.topic!r} in this log"
            )
        return topic.partitions[where.partition]

    def wake(self) -> None:
        """Let everybody look again who waits in `wait_for`. `lock` must be held."""
        if self._waiting:
            self._changed.notify_all()

    def wait_for(self, ready: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until `ready()`, asked under the lock after each `wake`; False when `timeout_s` passed."""
        with self.lock:
            self._waiting += 1
            try:
                return self._changed.wait_for(ready, timeout_s)
            finally:
                self._waiting -= 1

    # What can happen to the records -------------------------------------------------------------------------

    def replace_topic(self, name: str) -> TopicInfo:
        """Delete a topic and create it again, empty, as an administrator might: another incarnation."""
        return self.create(name, self.topic(name).partitions)

    def delete_topic(self, name: str) -> None:
        """Delete a topic with all its records."""
        with self.lock:
            self.topic(name)
            del self._topics[name]
            self.wake()

    def truncate(self, where: TopicPartition, end: int) -> None:
        """Lose the tail: what was at `end` and after it is gone, and its offsets will be given out again."""
        with self.lock:
            partition = self.partition(where)
            del partition.records[max(0, end - partition.start) :]
            self.wake()

    def trim(self, where: TopicPartition, start: int) -> None:
        """Cut the front: what was before `start` is gone (retention), the rest keeps its offsets."""
        with self.lock:
            partition = self.partition(where)
            start = min(max(start, partition.start), partition.end)
            del partition.records[: start - partition.start]
            partition.start = start
            self.wake()

    def backup(self) -> Backup:
        """Return a copy of everything."""
        with self.lock:
            return Backup({name: topic.copied() for name, topic in self._topics.items()})

    def restore(self, backup: Backup, topics: Sequence[str] | None = None) -> None:
        """Go back to a backup: all of it, or the named topics only. Incarnations come back as they were."""
        with self.lock:
            if topics is None:
                self._topics.clear()
            for name in backup.topics if topics is None else topics:
                self._topics[name] = backup.topics[name].copied()
            self.wake()
