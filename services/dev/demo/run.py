"""How the demo is run on this machine: as root, in a user namespace, or without any kernel."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from rich.console import Console

from events.errors import BrokenEnvironment
from services.dev.demo.deployment import Deployment
from services.dev.demo.lab import Lab
from services.dev.demo.scenario import Demo

SANDBOX = ("unshare", "--user", "--map-root-user", "--net", "--mount", "--")
NEEDED = {
    "ip": "iproute2",
    "dnsmasq": "dnsmasq-base",
    "udhcpc": "udhcpc",
    "ping": "iputils-ping",
    "conntrack": "conntrack",
    "nft": "nftables",
}
"""Programs of the demo's machines, and the Debian packages that have them."""

_ADMIN_PATH = "/usr/local/sbin:/usr/sbin:/sbin"


def run_demo() -> None:
    """Show the main job, from beginning to end.

    Raises:
        BrokenEnvironment: something that was claimed did not hold; what roles said last was printed.

    """
    console = Console(emoji=False)  # or Rich would draw a disc for the `:cd:` in a MAC
    os.environ["PATH"] = f"{os.environ.get('PATH', os.defpath)}:{_ADMIN_PATH}"
    signal.signal(signal.SIGTERM, _interrupt)
    with TemporaryDirectory(prefix="netledger-demo-") as directory:
        data = Path(directory)
        deployment = Deployment(data, console)
        demo = Demo(data, console, deployment)
        try:
            demo.start()
            _show(demo, console, data)
        except BrokenEnvironment:
            for role in deployment.roles:
                console.print(f"--- {role} said last:\n{deployment.last_words(role)}", markup=False)
            raise
        finally:
            deployment.close()
    console.print("\nEverything is stopped and deleted.")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _show(demo: Demo, console: Console, data: Path) -> None:
    missing = {program: package for program, package in NEEDED.items() if shutil.which(program) is None}
    if missing:
        console.print(f"Missing here: {', '.join(missing)} (apt-get install {' '.join(missing.values())}).")
        demo.without_kernel()
    elif os.geteuid() == 0:
        with_machines(demo, data)
    elif _sandbox_works():
        console.print("Not root: the hosts run in a user and network namespace of their own.")
        _in_sandbox(data)
    else:
        console.print("Not root, and this machine forbids user namespaces (unshare -Urnm).")
        demo.without_kernel()


def with_machines(demo: Demo, data: Path) -> None:
    """Show it on two hosts, a guest and the world outside."""
    lab = Lab(data)
    try:
        demo.with_machines(lab)
    finally:
        demo.deployment.close_agents()
        lab.close()


def _sandbox_works() -> bool:
    tried = subprocess.run((*SANDBOX, "true"), check=False, capture_output=True)
    return tried.returncode == 0


def _in_sandbox(data: Path) -> None:
    """Run the machines in a child that is root in namespaces of its own."""
    words = (*SANDBOX, sys.executable, "-m", "services.dev.demo.sandbox", str(data))
    if subprocess.run(words, check=False).returncode:
        message = "The demo failed in its namespace; what it said is above."
        raise BrokenEnvironment(message)
