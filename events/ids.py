"""Identities: UUIDs in canonical text, UUIDv7 for commands (RFC 9562), and what is drawn from them.

Deciding is pure, so nothing is random: the ids of a decision's new objects and its MAC candidates are derived
from the id of the command (the reason for the `Draws` protocol, which tests and simulation replace to force
collisions).
"""

import re
import secrets
from hashlib import blake2b
from typing import Protocol
from uuid import UUID

_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_V7_TIME_SHIFT = 80
_DRAWN_MAC_BITS = 24


def uuid7(now_ms: int, random_bits: int | None = None) -> str:
    """Return a UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then 74 random ones."""
    bits = secrets.randbits(74) if random_bits is None else random_bits & ((1 << 74) - 1)
    number = (now_ms & ((1 << 48) - 1)) << _V7_TIME_SHIFT
    number |= 0x7 << 76
    number |= (bits >> 62) << 64
    number |= 0b10 << 62
    number |= bits & ((1 << 62) - 1)
    return str(UUID(int=number))


def uuid7_time_ms(text: str) -> int:
    """Return the Unix milliseconds of a UUIDv7 in canonical text."""
    return int(text[:8] + text[9:13], 16)


def parse_uuid(text: str) -> str:
    """Return a UUID in canonical text (lower case, hyphens).

    Raises:
        ValueError: it is not one.

    """
    try:
        return text if _CANONICAL_UUID(text) else str(UUID(text))
    except (ValueError, AttributeError, TypeError):
        message = f"{text!r} is not a UUID; write 36 characters such as 0195f3c0-7a2b-7c3d-9e4f-0123456789ab"
        raise ValueError(message) from None


def parse_uuid7(text: str) -> str:
    """Return a UUIDv7 in canonical text.

    Raises:
        ValueError: it is not a UUID, or one of another version.

    """
    canonical = parse_uuid(text)
    if canonical[14] != "7":
        message = (
            f"{text!r} is not a UUIDv7 (RFC 9562); other versions do not carry the time they were made at"
        )
        raise ValueError(message)
    return canonical


class Draws(Protocol):
    """Where a decision takes its new identities and MAC candidates from."""

    def uuid(self, purpose: str, index: int) -> str:
        """Return the identity of the `index`th object of a kind that this decision creates."""

    def mac_suffix(self, index: int, attempt: int) -> int:
        """Return the 24 low bits of the `attempt`th MAC candidate for the `index`th NIC."""


class CommandDraws:
    """Draws derived from a command id: the same command always draws the same."""

    __slots__ = ("_seed",)

    def __init__(self, command_id: str) -> None:
        """Draw for the decision of this command."""
        self._seed = command_id.encode()

    def uuid(self, purpose: str, index: int) -> str:
        """Return a UUIDv8 (RFC 9562 section 5.8: a digest of our own) of command, purpose and index."""
        text = blake2b(b"%b %b %d" % (self._seed, purpose.encode(), index), digest_size=16).hexdigest()
        return f"{text[:8]}-{text[8:12]}-8{text[13:16]}-8{text[17:20]}-{text[20:]}"

    def mac_suffix(self, index: int, attempt: int) -> int:
        """Return 24 bits of a digest of command, NIC index and attempt."""
        digest = blake2b(b"%b mac %d %d" % (self._seed, index, attempt), digest_size=_DRAWN_MAC_BITS // 8)
        return int.from_bytes(digest.digest())
