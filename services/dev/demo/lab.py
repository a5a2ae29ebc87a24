"""The demo's machines: two hosts, a guest and the world outside, as network namespaces, and their cables."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from events.errors import BrokenEnvironment

NETNS_DIRECTORY = Path("/run/netns")
DHCP_SCRIPT = """#!/bin/sh
# Called by udhcpc: takes the address into use, in the guest's own namespace, and touches nothing else.
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip address replace "$ip/${mask:-24}" dev "$interface"
"""


def run(*words: str, check: bool = True, timeout_s: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run a program of this machine.

    Raises:
        BrokenEnvironment: it failed; the text is what it said.

    """
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=timeout_s)
    if check and done.returncode:
        said = (done.stderr or done.stdout).strip()
        message = f"`{' '.join(words)}` failed: {said}"
        raise BrokenEnvironment(message)
    return done


class Lab:
    """Namespaces named `PREFIX-NAME`; all of them are deleted at the end, whatever happened."""

    def __init__(self, directory: Path) -> None:
        """Keep scripts in `directory`."""
        self._prefix = f"nldemo{os.getpid()}"
        self._names: list[str] = []
        self._dhcp_script = directory / "udhcpc.script"
        self._dhcp_script.write_text(DHCP_SCRIPT)
        self._dhcp_script.chmod(0o755)

    def name(self, machine: str) -> str:
        """Return the namespace of a machine."""
        return f"{self._prefix}-{machine}"

    def add(self, machine: str) -> str:
        """Start a machine: a namespace whose loopback is up."""
        name = self.name(machine)
        run("ip", "netns", "add", name)
        self._names.append(name)
        self.ip(machine, "link", "set", "lo", "up")
        return name

    def ip(self, machine: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `ip` on a machine."""
        return run("ip", "-n", self.name(machine), *words)

    def on(
        self, machine: str, *words: str, check: bool = True, timeout_s: float = 30.0
    ) -> subprocess.CompletedProcess[str]:
        """Run any program on a machine."""
        return run("ip", "netns", "exec", self.name(machine), *words, check=check, timeout_s=timeout_s)

    def cable(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        """Connect two machines' interfaces, (machine, interface) each, and switch both on."""
        run(
            *("ip", "link", "add", one[1], "netns", self.name(one[0]), "type", "veth"),
            *("peer", "name", other[1], "netns", self.name(other[0])),
        )
        for machine, interface in (one, other):
            self.ip(machine, "link", "set", interface, "up")

    def plug(self, host: str, guest: str, nic: str, mac: str, bridge: str) -> None:
        """Give a guest a NIC on a bridge of its host, as a hypervisor does."""
        port = f"tap-{nic}"
        self.cable((host, port), (guest, nic))
        self.ip(guest, "link", "set", nic, "address", mac)
        self.ip(host, "link", "set", port, "master", bridge)

    def dhcp(self, guest: str, nic: str) -> str:
        """Let a guest ask for its address with a real DHCP client; return what it says it has."""
        words: Sequence[str] = (
            "udhcpc",
            "-i",
            nic,
            "-n",
            "-q",
            "-f",
            "-t",
            "10",
            "-T",
            "1",
            "-s",
            str(self._dhcp_script),
        )
        self.on(guest, *words, timeout_s=30.0)
        shown = self.ip(guest, "-4", "-brief", "address", "show", "dev", nic).stdout.split()
        return shown[2] if len(shown) > 2 else ""  # noqa: PLR2004 - name, state, address

    def ping(self, machine: str, address: str) -> bool:
        """Return whether an address answers."""
        return self.on(machine, "ping", "-c", "1", "-W", "5", address, check=False).returncode == 0

    def close(self) -> None:
        """Delete every machine, and what still runs on it: an agent that stops leaves its host as it is."""
        for name in self._names:
            for pid in run("ip", "netns", "pids", name, check=False).stdout.split():
                os.kill(int(pid), signal.SIGTERM)
            run("ip", "netns", "delete", name, check=False)
        self._names.clear()
