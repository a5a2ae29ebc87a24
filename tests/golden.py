"""Golden files: what a renderer wrote when a person last looked. NETLEDGER_GOLDEN=write writes them anew."""

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def check(name: str, text: str) -> None:
    """Compare a text with its golden file.

    Args:
        name: path below tests/golden.
        text: what was rendered now.

    Raises:
        AssertionError: it differs; look at the difference, and write the file anew if it is meant.
    """
    path = GOLDEN / name
    if os.environ.get("NETLEDGER_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert text == path.read_text(), f"{path} differs; NETLEDGER_GOLDEN=write writes it anew"
