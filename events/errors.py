"""Errors of the program and its surroundings: broken I/O, wrong settings, lost data.

A refused command is *not* an error: refusals are values (`events.refusals`). An error means that something
around the program has to be mended, and its text says what. Foreign errors (errno, SQLSTATE, Kafka error
codes) are translated into one of these where they are met and never travel inward.
"""

from typing import ClassVar


class NetledgerError(Exception):
    """Something broke; `code` is stable for programs, the text tells a person what to do about it."""

    code: ClassVar[str] = "NetledgerError"


class LogError(NetledgerError):
    """The log could not do what was asked."""

    code = "LogError"


class LogUnavailable(LogError):
    """The log did not answer in time. Worth trying again; whether an append got through is unknown."""

    code = "LogUnavailable"


class TopicMissing(LogError):
    """A topic that must exist does not. No ledger is created by accident: run `netledger ledger init`."""

    code = "TopicMissing"


class WrongTopicSettings(LogError):
    """A topic exists with settings under which the log could lose or reorder records."""

    code = "WrongTopicSettings"


class WrongLogSettings(LogError):
    """The settings for reaching the log cannot be used: unknown, invalid, or in conflict with its safety."""

    code = "WrongLogSettings"


class WrongDatabase(LogError):
    """The database cannot hold our log: its server is too old, or something else uses our schema's name."""

    code = "WrongDatabase"


class LogAccessDenied(LogError):
    """The log does not know us, or does not allow what was asked. A permission will help, repeating not."""

    code = "LogAccessDenied"


class OffsetOutOfRange(LogError):
    """The log does not hold the offset asked for: cut at the front, truncated at the end, or replaced."""

    code = "OffsetOutOfRange"


class RecordTooLarge(LogError):
    """A record is larger than the log takes; nothing was appended."""

    code = "RecordTooLarge"


class AppenderClosed(LogError):
    """An append was tried through an appender that has failed or been closed; open a new one."""

    code = "AppenderClosed"


class LedgerError(NetledgerError):
    """The ledger cannot be used as it is."""

    code = "LedgerError"


class LedgerMissing(LedgerError):
    """The ledger topic holds no genesis record. A ledger comes to be only by explicit initialisation."""

    code = "LedgerMissing"


class LedgerAlarm(LedgerError):
    """The log lost or changed records, or another program wrote to it (S9 to S12).

    The reader stops and changes nothing.
    `reason` is one of `events.ledger.fold.Alarm`; only `netledger ledger recover` leads on.
    """

    code = "LedgerAlarm"

    def __init__(self, reason: str, message: str) -> None:
        """Keep the stable reason beside the sentence."""
        super().__init__(message)
        self.reason = reason


class LedgerTooNew(LedgerError):
    """The ledger is of a higher level than this program; the text names the level and who must upgrade."""

    code = "LedgerTooNew"


class UnknownSchema(LedgerError):
    """A record names a type or version that this program does not know, or does not fit its model."""

    code = "UnknownSchema"


class InvariantBroken(NetledgerError):
    """An invariant of the cell does not hold: a bug, or a ledger written by one. The cell stops."""

    code = "InvariantBroken"


class BrokenEnvironment(NetledgerError):
    """Something this machine must have is missing or does not work (root, dnsmasq, nft, a database...)."""

    code = "BrokenEnvironment"


class OutcomeUnknown(NetledgerError):
    """The log did not show the decision in time. It may still be decided: repeat it with the same id."""

    code = "OutcomeUnknown"

    def __init__(self, command_id: str, message: str) -> None:
        """Keep the command id, so that the caller can repeat safely."""
        super().__init__(message)
        self.command_id = command_id
