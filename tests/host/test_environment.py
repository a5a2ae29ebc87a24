"""What the machine may lack, and the other ways to the same kernel."""

import subprocess
import sys
from pathlib import Path

import pytest

from events.errors import BrokenEnvironment
from host_agent import processes, programs
from host_agent.conntrack import Conntrack
from host_agent.dnsmasq import Dnsmasq
from host_agent.errors import DhcpFailed, KernelRefused, NftFailed
from host_agent.host import LinuxHost
from host_agent.namespace import Namespace
from host_agent.netlink.dump import Dumper
from host_agent.netlink.links import Links
from host_agent.netlink.watch import Watcher
from host_agent.nft import Engine, Library, Nft, Program, open_engine
from host_agent.observed import ADDRESS_LABEL, LINK_GROUP, NatTable
from projections.host_nat import (
    MAP_TYPES,
    Elements,
    FloatingNat,
    Nat,
    NatNetwork,
    chains,
    change_elements,
    delete_table,
    elements,
    replace_table,
)
from tests import needs
from tests.eventually import eventually
from tests.fix_netns import MakeNetns, Netns

NAT = Nat(
    "eth0",
    (NatNetwork("10.1.0.0/24", "masquerade"), NatNetwork("10.2.0.0/16", "192.0.2.1")),
    (FloatingNat("203.0.113.7", "10.1.0.11", "eth0"), FloatingNat("203.0.113.8", "10.1.0.11", "eth1")),
)


@pytest.fixture
def netns(make_netns: MakeNetns) -> Netns:
    """Give a namespace with nothing in it."""
    return make_netns("bare")


def engine(kind: str, netns: Netns) -> Engine:
    """Return one of the two ways to nftables."""
    return (
        Library(netns.inside)
        if kind == "library"
        else Program(netns.inside, programs.find("nft", "nftables"))
    )


@pytest.mark.parametrize("kind", ["library", "program"])
def test_both_ways_to_nftables_read_back_what_was_written(kind: str, netns: Netns) -> None:
    """The table that comes back equals the one that was meant, before and after a change of elements."""
    nft = Nft(engine(kind, netns))
    absent = nft.observe()
    nft.apply(replace_table(NAT))
    written = nft.observe()
    gone: Elements = {"floating_dnat": {("203.0.113.7",): "10.1.0.11"}}
    moved: Elements = {"floating_dnat": {("203.0.113.7",): "10.2.0.5"}}
    nft.apply(change_elements(gone, moved))
    changed = nft.observe()
    nft.apply(delete_table())

    assert absent is None
    assert written == NatTable(chains(NAT), MAP_TYPES, elements(NAT))
    assert changed is not None
    assert changed.elements["floating_dnat"]["203.0.113.7",] == "10.2.0.5"
    assert nft.observe() is None
    nft.close()


@pytest.mark.parametrize("kind", ["library", "program"])
def test_a_refused_transaction_leaves_nothing(kind: str, netns: Netns) -> None:
    """All of it or nothing: the part that would have worked is not there either."""
    nft = Nft(engine(kind, netns))
    nft.apply(replace_table(NAT))
    missing: Elements = {"floating_dnat": {("203.0.113.99",): "10.1.0.99"}}
    new: Elements = {"floating_dnat": {("203.0.113.50",): "10.1.0.50"}}

    with pytest.raises(NftFailed, match="nothing of it was made"):
        nft.apply([*change_elements({}, new), *change_elements(missing, {})])
    assert nft.observe() == NatTable(chains(NAT), MAP_TYPES, elements(NAT))
    nft.close()


def test_the_program_takes_the_librarys_place(netns: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where there is neither, the package is named."""
    monkeypatch.setattr("host_agent.nft._LIBRARY", "libnftables-that-is-not-there.so")
    assert isinstance(open_engine(netns.inside), Program)
    monkeypatch.setattr("host_agent.nft.SEARCH_PATH", "/nowhere")

    with pytest.raises(BrokenEnvironment, match="install package libnftables1 or nftables"):
        open_engine(netns.inside)


def test_missing_programs_are_named_with_their_packages(
    netns: Netns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person knows what to install."""
    monkeypatch.setattr("host_agent.programs.SEARCH_PATH", "/nowhere")

    with pytest.raises(BrokenEnvironment, match="install package dnsmasq-base"):
        Dnsmasq(netns.inside, tmp_path, lambda network_id: (), lambda: 0.0)
    with pytest.raises(BrokenEnvironment, match="install package conntrack"):
        Conntrack(netns.inside)


def test_a_path_that_dnsmasq_would_misread_is_refused(netns: Netns, tmp_path: Path) -> None:
    """Spaces and commas mean something in its configuration."""
    with pytest.raises(BrokenEnvironment, match="spaces or special characters"):
        Dnsmasq(netns.inside, tmp_path / "my data", lambda network_id: (), lambda: 0.0)


def test_a_missing_namespace_is_named(tmp_path: Path) -> None:
    """With the command that makes it."""
    with pytest.raises(BrokenEnvironment, match="ip netns add nltest-not-there"):
        LinuxHost(Namespace("nltest-not-there"), tmp_path, lambda network_id: (), lambda: 0.0)


def test_without_privileges_the_agent_says_what_it_needs(make_netns: MakeNetns) -> None:
    """As an ordinary user nothing is touched, and root or CAP_NET_ADMIN is asked for."""
    root = Path(__file__).parents[2]
    script = (
        f"import sys; sys.path[:0] = {[str(root), *sys.path]!r}\n"
        "from pathlib import Path; import os\n"
        "from events.errors import BrokenEnvironment\n"
        "from host_agent.host import LinuxHost; from host_agent.namespace import Namespace\n"
        "os.setgid(65534); os.setuid(65534)\n"
        "try: LinuxHost(Namespace(None), Path('/nowhere'), lambda n: (), lambda: 0.0)\n"
        "except BrokenEnvironment as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert "needs root or CAP_NET_ADMIN" in said.stdout


def test_the_agent_works_in_a_user_namespace(make_netns: MakeNetns, tmp_path: Path) -> None:
    """`unshare -Urnm` gives an ordinary user a host of its own to look at."""
    unshare = ["unshare", "-Urnm"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode != 0:
        needs.absent("user namespaces", "`unshare -Urnm` is forbidden on this machine")
    script = Path(__file__).with_name("in_user_namespace.py")
    done = subprocess.run(
        [*unshare, sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert done.stdout.splitlines()[-1:] == ["gone"], done.stdout + done.stderr
    assert "built" in done.stdout.splitlines()


def test_failure_19_verbs_repeat_cleanly(netns: Netns) -> None:
    """Already so is success, for making and for removing."""
    links, dumper = Links(netns.inside), Dumper(netns.inside)
    for _ in range(2):
        links.create_bridge("br1", "02:00:00:00:00:01")
        links.set_bridge("br1", mac="02:00:00:00:00:02", mtu=1400, alias="netledger:network:x")
        links.add_address("br1", "10.0.0.1/24")
        links.add_address("lo", "203.0.113.7/32", ADDRESS_LABEL)
    found = dumper.links()
    addresses = {(each.interface, each.address, each.label) for each in dumper.addresses(found)}
    for _ in range(2):
        links.delete_address("lo", "203.0.113.7/32")
        links.delete("br1")

    bridge = found["br1"]
    assert (bridge.kind, bridge.mac, bridge.mtu, bridge.up) == ("bridge", "02:00:00:00:00:02", 1400, True)
    assert (bridge.alias, bridge.group, bridge.is_ours) == ("netledger:network:x", LINK_GROUP, True)
    assert addresses >= {("br1", "10.0.0.1/24", "br1"), ("lo", "203.0.113.7/32", ADDRESS_LABEL)}
    assert "br1" not in dumper.links()
    links.close()
    dumper.close()


def test_verbs_on_what_is_not_there_are_errors(netns: Netns) -> None:
    """With the name of what is missing."""
    links = Links(netns.inside)

    with pytest.raises(KernelRefused, match="interface br1 does not exist"):
        links.add_address("br1", "10.0.0.1/24")
    with pytest.raises(KernelRefused, match="interface eth9 does not exist"):
        links.enslave("eth9", "br1")
    links.close()


def test_the_watcher_hears_of_links_addresses_and_rules(netns: Netns) -> None:
    """Each of them once, and of nothing when nothing happened."""
    watcher = Watcher(netns.inside)
    watcher.drain()
    heard = [watcher.drain()]
    for change in (
        "ip link add br1 type bridge",
        "ip address add 10.0.0.1/24 dev lo",
        "nft add table ip mine",
    ):
        netns.run(*change.split())
        heard.append(watcher.drain())

    assert heard == [False, True, True, True]
    watcher.close()


def test_a_namespace_is_told_from_another(netns: Netns, make_netns: MakeNetns) -> None:
    """By its number, so that a process that was left in another one is not taken for ours."""
    seen = netns.inside.call(lambda: Namespace(None).identity())

    assert seen == netns.inside.identity()
    assert len({seen, make_netns("other").inside.identity(), Namespace(None).identity()}) == 3


def test_only_a_process_of_that_argument_is_ended() -> None:
    """A number out of a file may be somebody else's by now."""
    sleeper = subprocess.Popen(["sleep", "600"])
    try:
        eventually(lambda: sleeper.pid in processes.with_argument("600"))

        assert processes.end(sleeper.pid, "--conf-file=/of/ours")
        assert sleeper.poll() is None
        assert processes.end(sleeper.pid, "600")
        assert sleeper.wait() != 0
    finally:
        sleeper.kill()
        sleeper.wait()


def test_an_error_inside_a_namespace_reaches_the_caller(netns: Netns) -> None:
    """The thread that entered it carries results and errors back."""

    def fail() -> None:
        raise DhcpFailed("as meant")

    with pytest.raises(DhcpFailed, match="as meant"):
        netns.inside.call(fail)
    assert netns.inside.call(lambda: 7) == 7
