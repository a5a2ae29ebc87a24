"""Floating IPs and the way out, with real packets."""

import subprocess
import sys

from tests.eventually import eventually
from tests.fix_netns import MakeNetns, Netns, wire
from tests.host.conftest import MakeGuest
from tests.host.world import PUBLIC, KernelWorld
from tests.host_events import Nic, claimed, network

WEB, APP = Nic(1, hostname="web"), Nic(2, hostname="app")
FLOATING, SECOND = "203.0.113.7", "203.0.113.8"
PORT = "7777"

ECHO_PEER = f"""
import socket
server = socket.create_server(("0.0.0.0", {PORT}))
print("ready", flush=True)
while True:
    connection, peer = server.accept()
    connection.sendall(peer[0].encode() + b"\\n")
    while data := connection.recv(100):
        connection.sendall(data)
"""
"""Tells whoever connects under which address it appears, and then sends back what it gets."""

ASK_PEER = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5) as connection:
    print(connection.makefile().readline().strip())
"""

HOLD = """
import socket, sys
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
connection.makefile().readline()
connection.settimeout(2)
print("open", flush=True)
for line in sys.stdin:
    try:
        connection.sendall(line.encode())
        print("answer " + connection.recv(100).decode().strip(), flush=True)
    except OSError as error:
        print("broken", flush=True)
"""


def started(where: Netns, script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a Python script inside, and wait for its first line."""
    process = where.inside.call(
        lambda: subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip()
    return process


def ended(*processes: subprocess.Popen[str]) -> None:
    """End what was started."""
    for process in processes:
        process.kill()
        process.communicate()


def address_seen(client: Netns, server: str) -> str:
    """Return the address under which a client appears to a server; empty if it does not get there."""
    return client.run(sys.executable, "-c", ASK_PEER, server, PORT, check=False).stdout.strip()


def online(guest: Netns) -> Netns:
    """Let a guest get its address."""
    guest.start_dhcp()
    eventually(guest.leases, within_s=30)
    return guest


def test_a_floating_ip_reaches_its_guest_and_is_its_face(
    world: KernelWorld, outside: Netns, guest_of: MakeGuest
) -> None:
    """From outside the guest answers at its floating IP; outside sees the guest under it."""
    world.decide(network(1), claimed(1), *WEB.spawned(), WEB.associated(FLOATING))
    guest = online(guest_of(WEB))
    servers = [started(guest, ECHO_PEER), started(outside, ECHO_PEER)]

    assert outside.pings(FLOATING)
    assert address_seen(outside, FLOATING) == "192.0.2.9"
    assert address_seen(guest, "192.0.2.9") == FLOATING
    assert address_seen(world.netns, FLOATING), "the host itself gets there too"
    ended(*servers)


def test_a_guest_without_one_leaves_under_the_hosts_address(
    world: KernelWorld, outside: Netns, guest_of: MakeGuest
) -> None:
    """SNAT of the whole network, out of the public interface only."""
    world.decide(network(1), claimed(1), *WEB.spawned())
    guest = online(guest_of(WEB))
    server = started(outside, ECHO_PEER)

    assert address_seen(guest, "192.0.2.9") == "192.0.2.1"
    ended(server)


def test_neighbours_reach_each_other_by_floating_ip(
    world: KernelWorld, outside: Netns, guest_of: MakeGuest
) -> None:
    """The one with a floating IP is seen under it, the one without as the gateway (nova-network.md 14.3)."""
    plain = Nic(3, hostname="db")
    nics = (WEB, APP, plain)
    spawned = [event for nic in nics for event in nic.spawned()]
    world.decide(network(1), claimed(1), *spawned, WEB.associated(FLOATING), APP.associated(SECOND))
    guests = [online(guest_of(nic)) for nic in nics]
    server = started(guests[0], ECHO_PEER)

    assert address_seen(guests[1], FLOATING) == SECOND
    assert address_seen(guests[2], FLOATING) == "10.1.0.1"
    ended(server)


def test_failure_16_open_connections_end_with_the_association(
    world: KernelWorld, outside: Netns, guest_of: MakeGuest
) -> None:
    """Without it they would go on to the old instance (nova's bug 1334938); afterwards nobody answers."""
    world.decide(network(1), claimed(1), *WEB.spawned(), WEB.associated(FLOATING))
    guest = online(guest_of(WEB))
    server = started(guest, ECHO_PEER)
    client = started(outside, HOLD, FLOATING, PORT)
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write("one\n")
    client.stdin.flush()
    first = client.stdout.readline().strip()
    world.decide(WEB.disassociated(FLOATING))
    client.stdin.write("two\n")
    client.stdin.flush()
    second = client.stdout.readline().strip()

    assert (first, second) == ("answer one", "broken")
    assert not outside.pings(FLOATING)
    assert world.addresses(PUBLIC) == {"192.0.2.1/24"}
    ended(server, client)


def test_failure_10_a_moved_floating_ip_leads_to_the_other_guest(
    world: KernelWorld, outside: Netns, guest_of: MakeGuest
) -> None:
    """In one transaction, so that there is no moment at which it leads nowhere."""
    world.decide(network(1), claimed(1), *WEB.spawned(), *APP.spawned(), WEB.associated(FLOATING))
    guests = [online(guest_of(nic)) for nic in (WEB, APP)]
    world.decide(WEB.disassociated(FLOATING), APP.associated(FLOATING))
    server = started(guests[1], ECHO_PEER)

    assert address_seen(outside, FLOATING) == "192.0.2.9"
    ended(server)


def test_a_floating_ip_may_live_on_another_interface(
    world: KernelWorld, outside: Netns, make_netns: MakeNetns, guest_of: MakeGuest
) -> None:
    """A pool names its own: it is bound there, and the guest leaves by it under its floating IP."""
    elsewhere = make_netns("elsewhere")
    wire(world.netns, "ext0", elsewhere, "eth0")
    world.netns.ip("address add 198.51.100.1/24 dev ext0")
    elsewhere.ip("address add 198.51.100.9/24 dev eth0")
    elsewhere.ip("route add 203.0.113.0/24 dev eth0")
    world.decide(network(1), claimed(1), *WEB.spawned(), WEB.associated(FLOATING, "ext0"))
    guest = online(guest_of(WEB))
    servers = [started(elsewhere, ECHO_PEER), started(outside, ECHO_PEER)]

    assert world.addresses("ext0") == {"198.51.100.1/24", f"{FLOATING}/32"}
    assert elsewhere.pings(FLOATING)
    assert address_seen(guest, "198.51.100.9") == FLOATING
    assert address_seen(guest, "192.0.2.9") == "192.0.2.1"
    ended(*servers)
