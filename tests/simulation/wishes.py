"""What callers and hosts say: a small cell in which everybody wants the same few things.

Ten addresses, three networks, two floating IPs, two names, two network hosts and a handful of MACs, so that
actors race for one address, the last address, one MAC, the last unit of a quota, one floating IP, one name,
one network host and one VLAN network all the time.
"""

from random import Random
from typing import Any

from pydantic_core import to_json

from events.ids import CommandDraws, uuid7
from tests.simulation.plan import Plan, weighted
from tests.simulation.seen import Seen

NETWORKS = tuple(f"0195f3c0-7a2b-7c3d-9e4f-00000000000{index}" for index in (1, 2, 3))
BLOCKS = ("10.0.0.0/29", "10.0.1.0/29", "10.0.2.0/29")
"""Five addresses for guests in each, four in VLAN networks; the third network comes and goes."""
INSTANCES = tuple(f"0195f3c0-7a2b-7c3d-9e4f-0000000001{index:02d}" for index in range(9))
HOSTS = ("h1", "h2", "h3")
"""The third never registers: what it runs is served by nobody."""
PROJECTS = ("red", "blue")
FLOATING_BLOCK = "198.51.100.0/30"
FLOATING = ("198.51.100.1", "198.51.100.2")
DOMAIN = "example.org"
NAMES = ("web", "db")
"""What floating IPs, instances and security groups want to be called."""
MACS = tuple(f"52:54:00:00:00:0{index}" for index in (1, 2, 3))
"""What hypervisors supply."""
ADMIN = {"user": "operator", "project": None, "is_admin": True}

COLLIDES = 0xDEAD
"""Last 16 bits of a command id whose new objects all get one id: a second such spawn breaks an invariant."""
RAISES = 0xBAD
"""Last 16 bits of a command id on which deciding raises."""

Body = dict[str, Any]


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


def first_wishes(plan: Plan) -> list[Body]:
    """Return what the cell begins with: two networks, a pool of two floating IPs and a domain."""
    networks = [network(index, plan) for index in (0, 1)]
    floating = {"type": "CreateFloatingIps.v1", "actor": ADMIN, "ip_range": FLOATING_BLOCK}
    domain = {"type": "CreatePublicDnsDomain.v1", "actor": ADMIN, "domain": DOMAIN}
    return [*networks, floating, domain]


def network(index: int, plan: Plan | None = None) -> Body:
    """Return the wish for one of the networks."""
    kind = "flatdhcp" if plan is None else plan.kind
    body: Body = {
        "type": "CreateNetworks.v1",
        "actor": ADMIN,
        "kind": "vlan" if kind == "vlan" else "flatdhcp",
        "label": f"net{index}",
        "cidr": BLOCKS[index],
        "uuid": NETWORKS[index],
    }
    if kind == "vlan":
        body |= {"vlan": 100 + index, "bridge_interface": "eth1"}
    else:
        body["bridge"] = f"br{index}"
    if kind == "multi_host" and index == 1:
        body["multi_host"] = True
    if plan is not None and plan.ipv6:
        body["cidr_v6"] = f"2001:db8:0:{index}::/64"
    return body


def actor_of(rng: Random, project: str | None = None) -> Body:
    """Return an admin or a user, mostly one of the project concerned."""
    if rng.random() < 0.4:
        return ADMIN
    mine = project is not None and rng.random() < 0.9
    return {"user": "u", "project": project if mine else rng.choice(PROJECTS), "is_admin": False}


def an_instance(rng: Random, seen: Seen) -> str:
    """Return an instance, mostly one that there was lately."""
    there = list(seen.instances)
    return rng.choice(there) if there and rng.random() < 0.9 else rng.choice(INSTANCES)


def an_address(rng: Random, seen: Seen) -> tuple[str, str]:
    """Return a network and one of its addresses, mostly one that was held lately."""
    there = list(seen.fixed)
    if there and rng.random() < 0.9:
        return rng.choice(there)
    index = rng.randrange(2)
    return NETWORKS[index], f"10.0.{index}.{rng.randrange(2, 7)}"


def spawn(rng: Random, plan: Plan) -> Body:
    """Return the wish for an instance."""
    project = rng.choice(PROJECTS)
    body: Body = {
        "type": "SpawnInstance.v1",
        "actor": actor_of(rng, project),
        "instance_uuid": rng.choice(INSTANCES),
        "project_id": project,
        "host": rng.choice(HOSTS),
        "display_name": rng.choice(NAMES),
    }
    nics = 1
    if rng.random() >= (0.6 if plan.kind == "vlan" else 0.1):
        body["requested_networks"] = _nics(rng)
        nics = len(body["requested_networks"])
    if rng.random() < 0.15:
        body["macs"] = rng.sample(MACS, nics)
    if plan.kind == "vlan" and rng.random() < 0.1:
        body["vpn"] = True
    if rng.random() < 0.1:
        body["security_groups"] = [rng.choice(NAMES)]
    return body


def _nics(rng: Random) -> list[Body]:
    first = rng.randrange(2)
    wanted: list[Body] = [{"network_id": NETWORKS[first]}]
    if rng.random() < 0.3:
        wanted[0]["address"] = f"10.0.{first}.{rng.randrange(2, 7)}"
    if rng.random() < 0.4:
        wanted.append({"network_id": NETWORKS[1 - first if rng.random() < 0.9 else 2]})
    return wanted


def move(rng: Random, seen: Seen) -> Body:
    """Return any step of any move, in time or late: several movers race for one instance."""
    kind = rng.choice(("UnbindInstance.v1", "BindInstance.v1", "BindInstance.v1", "PrepareInstance.v1"))
    body: Body = {"type": kind, "actor": ADMIN, "instance_uuid": an_instance(rng, seen)}
    body["host"] = rng.choice(HOSTS)
    if kind == "BindInstance.v1":
        body["source"] = rng.choice((*HOSTS, *(None,) * 3))
    if kind == "PrepareInstance.v1":
        body["teardown"] = rng.random() < 0.5
    return body


def fixed_ip(rng: Random, seen: Seen) -> Body:
    """Return a wish about one address of an instance, or of nobody."""
    kind = weighted(rng, ((5, "Add"), (3, "Remove"), (1, "Reserve"), (2, "Unreserve")))
    network_id, address = an_address(rng, seen)
    body: Body = {"type": f"{kind}FixedIp.v1", "actor": ADMIN}
    match kind:
        case "Add":
            instance = an_instance(rng, seen)
            body |= {"instance_uuid": instance, "actor": actor_of(rng, seen.instances.get(instance))}
            body["network_id"] = rng.choice(NETWORKS[:2])
            if rng.random() < 0.3:
                body |= {"network_id": network_id, "address": address}
        case "Remove":
            instance = seen.fixed.get((network_id, address)) or rng.choice(INSTANCES)
            body |= {"instance_uuid": instance, "actor": actor_of(rng, seen.instances.get(instance))}
            body["address"] = address
        case _:
            body |= {"network_id": network_id, "address": address}
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
