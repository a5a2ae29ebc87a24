"""Events that are stated without a check at run time are what the constructor would have made."""

from pydantic_core import to_json

from events.catalog import COMMANDS
from events.fixed_ips import FixedIpAllocated
from events.ids import CommandDraws
from events.instances import InstanceSpawned, MacGenerated, VifCreated
from events.model import Event, stated
from events.refusals import Refusal
from projections.cell.apply import apply_decision
from projections.cell.decide import decide_command
from projections.cell.state import CellState, Rules

NETWORK = "0195f3c0-7a2b-7c3d-9e4f-0123456789ab"
COMMAND = "0195f3c0-7a2b-7c3d-9e4f-0123456789ac"
OPERATOR = {"user": "operator", "project": None, "is_admin": True}


def decided(state: CellState, **command: object) -> tuple[Event, ...]:
    """Return what is decided on a command, after applying it."""
    body = {"id": COMMAND, "actor": OPERATOR, **command}
    decision = decide_command(
        state, COMMANDS.validate_json(to_json(body)), Rules(), CommandDraws(COMMAND), 1_000
    )
    assert not isinstance(decision, Refusal)
    apply_decision(state, state.seq + 1, 1_000, None, decision)
    return decision


def test_a_spawn_states_what_the_constructors_would_make() -> None:
    """Each event of a spawn equals its validated copy: by value, by JSON to the byte, by the fields set."""
    state = CellState(10)
    decided(state, type="CreateNetworks.v1", kind="flatdhcp", label="blue", cidr="10.0.0.0/24", uuid=NETWORK)
    events = decided(
        state,
        type="SpawnInstance.v1",
        instance_uuid="0195f3c0-7a2b-7c3d-9e4f-0123456789ad",
        project_id="p",
        host="compute-1",
        requested_networks=[{"network_id": NETWORK, "address": "10.0.0.77", "tag": "front"}],
    )
    assert [type(event) for event in events] == [InstanceSpawned, MacGenerated, VifCreated, FixedIpAllocated]
    for event in events:
        checked = type(event).model_validate(event.model_dump())
        assert event == checked
        assert to_json(event) == to_json(checked)
        assert event.model_fields_set == checked.model_fields_set - {"type"}
        assert repr(event) == repr(checked)


def test_what_is_stated_is_frozen_and_copies() -> None:
    """A stated event behaves like any other: it cannot be changed, and it can be copied."""
    event = stated(MacGenerated, mac="fa:16:3e:00:00:01", vif_id="v", draws=1)
    assert event.model_copy(update={"draws": 2}) == MacGenerated(mac="fa:16:3e:00:00:01", vif_id="v", draws=2)
    assert hash(event) == hash(MacGenerated(mac="fa:16:3e:00:00:01", vif_id="v", draws=1))
