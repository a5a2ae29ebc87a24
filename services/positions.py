"""Positions as callers pass them on: `CELL:SEQ`, a token for reading what somebody else wrote."""

from events.refusals import Code
from services.outcomes import refused

SEQ_MAX = (1 << 63) - 1


def seq_at_least(text: str, cell: str) -> int:
    """Return the place in a cell's ledger that a token names.

    Raises:
        Refused: it is no token, or another cell's.

    """
    of_cell, colon, digits = text.rpartition(":")
    if not (colon and digits.isascii() and digits.isdigit()) or int(digits) > SEQ_MAX:
        message = f"{text!r} is no position; write it as the answer to a command has it, such as {cell}:42."
        raise refused(Code.INVALID_INPUT, message, "at_least")
    if of_cell != cell:
        message = f"Position {text} is one of cell {of_cell!r}; this is cell {cell!r}."
        raise refused(Code.INVALID_INPUT, message, "at_least")
    return int(digits)
