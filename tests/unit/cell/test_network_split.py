"""How one command creates several networks: which blocks they get, all of them or none."""

from typing import Any, NamedTuple

import pytest
from hypothesis import assume
from hypothesis import given as everything
from hypothesis import strategies as st

from events.addresses import cidr4_bounds, ipv4_number, ipv4_text
from events.ids import CommandDraws
from events.log.port import RECORD_BYTES_MAX
from events.networks import (
    LABEL_LENGTH_MAX,
    NETWORKS_PER_COMMAND_MAX,
    AddressRange,
    CreateNetworks,
    NetworkCreated,
)
from events.record import decided_value
from events.refusals import Code, Refusal
from projections.cell.apply import apply_decision
from projections.cell.network.network_plan import decide_create
from projections.cell.state import CellState
from tests.unit.given import Scenario, fact, given, refused
from tests.unit.wishes import create, delete_network


def several(cidr: str, count: int | None = None, size: int | None = None, **fields: object) -> CreateNetworks:
    """Ask for networks that draw their ids."""
    asked: dict[str, Any] = {"uuid": None, "num_networks": count, "network_size": size, **fields}
    return create("net", cidr, **asked)


def taken(*cidrs: str) -> Scenario:
    """Return a cell with networks of these blocks."""
    return given(*(create(cidr, cidr) for cidr in cidrs))


class Split(NamedTuple):
    """What exists, what is asked, and the blocks that come out."""

    existing: list[str]
    cidr: str
    number: int | None
    size: int | None
    blocks: list[str]


SPLITS = {
    "from the start": Split([], "10.0.0.0/8", 3, 16, ["10.0.0.0/28", "10.0.0.16/28", "10.0.0.32/28"]),
    "a size is rounded up": Split([], "10.0.0.0/24", 2, 100, ["10.0.0.0/25", "10.0.0.128/25"]),
    "a size just above a power of two": Split([], "10.0.0.0/24", 1, 17, ["10.0.0.0/27"]),
    "equal shares": Split([], "10.0.0.0/26", 2, None, ["10.0.0.0/27", "10.0.0.32/27"]),
    "shares are rounded down": Split([], "10.0.0.0/24", 3, None, [f"10.0.0.{n}/26" for n in (0, 64, 128)]),
    "all of the block": Split([], "10.0.0.0/26", 4, 16, [f"10.0.0.{n}/28" for n in (0, 16, 32, 48)]),
    "one without a size": Split([], "10.0.0.0/20", 1, None, ["10.0.0.0/20"]),
    "as given": Split([], "10.0.0.0/12", None, None, ["10.0.0.0/12"]),
    "one of a size": Split([], "10.0.0.0/8", None, 256, ["10.0.0.0/24"]),
    "beside neighbours in use": Split(
        ["192.168.1.0/24", "192.168.2.0/24"],
        "192.168.0.0/16",
        2,
        256,
        ["192.168.0.0/24", "192.168.3.0/24"],
    ),
    "the first in use": Split(["10.0.0.0/24"], "10.0.0.0/8", 2, 256, ["10.0.1.0/24", "10.0.2.0/24"]),
    "smaller ones in use": Split(
        ["10.0.0.8/29", "10.0.0.248/29", "10.0.2.0/25"], "10.0.0.0/16", 2, 256, ["10.0.1.0/24", "10.0.3.0/24"]
    ),
    "a larger one in use": Split(["10.0.0.0/16"], "10.0.0.0/8", 2, 256, ["10.1.0.0/24", "10.1.1.0/24"]),
    "others beside the block": Split(
        ["10.0.0.0/24", "10.0.2.0/24"], "10.0.1.0/24", 2, None, ["10.0.1.0/25", "10.0.1.128/25"]
    ),
    "the last ones free": Split(
        ["10.0.0.0/26", "10.0.0.64/26"], "10.0.0.0/24", 2, 64, ["10.0.0.128/26", "10.0.0.192/26"]
    ),
    "host bits are masked": Split([], "10.0.0.77/24", 2, 16, ["10.0.0.0/28", "10.0.0.16/28"]),
    "the end of all addresses": Split(
        [], "255.255.255.0/24", 2, None, ["255.255.255.0/25", "255.255.255.128/25"]
    ),
}


@pytest.mark.parametrize("split", SPLITS.values(), ids=SPLITS)
def test_networks_get_the_first_free_blocks(split: Split) -> None:
    """Of one size, from the start of the block asked for, around what is in use."""
    outcome = taken(*split.existing).when(several(split.cidr, split.number, split.size))

    assert [created.cidr for created in outcome.of(NetworkCreated)] == split.blocks


def test_failure_24_each_network_has_a_plan_of_its_own() -> None:
    """Gateway, DHCP server and reserved addresses are those of its own block, as in nova."""
    created = given().when(several("10.0.0.0/8", 3, 16)).of(NetworkCreated)

    assert [(one.gateway, one.dhcp_server, one.dhcp_start, one.broadcast) for one in created] == [
        (f"10.0.0.{first + 1}", f"10.0.0.{first + 1}", f"10.0.0.{first + 2}", f"10.0.0.{first + 15}")
        for first in (0, 16, 32)
    ]
    assert [[(part.first, part.last) for part in one.reserved] for one in created] == [
        [(f"10.0.0.{first}", f"10.0.0.{first + 1}"), (f"10.0.0.{first + 15}", f"10.0.0.{first + 15}")]
        for first in (0, 16, 32)
    ]
    assert {one.netmask for one in created} == {"255.255.255.240"}


def test_several_networks_have_numbered_labels_and_names_of_their_own() -> None:
    """Labels by index, ids drawn, bridges after the ids; a single one keeps its label."""
    created = (
        given().when(several("10.0.0.0/24", 3, 16, kind="flat", dns1="9.9.9.9", mtu=1450)).of(NetworkCreated)
    )

    assert [one.label for one in created] == ["net_0", "net_1", "net_2"]
    assert len({one.network_id for one in created}) == len({one.bridge for one in created}) == 3
    assert all(one.bridge == f"br{one.network_id[-12:]}" for one in created)
    assert {(one.kind, one.dns1, one.mtu) for one in created} == {("flat", "9.9.9.9", 1450)}
    given().when(several("10.0.0.0/24", 1)).then(fact(NetworkCreated, label="net"))


def test_a_block_is_taken_exactly_as_given() -> None:
    """With ipam, whatever else is said about splitting, as in nova."""
    given().when(several("10.0.0.0/20", 4, 16, ipam=True, gateway="10.0.0.9")).then(
        fact(NetworkCreated, label="net", cidr="10.0.0.0/20", gateway="10.0.0.9")
    )


def test_a_part_of_the_first_free_block() -> None:
    """Gateway and part are checked against the block that the network gets."""
    asked: dict[str, Any] = {"gateway": "10.0.1.9", "fixed_cidr": "10.0.1.64/26"}
    scenario = taken("10.0.0.0/24")

    scenario.when(several("10.0.0.0/16", 1, 256, **asked)).then(
        fact(NetworkCreated, cidr="10.0.1.0/24", gateway="10.0.1.9")
    )
    scenario.when(several("10.0.0.0/16", 1, 256, **asked)).then(
        refused(Code.ADDRESS_OUT_OF_RANGE, "gateway", "10.0.2.0/24")
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uuid", "0195f3c0-7a2b-7c3d-9e4f-000000000001"),
        ("bridge", "br100"),
        ("vlan", 100),
        ("gateway_v6", "fd00::1"),
        ("gateway", "10.0.0.1"),
        ("dhcp_server", "10.0.0.1"),
        ("allowed_start", "10.0.0.5"),
        ("allowed_end", "10.0.0.7"),
        ("fixed_cidr", "10.0.0.0/29"),
    ],
)
def test_what_is_of_one_network_is_refused_for_several(field: str, value: object) -> None:
    """In nova all networks of a call had one gateway."""
    asked = several("10.0.0.0/24", 2).model_copy(update={field: value})

    given().when(asked).then(refused(Code.INVALID_INPUT, field, field, "2"))


@pytest.mark.parametrize(
    ("cidr", "count", "size"),
    [
        ("10.0.0.0/24", None, 257),
        ("10.0.0.0/24", 1, 512),
        ("10.0.0.0/24", 2, 129),
        ("10.0.0.0/24", 17, 16),
        ("10.0.0.0/28", 3, None),
        ("10.0.0.0/28", 1000, None),
        ("10.0.0.0/29", 2, 8),
    ],
)
def test_a_block_smaller_than_what_is_asked_is_refused(
    cidr: str, count: int | None, size: int | None
) -> None:
    """Where nova succeeded and created nothing, or failed with an error of its language."""
    given().when(several(cidr, count, size)).then(refused(Code.INVALID_CIDR, "cidr", cidr, "too few"))


def test_all_networks_or_none() -> None:
    """When the last one finds no room, nothing is created; the refusal names what is in the way."""
    scenario = taken("10.0.0.0/26", "10.0.0.192/28")

    scenario.when(several("10.0.0.0/24", 3, 64)).then(
        refused(Code.CIDR_CONFLICT, "cidr", "10.0.0.192/28", "2 of 3")
    )
    scenario.happens(delete_network("10.0.0.192/28")).when(several("10.0.0.0/24", 3, 64)).then(
        *[fact(NetworkCreated, cidr=f"10.0.0.{first}/26") for first in (64, 128, 192)]
    )


def test_a_bridge_that_somebody_has_stops_all() -> None:
    """Also a bridge that would be named after one of the drawn ids."""
    drawn = given().when(several("10.0.0.0/24", 2)).of(NetworkCreated)[1].bridge
    history = create("other", "10.9.0.0/24", bridge=drawn)
    first = several("10.0.0.0/24", 2)
    scenario = given(draws=lambda _command_id: SameDraws(drawn)).happens(history)

    scenario.when(first).then(refused(Code.NETWORK_NOT_CREATED, "bridge", drawn))


class SameDraws:
    """Draws the same id again and again."""

    def __init__(self, bridge: str) -> None:
        """Draw an id after which a bridge is named so."""
        self._id = f"0195f3c0-7a2b-8c3d-9e4f-{bridge.removeprefix('br')}"

    def uuid(self, purpose: str, index: int) -> str:
        """Return the id."""
        return self._id

    def mac_suffix(self, index: int, attempt: int) -> int:
        """Return no MAC: networks have none."""
        raise AssertionError


def test_two_networks_never_share_a_drawn_bridge() -> None:
    """If their ids ended alike, the command would be refused rather than stop every reader."""
    scenario = given(draws=lambda _command_id: SameDraws("br0123456789ab"))

    scenario.when(several("10.0.0.0/24", 2)).then(
        refused(Code.NETWORK_NOT_CREATED, "bridge", "br0123456789ab")
    )


def test_a_numbered_label_still_fits() -> None:
    """A label has up to 255 characters, also with its index."""
    long = "x" * (LABEL_LENGTH_MAX - 2)

    given().when(several("10.0.0.0/20", 10, label=long)).then(
        *[fact(NetworkCreated, label=f"{long}_{index}") for index in range(10)]
    )
    given().when(several("10.0.0.0/20", 11, label=long)).then(refused(Code.LABEL_TOO_LONG, "label", "255"))


def test_as_many_networks_as_there_are_vlans_are_one_record() -> None:
    """In one decision, each with all that a network can have, and small enough for a record."""
    asked: dict[str, Any] = {
        "kind": "vlan",
        "bridge_interface": "enp129s0f1",
        "vlan_start": 1,
        "cidr_v6": "fd00:1234::/32",
        "mtu": 1450,
        "dns1": "198.51.100.53",
        "dns2": "198.51.100.54",
        "project_id": "x" * 32,
        "vpn_public_address": "203.0.113.254",
        "cnt_vpn_clients": 5,
        "rxtx_base": 1000,
        "priority": 10,
        "physical_network": "datacentre-1",
        "label": "private-network",
    }
    command = several("100.64.0.0/10", NETWORKS_PER_COMMAND_MAX, 256, **asked)
    state = CellState(window_commands=10)
    decision = decide_create(state, command, CommandDraws(command.id))

    assert not isinstance(decision, Refusal)
    apply_decision(state, 1, 0, None, decision)
    assert len(state.networks) == len(state.vlans) == NETWORKS_PER_COMMAND_MAX == 4094
    assert len(decided_value(command.model_dump_json().encode(), decision)) <= RECORD_BYTES_MAX


@pytest.mark.parametrize(
    "field", [{"num_networks": 0}, {"num_networks": 4095}, {"network_size": 7}, {"network_size": 1 << 33}]
)
def test_numbers_out_of_bounds_are_not_read(field: dict[str, Any]) -> None:
    """The language itself has these bounds."""
    with pytest.raises(ValueError, match=next(iter(field))):
        create(**field)


# --- Every split ----------------------------------------------------------------------------------------

BASE = ipv4_number("10.0.0.0")
LENGTHS = st.integers(22, 29)


@st.composite
def blocks_in_use(draw: st.DrawFn) -> list[str]:
    """Draw disjoint blocks of the /21 that everything happens in."""
    found: list[tuple[int, int]] = []
    for length in draw(st.lists(LENGTHS, max_size=12)):
        size = 1 << (32 - length)
        first = BASE + draw(st.integers(0, 2048 // size - 1)) * size
        if all(last < first or first + size - 1 < start for start, last in found):
            found.append((first, first + size - 1))
    return [f"{ipv4_text(start)}/{32 - (last - start).bit_length()}" for start, last in found]


def addresses(cidr: str) -> set[int]:
    """Return every address of a block."""
    first, last = cidr4_bounds(cidr)
    return set(range(first, last + 1))


@everything(
    existing=blocks_in_use(),
    at=st.integers(0, 2047),
    length=st.integers(21, 29),
    count=st.none() | st.integers(1, 9),
    size=st.none() | st.integers(8, 300),
)
def test_failure_24_every_split(
    existing: list[str], at: int, length: int, count: int | None, size: int | None
) -> None:
    """The blocks are the first free ones of their size; each address is used or reserved."""
    scenario = taken(*existing)
    used = {address for cidr in existing for address in addresses(cidr)}
    asked = several(f"{ipv4_text(BASE + at)}/{length}", count, size)
    decision = scenario.when(asked).decision
    wanted, room = count or 1, addresses(str(asked.cidr))
    each = next(power for power in (8, 16, 32, 64, 128, 256, 512) if power >= size) if size else None
    each = each or max((1 << bits for bits in range(12) if wanted << bits <= len(room)), default=0)
    free = [
        part
        for start in (range(min(room), max(room) + 1, each) if each else ())
        if (part := set(range(start, start + each))) <= room and not part & used
    ]
    if isinstance(decision, Refusal):
        too_small = each < 8 or wanted * each > len(room)
        assert decision.code == (Code.INVALID_CIDR if too_small else Code.CIDR_CONFLICT)
        assert too_small or len(free) < wanted
        return
    created = [event for event in decision if isinstance(event, NetworkCreated)]
    assert [addresses(str(one.cidr)) for one in created] == free[:wanted]
    assert len(created) == wanted
    for one in created:
        usable = set(scenario.state.networks[one.network_id].pool.candidates(scenario.now_ms))
        partition(one, usable)


@everything(
    low=st.none() | st.integers(0, 63),
    high=st.none() | st.integers(0, 63),
    gateway=st.none() | st.integers(0, 63),
    dhcp_server=st.none() | st.integers(0, 63),
    part=st.none() | st.tuples(st.integers(0, 63), st.integers(26, 32)),
)
def test_failure_24_every_plan(
    low: int | None,
    high: int | None,
    gateway: int | None,
    dhcp_server: int | None,
    part: tuple[int, int] | None,
) -> None:
    """What is handed out is exactly what all bounds allow; the rest of the block is reserved."""
    given_addresses = {
        "allowed_start": low,
        "allowed_end": high,
        "gateway": gateway,
        "dhcp_server": dhcp_server,
    }
    asked: dict[str, Any] = {
        field: f"10.0.0.{last}" for field, last in given_addresses.items() if last is not None
    }
    if part is not None:
        asked["fixed_cidr"] = f"10.0.0.{part[0]}/{part[1]}"
    command = create("net", "10.0.0.0/26", **asked)
    scenario = given()
    decision = scenario.when(command).decision
    assume(
        not (
            isinstance(decision, Refusal) and decision.field in given_addresses and "host" in decision.message
        )
    )
    within = sorted(addresses(command.fixed_cidr or str(command.cidr)))
    bottom = 0 if low is None else low
    allowed = within[2:-1] if command.fixed_cidr or low is None else within[:-1]
    expected = {
        one
        for one in allowed
        if bottom <= one - BASE <= (63 if high is None else high)
        and one - BASE not in {gateway or low or 1, dhcp_server or gateway or low or 1}
    }
    if isinstance(decision, Refusal):
        assert (decision.code, expected) == (Code.ADDRESS_OUT_OF_RANGE, set())
        return
    (created,) = (event for event in decision if isinstance(event, NetworkCreated))
    (network,) = scenario.state.networks.values()
    assert set(network.pool.candidates(scenario.now_ms)) == expected
    partition(created, expected)


def partition(created: NetworkCreated, usable: set[int]) -> None:
    """Hold that each address of a block is either usable or reserved, its ends and gateway the latter."""
    parts: list[AddressRange] = list(created.reserved)
    reserved = [one for part in parts for one in range(ipv4_number(part.first), ipv4_number(part.last) + 1)]
    block = addresses(str(created.cidr))
    assert reserved == sorted(set(reserved))
    assert usable | set(reserved) == block
    assert not usable & set(reserved)
    assert {min(block), max(block), ipv4_number(str(created.gateway))} <= set(reserved)
