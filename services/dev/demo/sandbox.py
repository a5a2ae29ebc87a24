"""The demo's machines for somebody who is not root: run inside `unshare -Urnm`, as root of that namespace."""

import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from events.errors import NetledgerError
from services.dev.demo.deployment import Deployment
from services.dev.demo.run import with_machines
from services.dev.demo.scenario import Demo


def main(data: Path) -> int:
    """Show the machines' part on a deployment that runs outside; return an exit status."""
    # /run belongs to the machine's root; named namespaces need a place that is ours
    subprocess.run(("mount", "-t", "tmpfs", "tmpfs", "/run"), check=True)
    os.environ["XDG_RUNTIME_DIR"] = str(data)
    console = Console(emoji=False)  # or Rich would draw a disc for the `:cd:` in a MAC
    try:
        with_machines(Demo(data, console, Deployment(data, console), first_step=2), data)
    except NetledgerError as error:
        console.print(f"{error}", markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
