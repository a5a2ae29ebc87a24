"""The faults of the log in memory do what they say, because the simulation builds on them."""

import pytest

from events.errors import AppenderClosed, LogUnavailable, OffsetOutOfRange, TopicMissing
from events.log.memory import MemoryLog, MemoryStore, ScriptedOwnership
from events.log.port import Log, LogRecord, Message, TopicPartition, TopicSpec

LEDGER = TopicPartition("ledger", 0)


@pytest.fixture
def store() -> MemoryStore:
    """Return a store with one topic of one partition."""
    store = MemoryStore()
    store.create("ledger", 1)
    return store


@pytest.fixture
def log(store: MemoryStore) -> MemoryLog:
    """Return one process's log on the store."""
    return MemoryLog(store)


def message(text: str) -> Message:
    """Return a message that can be recognised."""
    return Message((), text.encode())


def texts(log: MemoryLog) -> list[str]:
    """Return what the ledger holds."""
    return [record.value.decode() for record in log.read(LEDGER, log.bounds(LEDGER).start, 1000)]


def test_memory_log_is_a_log() -> None:
    """The type checker proves that the port is complete; the plain log needs nothing."""
    log: Log = MemoryLog()
    info = log.ensure_topic(TopicSpec("ledger", 1, "ledger"))

    assert log.topic("ledger") == info


def test_lost_acknowledgement_lands(log: MemoryLog) -> None:
    """The record is there, its sender does not know, and the rest of its batch is unknown too."""
    appender = log.appender(LEDGER)
    log.faults.lose_acknowledgement(LEDGER)
    appender.append([message("a"), message("b")])

    outcomes = appender.outcomes()

    assert texts(log) == ["a"]
    assert [outcome.offset for outcome in outcomes] == [None, None]
    assert all(isinstance(outcome.error, LogUnavailable) for outcome in outcomes)
    with pytest.raises(AppenderClosed):
        appender.append([message("c")])


def test_failed_append_does_not_land(log: MemoryLog) -> None:
    """What was acknowledged before stays acknowledged."""
    appender = log.appender(LEDGER)
    appender.append([message("a")])
    log.faults.fail_append(LEDGER)
    appender.append([message("b")])

    assert texts(log) == ["a"]
    assert [outcome.offset for outcome in appender.outcomes()] == [0, None]


def test_duplicate_lands_twice(log: MemoryLog) -> None:
    """The sender learns the first offset only."""
    appender = log.appender(LEDGER)
    log.faults.duplicate(LEDGER)
    appender.append([message("a"), message("b")])

    assert texts(log) == ["a", "a", "b"]
    assert [outcome.offset for outcome in appender.outcomes()] == [0, 2]


def test_held_append_lands_late_behind_a_successor(store: MemoryStore) -> None:
    """A deposed owner's append lands after its successor's, also when the deposed owner is gone."""
    deposed, successor = MemoryLog(store), MemoryLog(store)
    old, new = deposed.appender(LEDGER), successor.appender(LEDGER)
    deposed.faults.hold(LEDGER)
    old.append([message("a"), message("b")])
    new.append([message("x")])
    old.close()
    deposed.close()

    deposed.faults.release(LEDGER, 1)
    new.append([message("y")])
    deposed.faults.drop(LEDGER)

    assert texts(successor) == ["x", "a", "y"]
    assert [outcome.offset for outcome in old.outcomes()] == [1, None]


def test_held_messages_are_not_overtaken(log: MemoryLog) -> None:
    """What an appender is given later waits behind what it was given earlier; another appender's does not."""
    one, other = log.appender(LEDGER), log.appender(LEDGER)
    log.faults.hold(LEDGER)
    one.append([message("a")])
    log.faults.stop_holding(LEDGER)
    one.append([message("b")])
    other.append([message("x")])

    assert not one.flush(0)
    assert [held.value for held in log.faults.held(LEDGER)] == [b"a", b"b"]

    log.faults.release(LEDGER)

    assert texts(log) == ["x", "a", "b"]
    assert one.flush(0)
    assert [outcome.offset for outcome in one.outcomes()] == [1, 2]


def test_outage_of_one_process(store: MemoryStore) -> None:
    """One process is cut off, the other is not."""
    cut, other = MemoryLog(store), MemoryLog(store)
    feed, appender = cut.follow({LEDGER: 0}), cut.appender(LEDGER)
    cut.faults.outage()
    appender.append([message("a")])
    other.appender(LEDGER).append([message("x")])

    assert [outcome.offset for outcome in appender.outcomes()] == [None]
    assert texts(other) == ["x"]
    with pytest.raises(LogUnavailable):
        feed.poll(10, 0)
    with pytest.raises(LogUnavailable):
        cut.bounds(LEDGER)

    cut.faults.end_outage()

    assert [record.value for record in feed.poll(10, 0)] == [b"x"]


def test_truncation_gives_offsets_out_again(log: MemoryLog, store: MemoryStore) -> None:
    """A lost tail is noticed by a reader beyond it, and not by one after it has grown back."""
    appender = log.appender(LEDGER)
    appender.append([message("a"), message("b")])
    feed = log.follow({LEDGER: 2})
    store.truncate(LEDGER, 1)

    with pytest.raises(OffsetOutOfRange):
        feed.poll(10, 0)

    appender.append([message("c"), message("d")])

    assert texts(log) == ["a", "c", "d"]
    assert feed.poll(10, 0) == [LogRecord(LEDGER, 2, (), b"d")]


def test_error_in_one_partition_loses_nothing_of_another(store: MemoryStore, log: MemoryLog) -> None:
    """What was read before the error is given first, and the error comes with the next poll."""
    store.create("ledger", 2)
    other = TopicPartition("ledger", 1)
    for where in (LEDGER, other):
        log.appender(where).append([message("a")])
    feed = log.follow({LEDGER: 0, other: 1})
    store.truncate(other, 0)

    assert [record.where for record in feed.poll(10, 0)] == [LEDGER]
    with pytest.raises(OffsetOutOfRange):
        feed.poll(10, 0)


def test_trim_keeps_offsets(log: MemoryLog, store: MemoryStore) -> None:
    """The rest stays where it is, and the next append goes behind it."""
    appender = log.appender(LEDGER)
    appender.append([message("a"), message("b")])
    store.trim(LEDGER, 1)
    appender.append([message("c")])

    assert log.bounds(LEDGER) == (1, 3)
    assert [record.offset for record in log.read(LEDGER, 1, 10)] == [1, 2]
    with pytest.raises(OffsetOutOfRange):
        log.follow({LEDGER: 0})


def test_replaced_topic_is_another_incarnation(log: MemoryLog, store: MemoryStore) -> None:
    """It starts empty under the same name."""
    before = log.topic("ledger")
    log.appender(LEDGER).append([message("a")])
    store.replace_topic("ledger")

    assert log.topic("ledger").incarnation != before.incarnation
    assert log.bounds(LEDGER) == (0, 0)


def test_deleted_topic_is_missing(log: MemoryLog, store: MemoryStore) -> None:
    """A feed says so, an append fails, and both do not hang."""
    feed, appender = log.follow({LEDGER: 0}), log.appender(LEDGER)
    store.delete_topic("ledger")
    appender.append([message("a")])

    assert isinstance(appender.outcomes()[0].error, TopicMissing)
    with pytest.raises(TopicMissing):
        feed.poll(10, 60)


def test_backup_restored(log: MemoryLog, store: MemoryStore) -> None:
    """Later records are gone, and appends after the restore do not reach the backup."""
    appender = log.appender(LEDGER)
    appender.append([message("a")])
    backup, info = store.backup(), log.topic("ledger")
    appender.append([message("b")])

    for _ in range(2):
        store.restore(backup)
        log.appender(LEDGER).append([message("c")])

        assert texts(log) == ["a", "c"]
        assert log.topic("ledger") == info


def test_scripted_ownership_does_as_told() -> None:
    """Assigned and not assigned as told, and never again once closed."""
    ownership = ScriptedOwnership()
    assert not ownership.assigned()

    ownership.assign()
    assert ownership.assigned()

    ownership.revoke()
    assert not ownership.assigned()

    ownership.assign()
    ownership.close()
    assert not ownership.assigned()
