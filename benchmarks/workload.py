"""What the benchmarks send: two networks, and two-NIC spawns on them as compute would publish them."""

from pydantic_core import to_json

from events.ids import uuid7
from events.log.port import Message
from events.model import Actor
from services.allocator.runner import now_ms

NETWORKS = ("0195f3c0-7a2b-7c3d-9e4f-0123456789ab", "0195f3c0-7a2b-7c3d-9e4f-0123456789ac")
OPERATOR = Actor(user="benchmark", is_admin=True)
PROJECTS = 50
HOSTS = 100


def create_networks(cidrs: tuple[str, str] = ("10.0.0.0/8", "11.0.0.0/8")) -> list[Message]:
    """Return the commands that create the two networks."""
    return [
        _message(type="CreateNetworks.v1", kind="flatdhcp", label=f"bench-{index}", cidr=cidr, uuid=network)
        for index, (network, cidr) in enumerate(zip(NETWORKS, cidrs, strict=True))
    ]


def spawn(number: int) -> Message:
    """Return a two-NIC spawn."""
    return _message(
        type="SpawnInstance.v1",
        instance_uuid=uuid7(now_ms()),
        project_id=f"project-{number % PROJECTS}",
        host=f"compute-{number % HOSTS}",
        hostname=f"vm-{number}",
        requested_networks=[{"network_id": network} for network in NETWORKS],
    )


def _message(**fields: object) -> Message:
    body = {"id": uuid7(now_ms()), "actor": OPERATOR.model_dump(), **fields}
    return Message((), to_json(body))
