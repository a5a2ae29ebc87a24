"""Headers packed into bytes come back exactly as they were, and damaged bytes are told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.log import framing
from events.log.framing import pack_headers, unpack_headers

HEADERS = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=40)), max_size=20).map(tuple)


@given(HEADERS)
def test_round_trip_is_exact(headers: tuple[tuple[str, bytes], ...]) -> None:
    """Order, repeated names, empty names and empty values survive."""
    assert unpack_headers(pack_headers(headers)) == headers


@given(HEADERS, HEADERS)
def test_packing_is_unambiguous(
    one: tuple[tuple[str, bytes], ...], other: tuple[tuple[str, bytes], ...]
) -> None:
    """Different headers never pack to the same bytes, because a hash is taken of them."""
    assert (pack_headers(one) == pack_headers(other)) == (one == other)


def test_layout_never_changes() -> None:
    """The bytes are under the chain hash of every ledger that exists."""
    assert pack_headers(()).hex() == "00000000"
    assert pack_headers((("ce_id", b"\x01\x02"), ("é", b""))).hex() == (
        "0b000000" + "0500" + b"ce_id".hex() + "0200" + "c3a9" + "02000000" + "00000000" + "0102"
    )


@given(HEADERS, st.data())
def test_cut_bytes_are_refused(headers: tuple[tuple[str, bytes], ...], data: st.DataObject) -> None:
    """No proper beginning of packed headers is accepted."""
    packed = pack_headers(headers)
    cut = data.draw(st.integers(min_value=0, max_value=len(packed) - 1))

    with pytest.raises(ValueError, match="packed headers"):
        unpack_headers(packed[:cut])


def test_surplus_bytes_are_refused() -> None:
    """Nothing may follow the last value."""
    with pytest.raises(ValueError, match="add up to"):
        unpack_headers(pack_headers((("a", b"b"),)) + b"c")


def test_limits_are_named() -> None:
    """Too many headers and too long a name are refused with their limits."""
    with pytest.raises(ValueError, match=str(framing.HEADERS_MAX)):
        pack_headers((("a", b""),) * (framing.HEADERS_MAX + 1))
    with pytest.raises(ValueError, match=str(framing.HEADER_NAME_BYTES_MAX)):
        pack_headers((("a" * (framing.HEADER_NAME_BYTES_MAX + 1), b""),))
