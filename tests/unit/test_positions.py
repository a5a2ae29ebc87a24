"""Positions as callers pass them on."""

import pytest

from events.refusals import Code
from services.outcomes import Answer, Refused
from services.positions import seq_at_least


def test_an_answer_says_its_position() -> None:
    """In the form in which it can be demanded."""
    assert seq_at_least(Answer("default", 42, "id").position, "default") == 42


@pytest.mark.parametrize(
    "text", ["", "42", ":", "default:", "default:-1", "default:x", "default:²", "a:" + "9" * 20]
)
def test_what_is_no_position_is_refused(text: str) -> None:
    """The sentence says how to write one."""
    with pytest.raises(Refused, match="is no position; write it as") as caught:
        seq_at_least(text, "default")

    assert (caught.value.refusal.code, caught.value.refusal.field) == (Code.INVALID_INPUT, "at_least")


def test_a_position_of_another_cell_is_refused() -> None:
    """Its number would mean something else here."""
    with pytest.raises(Refused, match="is one of cell 'east'; this is cell 'default'"):
        seq_at_least("east:42", "default")
