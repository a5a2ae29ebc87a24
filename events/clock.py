"""Time: RFC 3339 text in UTC with milliseconds in records, integers of Unix milliseconds inside.

No clock is read here.
"""

from datetime import UTC, datetime
from functools import lru_cache

_MS_PER_S = 1000


@lru_cache(maxsize=8)
def _second_text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def time_text(time_ms: int) -> str:
    """Return Unix milliseconds as RFC 3339 text such as `2026-11-21T13:13:27.042Z`."""
    return f"{_second_text(time_ms // _MS_PER_S)}.{time_ms % _MS_PER_S:03d}Z"


def parse_time(text: str) -> int:
    """Return RFC 3339 text as Unix milliseconds.

    Raises:
        ValueError: it is not RFC 3339 with an offset.

    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = f"{text!r} has no time zone; write it as in 2026-11-21T13:13:27.042Z"
        raise ValueError(message)
    whole = moment.astimezone(UTC).replace(microsecond=0)
    return int(whole.timestamp()) * _MS_PER_S + moment.microsecond // _MS_PER_S
