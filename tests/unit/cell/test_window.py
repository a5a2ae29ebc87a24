"""Each command is decided once: the window of command ids (sentences S5 and S6)."""

import pytest

from events.ids import uuid7
from events.refusals import Code, Refusal
from projections.cell.window import FUTURE_MS_MAX, Remembered, Window
from tests.unit.given import START_MS

NOW = START_MS


def command(number: int, time_ms: int = NOW) -> str:
    """Return the id of the `number`th command made at a time."""
    return uuid7(time_ms, number)


def decided(seq: int, code: Code | None = None) -> Remembered:
    """Return how a command was decided."""
    return Remembered(seq, "d" * 32, None if code is None else Refusal(code=code, message="No."))


def code(refusal: Refusal | None) -> str | None:
    """Return the code of a refusal, if there is one."""
    return None if refusal is None else refusal.code


def test_a_command_is_remembered() -> None:
    """With its position, its body and its refusal."""
    window = Window(2)
    window.remember(command(1), decided(7, Code.FORBIDDEN))

    assert window.first(command(1)) == decided(7, Code.FORBIDDEN)
    assert window.first(command(2)) is None


def test_the_first_decision_stands() -> None:
    """What is decided under the same id later replaces nothing."""
    window = Window(2)
    window.remember(command(1), decided(7))
    window.remember(command(1), decided(8, Code.COMMAND_ID_REUSED))
    window.remember(command(1), decided(9))

    assert window.first(command(1)) == decided(7)


@pytest.mark.parametrize(
    "refusal", [Code.COMMAND_TOO_OLD, Code.COMMAND_FROM_THE_FUTURE, Code.COMMAND_ID_REUSED]
)
def test_a_refusal_of_the_id_itself_is_not_remembered(refusal: Code) -> None:
    """It says nothing about the command, and would push others out."""
    window = Window(1)
    window.remember(command(1), decided(1))
    window.remember(command(2), decided(2, refusal))

    assert window.first(command(1)) == decided(1)
    assert window.first(command(2)) is None


def remembered(window: Window, *made: int) -> list[bool]:
    """Remember commands made at these times, one after the other, and return which are still known."""
    for number, made_ms in enumerate(made):
        window.remember(command(number, made_ms), decided(number))
    return [window.first(command(number, made_ms)) is not None for number, made_ms in enumerate(made)]


def test_the_oldest_id_is_forgotten_first() -> None:
    """By the time in the id, whatever the order of deciding."""
    assert remembered(Window(2), NOW, NOW - 5, NOW + 5) == [True, False, True]
    assert remembered(Window(2), NOW - 5, NOW, NOW + 5) == [False, True, True]


def test_one_fast_clock_does_not_make_others_too_old() -> None:
    """An id from the allowed future stays until its time has come."""
    window = Window(3)
    remembered(window, NOW + FUTURE_MS_MAX, *(NOW + step for step in range(10)))

    assert code(window.refuse_by_time(command(99, NOW + 10), NOW)) is None
    assert window.first(command(0, NOW + FUTURE_MS_MAX)) is not None


def test_an_unknown_id_is_new_while_nothing_was_forgotten() -> None:
    """However old it is."""
    assert Window(2).refuse_by_time(command(1, 0), NOW) is None


def test_an_id_that_may_have_been_forgotten_is_refused() -> None:
    """Not later than the newest forgotten: if it was decided, that stands."""
    window = Window(1)
    window.remember(command(1, NOW), decided(1))
    window.remember(command(2, NOW + 50), decided(2))

    assert code(window.refuse_by_time(command(9, NOW), NOW)) == Code.COMMAND_TOO_OLD
    assert code(window.refuse_by_time(command(1, NOW), NOW)) == Code.COMMAND_TOO_OLD
    assert code(window.refuse_by_time(command(9, NOW - 1), NOW)) == Code.COMMAND_TOO_OLD
    assert code(window.refuse_by_time(command(9, NOW + 1), NOW)) is None


def test_forgetting_an_older_id_forgets_no_less() -> None:
    """The newest forgotten time never goes back."""
    window = Window(1)
    for number, made in ((1, NOW), (2, NOW - 100), (3, NOW + 100)):
        window.remember(command(number, made), decided(number))

    assert code(window.refuse_by_time(command(9, NOW), NOW)) == Code.COMMAND_TOO_OLD


def test_an_id_from_the_future_is_refused() -> None:
    """Beyond a stated allowance for clocks: forgotten later, it would make honest commands too old."""
    window = Window(2)

    assert window.refuse_by_time(command(1, NOW + FUTURE_MS_MAX), NOW) is None
    ahead = window.refuse_by_time(command(1, NOW + FUTURE_MS_MAX + 1), NOW)
    assert ahead is not None
    assert (ahead.code, ahead.field) == (Code.COMMAND_FROM_THE_FUTURE, "id")
    assert f"{FUTURE_MS_MAX // 1000} s in the future" in ahead.message


def test_the_digest_covers_the_window() -> None:
    """Two states that remember differently are different."""
    one, other = Window(2), Window(2)
    one.remember(command(1), decided(1))

    assert one.internals() != other.internals()
    other.remember(command(1), decided(1))
    assert one.internals() == other.internals()
