"""What a development Kafka is made of: its nodes, their ports and ids, and their `server.properties`."""

import base64
import contextlib
import json
import socket
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from events.errors import BrokenEnvironment


class Node(NamedTuple):
    """One broker, which is also a controller."""

    number: int
    port: int
    controller_port: int
    directory_id: str


class Detour(NamedTuple):
    """A second listener, whose clients are told to come by another port: of a proxy or a tunnel."""

    port: int
    advertised_port: int


class Plan(NamedTuple):
    """What the first start of a data directory fixed."""

    cluster_id: str
    nodes: list[Node]


def load_plan(data_dir: Path, count: int, port: int | None) -> Plan:
    """Return what an earlier start of the directory fixed; choose and keep it the first time.

    Raises:
        BrokenEnvironment: the directory holds a Kafka of another shape.

    """
    kept = data_dir / "dev-kafka.json"
    if not kept.exists():
        plan = _make_plan(count, port)
        data_dir.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(plan._asdict()), encoding="utf-8")
        return plan
    content = json.loads(kept.read_text(encoding="utf-8"))
    plan = Plan(content["cluster_id"], [Node(*node) for node in content["nodes"]])
    if len(plan.nodes) != count or port not in (None, plan.nodes[0].port):
        raise BrokenEnvironment(
            f"{data_dir} holds a Kafka of {len(plan.nodes)} nodes on port {plan.nodes[0].port}; start it "
            "as that, or give another directory"
        )
    return plan


def check_ports(plan: Plan, data_dir: Path) -> None:
    """Do nothing if all ports of the plan are free.

    Raises:
        BrokenEnvironment: one is not; Kafka itself would say so among a hundred lines.

    """
    for port in (port for node in plan.nodes for port in (node.port, node.controller_port)):
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as Kafka itself does
            try:
                one.bind(("127.0.0.1", port))
            except OSError as error:
                raise BrokenEnvironment(
                    f"port {port} of 127.0.0.1 is taken by another program ({error.strerror}): stop that, or "
                    f"give another directory (the first start of {data_dir} fixed its ports)"
                ) from error


def server_properties(
    node: Node, nodes: Sequence[Node], data: Path, detour: Detour | None = None
) -> dict[str, str]:
    """Return a node's settings: broker and controller in one, and nothing is created by accident."""
    listeners = f"PLAINTEXT://127.0.0.1:{node.port},CONTROLLER://127.0.0.1:{node.controller_port}"
    advertised = listeners
    if detour is not None:
        listeners += f",DETOUR://127.0.0.1:{detour.port}"
        advertised += f",DETOUR://127.0.0.1:{detour.advertised_port}"
    replicas = str(len(nodes))
    insync = "2" if len(nodes) > 1 else "1"
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.number),
        "controller.quorum.bootstrap.servers": ",".join(f"127.0.0.1:{one.controller_port}" for one in nodes),
        "listeners": listeners,
        "advertised.listeners": advertised,
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,DETOUR:PLAINTEXT",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "offsets.topic.replication.factor": replicas,
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": replicas,
        "transaction.state.log.min.isr": insync,
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": replicas,
        "share.coordinator.state.topic.min.isr": insync,
    }


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that are free now, all different."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _make_plan(count: int, port: int | None) -> Plan:
    ports = free_ports(2 * count)
    if port is not None:
        ports[0] = port
    pairs = zip(ports[0::2], ports[1::2], strict=True)
    return Plan(_new_id(), [Node(number, *pair, _new_id()) for number, pair in enumerate(pairs, 1)])


def _new_id() -> str:
    """Return 16 random bytes as Kafka writes its ids; one that began with - would be taken for an option."""
    text = "-"
    while text.startswith("-"):
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return text
