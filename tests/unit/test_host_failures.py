"""What went wrong on nova's hosts, by its number in nova-network.md section 18: views, plans, steps, files.

What an agent does not render yet (ebtables, VPN forwarding, radvd) it cannot get wrong; then the test holds
what there is in its place, and that nothing is half done.
"""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from events.catalog import AnyEvent
from events.fixed_ips import LeaseFixedIp, ReleaseFixedIp
from host_agent.diff import diff
from host_agent.errors import DhcpFailed, NftFailed
from host_agent.facts import FactsFile
from host_agent.reports import Reporter
from host_agent.steps import AddDhcpHosts, ChangeElements, ReplaceTable, RestartDhcp, Step
from projections import host_dhcp, host_nat
from projections.host_plan import HostPlan, HostSettings, Planner, plan
from projections.host_view import HostView
from tests.fix_host_agent import WEB, World
from tests.host_events import HOST, OTHER, Nic, claimed, network, network_deleted, network_id
from tests.host_model import NETWORKS_PATH, ModelHost, nic
from tests.unit.test_host_render import NAT, SERVICE

APP = Nic(2, hostname="app")
FLOATING, SECOND, THIRD = "203.0.113.7", "203.0.113.8", "203.0.113.9"
SERVED = (network(1), claimed(1), *WEB.spawned())


def planned(*events: AnyEvent) -> HostPlan:
    """Return the plan after some events, one decision each."""
    view = HostView(HOST)
    for seq, event in enumerate(events, start=1):
        view.apply(seq, event)
    return plan(view, HostSettings(host=HOST))


def steps_to(wanted: HostPlan, host: ModelHost) -> tuple[Step, ...]:
    """Make a host agree with a plan, and return the steps that it took."""
    steps = diff(wanted, host.observe(), NETWORKS_PATH).steps
    for step in steps:
        host.apply(step)
    assert diff(wanted, host.observe(), NETWORKS_PATH).steps == ()
    return steps


def test_failure_5_a_release_that_fails_on_the_host_is_tried_until_it_works(model: World) -> None:
    """LP 1289397: the delete is decided already, and its address is not free before the host has let go."""
    model.after(0)

    def fail(step: Step) -> None:
        if isinstance(step, RestartDhcp):
            raise DhcpFailed("dnsmasq cannot be ended")

    model.host.break_step = fail
    gone = model.ledger.decide(*WEB.gone())
    for _ in range(5):
        model.after(2)
    kept_back = max(seq for seq, _, _ in model.positions())
    model.host.break_step = lambda step: None
    for _ in range(4):
        model.after(8)

    assert kept_back < gone
    assert model.positions()[-1][0] == gone
    assert not model.host.dhcp[network_id(1)].hosts


def test_failure_6_a_dnsmasq_is_told_leases_and_not_allocations(model: World) -> None:
    """LP 1103260, 1300355: nova listed what was allocated, and forgot or invented leases by that."""
    model.after(0, WEB.leased(), *APP.spawned())
    reporter = Reporter(HostSettings(host=HOST), model.sink, model.clock, model.clock)

    (line,) = host_dhcp.leases(reporter.held(model.agent.view, network_id(1)), 100).splitlines()
    assert line == f"100 {WEB.mac} {WEB.fixed} web *"


@pytest.mark.parametrize(("action", "noted"), [("add", True), ("del", True), ("old", False)])
def test_failure_7_a_renewal_ends_in_the_script(action: str, *, noted: bool, tmp_path: Path) -> None:
    """LP 959356, 1317654: dnsmasq says `old` for a renewal; nothing is written, so nothing is sent."""
    script = tmp_path / "dhcp-script"
    script.write_text(host_dhcp.script(str(tmp_path)))
    script.chmod(0o755)
    subprocess.run([script, action, WEB.mac, WEB.fixed], check=True, env=dict(os.environ))

    assert (tmp_path / "facts").exists() == noted


def test_failure_8_a_thousand_rules_are_one_transaction() -> None:
    """LP 1199433, 1308390: nova saved and restored all tables for each rule, minutes for a restart."""
    guests = [Nic(number, address=f"10.1.{number >> 8}.{number & 255}") for number in range(10, 1010)]
    spawned = [event for guest in guests for event in guest.spawned()]
    floats = [
        guest.associated(f"203.0.{113 + (at >> 8)}.{at & 255}") for at, guest in enumerate(guests, start=1)
    ]
    before = (network(1, "10.1.0.0/16"), claimed(1), *spawned)
    many = (ReplaceTable, ChangeElements, RestartDhcp, AddDhcpHosts)

    fresh = steps_to(planned(*before, *floats), ModelHost())
    assert [type(step) for step in fresh if isinstance(step, many)] == [ReplaceTable, RestartDhcp]
    host = ModelHost()
    steps_to(planned(*before[:2]), host)
    batch = steps_to(planned(*before, *floats), host)
    assert [type(step) for step in batch if isinstance(step, many)] == [ChangeElements, AddDhcpHosts]


def test_failure_9_a_restart_drops_nothing_before_it_has_something_better() -> None:
    """LP 1034401, 1000853: the whole table changes in one transaction, and a right one is left alone."""
    host = ModelHost()
    wanted = planned(*SERVED, WEB.associated(FLOATING))
    steps_to(wanted, host)
    assert steps_to(wanted, host) == ()
    other = planned(*SERVED, network(2), claimed(2), WEB.associated(FLOATING))

    (replaced,) = [step for step in steps_to(other, host) if isinstance(step, ReplaceTable)]
    commands = host_nat.replace_table(replaced.nat)
    assert [next(iter(command)) for command in commands[:3]] == ["add", "delete", "add"]
    assert host.nat is not None
    assert host.nat.elements["floating_dnat"][FLOATING,] == WEB.fixed


def test_failure_15_nothing_comes_back_for_an_instance_that_is_gone() -> None:
    """LP 1182131, 1053479: late facts of an ended allocation render nothing; planning anew says the same."""
    view, planner = HostView(HOST), Planner(HostSettings(host=HOST))
    late = (WEB.leased(), WEB.released(), WEB.disassociated(FLOATING), WEB.deallocated(), WEB.vif_deleted())
    history = (*SERVED, WEB.associated(FLOATING), WEB.deallocated(), WEB.vif_deleted(), *late)
    kept = HostPlan()
    ended = history.index(WEB.deallocated()) + 1
    for seq, event in enumerate(history, start=1):
        changed = view.apply(seq, event)
        kept = planner.plan(view, changed)
        assert seq < ended or (kept.floating, kept.dhcp[0].hosts) == ((), ())

    assert kept == plan(view, HostSettings(host=HOST)) == planned(*SERVED[:2])
    assert not view.ports


def test_failure_19_what_is_there_already_is_no_step() -> None:
    """LP 1217163, 1471916: from any half of the work the rest is made, and the same once more is nothing."""
    wanted = planned(*SERVED, WEB.associated(FLOATING))
    whole = diff(wanted, ModelHost().observe(), NETWORKS_PATH).steps
    for made in range(len(whole) + 1):
        host = ModelHost()
        for step in whole[:made]:
            host.apply(step)
        rest = steps_to(wanted, host)
        assert {type(step) for step in rest} <= {type(step) for step in whole[made:]}
        assert steps_to(wanted, host) == ()


def test_failure_20_no_step_moves_an_address_or_a_route() -> None:
    """LP 859587 and its kin: of an uplink nothing but its master and its state is ever changed."""
    host = ModelHost(links={"eth0": nic("eth0", 2), "eth1": nic("eth1", 3)})
    before = host.links["eth1"]
    steps_to(planned(network(1, bridge_interface="eth1"), claimed(1), *WEB.spawned()), host)

    enslaved = host.links["eth1"]
    assert enslaved == replace(before, master=host.links["br1"].index, up=True)
    assert {each.interface for each in host.addresses} == {"br1"}


def test_failure_21_every_command_names_our_own_table() -> None:
    """LP 1316621, 1501366: there is no table that we share, so there is no lock to wait for."""
    moved = host_nat.change_elements(
        {"floating_dnat": {(FLOATING,): "10.1.0.11"}}, {"floating_dnat": {(FLOATING,): "10.1.0.12"}}
    )
    for command in (*host_nat.replace_table(NAT), *host_nat.delete_table(), *moved):
        (what,) = (thing for verb in command.values() for thing in verb.items())
        kind, where = what
        assert where["family"] == host_nat.FAMILY
        assert (where["name"] if kind == "table" else where["table"]) == host_nat.TABLE


def test_failure_21_a_refused_transaction_is_tried_again_and_does_not_fail_a_boot(model: World) -> None:
    """Other guests are served meanwhile; it is tried with pauses, not in a loop, until it works."""
    model.after(0)
    tries = 0

    def busy(step: Step) -> None:
        nonlocal tries
        if isinstance(step, ChangeElements):
            tries += 1
            raise NftFailed("resource busy")

    model.host.break_step = busy
    model.after(1, *APP.spawned(), APP.associated(FLOATING))
    served = {line.split(",")[0] for line in model.host.dhcp[network_id(1)].hosts}
    for _ in range(10):
        model.after(0.01)
    tried = tries
    model.host.break_step = lambda step: None
    model.after(5)

    assert served == {WEB.mac, APP.mac}
    assert tried <= 2
    assert model.agent.status.applied_seq == len(model.ledger.decisions)


def test_failure_25_dnsmasq_is_told_all_that_nova_left_to_it() -> None:
    """LP 785763, 1154929, 1201873, 1161027: how many leases, the netmask, no loopback, no empty domain."""
    lines = host_dhcp.config(SERVICE, "/d").splitlines()

    assert "dhcp-lease-max=256" in lines
    assert "dhcp-range=10.1.0.2,static,255.255.255.0,86400s" in lines
    assert {"except-interface=lo", "interface=br1", "bind-dynamic"} <= set(lines)
    bare = host_dhcp.config(replace(SERVICE, domain=""), "/d")
    assert "domain" not in bare
    assert all(len(line.split(",")[1].split(".")[0]) <= 63 for line in host_dhcp.host_lines(SERVICE))


def test_failure_25_dhcp_does_not_leak_from_one_host_to_another() -> None:
    """LP 1318104: one host has DHCP on a network; what several would share an address for is not built."""
    far = planned(network(1), claimed(1, OTHER), *WEB.spawned())
    shared = planned(network(1, multi_host=True, share_address=True), *WEB.spawned())

    assert (far.dhcp, [bridge.addresses for bridge in far.bridges]) == ((), [()])
    assert (shared.dhcp, shared.bridges) == ((), ())
    assert ["multi_host" in problem.message for problem in shared.problems] == [True]


def test_never_fixed_one_rule_of_several_floating_ips() -> None:
    """Nova's ebtables rule was keyed by the fixed IP, so one floating IP took all with it; ours by each."""
    host = ModelHost()
    all_three = (*SERVED, *(WEB.associated(address) for address in (FLOATING, SECOND, THIRD)))
    steps_to(planned(*all_three), host)
    steps_to(planned(*all_three, WEB.disassociated(FLOATING)), host)

    assert host.nat is not None
    assert host.nat.elements["floating_dnat"] == {(SECOND,): WEB.fixed, (THIRD,): WEB.fixed}
    assert host.nat.elements["floating_snat"] == {("eth0", WEB.fixed): SECOND}
    assert host.nat.elements["floating_reflect"] == {(WEB.fixed,): SECOND}
    assert [each.address for each in host.addresses if each.interface == "eth0"] == [
        f"{address}/32" for address in (SECOND, THIRD)
    ]


def test_never_fixed_lease_facts_are_sent_in_their_order(model: World, tmp_path: Path) -> None:
    """Written by the script while no agent runs; both facts are sent, in order, by the one that comes."""
    directory = tmp_path / network_id(1)
    directory.mkdir()
    (directory / "facts").write_text(f"add {WEB.mac} {WEB.fixed}\ndel {WEB.mac} {WEB.fixed}\n")
    model.host.sources = (FactsFile(directory),)
    model.after(0)

    sent = [type(report) for report in model.sink.sent if isinstance(report, LeaseFixedIp | ReleaseFixedIp)]
    assert sent == [LeaseFixedIp, ReleaseFixedIp]


def test_never_fixed_deleted_networks_are_cleaned_up() -> None:
    """Nova left bridge, dnsmasq and rules until the host was restarted."""
    host = ModelHost()
    steps_to(planned(*SERVED, WEB.associated(FLOATING)), host)
    story = (*SERVED, WEB.associated(FLOATING), WEB.disassociated(FLOATING), *WEB.gone(), network_deleted(1))
    steps_to(planned(*story), host)

    assert list(host.links) == ["eth0"]
    assert (host.addresses, host.nat, host.dhcp) == ([], None, {})


def test_never_fixed_vpn_rules_are_not_left_behind() -> None:
    """Nova never removed them. The agent makes none yet and says so; the network leaves nothing either."""
    vpn = network(1, kind="vlan", vlan=100, vpn_public_address="192.0.2.1", vpn_public_port=1000)
    made = planned(vpn, claimed(1), *WEB.spawned())

    assert ["vlan" in problem.message for problem in made.problems] == [True]
    assert (made.nat, made.bridges, made.floating) == (None, (), ())
    assert planned(vpn, claimed(1), *WEB.spawned(), *WEB.gone(), network_deleted(1)) == HostPlan()
