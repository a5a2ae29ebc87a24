"""Programs that the agent starts: where they are, and which package has them."""

import os
import shutil

from events.errors import BrokenEnvironment

SEARCH_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
"""PATH, and where Debian keeps programs for administrators, which is not on everybody's PATH."""

ENVIRONMENT = {"PATH": SEARCH_PATH, "LC_ALL": "C"}
"""What a program gets to see of our environment: nothing else, since it may hold secrets."""


def find(program: str, package: str) -> str:
    """Return the path of a program.

    Raises:
        BrokenEnvironment: it is not installed.

    """
    path = shutil.which(program, path=SEARCH_PATH)
    if path is None:
        raise BrokenEnvironment(
            f"{program} is missing: install package {package} (apt-get install {package})"
        )
    return path
