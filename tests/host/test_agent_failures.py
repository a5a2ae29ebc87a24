"""What went wrong on nova's hosts, by its number in nova-network.md section 18, on a real kernel."""

import subprocess

import pytest

from tests.fix_netns import MakeNetns, Netns, wire
from tests.host.world import KernelWorld
from tests.host_events import Nic, claimed, network

WEB = Nic(1, hostname="web")
OTHERS_WORK = (
    "while true; do nft add table ip other; nft add chain ip other mine; nft delete table ip other; done"
)


@pytest.mark.parametrize(
    "addresses",
    [
        ("198.51.100.2/24", "198.51.100.3/24"),
        ("198.51.100.2/24 valid_lft 3600 preferred_lft 1800",),
        ("2001:db8::2/64 nodad",),
    ],
    ids=["secondary", "dynamic", "IPv6 alone"],
)
def test_failure_20_a_nic_with_addresses_keeps_them_and_its_routes(
    world: KernelWorld, make_netns: MakeNetns, addresses: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """LP 859587, 962822, 1274611: nova bridged a host's own NIC and lost addresses or routes half-way."""
    host = world.netns
    wire(host, "eno1", make_netns("machines"), "eth0")
    for address in addresses:
        host.ip(f"address add {address} dev eno1")
    route, gateway = (
        ("2001:db8:1::/48", "2001:db8::1") if ":" in addresses[0] else ("10.9.0.0/16", "198.51.100.1")
    )
    version = "-6" if ":" in route else "-4"
    host.ip(f"{version} route add {route} via {gateway} dev eno1")
    before = host.ip("-o address show dev eno1").count("inet"), host.ip(f"{version} route show dev eno1")
    world.ledger.decide(network(1, bridge_interface="eno1"), claimed(1), *WEB.spawned())
    world.until(lambda: world.agent.status.failures)

    said = capsys.readouterr().out + " ".join(world.agent.status.problems)
    assert f"carries this host's own address {addresses[0].split()[0]}" in said
    after = host.ip("-o address show dev eno1").count("inet"), host.ip(f"{version} route show dev eno1")
    assert after == before
    assert "master" not in host.ip("-o link show eno1")


def test_failure_21_another_program_may_change_its_tables_all_the_while(
    world: KernelWorld, outside: Netns, capsys: pytest.CaptureFixture[str]
) -> None:
    """LP 1316621: two programs fought for the lock of ebtables; each table of nftables is changed alone."""
    world.decide(network(1), claimed(1), *WEB.spawned())
    other = world.netns.inside.call(lambda: subprocess.Popen(["sh", "-c", OTHERS_WORK]))
    try:
        for _ in range(15):
            world.decide(WEB.associated("203.0.113.7"))
            world.decide(WEB.disassociated("203.0.113.7"))
    finally:
        other.kill()
        other.wait()

    assert "step failed" not in capsys.readouterr().out
    assert "203.0.113.7" not in world.table()
