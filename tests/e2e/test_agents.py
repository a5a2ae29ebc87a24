"""Agents under `up`, and alone: a host's kernel follows the ledger, and can be left as it was found."""

import pytest

from tests.e2e.driver import Netledger
from tests.eventually import eventually
from tests.fix_netns import MakeNetns

pytestmark = [pytest.mark.slow, pytest.mark.root]


def test_up_runs_agents_that_are_asked_for(own_netledger: Netledger, make_netns: MakeNetns) -> None:
    """A network gets its bridge in the host's namespace; a dry run says the same; withdrawing removes it."""
    host = make_netns("host")
    netledger = own_netledger.up("--agent", f"h1={host.name}")
    assert netledger("network", "create", "net", "10.0.0.0/24", "--bridge", "br-e2e").code == 0
    assert netledger("instance", "spawn", "--project", "p", "--host", "h1", "--hostname", "web").code == 0

    eventually(lambda: "10.0.0.1/24" in host.run("ip", "address", check=True).stdout)
    planned = netledger("host", "plan", "h1")
    assert planned.code == 0
    assert all(
        part in planned.out for part in ("bridge br-e2e: 10.0.0.1/24", "dnsmasq on br-e2e", "web.novalocal")
    )
    (found,) = eventually(
        lambda: [one for one in netledger("host", "list", "--json").json() if one["applied_seq"]]
    )
    assert (found["host"], found["networks"], found["instances"]) == ("h1", 1, 1)
    status = netledger("status", "--wait", "60", "--json").json()
    assert [(one["host"], one["failures"]) for one in status["hosts"]] == [("h1", 0)]
    assert netledger.down() == 0
    assert "br-e2e" in host.run("ip", "link").stdout

    withdrawn = netledger.process("agent", "h1", "--namespace", host.name, "--withdraw")

    assert withdrawn.code == 0, withdrawn
    assert "br-e2e" not in host.run("ip", "link").stdout


def test_an_agent_without_its_namespace_is_4_and_says_how(own_netledger: Netledger) -> None:
    """`up` ends when one of its roles cannot start, and stops the others."""
    answered = own_netledger.process("up", "--agent", "h1=no-such-namespace")

    assert answered.code == 4
    assert "ip netns add no-such-namespace" in answered.err
    assert own_netledger("status").code == 4
