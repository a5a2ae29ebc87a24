"""Waiting for what happens in another process: asked often, with an end."""

from collections.abc import Callable
from typing import TypeVar

from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

T = TypeVar("T")


def eventually(ask: Callable[[], T], within_s: float = 60.0) -> T:
    """Return the first answer that is true.

    Raises:
        AssertionError: none was in time. It bounds a hang and measures nothing.

    """

    def give_up(state: object) -> T:
        raise AssertionError(f"not in {within_s:g} s: {getattr(ask, '__name__', ask)}")

    return Retrying(
        retry=retry_if_result(lambda answer: not answer),
        wait=wait_fixed(0.02),
        stop=stop_after_delay(within_s),
        retry_error_callback=give_up,
    )(ask)
