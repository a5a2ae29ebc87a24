"""The pool of addresses: order of handing out, and the same work whatever its size (design section 5)."""

from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.errors import InvariantBroken
from projections.cell.address import pool as pools
from projections.cell.address.pool import COOL_DOWN_MS, AddressPool, Range
from tests.unit.opcodes import count

NOW = 1_000_000


def pool(*ranges: tuple[int, int]) -> AddressPool[str]:
    """Return a pool of these ranges."""
    return AddressPool(tuple(Range(*one) for one in ranges))


def take_next(addresses: AddressPool[str], now_ms: int = NOW) -> int:
    """Take the next address for somebody."""
    address = next(addresses.candidates(now_ms))
    addresses.take(address, "somebody")
    return address


def test_never_used_addresses_go_first_and_in_order() -> None:
    """From the lowest to the highest, over the gaps between ranges."""
    addresses = pool((2, 4), (8, 8), (10, 11))

    assert [take_next(addresses) for _ in range(6)] == [2, 3, 4, 8, 10, 11]
    assert list(addresses.candidates(NOW)) == []


def test_a_released_address_waits_for_all_that_were_never_used() -> None:
    """Nova's bug 1532809: what is handed straight back meets its last holder's leases."""
    addresses = pool((2, 4))
    assert [take_next(addresses), take_next(addresses)] == [2, 3]
    addresses.give_back(2, NOW)

    assert list(addresses.candidates(NOW)) == [4, 2]


def test_then_the_address_idle_longest() -> None:
    """In order of release, not of number."""
    addresses = pool((2, 4))
    for _ in range(3):
        take_next(addresses)
    for address in (3, 2, 4):
        addresses.give_back(address, NOW)

    assert [take_next(addresses) for _ in range(3)] == [3, 2, 4]


def test_a_requested_address_above_the_watermark_is_skipped_later() -> None:
    """It has been used, so it is not never-used any more, even after its release."""
    addresses = pool((2, 6))
    addresses.take(4, "named")
    addresses.give_back(4, NOW)

    assert list(addresses.candidates(NOW)) == [2, 3, 5, 6, 4]


@pytest.mark.parametrize("order", [(3, 4, 5), (5, 4, 3), (3, 5, 4), (5, 3, 4)])
def test_the_watermark_jumps_over_requested_neighbours(order: tuple[int, ...]) -> None:
    """Whatever their order; nothing is remembered of them then but who holds them."""
    addresses = pool((2, 7))
    for address in order:
        addresses.take(address, "named")

    assert [take_next(addresses) for _ in range(3)] == [2, 6, 7]
    assert list(addresses.candidates(NOW)) == []


def test_the_watermark_forgets_what_it_has_passed() -> None:
    """A long stretch of requested addresses leaves nothing but its holders."""
    addresses = pool((0, 5000))
    for address in range(1, 5000):
        addresses.take(address, "named")
    assert addresses.remembered == 5

    assert [take_next(addresses), take_next(addresses)] == [0, 5000]
    assert addresses.remembered <= 1


def test_a_run_over_the_gap_between_two_ranges() -> None:
    """The watermark goes on behind it in the next range."""
    addresses = pool((2, 3), (4, 5), (9, 12))
    for address in (3, 4, 5, 9, 10):
        addresses.take(address, "named")

    assert [take_next(addresses) for _ in range(3)] == [2, 11, 12]


def test_a_crowded_queue_goes_first_when_it_has_cooled_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a named length the longest idle go before the never-used ones, so that memory stays bounded."""
    monkeypatch.setattr(pools, "RELEASED_LENGTH_MAX", 2)
    addresses = pool((1, 100))
    for _ in range(3):
        take_next(addresses)
    for address in (1, 2, 3):
        addresses.give_back(address, NOW)

    assert next(addresses.candidates(NOW + COOL_DOWN_MS - 1)) == 4
    assert next(addresses.candidates(NOW + COOL_DOWN_MS)) == 1


def test_churn_keeps_the_queue_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A /8 through which instances come and go does not remember every address that it ever used."""
    monkeypatch.setattr(pools, "RELEASED_LENGTH_MAX", 8)
    addresses = pool((0, 1 << 24))
    for step in range(1000):
        now_ms = NOW + step * COOL_DOWN_MS
        addresses.give_back(take_next(addresses, now_ms), now_ms)

    assert addresses.remembered <= 9


def test_churn_of_requested_addresses_keeps_the_memory_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instances that come and go with addresses of their own choice leave a /8 no larger than it was."""
    monkeypatch.setattr(pools, "RELEASED_LENGTH_MAX", 8)
    addresses = pool((0, 1 << 24))
    random = Random(1)
    for step in range(3000):
        named = random.randrange(1 << 24)
        addresses.take(named, "named")
        addresses.give_back(named, NOW + step)

        assert addresses.remembered <= 3 * 8


def test_a_requested_address_that_was_forgotten_is_as_if_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one idle longest is forgotten first; its place in the order is that of its number again."""
    monkeypatch.setattr(pools, "RELEASED_LENGTH_MAX", 2)
    addresses = pool((2, 8))
    for address in (6, 4, 7):
        addresses.take(address, "named")
        addresses.give_back(address, NOW)

    assert list(addresses.candidates(NOW)) == [2, 3, 5, 6, 8, 4, 7]


def test_what_the_watermark_has_passed_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address below it waits for its turn in the queue, however many are released after it."""
    monkeypatch.setattr(pools, "RELEASED_LENGTH_MAX", 1)
    addresses = pool((2, 6))
    addresses.take(3, "named")
    addresses.give_back(3, NOW)
    assert [take_next(addresses), take_next(addresses)] == [2, 4]
    for address in (6, 2):
        if address not in addresses.held:
            addresses.take(address, "named")
        addresses.give_back(address, NOW)

    assert list(addresses.candidates(NOW)) == [5, 3, 6, 2]


def test_what_is_held_is_not_taken_again() -> None:
    """One holder per address is asserted where the state changes, not only where it is decided."""
    addresses = pool((2, 4))
    addresses.take(3, "first")

    with pytest.raises(InvariantBroken, match="held already"):
        addresses.take(3, "second")
    assert addresses.held == {3: "first"}


@pytest.mark.parametrize("address", [1, 5, 7, 11])
def test_what_lies_outside_is_not_taken(address: int) -> None:
    """Below, between and above the ranges."""
    with pytest.raises(InvariantBroken, match="outside"):
        pool((2, 4), (8, 10)).take(address, "somebody")


def test_what_nobody_holds_is_not_given_back() -> None:
    """Freeing twice is a bug of whoever decides it."""
    with pytest.raises(InvariantBroken, match="nobody holds"):
        pool((2, 4)).give_back(3, NOW)


@pytest.mark.parametrize("ranges", [[(4, 3)], [(2, 4), (4, 6)], [(5, 6), (2, 3)]])
def test_ranges_must_ascend_without_overlap(ranges: list[tuple[int, int]]) -> None:
    """Otherwise an address would be handed out twice."""
    with pytest.raises(InvariantBroken):
        pool(*ranges)


def test_a_range_added_later_is_handed_out_last() -> None:
    """Also when all others are used up by then."""
    addresses = pool((2, 2))
    take_next(addresses)
    addresses.add_range(Range(5, 6))

    assert (addresses.capacity, addresses.free) == (3, 2)
    assert [take_next(addresses), take_next(addresses)] == [5, 6]


def test_what_is_reserved_is_not_taken() -> None:
    """Asserted where the state changes, too."""
    addresses = pool((2, 4))
    addresses.reserve(3)

    with pytest.raises(InvariantBroken, match="reserved"):
        addresses.take(3, "somebody")
    with pytest.raises(InvariantBroken, match="reserved already"):
        addresses.reserve(3)
    assert list(addresses.candidates(NOW)) == [2, 4]


@pytest.mark.parametrize("address", [1, 5])
def test_what_lies_outside_is_not_reserved(address: int) -> None:
    """Nor is it unreserved."""
    with pytest.raises(InvariantBroken, match="outside"):
        pool((2, 4)).reserve(address)
    with pytest.raises(InvariantBroken, match="not reserved"):
        pool((2, 4)).unreserve(address, NOW)


KINDS = ["next", "named", "back", "reserve", "unreserve"]
STEPS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 19)), max_size=60)


@given(STEPS)
def test_a_pool_is_what_a_list_of_rows_is(steps: list[tuple[str, int]]) -> None:
    """Against a model with one row an address: same free addresses in the same order, whatever was done."""
    addresses = pool((0, 4), (5, 5), (8, 13), (15, 19))
    never_used = [address for address in range(20) if address in addresses]
    idle: list[int] = []
    held: list[int] = []
    reserved: list[int] = []
    for kind, number in steps:
        if kind == "back" and held:
            address = held.pop(number % len(held))
            addresses.give_back(address, NOW)
            idle += [] if address in reserved else [address]
        elif kind == "reserve" and number in addresses and number not in reserved:
            addresses.reserve(number)
            reserved.append(number)
        elif kind == "unreserve" and reserved:
            address = reserved.pop(number % len(reserved))
            addresses.unreserve(address, NOW)
            idle += [] if address in held else [address]
        elif kind == "next" and never_used + idle:
            address = (never_used + idle)[0]
            assert take_next(addresses) == address
            held.append(address)
        elif kind == "named" and number in never_used + idle:
            addresses.take(number, "named")
            held.append(number)
        else:
            continue
        never_used = [address for address in never_used if address not in held + reserved]
        idle = [address for address in idle if address not in held + reserved]
        assert list(addresses.candidates(NOW)) == never_used + idle
        assert sorted(addresses.held) == sorted(held)
        assert addresses.free == len(never_used) + len(idle)


@given(STEPS)
def test_a_pool_that_forgets_hands_out_the_same_addresses(steps: list[tuple[str, int]]) -> None:
    """Even where it remembers one released address above the watermark: each free one is a candidate once."""
    addresses = pool((0, 4), (5, 5), (8, 13), (15, 19))
    free = {address for address in range(20) if address in addresses}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pools, "RELEASED_LENGTH_MAX", 1)
        for kind, number in steps:
            if kind == "back" and addresses.held:
                address = sorted(addresses.held)[number % len(addresses.held)]
                addresses.give_back(address, NOW)
                free.add(address)
            elif kind == "next" and free:
                free.remove(take_next(addresses))
            elif kind == "named" and number in free:
                addresses.take(number, "named")
                free.remove(number)
            candidates = list(addresses.candidates(NOW))
            assert (set(candidates), len(candidates)) == (free, addresses.free)


SMALL, HUGE = (2, 254), (2, (1 << 24) - 2)


def used(addresses: AddressPool[str], named: int, released: int) -> AddressPool[str]:
    """Return the pool after addresses were taken in order, by name in runs of one, and given back."""
    for _ in range(released * 2):
        take_next(addresses)
    for address in islice(addresses.candidates(NOW), 3, 3 + 2 * named, 2):
        addresses.take(address, "named")
    for address in range(2, 2 + released):
        addresses.give_back(address, NOW)
    return addresses


def test_creating_a_huge_pool_costs_what_a_small_one_costs() -> None:
    """Counted in bytecodes: no row per address."""
    assert count(lambda: pool(HUGE)) == count(lambda: pool(SMALL))


@pytest.mark.parametrize(("named", "released"), [(0, 0), (20, 0), (0, 40), (20, 40)])
def test_work_does_not_depend_on_size_or_use(named: int, released: int) -> None:
    """Taking the next, a named one and giving one back execute the same bytecodes in a /8 and a /24."""

    def churn(addresses: AddressPool[str]) -> int:
        named_one = next(islice(addresses.candidates(NOW), 1, 2))

        def work() -> None:
            take_next(addresses)
            addresses.take(named_one, "x")
            addresses.give_back(named_one, NOW)
            addresses.reserve(named_one)
            addresses.unreserve(named_one, NOW)

        return count(work)

    small, huge = (churn(used(pool(one), named, released)) for one in (SMALL, HUGE))

    assert huge == small


def test_work_does_not_depend_on_how_full_the_pool_is() -> None:
    """The next address of a pool that is used up but for its queue costs no more than the first one."""
    empty = pool((0, 9_999))
    first = count(lambda: take_next(empty))
    full = pool((0, 9_999))
    for _ in range(10_000):
        take_next(full)
    for address in range(9_900, 10_000):
        full.give_back(address, NOW)

    assert count(lambda: take_next(full)) <= first * 1.5
    assert count(lambda: full.give_back(5, NOW)) <= first
