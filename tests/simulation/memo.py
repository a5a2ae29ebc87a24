"""Remembering what pure functions said: ten readers of one record need not decode and hash it ten times.

Which reader asked makes no difference to the answer, and no answer can be changed. It halves the time of a
seed.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from unittest.mock import patch

from events.ledger import fold, follow
from events.record import decode_head, decode_outcome, record_digest
from services.allocator import engine
from tests.simulation import checks, truth

_RECORDS_REMEMBERED = 2048


@contextmanager
def remembering() -> Iterator[None]:
    """Let decoding and hashing remember their answers inside a `with` block."""
    head, outcome, digest = (
        lru_cache(maxsize=_RECORDS_REMEMBERED)(function)
        for function in (decode_head, decode_outcome, record_digest)
    )
    with ExitStack() as stack:
        stack.enter_context(patch.object(fold, "decode_head", head))
        for module in (follow, engine, checks):
            stack.enter_context(patch.object(module, "decode_outcome", outcome))
        for module in (fold, truth):
            stack.enter_context(patch.object(module, "record_digest", digest))
        stack.enter_context(patch.object(follow, "read_digest", digest))
        yield
