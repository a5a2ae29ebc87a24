"""Guests get their addresses from a real dnsmasq, by a real DHCP client."""

import os
import signal
from dataclasses import replace

import pytest

from events.fixed_ips import LeaseFixedIp, ReleaseFixedIp
from host_agent.steps import AddDhcpHosts, RestartDhcp
from tests.eventually import eventually
from tests.fix_netns import MakeNetns, Netns, plug
from tests.host.conftest import MakeGuest
from tests.host.world import KernelWorld
from tests.host_events import Nic, claimed, network

WEB, APP = Nic(1, hostname="web"), Nic(2, hostname="app")


def bound(guest: Netns, times: int = 1) -> str:
    """Wait for the guest's `times`th lease and return what it noted."""
    eventually(lambda: len(guest.leases()) >= times, within_s=30)
    return guest.leases()[times - 1]


def test_a_guest_gets_its_address_name_and_router(world: KernelWorld, guest_of: MakeGuest) -> None:
    """And reaches its gateway."""
    world.decide(network(1, mtu=1400), claimed(1), *WEB.spawned())
    guest = guest_of(WEB)
    guest.start_dhcp()

    assert bound(guest) == (
        f"bound {WEB.fixed}/24 router=10.1.0.1 mtu=1400 domain=novalocal dns=10.1.0.1 hostname=web"
    )
    assert guest.pings("10.1.0.1")


def test_a_stranger_gets_no_answer(world: KernelWorld, guest_of: MakeGuest) -> None:
    """Only NICs of the ledger are served: the stranger hears nothing while a known guest is served."""
    world.decide(network(1), claimed(1), *WEB.spawned())
    stranger, guest = guest_of(Nic(9)), guest_of(WEB)
    stranger.start_dhcp()
    guest.start_dhcp()
    bound(guest)

    assert stranger.leases() == ()


def test_failure_7_a_lease_is_reported_once_renewals_are_not_and_a_release_is(
    world: KernelWorld, guest_of: MakeGuest
) -> None:
    """Only what changes the ledger leaves the host."""
    world.decide(network(1), claimed(1), *WEB.spawned())
    guest = guest_of(WEB)
    client = guest.start_dhcp()
    bound(guest)
    world.until(lambda: world.sink.of(LeaseFixedIp))
    client.send_signal(signal.SIGUSR1)
    assert bound(guest, 2).startswith("renew")
    client.send_signal(signal.SIGUSR2)
    world.until(lambda: world.sink.of(ReleaseFixedIp))

    reports = [*world.sink.of(LeaseFixedIp), *world.sink.of(ReleaseFixedIp)]
    assert [
        (type(report), report.address, report.mac)
        for report in reports
        if isinstance(report, LeaseFixedIp | ReleaseFixedIp)
    ] == [(LeaseFixedIp, WEB.fixed, WEB.mac), (ReleaseFixedIp, WEB.fixed, WEB.mac)]


def test_never_fixed_lease_facts_of_a_time_without_an_agent_are_reported_later(
    world: KernelWorld, guest_of: MakeGuest
) -> None:
    """DHCP goes on while the agent is down, and nothing that happened is lost."""
    world.decide(network(1), claimed(1), *WEB.spawned())
    guest = guest_of(WEB)
    world.stop()
    guest.start_dhcp()
    bound(guest)
    world.restart()
    world.until(lambda: world.sink.of(LeaseFixedIp))

    assert len(world.sink.of(LeaseFixedIp)) == 1


def test_a_further_guest_is_served_without_a_restart(world: KernelWorld, guest_of: MakeGuest) -> None:
    """The same process hears of it through a file."""
    world.decide(network(1), claimed(1), *WEB.spawned())
    process = world.dhcp_pid()
    world.steps.clear()
    world.decide(*APP.spawned())
    guest = guest_of(APP)
    guest.start_dhcp()

    assert bound(guest).startswith(f"bound {APP.fixed}/24 ")
    assert world.dhcp_pid() == process
    assert [type(step) for step in world.steps] == [AddDhcpHosts]


def test_a_released_address_is_served_to_its_next_holder_at_once(
    world: KernelWorld, guest_of: MakeGuest
) -> None:
    """Once the position is applied, dnsmasq has forgotten the former holder, its lease and its address."""
    world.decide(network(1), claimed(1), *WEB.spawned())
    former = guest_of(WEB)
    client = former.start_dhcp()
    bound(former)
    world.decide(WEB.leased())
    client.kill()
    world.decide(*WEB.gone())
    heir = Nic(3, address=WEB.fixed)
    world.decide(*heir.spawned())
    guest = guest_of(heir)
    guest.start_dhcp()

    assert bound(guest).startswith(f"bound {WEB.fixed}/24 ")


def test_a_guest_that_was_added_later_can_be_taken_away(world: KernelWorld) -> None:
    """What dnsmasq was told by further files goes with them."""
    world.decide(network(1), claimed(1), *WEB.spawned())
    world.decide(*APP.spawned())
    world.decide(*Nic(3).spawned())
    world.decide(*APP.gone())

    directory = world.dhcp_directory() / "hosts.d"
    assert {path.name for path in directory.iterdir()} == {"all"}
    assert APP.mac not in (directory / "all").read_text()


def test_failure_6_a_lease_survives_a_restart_of_dnsmasq(world: KernelWorld, guest_of: MakeGuest) -> None:
    """It is told of the leases in the ledger, so a renewal stays a renewal and reports nothing new."""
    world.decide(network(1), claimed(1), *WEB.spawned(), *APP.spawned())
    guest = guest_of(WEB)
    client = guest.start_dhcp()
    bound(guest)
    world.until(lambda: world.sink.of(LeaseFixedIp))
    world.decide(WEB.leased())
    world.decide(*APP.gone())
    facts = (world.dhcp_directory() / "facts").read_text()
    client.send_signal(signal.SIGUSR1)

    assert bound(guest, 2).startswith("renew")
    assert (world.dhcp_directory() / "facts").read_text() == facts


def test_a_killed_dnsmasq_comes_back(world: KernelWorld, guest_of: MakeGuest) -> None:
    """And serves."""
    world.decide(network(1), claimed(1), *WEB.spawned())
    process = world.dhcp_pid()
    os.kill(process, signal.SIGKILL)
    world.until(lambda: world.agent.status.repairs)
    guest = guest_of(WEB)
    guest.start_dhcp()

    assert bound(guest).startswith(f"bound {WEB.fixed}/24 ")
    assert world.dhcp_pid() != process


def test_a_dnsmasq_whose_pid_file_was_lost_is_replaced(world: KernelWorld) -> None:
    """Two on one bridge would not start: the lost one is found by its command line."""
    world.decide(network(1), claimed(1), *WEB.spawned())
    process = world.dhcp_pid()
    (world.dhcp_directory() / "pid").unlink()
    world.restart()
    world.until(lambda: world.agent.status.applied_seq == len(world.ledger.decisions))

    assert world.dhcp_pid() != process
    assert [type(step) for step in world.steps] == [RestartDhcp]


def test_a_dnsmasq_that_does_not_start_is_a_failure_with_its_words(
    world: KernelWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason is dnsmasq's own, and the position stays behind."""
    world.settings = replace(world.settings, dhcp_lease_time=-5)
    world.ledger.decide(network(1), claimed(1))
    world.until(lambda: world.agent.status.failures)

    assert world.agent.status.applied_seq == 0
    assert "did not start: dnsmasq: bad dhcp-range" in capsys.readouterr().out


def test_failure_25_a_guest_with_two_nics_gets_both_addresses(
    world: KernelWorld, make_netns: MakeNetns
) -> None:
    """Each from the network that it is on."""
    left, right = Nic(1, network=1, hostname="web"), Nic(2, network=2, hostname="web")
    world.decide(network(1), network(2), claimed(1), claimed(2), *left.spawned(), *right.spawned())
    guest = make_netns("guest")
    plug(world.netns, "br1", guest, left.mac, "eth0")
    plug(world.netns, "br2", guest, right.mac, "eth1")
    guest.start_dhcp("eth0")
    guest.start_dhcp("eth1")
    eventually(lambda: len(guest.leases()) >= 2, within_s=30)

    assert sorted(lease.split()[1] for lease in guest.leases()) == [f"{left.fixed}/24", f"{right.fixed}/24"]


@pytest.mark.parametrize("domain", ["novalocal", ""])
@pytest.mark.parametrize(
    ("hostname", "handed_out"),
    [(None, ""), ("h" * 100, f"hh-{'h' * 60}"), ("a.b", "a")],
    ids=["none", "long", "dots"],
)
def test_failure_25_the_real_daemon_takes_every_name(
    world: KernelWorld, guest_of: MakeGuest, hostname: str | None, handed_out: str, domain: str
) -> None:
    """Too long (nova's bug 1238910), with dots, or none at all; with a domain and without (1161027)."""
    nic = Nic(1, hostname=hostname)
    world.settings = replace(world.settings, dhcp_domain=domain)
    world.decide(network(1), claimed(1), *nic.spawned())
    guest = guest_of(nic)
    guest.start_dhcp()

    assert bound(guest).startswith(f"bound {nic.fixed}/24 router=10.1.0.1 ")
    assert bound(guest).endswith(f"domain={domain} dns=10.1.0.1 hostname={handed_out}")
