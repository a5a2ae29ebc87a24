"""The demo is the main job from end to end, and checks its own claims; here they must hold."""

import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

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


def output_of(*words: str) -> str:
    """Return what a program of this machine prints."""
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


@pytest.mark.root
@pytest.mark.slow
def test_the_demo_holds_every_claim_and_leaves_nothing_behind() -> None:
    """`netledger dev demo` as root: two NICs, floating IP, crash, repair, history; then all is gone."""
    need_root()

    with TemporaryDirectory(prefix="nl-") as directory:
        done = subprocess.run(
            command_line("dev", "demo"),
            env=environment(
                Path(directory) / "unused", {"TERM": "dumb", "COLUMNS": "160", "TMPDIR": directory}
            ),
            capture_output=True,
            text=True,
            check=False,
            timeout=2 * PATIENCE_S,
        )
        left = list(Path(directory).iterdir())

    machines = re.findall(r"namespace (nldemo\S+)", done.stdout)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert [claim for claim in CLAIMS if claim not in done.stdout] == []
    assert machines
    assert [name for name in machines if name in output_of("ip", "netns", "list").split()] == []
    assert (left, output_of("pgrep", "-fa", f"{directory}/")) == ([], "")
