"""The agent keeps a real kernel as the ledger wants it, and leaves alone what is not its own."""

from host_agent.observed import LINK_GROUP
from host_agent.steps import StopDhcp
from tests.eventually import eventually
from tests.fix_netns import MakeNetns, Netns, plug, wire
from tests.host.conftest import MakeGuest, MakeWorld
from tests.host.world import PUBLIC, KernelWorld
from tests.host_events import HOST, OTHER, Nic, claimed, network, network_deleted, registered

WEB = Nic(1, hostname="web")
FLOATING = "203.0.113.7"
SERVED = (network(1), claimed(1), *WEB.spawned())


def repaired(world: KernelWorld, times: int = 1) -> None:
    """Let the agent work until it has repaired something and is content."""
    world.until(lambda: world.agent.status.repairs >= times and not world.agent.status.failures)


def test_a_deleted_bridge_comes_back_with_all_that_hangs_on_it(
    world: KernelWorld, guest_of: MakeGuest
) -> None:
    """Address, MAC, mark, and a DHCP service that was started on the new bridge.

    One that was bound to the old bridge ends up bound to none, and takes other networks' renewals.
    """
    world.decide(*SERVED)
    process = world.dhcp_pid()
    before = world.netns.ip("-o link show br1").split("link/ether")[1].split()[0]
    world.netns.ip("link delete br1")
    repaired(world)
    guest = guest_of(WEB)
    guest.start_dhcp()

    eventually(guest.leases, within_s=30)
    assert guest.pings("10.1.0.1")
    assert world.dhcp_pid() != process
    assert world.netns.ip("-o link show br1").split("link/ether")[1].split()[0] == before


def test_addresses_changed_by_hand_are_put_right(world: KernelWorld) -> None:
    """The gateway's comes back, a stranger's goes."""
    world.decide(*SERVED)
    world.netns.ip("address del 10.1.0.1/24 dev br1")
    world.netns.ip("address add 10.1.0.99/24 dev br1")
    repaired(world)

    assert world.addresses("br1") == {"10.1.0.1/24"}


def test_a_bridge_taken_down_or_renumbered_is_put_right(world: KernelWorld) -> None:
    """State, MAC, MTU and mark; the route comes back with the state."""
    world.decide(network(1, mtu=1400), claimed(1))
    world.netns.ip("link set br1 down mtu 1300 address 02:00:00:00:00:99 group 0 alias mine")
    world.until(lambda: world.agent.status.failures or "state UP" in world.netns.ip("-o link show br1"))

    assert world.agent.status.problems  # neither group nor alias says that it is ours
    world.netns.ip(f"link set br1 group {LINK_GROUP}")
    repaired(world)
    link = world.netns.ip("-o link show br1")
    assert "mtu 1400" in link
    assert "02:00:00:00:00:99" not in link
    assert "10.1.0.0/24" in world.netns.ip("route show dev br1")


def test_failure_10_the_nat_table_is_put_right(world: KernelWorld, outside: Netns) -> None:
    """A flushed chain, an added rule, a removed element, a deleted table: the same table afterwards."""
    world.decide(*SERVED, WEB.associated(FLOATING))
    wanted = world.table()
    for count, harm in enumerate(
        (
            "flush chain ip netledger postrouting",
            "insert rule ip netledger prerouting accept",
            "flush map ip netledger floating_dnat",
            "delete table ip netledger",
        ),
        start=1,
    ):
        world.netns.run("nft", *harm.split())
        repaired(world, times=count)
        assert world.table() == wanted, harm


def test_an_unbound_floating_ip_is_bound_again(world: KernelWorld, outside: Netns) -> None:
    """Beside the host's own addresses, which nobody touches."""
    world.decide(*SERVED, WEB.associated(FLOATING))
    world.netns.ip(f"address del {FLOATING}/32 dev {PUBLIC}")
    repaired(world)

    assert world.addresses(PUBLIC) == {"192.0.2.1/24", f"{FLOATING}/32"}


def test_never_fixed_deleted_networks_are_removed_from_their_hosts(
    world: KernelWorld, outside: Netns
) -> None:
    """The last network takes everything of ours along."""
    world.decide(*SERVED, WEB.associated(FLOATING))
    world.decide(WEB.disassociated(FLOATING), *WEB.gone(), network_deleted(1))

    assert world.table() == ""
    assert world.addresses(PUBLIC) == {"192.0.2.1/24"}
    assert "br1" not in world.netns.ip("-o link show")
    assert not world.dhcp_directory().exists()


def test_a_restarted_agent_removes_what_went_away_meanwhile(world: KernelWorld, outside: Netns) -> None:
    """It has no memory of its own: marks, label, table name and directory tell what is ours."""
    world.decide(*SERVED, WEB.associated(FLOATING))
    world.stop()
    world.ledger.decide(WEB.disassociated(FLOATING), *WEB.gone(), network_deleted(1))
    world.restart()
    world.until(lambda: world.agent.status.applied_seq == len(world.ledger.decisions))

    assert world.table() == ""
    assert world.addresses(PUBLIC) == {"192.0.2.1/24"}
    assert "br1" not in world.netns.ip("-o link show")
    assert any(isinstance(step, StopDhcp) for step in world.steps)


def test_failure_9_a_restarted_agent_adopts_what_is_right(world: KernelWorld, outside: Netns) -> None:
    """Nothing is made anew: the same dnsmasq serves on, and guests notice nothing."""
    world.decide(*SERVED, WEB.associated(FLOATING))
    process = world.dhcp_pid()
    world.restart()
    world.until(lambda: world.agent.status.applied_seq == len(world.ledger.decisions))

    assert world.steps == []
    assert world.dhcp_pid() == process


def test_failure_21_what_is_not_ours_is_never_touched(world: KernelWorld, outside: Netns) -> None:
    """Somebody's bridge, table and dnsmasq's neighbours stay as they are, also when all of ours goes."""
    world.netns.ip("link add docker0 type bridge")
    world.netns.ip("address add 172.17.0.1/16 dev docker0")
    world.netns.run("nft", "add table ip docker")
    world.netns.run("nft", "add chain ip docker mine { type nat hook postrouting priority 100 ; }")
    links = world.netns.run("ip", "-o", "link", "show", "docker0").stdout
    rules = world.netns.run("nft", "list", "table", "ip", "docker").stdout
    world.decide(*SERVED, WEB.associated(FLOATING))
    world.decide(WEB.disassociated(FLOATING), *WEB.gone(), network_deleted(1))
    world.agent.withdraw()

    assert world.netns.run("ip", "-o", "link", "show", "docker0").stdout == links
    assert world.netns.run("nft", "list", "table", "ip", "docker").stdout == rules
    assert world.addresses("docker0") == {"172.17.0.1/16"}


def test_a_bridge_of_the_same_name_that_is_not_ours_is_refused(world: KernelWorld) -> None:
    """It gets no address from us; once it is gone, ours comes."""
    world.netns.ip("link add br1 type bridge")
    world.ledger.decide(*SERVED)
    world.until(lambda: world.agent.status.problems)
    untouched = world.addresses("br1")
    world.netns.ip("link delete br1")
    world.until(lambda: world.agent.status.applied_seq == len(world.ledger.decisions))

    assert untouched == set()
    assert world.addresses("br1") == {"10.1.0.1/24"}


def test_a_guest_on_a_compute_host_is_served_by_the_network_host(
    make_world: MakeWorld, make_netns: MakeNetns
) -> None:
    """Two agents fold one ledger; a cable joins their bridges; only one of them has addresses and DHCP."""
    far = Nic(1, host=OTHER, hostname="web")
    server, compute = make_world(HOST), make_world(OTHER)
    wire(server.netns, "eth1", compute.netns, "eth1")
    events = (
        registered(),
        registered(OTHER),
        network(1, bridge_interface="eth1"),
        claimed(1),
        *far.spawned(),
    )
    server.decide(*events)
    compute.decide(*events)
    guest = make_netns("guest")
    plug(compute.netns, "br1", guest, far.mac)
    guest.start_dhcp()

    eventually(guest.leases, within_s=30)
    assert guest.pings("10.1.0.1")
    assert compute.addresses("br1") == set()
    assert compute.table() == ""
