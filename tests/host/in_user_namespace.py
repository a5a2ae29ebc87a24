"""An agent inside `unshare -Urnm`: no root on the machine, everything in the current namespace.

Run by a test, as a script: builds a host, checks it, and withdraws. Prints `built` and `gone`.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from host_agent.agent import Agent
from projections.host_plan import HostSettings
from tests.host.world import Sink
from tests.host_events import HOST, FakeLedger, Nic, claimed, network, registered


def main() -> None:
    """Fold a small ledger, agree with it, and take everything away again."""
    nic = Nic(1, hostname="web")
    subprocess.run(["ip", "link", "add", "pub0", "type", "veth", "peer", "name", "far0"], check=True)
    ledger = FakeLedger()
    ledger.decide(registered(), network(1), claimed(1), *nic.spawned(), nic.associated("203.0.113.7"))
    settings = HostSettings(host=HOST, public_interface="pub0")
    agent = Agent(settings, ledger, Sink(), None, Path(sys.argv[1]))
    agent.step(0.0)
    links = subprocess.run(["ip", "-o", "-4", "address"], capture_output=True, text=True, check=True).stdout
    if agent.status.failures == 0 and "10.1.0.1/24" in links and "203.0.113.7/32" in links:
        sys.stdout.write("built\n")
    agent.withdraw()
    links = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    if "br1" not in links:
        sys.stdout.write("gone\n")
    agent.close()


if __name__ == "__main__":
    main()
