"""What callers and hosts say: a small cell in which everybody wants the same few things.

Ten addresses, two networks, two floating IPs, two names, two network hosts and a handful of MACs, so that
actors race for one address, the last address, one MAC, one floating IP, one name and one network host all the
time.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from pydantic_core import to_json

from events.ids import CommandDraws, uuid7
from tests.simulation.plan import weighted

NETWORKS = tuple(f"0195f3c0-7a2b-7c3d-9e4f-00000000000{index}" for index in (1, 2, 3))
BLOCKS = ("10.0.0.0/29", "10.0.1.0/29", "10.0.2.0/29")
"""Five addresses for guests in each; the third network comes and goes."""
INSTANCES = tuple(f"0195f3c0-7a2b-7c3d-9e4f-0000000001{index:02d}" for index in range(9))
HOSTS = ("h1", "h2", "h3")
"""The third never registers: what it runs is served by nobody."""
PROJECTS = ("red", "blue")
FLOATING_BLOCK = "198.51.100.0/30"
FLOATING = ("198.51.100.1", "198.51.100.2")
DOMAIN = "example.org"
NAMES = ("web", "db")
"""What floating IPs and instances want to be called."""
FIXED = tuple(f"10.0.{network}.{host}" for network in (0, 1) for host in (2, 3, 4))
ADMIN = {"user": "operator", "project": None, "is_admin": True}

COLLIDES = 0xDEAD
"""Last 16 bits of a command id whose new objects all get one id: a second such spawn breaks an invariant."""
RAISES = 0xBAD
"""Last 16 bits of a command id on which deciding raises."""

Body = dict[str, Any]

_MIX: tuple[tuple[float, str], ...] = (
    (40, "spawn"),
    (24, "delete"),
    (12, "move"),
    (8, "float"),
    (14, "associate"),
    (3, "disassociate"),
    (6, "unfloat"),
    (2, "name"),
    (1, "unpool"),
    (2, "pool"),
    (2, "create"),
    (2, "remove"),
)


class FewDraws(CommandDraws):
    """Draws of a command with few distinct MACs, and with ids that provoke bugs."""

    __slots__ = ("_mac_values", "_mark")

    def __init__(self, command_id: str, mac_values: int) -> None:
        """Draw one of `mac_values` MACs for each candidate."""
        super().__init__(command_id)
        self._mac_values = mac_values
        self._mark = int(command_id[-4:], 16)

    def uuid(self, purpose: str, index: int) -> str:
        """Return an identity: a fresh one, unless the command's id asks for trouble."""
        if self._mark == COLLIDES:
            return CommandDraws("always the same").uuid(purpose, index)
        if self._mark == RAISES:
            raise RuntimeError("a bug in deciding")
        return super().uuid(purpose, index)

    def mac_suffix(self, index: int, attempt: int) -> int:
        """Return one of few MACs."""
        return super().mac_suffix(index, attempt) % self._mac_values


def fresh_id(rng: Random, now_ms: int, poison: float) -> str:
    """Return a new command id; now and then one that makes trouble or comes from a wrong clock."""
    bits = rng.getrandbits(74)
    if poison and rng.random() < poison:
        trouble = rng.choice((COLLIDES, COLLIDES, COLLIDES, RAISES, "future"))
        if trouble == "future":
            now_ms += 3_600_000
        else:
            bits = bits & ~0xFFFF | int(trouble)
    return uuid7(now_ms, bits)


def first_wishes() -> list[Body]:
    """Return what the cell begins with: two networks, a pool of two floating IPs and a domain."""
    networks = [network(index) for index in (0, 1)]
    floating = {"type": "CreateFloatingIps.v1", "actor": ADMIN, "ip_range": FLOATING_BLOCK}
    domain = {"type": "CreatePublicDnsDomain.v1", "actor": ADMIN, "domain": DOMAIN}
    return [*networks, floating, domain]


def network(index: int) -> Body:
    """Return the wish for one of the networks."""
    return {
        "type": "CreateNetworks.v1",
        "actor": ADMIN,
        "kind": "flatdhcp",
        "label": f"net{index}",
        "cidr": BLOCKS[index],
        "uuid": NETWORKS[index],
        "bridge": f"br{index}",
    }


def wish(rng: Random, spawned: Sequence[str] = ()) -> Body:
    """Return something that a caller might want, without an id; `spawned` are instances that may exist."""
    kind = weighted(rng, _MIX)
    project = rng.choice(PROJECTS)
    actor: Body = ADMIN if rng.random() < 0.5 else {"user": "u", "project": project, "is_admin": False}
    match kind:
        case "spawn":
            return _spawn(rng, project, actor)
        case "delete":
            return {
                "type": "DeleteInstance.v1",
                "actor": ADMIN,
                "instance_uuid": rng.choice(spawned or INSTANCES),
            }
        case "move":
            return _move(rng, rng.choice(spawned or INSTANCES))
        case "float":
            return {"type": "AllocateFloatingIp.v1", "actor": actor, "project_id": project}
        case "associate":
            body = {
                "type": "AssociateFloatingIp.v1",
                "actor": ADMIN,
                "floating_address": rng.choice(FLOATING),
            }
            return {**body, "fixed_address": rng.choice(FIXED)}
        case "disassociate":
            return {"type": "DisassociateFloatingIp.v1", "actor": actor, "address": rng.choice(FLOATING)}
        case "unfloat":
            return {"type": "ReleaseFloatingIp.v1", "actor": actor, "address": rng.choice(FLOATING)}
        case "name":
            name = {"domain": DOMAIN, "name": rng.choice(NAMES), "address": rng.choice(FLOATING)}
            return {"type": "AddDnsEntry.v1", "actor": ADMIN, **name}
        case "unpool":
            return {"type": "DeleteFloatingIps.v1", "actor": ADMIN, "ip_range": FLOATING[0], "force": True}
        case "pool":
            return {"type": "CreateFloatingIps.v1", "actor": ADMIN, "ip_range": FLOATING[0]}
        case "create":
            return network(2)
        case _:
            return {"type": "DeleteNetwork.v1", "actor": ADMIN, "network_id": NETWORKS[2]}


def _spawn(rng: Random, project: str, actor: Body) -> Body:
    first = rng.randrange(2)
    wanted: list[Body] = [{"network_id": NETWORKS[first]}]
    if rng.random() < 0.3:
        wanted[0]["address"] = f"10.0.{first}.{rng.randrange(2, 7)}"
    if rng.random() < 0.4:
        wanted.append({"network_id": NETWORKS[1 - first if rng.random() < 0.9 else 2]})
    return {
        "type": "SpawnInstance.v1",
        "actor": actor,
        "instance_uuid": rng.choice(INSTANCES),
        "project_id": project,
        "host": rng.choice(HOSTS),
        "requested_networks": wanted,
        "display_name": rng.choice(NAMES),
    }


def _move(rng: Random, instance: str) -> Body:
    """Return any step of any move, in time or late: several movers race for one instance."""
    kind = rng.choice(("UnbindInstance.v1", "BindInstance.v1", "BindInstance.v1", "PrepareInstance.v1"))
    body: Body = {"type": kind, "actor": ADMIN, "instance_uuid": instance, "host": rng.choice(HOSTS)}
    if kind == "BindInstance.v1":
        body["source"] = rng.choice((*HOSTS, *(None,) * 3))
    if kind == "PrepareInstance.v1":
        body["teardown"] = rng.random() < 0.5
    return body


def poison(rng: Random, command_id: str) -> bytes:
    """Return something that is no command."""
    return rng.choice(
        (
            b"{nonsense " + command_id.encode(),
            b"[1, 2]",
            b"\xff\xfe",
            to_json({"type": "Nope.v1", "id": command_id}),
            to_json({"type": "SpawnInstance.v1", "id": command_id, "actor": ADMIN, "instance_uuid": "x"}),
            to_json({"type": "RegisterHost.v1", "id": command_id, "reporter": "h1", "host": "h1"}),
        )
    )
