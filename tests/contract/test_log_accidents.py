"""Endings, restarts, lost acknowledgements and late appends, with every adapter."""

import pytest

from events.errors import AppenderClosed
from events.log.port import (
    Log,
    TopicPartition,
)
from tests.contract.harness import LogHarness
from tests.contract.steps import FLUSH_S, append, messages, settled, take, values


def test_restart_in_the_middle(harness: LogHarness, where: TopicPartition) -> None:
    """Everything is closed, opened again, and goes on where it stopped."""
    log = harness.open()
    append(log, where, messages("a", 5))
    feed = log.follow({where: 0})
    seen = take(feed, 3)
    feed.close()
    log.close()

    log = harness.open()
    feed = log.follow({where: seen[-1].offset + 1})
    append(log, where, messages("b", 2))
    seen += take(feed, 4)

    assert values(seen) == [b"a:0", b"a:1", b"a:2", b"a:3", b"a:4", b"b:0", b"b:1"]


def test_outcomes_are_given_once(log: Log, where: TopicPartition) -> None:
    """Each outcome is told once, in order."""
    appender = log.appender(where)
    appender.append(messages("a", 3))
    first = settled(appender)
    appender.append(messages("b", 2))
    second = settled(appender)

    assert [outcome.offset for outcome in first] == [0, 1, 2]
    assert [outcome.offset for outcome in second] == [3, 4]
    assert list(appender.outcomes()) == []


def test_closed_appender_refuses(log: Log, where: TopicPartition) -> None:
    """After closing, twice even, nothing is taken any more."""
    appender = log.appender(where)
    appender.append(messages("a", 1))
    assert appender.flush(FLUSH_S)
    appender.close()
    appender.close()

    with pytest.raises(AppenderClosed):
        appender.append(messages("b", 1))
    assert values(log.read(where, 0, 10)) == [b"a:0"]


def test_closing_twice_is_harmless(log: Log, where: TopicPartition) -> None:
    """Feeds and logs can be closed by whoever cleans up, too."""
    feed = log.follow({where: 0})
    feed.close()
    feed.close()
    with log as same:
        assert same is log
    log.close()


def test_lost_acknowledgement(harness: LogHarness, where: TopicPartition) -> None:
    """The record is there once. Its outcome is its offset or an error, after which the appender refuses."""
    log, line = harness.open_on_a_line(where)
    appender = log.appender(where)
    appender.append(messages("a", 1))
    outcomes = list(settled(appender))
    line.lose_next_acknowledgement()
    appender.append(messages("b", 1))
    outcomes += settled(appender)

    assert [outcome.offset for outcome in outcomes] in ([0, 1], [0, None])
    if outcomes[1].error is not None:
        with pytest.raises(AppenderClosed):
            appender.append(messages("c", 1))
    other = harness.open()
    append(other, where, messages("d", 1))
    assert values(other.read(where, 0, 10)) == [b"a:0", b"b:0", b"d:0"]


def test_late_append_by_a_deposed_owner(harness: LogHarness, where: TopicPartition) -> None:
    """It lands behind its successor's records, in its own order, and moves none of them."""
    deposed, line = harness.open_on_a_line(where)
    late = deposed.appender(where)
    late.append(messages("old", 1))
    settled(late)
    line.hold_appends()
    late.append(messages("late", 2))
    successor = harness.open()
    assert append(successor, where, messages("new", 2)) == [1, 2]
    line.release_appends()

    outcomes = settled(late)
    append(successor, where, messages("newer", 1))

    records = take(successor.follow({where: 0}), 6)
    assert values(records) == [b"old:0", b"new:0", b"new:1", b"late:0", b"late:1", b"newer:0"]
    assert [outcome.offset for outcome in outcomes] == [3, 4]
