"""The demo is the main job from end to end, and checks its own claims; here they must hold."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.driver import PATIENCE_S, command_line, environment
from tests.needs import need_root

CLAIMS = (
    "eth0 (fa:16:3e:",
    "eth1 (fa:16:3e:",
    "answers in the world",
    "none given twice",
    "was gone, and is back",
    "Everything is stopped and deleted.",
)


def left_behind() -> tuple[str, str]:
    """Return the demo's namespaces and daemons that there are now."""
    namespaces = subprocess.run(("ip", "netns", "list"), capture_output=True, text=True, check=True).stdout
    looked = subprocess.run(("pgrep", "-fa", "netledger-demo-"), capture_output=True, text=True, check=False)
    return "\n".join(line for line in namespaces.splitlines() if line.startswith("nldemo")), looked.stdout


@pytest.mark.root
@pytest.mark.slow
def test_the_demo_holds_every_claim_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """`netledger dev demo` as root: two NICs, floating IP, crash, repair, history; then all is gone."""
    need_root()
    before = left_behind()

    done = subprocess.run(
        command_line("dev", "demo"),
        env=environment(tmp_path, {"TERM": "dumb", "COLUMNS": "160"}),
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * PATIENCE_S,
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert [claim for claim in CLAIMS if claim not in done.stdout] == []
    assert left_behind() == before
