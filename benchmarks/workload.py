"""What the benchmarks send: networks, and two-NIC spawns on them as compute would publish them."""

from collections.abc import Sequence

from pydantic_core import from_json, to_json

from events.catalog import COMMANDS
from events.ids import CommandDraws, uuid7
from events.log.port import Message
from events.model import Actor, Event
from events.refusals import Refusal
from projections.cell.apply import apply_decision
from projections.cell.decide import decide_command
from projections.cell.state import CellState, Rules
from services.allocator.runner import now_ms

NETWORKS = ("0195f3c0-7a2b-7c3d-9e4f-0123456789ab", "0195f3c0-7a2b-7c3d-9e4f-0123456789ac")
CIDRS = ("10.0.0.0/8", "11.0.0.0/8")
OPERATOR = Actor(user="benchmark", is_admin=True).model_dump()
PROJECTS = 50
HOSTS = 100


def create_network(network_id: str, cidr: str) -> Message:
    """Return the command that creates a network."""
    return _message(
        type="CreateNetworks.v1", kind="flatdhcp", label=f"bench-{cidr}", cidr=cidr, uuid=network_id
    )


def delete_network(network_id: str) -> Message:
    """Return the command that deletes a network."""
    return _message(type="DeleteNetwork.v1", network_id=network_id, require_disassociated=False)


def create_vlans(number: int) -> Message:
    """Return the command that creates that many VLAN networks of 256 addresses."""
    return _message(
        type="CreateNetworks.v1",
        kind="vlan",
        label="bench",
        cidr="10.0.0.0/8",
        num_networks=number,
        network_size=256,
        vlan_start=2,
        bridge_interface="eth1",
    )


def create_groups(names: Sequence[str]) -> list[Message]:
    """Return the commands that create these security groups in each project, each with a rule."""
    wishes: list[Message] = []
    for number in range(PROJECTS):
        project = f"project-{number}"
        for name in names:
            wishes.append(_message(type="CreateSecurityGroup.v1", name=name, project_id=project))
            wishes.append(
                _message(
                    type="AddSecurityGroupRules.v1",
                    security_group=name,
                    project_id=project,
                    rules=[{"protocol": "tcp", "from_port": 22, "to_port": 22, "group_id": "default"}],
                )
            )
    return wishes


def create_floating_ips(ip_range: str) -> Message:
    """Return the command that adds a block to the default pool."""
    return _message(type="CreateFloatingIps.v1", ip_range=ip_range)


def delete_floating_ips(ip_range: str) -> Message:
    """Return the command that takes a block out of its pool."""
    return _message(type="DeleteFloatingIps.v1", ip_range=ip_range)


def create_networks() -> list[Message]:
    """Return the commands that create the two networks of a two-NIC spawn."""
    return [create_network(network, cidr) for network, cidr in zip(NETWORKS, CIDRS, strict=True)]


def spawn(number: int, networks: tuple[str, ...] = NETWORKS, **more: object) -> Message:
    """Return a spawn with a NIC on each of `networks`; `more`: other fields of the command."""
    return _message(
        type="SpawnInstance.v1",
        instance_uuid=uuid7(now_ms()),
        project_id=f"project-{number % PROJECTS}",
        host=f"compute-{number % HOSTS}",
        hostname=f"vm-{number}",
        requested_networks=[{"network_id": network} for network in networks],
        **more,
    )


def delete(spawned: Message) -> Message:
    """Return the command that deletes the instance of a spawn."""
    return _message(type="DeleteInstance.v1", instance_uuid=from_json(spawned.value)["instance_uuid"])


def spawned_events() -> tuple[Event, ...]:
    """Return what is decided on a two-NIC spawn, for the floors, which decide nothing."""
    state = CellState(window_commands=10)
    decision: tuple[Event, ...] | Refusal = ()
    for seq, message in enumerate((*create_networks(), spawn(1)), start=1):
        command = COMMANDS.validate_json(message.value)
        decision = decide_command(state, command, Rules(), CommandDraws(command.id), now_ms())
        apply_decision(state, seq, now_ms(), None, decision)
    if isinstance(decision, Refusal):
        raise TypeError(decision.message)
    return decision


def _message(**fields: object) -> Message:
    return Message((), to_json({"id": uuid7(now_ms()), "actor": OPERATOR, **fields}))
