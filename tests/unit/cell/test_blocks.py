"""The index of blocks against looking at all of them."""

from hypothesis import given as everything
from hypothesis import strategies as st

from projections.cell.address.pool import Range
from projections.cell.network.blocks import Block, Blocks

PLACES = st.tuples(st.integers(0, 63), st.integers(0, 6)).map(
    lambda drawn: Range(
        drawn[0] >> drawn[1] << drawn[1], (drawn[0] >> drawn[1] << drawn[1]) + (1 << drawn[1]) - 1
    )
)
OWNERS = st.sampled_from([None, "red", "blue"])


@everything(
    added=st.lists(st.tuples(PLACES, OWNERS), max_size=12),
    gone=st.sets(st.integers(0, 11)),
    wanted=PLACES,
    owner=OWNERS,
    address=st.integers(0, 63),
)
def test_every_question_about_blocks(
    added: list[tuple[Range, str | None]], gone: set[int], wanted: Range, owner: str | None, address: int
) -> None:
    """Which overlap, which forbid an owner a block, which have an address: also after some were removed."""
    blocks = Blocks()
    there: dict[str, tuple[Range, str | None]] = {}
    for number, (block, whose) in enumerate(added):
        blocks.add(Block(*block, str(number)), whose)
        there[str(number)] = (block, whose)
    for number in gone & set(range(len(added))):
        block, whose = there.pop(str(number))
        blocks.remove(Block(*block, str(number)), whose)

    overlapping = {
        key for key, (one, _) in there.items() if one.first <= wanted.last and wanted.first <= one.last
    }
    having = {key for key, (one, _) in there.items() if one.first <= address <= one.last}
    exclusive = {key for key, (_, whose) in there.items() if whose is None or whose == owner}
    assert ids(blocks.overlapping(wanted)) == sorted(overlapping)
    assert ids(blocks.conflicts(wanted, owner)) == sorted(
        overlapping & (set(there) if owner is None else exclusive)
    )
    assert ids(blocks.at(address)) == sorted(having)
    assert ids(blocks.at_for(address, owner)) == sorted(having & exclusive)


def ids(found: object) -> list[str]:
    """Return the networks of blocks, each as often as it was found."""
    assert hasattr(found, "__iter__")
    return sorted(block.network_id for block in found)
