"""A mapping of few entries is a mapping."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.cell.address.few import Few

STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers()), max_size=30)


@given(STEPS)
def test_few_is_what_a_dict_is(steps: list[tuple[bool, int, int]]) -> None:
    """Entries, their order, and what is said about those that are not there."""
    few: Few[int, int] = Few()
    plain: dict[int, int] = {}
    for adds, key, value in steps:
        if adds:
            few[key] = plain[key] = value
        elif key in plain:
            del few[key], plain[key]
        else:
            with pytest.raises(KeyError):
                del few[key]
        assert (list(few.items()), len(few), bool(few)) == (list(plain.items()), len(plain), bool(plain))
        assert all((place in few) == (place in plain) for place in range(6))


def test_a_value_is_no_key() -> None:
    """Keys and values lie side by side."""
    few: Few[Any, Any] = Few()
    few["key"] = "value"

    assert ("key" in few, "value" in few, few["key"]) == (True, False, "value")
    with pytest.raises(KeyError):
        few["value"]
    assert repr(few) == "Few({'key': 'value'})"
