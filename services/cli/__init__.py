"""The command line. `main` is the console script; commands import what they need late, for a fast --help."""

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("events", "projections", "host_agent", "services")


def strangers() -> list[str]:
    """Return those of our import names that lead to another project's package, which cannot work."""
    home = Path(__file__).parents[2]
    found = {name: find_spec(name) for name in PACKAGES}
    return [
        name
        for name, spec in found.items()
        if spec is None or spec.origin is None or Path(spec.origin).parents[1] != home
    ]


def main() -> None:
    """Run the command line."""
    for name in strangers():
        sys.stderr.write(
            f"netledger: the package {name!r} in this environment is another project's, or is missing. "
            "Install netledger into an environment of its own: python3 -m venv DIR && DIR/bin/pip install .\n"
        )
        sys.exit(4)
    from services.cli.app import app

    app()
