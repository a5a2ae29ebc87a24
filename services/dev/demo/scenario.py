"""What the demo shows, step by step. Every claim is checked; one that does not hold ends it with an error."""

import json
import os
import signal
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console

from events.errors import BrokenEnvironment
from services.dev.demo.deployment import Deployment
from services.dev.demo.lab import Lab

NETWORK_HOST = "host-1"
COMPUTE_HOST = "host-2"
NETWORKS = {"blue": "10.20.0.0/24", "green": "10.30.0.0/24"}
FLOATING_RANGE = "198.51.100.0/28"
"""TEST-NET-2 (RFC 5737): the world outside, for the demo."""
HOST_OUTSIDE = "198.51.100.253/24"
WORLD = "198.51.100.254/24"
FIRST_ADDRESS = "10.20.0.2"
BURST = 60


class Demo:
    """One run: a deployment, its machines, and what is shown with them."""

    def __init__(self, data: Path, console: Console, deployment: Deployment, first_step: int = 1) -> None:
        """Show it on a deployment in `data`, counting steps from `first_step`."""
        self._data = data
        self._console = console
        self.deployment = deployment
        self._step = first_step - 1
        self._lab: Lab | None = None

    @property
    def lab(self) -> Lab:
        """The machines."""
        if self._lab is None:
            message = "the demo has no machines"
            raise BrokenEnvironment(message)
        return self._lab

    def with_machines(self, lab: Lab) -> None:
        """Show everything that needs a kernel."""
        self._lab = lab
        self.machines()
        networks = self.networks()
        vifs = self.spawn()
        self.float_it(vifs)
        self.crash(networks)
        self.repair(vifs)
        self.history(_address(vifs[0]))

    def without_kernel(self) -> None:
        """Show what can be shown without any privilege: decisions, history, and the plan for a host."""
        self.show("Without a kernel: two networks, an instance, and the plan for its host")
        for label, cidr in NETWORKS.items():
            self.deployment.ask("network", "create", label, cidr, "--bridge", f"br-{label}")
        where = ("--project", "demo", "--host", COMPUTE_HOST, "--hostname", "web")
        self._told(
            self.deployment.ask("instance", "spawn", str(uuid4()), *where, "--nic", "blue", "--nic", "green")
        )
        self._told(self.deployment.ask("host", "plan", COMPUTE_HOST))
        networks = {network["label"]: network for network in self.deployment.read("network", "list")}
        self.crash(networks)
        self.history(FIRST_ADDRESS)

    def show(self, title: str) -> None:
        """Begin a step."""
        self._step += 1
        self._console.print(f"\n[bold]{self._step}. {title}[/]")

    def fact(self, text: str) -> None:
        """Tell something that was just seen."""
        self._console.print(f"   {text}", highlight=False, markup=False, soft_wrap=True)

    def _told(self, said: str) -> None:
        """Show what a command said."""
        self.fact(said.rstrip().replace("\n", "\n   "))

    def require(self, held: bool, claim: str) -> None:  # noqa: FBT001 - reads as the sentence it is
        """Tell a claim that holds, or end the demo.

        Raises:
            BrokenEnvironment: it does not hold.

        """
        if not held:
            message = f"The demo failed: {claim}: no."
            raise BrokenEnvironment(message)
        self._console.print(f"   [green]✓[/] {claim}", highlight=False)

    def start(self) -> None:
        """Start PostgreSQL, allocator and projector."""
        self.show("Everything on the embedded default: PostgreSQL, allocator, projector")
        self.deployment.start("up", "up")
        self._told(self.deployment.ask("status", "--wait", "30"))

    def machines(self) -> None:
        """Start two hosts, a guest and the world outside, and an agent on each host."""
        self.show("Two hosts, a guest and the world outside, as network namespaces")
        for machine in (NETWORK_HOST, COMPUTE_HOST, "guest", "world"):
            self.fact(f"namespace {self.lab.add(machine)}")
        for label in NETWORKS:
            self.lab.cable((NETWORK_HOST, f"{label}0"), (COMPUTE_HOST, f"{label}0"))
        self.lab.cable((NETWORK_HOST, "public0"), ("world", "eth0"))
        self.lab.ip(NETWORK_HOST, "address", "add", HOST_OUTSIDE, "dev", "public0")
        self.lab.ip("world", "address", "add", WORLD, "dev", "eth0")
        for host in (NETWORK_HOST, COMPUTE_HOST):
            network_host = "true" if host == NETWORK_HOST else "false"
            self.deployment.start(
                f"agent-{host}",
                *("agent", host, "--namespace", self.lab.name(host)),
                settings={"NETLEDGER_PUBLIC_INTERFACE": "public0", "NETLEDGER_NETWORK_HOST": network_host},
            )

    def networks(self) -> dict[str, Any]:
        """Create two networks and wait until a host has claimed them."""
        self.show("Two FlatDHCP networks; the network host claims one a tick")
        for label, cidr in NETWORKS.items():
            words = (
                "network",
                "create",
                label,
                cidr,
                "--bridge",
                f"br-{label}",
                "--bridge-interface",
                f"{label}0",
            )
            self.deployment.ask(*words)
        hosted = self.deployment.until("a host claims both networks", self._hosted)
        for network in hosted.values():
            self.fact(
                f"{network['label']}: {network['cidr']} on {network['bridge']}, served by {network['host']}"
            )
        return dict(hosted)

    def _hosted(self) -> dict[str, Any] | None:
        networks = {network["label"]: network for network in self.deployment.read("network", "list")}
        return (
            networks if len(networks) == len(NETWORKS) and all(n["host"] for n in networks.values()) else None
        )

    def spawn(self) -> list[dict[str, Any]]:
        """Spawn an instance with a NIC on each network and plug it in as a hypervisor would."""
        self.show("A two-NIC instance; the guest asks by DHCP")
        instance = str(uuid4())
        nics = [word for label in NETWORKS for word in ("--nic", label)]
        where = ("--project", "demo", "--host", COMPUTE_HOST, "--hostname", "web")
        self._told(self.deployment.ask("instance", "spawn", instance, *where, *nics))
        vifs: list[dict[str, Any]] = self.deployment.read("instance", "show", instance)["network_info"]
        self.deployment.until("both hosts have applied the spawn", self._applied)
        for index, vif in enumerate(vifs):
            nic, bridge = f"eth{index}", vif["network"]["bridge"]
            self.lab.plug(COMPUTE_HOST, "guest", nic, vif["address"], bridge)
            got = self.lab.dhcp("guest", nic)
            decided = vif["network"]["subnets"][0]["ips"][0]["address"]
            self.require(
                got.split("/")[0] == decided, f"{nic} ({vif['address']}) got {got} by DHCP, as decided"
            )
            gateway = vif["network"]["subnets"][0]["gateway"]["address"]
            self.require(self.lab.ping("guest", gateway), f"its gateway {gateway} on {NETWORK_HOST} answers")
        return vifs

    def _applied(self) -> bool:
        seq = self._role("allocator")["seq"]
        hosts = self.deployment.read("host", "list")
        return len(hosts) == 2 and all((host["applied_seq"] or 0) >= seq for host in hosts)  # noqa: PLR2004 - the demo's two

    def float_it(self, vifs: list[dict[str, Any]]) -> str:
        """Reach the guest from the world on a floating IP."""
        self.show("A floating IP, reached from the world outside")
        self.lab.ip("guest", "route", "replace", "default", "via", _gateway(vifs[0]))
        self.deployment.ask("floating", "create", FLOATING_RANGE)
        allocated = self.deployment.read("floating", "allocate", "--project", "demo", show=True)
        floating = str(allocated["address"])
        self.deployment.ask("floating", "associate", floating, _address(vifs[0]))
        self.deployment.until("the hosts have applied the association", self._applied)
        self.require(
            self.lab.ping("world", floating),
            f"{floating} answers in the world: {_address(vifs[0])} behind NAT",
        )
        return floating

    def crash(self, networks: dict[str, Any]) -> None:
        """Kill the allocator while spawns stream in; every one is answered and no address is given twice."""
        self.show(f"kill -9 of the allocator while {BURST} instances spawn")
        requests = [
            {
                "method": "allocate_for_instance",
                "args": {
                    "instance_uuid": str(uuid4()),
                    "project_id": "demo",
                    "host": "host-3",
                    "requested_networks": [{"network_id": network["uuid"]} for network in networks.values()],
                },
            }
            for _ in range(BURST)
        ]
        pid = self._allocator_pid()
        os.kill(pid, signal.SIGKILL)
        self.fact(f"killed the allocator, process {pid}")
        answers = self.deployment.ask(
            "call", "--batch", show=True, stdin="".join(json.dumps(request) + "\n" for request in requests)
        ).splitlines()
        results = [json.loads(line) for line in answers]
        addresses = [_address(vif) for line in results for vif in line.get("result", ())]
        self.require(
            len(results) == BURST,
            f"all {BURST} were answered by its successor, process {self._allocator_pid()}",
        )
        self.require(
            len(set(addresses)) == len(addresses) == BURST * len(NETWORKS),
            f"{len(addresses)} addresses, none given twice",
        )

    def _allocator_pid(self) -> int:
        return int(self._role("allocator")["pid"])

    def _role(self, name: str) -> dict[str, Any]:
        """Return what a role says of itself, once all are ready; `up` hears of a new one a moment later."""
        said = self.deployment.read("status", "--wait", "30")
        return next(role for role in said["roles"] if role["role"] == name)

    def repair(self, vifs: list[dict[str, Any]]) -> None:
        """Delete a bridge by hand and see it come back."""
        bridge, gateway = vifs[0]["network"]["bridge"], _gateway(vifs[0])
        self.show(f"Somebody deletes bridge {bridge} on {NETWORK_HOST}")
        before = self._bridge(bridge)
        self.lab.ip(NETWORK_HOST, "link", "delete", bridge)
        after = self.deployment.until("the bridge is back", lambda: self._bridge(bridge))
        self.require(before != after, f"{bridge} was gone, and is back as interface {after}")
        answers = self.deployment.until("the gateway answers", lambda: self.lab.ping("guest", gateway))
        self.require(bool(answers), f"the gateway {gateway} answers the guest again")

    def _bridge(self, bridge: str) -> str | None:
        """Return the index of a bridge that exists; one that was made again has another."""
        shown = self.lab.on(NETWORK_HOST, "ip", "-oneline", "link", "show", bridge, check=False).stdout
        return shown.split(":")[0] or None

    def history(self, address: str) -> None:
        """Ask who held an address."""
        self.show("Who got this address, when, by which command, and why")
        self._told(self.deployment.ask("history", address))


def _address(vif: dict[str, Any]) -> str:
    return str(vif["network"]["subnets"][0]["ips"][0]["address"])


def _gateway(vif: dict[str, Any]) -> str:
    return str(vif["network"]["subnets"][0]["gateway"]["address"])
