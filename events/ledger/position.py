"""Where a reader of a ledger is: everything it must know to judge the next record (S2)."""

from pydantic import BaseModel, ConfigDict, PositiveInt

from events.record import InputMark


class Position(BaseModel):
    """A reader's place, stored with the effect of what was read up to it.

    A reader that starts in the middle without all of this can judge nothing. (cell, seq) is the token that
    callers know.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger_id: str
    cell: str
    level: int
    window_commands: PositiveInt
    topic_incarnation: str
    epoch: int
    """History epoch: 0, and one more after each `netledger ledger recover`."""
    next_offset: int
    """Offset in the log at which reading goes on."""
    last_offset: int
    """Offset of the last valid record."""
    last_digest: str
    """Digest of that record, chained with those of the skipped ones behind it: all are read again (S10)."""
    chain: str
    """Chain hash over all valid records so far."""
    term: int
    owner: str
    seq: int
    time_ms: int
    """Recorded time of the last valid decision, which no later one precedes (S7)."""
    inputs: tuple[InputMark, ...]
