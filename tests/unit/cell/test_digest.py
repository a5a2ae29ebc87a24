"""The digest covers all that a state says and all that later decisions depend on."""

from collections.abc import Callable, MutableMapping
from typing import TypeVar

import pytest

from events.addresses import ipv4_number
from events.ids import uuid7
from projections.cell.canonical import canonical_rows, digest
from projections.cell.state import CellState, Instance, Rules
from projections.cell.window import Remembered
from tests.unit.given import START_MS, given
from tests.unit.wishes import (
    ADMIN,
    ANN,
    add_entry,
    associate,
    claim,
    create,
    delete,
    floating_allocate,
    floating_create,
    nic,
    private_domain,
    public_domain,
    register,
    spawn,
    uid,
)

FLOATING = ipv4_number("192.0.2.1")
FREE_FLOATING = ipv4_number("192.0.3.2")

Key = TypeVar("Key")
Value = TypeVar("Value")


def busy() -> CellState:
    """Return a state in which everything occurs, with at least two of each where order matters."""
    return given(
        create("a", "10.0.0.0/24"),
        create("b", "10.0.1.0/24"),
        create("own", "10.0.2.0/24", project_id="red"),
        register("h1", "default", "rack2"),
        register("h2"),
        claim("h1", "a"),
        *(spawn(name, nic("a"), nic("b"), display_name=name) for name in ("kept", "gone", "later gone")),
        spawn("also kept", nic("b")),
        spawn("free", nic("a"), host="h9"),
        floating_create("192.0.2.0/29"),
        floating_create("192.0.3.0/29", interface="eth9"),
        *(floating_allocate(ANN) for _ in range(3)),
        *(associate(f"192.0.2.{last}", "10.0.0.2", ADMIN) for last in (1, 2)),
        private_domain(),
        public_domain(),
        *(add_entry(name, "192.0.2.1") for name in ("www", "mail")),
        delete("gone"),
        delete("later gone"),
        delete("free"),
        rules=Rules(instance_dns_domain="cloud.example"),
    ).state


def turn(ordered: MutableMapping[Key, Value]) -> None:
    """Turn the order of a dictionary around."""
    assert len(ordered) > 1
    items = list(ordered.items())[::-1]
    ordered.clear()
    ordered.update(items)


def kept(state: CellState) -> Instance:
    """Return an instance with two NICs."""
    return state.instances[uid("kept")]


CHANGES: dict[str, Callable[[CellState], object]] = {
    "position": lambda state: setattr(state, "seq", 1),
    "time": lambda state: setattr(state, "time_ms", 1),
    "a remembered command": lambda state: state.window.remember(uuid7(START_MS, 1), Remembered(1, "d", None)),
    "a host": lambda state: state.hosts.pop("h2"),
    "what a host reaches": lambda state: setattr(state.hosts["h2"], "physical_networks", frozenset({"x"})),
    "what waits for a host": lambda state: turn(state.hosts["h1"].awaited),
    "a network host": lambda state: setattr(state.networks[uid("a")], "host", "h2"),
    "an owner's epoch": lambda state: setattr(state.networks[uid("a")], "epoch", 9),
    "which networks a project gets first": lambda state: turn(state.selectable[None]),
    "which addresses drain first": lambda state: turn(state.networks[uid("a")].draining),
    "deadlines": lambda state: turn(state.deadlines),
    "an instance": lambda state: state.instances.pop(uid("kept")),
    "where an instance is": lambda state: setattr(kept(state), "host", "h2"),
    "the epoch of its binding": lambda state: setattr(kept(state), "epoch", 2),
    "where it was last": lambda state: setattr(kept(state), "last_host", "h2"),
    "which host is ready for it": lambda state: setattr(kept(state), "prepared", ("h2",)),
    "which host has not let go of it": lambda state: setattr(kept(state), "left", ("h2",)),
    "since when a host should have let go of it": lambda state: state.hosts["h2"].leaving.update(vm=1),
    "what an instance asked for": lambda state: setattr(kept(state), "request_digest", "other"),
    "an instance's name": lambda state: setattr(kept(state), "hostname", "other"),
    "the order of NICs": lambda state: setattr(kept(state).vifs[0], "index", 7),
    "a lease": lambda state: setattr(next(iter(state.allocations.values())), "leased", True),
    "the order of floating IPs": lambda state: turn(next(iter(state.allocations.values())).floating),
    "an allocation": lambda state: state.allocations.popitem(),
    "the next address": lambda state: state.networks[uid("b")].pool.take(10 << 24 | 1 << 8 | 99, None),  # type: ignore[arg-type]  # nobody
    "the next floating address": lambda state: state.floating_pools["nova"].take(FREE_FLOATING),
    "a floating IP": lambda state: state.floating_ips.popitem(),
    "whether a floating IP was assigned automatically": lambda state: setattr(
        next(iter(state.floating_ips.values())), "auto_assigned", True
    ),
    "a DNS domain": lambda state: state.names.domains.pop("example.org"),
    "whose DNS domain it is": lambda state: setattr(state.names.domains["example.org"], "project_id", "blue"),
    "a DNS entry": lambda state: state.names.entries.popitem(),
    "the order of an address's names": lambda state: turn(state.names.of_address[FLOATING]),
    "the order of a domain's names": lambda state: turn(state.names.of_domain["example.org"]),
    "an instance's names": lambda state: turn(next(iter(state.names.of_allocation.values()))),
    "a range of floating IPs": lambda state: state.floating_ranges.pop(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_changes_the_digest(change: Callable[[CellState], object]) -> None:
    """Whatever it is; two states that agree on the digest decide alike."""
    state = busy()
    before = digest(state)
    change(state)

    assert digest(state) != before


def test_the_same_history_has_the_same_digest() -> None:
    """The digest hangs on nothing else."""
    assert digest(busy()) == digest(busy())


def test_the_rows_are_in_canonical_order() -> None:
    """Whatever the order of what happened."""
    state = busy()
    before = canonical_rows(state)
    turn(state.networks)
    turn(state.hosts)
    turn(state.instances)
    turn(state.allocations)

    assert canonical_rows(state) == before
    assert all(rows == sorted(rows, key=lambda row: row[0]) for rows in before.values())
