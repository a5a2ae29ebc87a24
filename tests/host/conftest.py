"""Hosts and guests for the tests of this directory; all of them need root."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from projections.host_plan import HostSettings
from tests.fix_netns import MakeNetns, Netns, plug, wire
from tests.host.world import PUBLIC, KernelWorld
from tests.host_events import HOST, Nic, registered

HERE = Path(__file__).parent

MakeGuest = Callable[[Nic], Netns]
MakeWorld = Callable[[str], KernelWorld]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark everything that makes namespaces, and keep it on one worker: the tests share one kernel."""
    if HERE in item.path.parents and "make_netns" in getattr(item, "fixturenames", ()):
        item.add_marker("root")
        item.add_marker(pytest.mark.xdist_group("kernel"))


@pytest.fixture
def make_world(make_netns: MakeNetns, tmp_path: Path) -> Iterator[MakeWorld]:
    """Give a maker of hosts with their agents."""
    made: list[KernelWorld] = []

    def make(host: str) -> KernelWorld:
        settings = HostSettings(
            host=host,
            public_interface=PUBLIC,
            claim_interval_s=60.0,
            dns_server=("192.0.2.53",),  # nobody; and not the machine's own
        )
        made.append(KernelWorld(make_netns(host), tmp_path, settings))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture
def world(make_world: MakeWorld) -> KernelWorld:
    """Give a registered host."""
    host = make_world(HOST)
    host.ledger.decide(registered())
    return host


@pytest.fixture
def outside(world: KernelWorld, make_netns: MakeNetns) -> Netns:
    """Give a machine on the public network of the host: 192.0.2.9, with a route to 203.0.113.0/24."""
    machine = make_netns("outside")
    wire(world.netns, PUBLIC, machine, "eth0")
    world.netns.ip(f"address add 192.0.2.1/24 dev {PUBLIC}")
    machine.ip("address add 192.0.2.9/24 dev eth0")
    machine.ip("route add 203.0.113.0/24 dev eth0")
    return machine


@pytest.fixture
def guest_of(world: KernelWorld, make_netns: MakeNetns) -> MakeGuest:
    """Give a maker of guests: a namespace plugged into the bridge of its NIC's network."""

    def make(nic: Nic) -> Netns:
        guest = make_netns(f"guest{nic.number}")
        plug(world.netns, f"br{nic.network}", guest, nic.mac)
        return guest

    return make
