"""librdkafka's own log lines, on Python's logging instead of standard error."""

import logging
import time
from collections.abc import Callable

REPEAT_AFTER_S = 30.0
"""A line is not logged again for this long: a client without a broker tries 20 times a second."""

REMEMBERED_LINES = 256


def librdkafka_logger() -> logging.Logger:
    """Return the logger that every client is given: `events.log.kafka.librdkafka`."""
    return _LOGGER


class RepeatFilter(logging.Filter):
    """Lets a line through once in `REPEAT_AFTER_S`, and none about settings that only another client uses."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._now = now
        self._seen: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the line is news. librdkafka gives (facility, client, text)."""
        facility, *_, text = record.args if isinstance(record.args, tuple) and record.args else ("", "")
        if facility == "CONFWARN":  # what is passed through goes to producers and consumers alike
            return False
        line = f"{facility} {text}".partition(" (after ")[
            0
        ]  # what follows counts milliseconds and repetitions
        now = self._now()
        if now - self._seen.get(line, float("-inf")) < REPEAT_AFTER_S:
            return False
        if len(self._seen) >= REMEMBERED_LINES:
            self._seen.clear()
        self._seen[line] = now
        return True


def _make_logger() -> logging.Logger:
    logger = logging.getLogger("events.log.kafka.librdkafka")
    logger.addFilter(RepeatFilter())
    logger.addHandler(logging.NullHandler())  # where nobody set up logging, nothing goes to standard error
    return logger


_LOGGER = _make_logger()
