"""Words for scripted scenarios: a calm world in which only what the script says goes wrong."""

from tests.simulation.caller import Key
from tests.simulation.line import LEDGER, Line
from tests.simulation.node import Node
from tests.simulation.parts import Parts
from tests.simulation.plan import Plan
from tests.simulation.wishes import ADMIN, NETWORKS, Body, network
from tests.simulation.world import World

_TURNS_MAX = 40


def calm_world(parts: Parts | None = None, plan: Plan | None = None) -> World:
    """Return a world without faults, in which nobody owns the cell yet."""
    world = World(0, parts, Plan(mac_values=1 << 24) if plan is None else plan)
    world.calm = True
    return world


def owned_world(parts: Parts | None = None, plan: Plan | None = None) -> World:
    """Return a world whose first node owns the cell, with one network."""
    world = calm_world(parts, plan)
    own(world, world.nodes[0])
    world.callers[0].want(network(0))
    decide(world, world.nodes[0])
    return world


def own(world: World, node: Node) -> None:
    """Let a node own the cell: nobody else is asked."""
    node.ownership.assign()
    for _ in range(_TURNS_MAX):
        if node.owning:
            return
        if node.stopped_by is not None:
            break
        turn(world, node)
    raise AssertionError(f"{node.name} does not come to own the cell: {world.alarms}")


def turn(world: World, node: Node) -> None:
    """Let a node do what its runner does next, without landing what it decides."""
    world.now_ms += 500
    if node.engine is None:
        node.begin()
    elif node.engine.phase == "stepped_down":
        node.finish()
    elif node.owning:
        node.decide()
        node.read_back()
        node.tick()
    else:
        node.follow()
        if node.line is not None:
            node.line.land()
        node.follow()


def deliver(world: World) -> None:
    """Let all mail arrive, in order."""
    while world.mail:
        world.deliver()


def decide(world: World, node: Node) -> None:
    """Let a node decide what was sent, and read it back."""
    world.now_ms += 10
    deliver(world)
    node.decide()
    line_of(node).land()
    node.read_back()


def line_of(node: Node) -> Line:
    """Return a node's way to the log."""
    if node.line is None:
        raise AssertionError(f"{node.name} has no attempt under way")
    return node.line


def spawn(number: int, address: str | None = None) -> Body:
    """Return the wish for an instance with one NIC on the first network."""
    wanted: Body = {"network_id": NETWORKS[0]}
    if address is not None:
        wanted["address"] = address
    return {
        "type": "SpawnInstance.v1",
        "actor": ADMIN,
        "instance_uuid": f"0195f3c0-7a2b-7c3d-9e4f-0000000002{number:02d}",
        "project_id": "red",
        "host": "h3",
        "requested_networks": [wanted],
    }


def want(world: World, *bodies: Body) -> list[Key]:
    """Let the first caller send commands, a millisecond apart."""
    keys: list[Key] = []
    for body in bodies:
        world.now_ms += 1
        keys.append(world.callers[0].want(body))
    return keys


def end(world: World) -> int:
    """Return where the ledger ends."""
    return world.log.bounds(LEDGER).end


def alarm_of(who: object) -> str | None:
    """Return why a node or follower stopped."""
    alarm = getattr(who, "stopped_by", None)
    return None if alarm is None else str(getattr(alarm, "reason", alarm.code))
