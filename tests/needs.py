"""What a test needs from the machine, and what happens when it is not there.

On a developer's machine a missing broker or missing root skips the test, and the run ends with a list of what
was left out and why. Where ``CI=true`` nothing may be left out: the same absence is a failure.
"""

import os
from collections.abc import Mapping
from typing import NoReturn

import pytest

SKIP_PREFIX = "needs "
"""A skip whose reason starts with this is listed at the end of the run, grouped by what was missing."""


def is_ci(environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether this run may leave nothing out."""
    return environ.get("CI", "").lower() in {"1", "true", "yes"}


def absent(what: str, why: str) -> NoReturn:
    """End the calling test or fixture, because the machine lacks ``what``.

    Args:
        what: one word for the thing that is missing: ``kafka``, ``root``, ``dnsmasq``.
        why: what was looked for and how to get it, for the person who reads the summary.

    Raises:
        pytest.skip.Exception: on a developer's machine.
        pytest.fail.Exception: where ``CI=true``.
    """
    reason = f"{SKIP_PREFIX}{what}: {why}"
    if is_ci():
        pytest.fail(f"{reason} (CI=true: nothing may be left out)", pytrace=False)
    pytest.skip(reason)


def need_root() -> None:
    """Go on only as root, which network namespaces, bridges and nftables need."""
    if os.geteuid() != 0:
        absent("root", "network namespaces are made by root; run `sudo make test`")


def without_prefix(reason: str) -> tuple[str, str] | None:
    """Split a skip's reason into (what, why), or return None when nothing was missing from the machine."""
    text = reason.removeprefix("Skipped: ")
    if not text.startswith(SKIP_PREFIX):
        return None
    what, _, why = text.removeprefix(SKIP_PREFIX).partition(": ")
    return what, why
