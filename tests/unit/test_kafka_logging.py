"""librdkafka's lines: once, on Python's logging."""

import logging

import pytest

from events.log.kafka_logging import REPEAT_AFTER_S, RepeatFilter, librdkafka_logger


def line(facility: str, text: str) -> logging.LogRecord:
    """Return what confluent_kafka logs."""
    arguments = (facility, "rdkafka#producer-1", text)
    return logging.LogRecord("x", logging.ERROR, "", 0, "%s [%s] %s", arguments, None)


def test_a_line_is_repeated_only_after_a_while() -> None:
    """A client without a broker says the same twenty times a second."""
    now = [0.0]
    news = RepeatFilter(lambda: now[0])

    assert news.filter(line("FAIL", "refused"))
    assert not news.filter(line("FAIL", "refused"))
    assert news.filter(line("FAIL", "something else"))
    assert not news.filter(line("FAIL", "refused (after 7ms in state CONNECT)"))
    now[0] = REPEAT_AFTER_S
    assert news.filter(line("FAIL", "refused"))


def test_settings_for_other_clients_are_no_news() -> None:
    """Everything passed through goes to every client, so each would complain."""
    assert not RepeatFilter().filter(line("CONFWARN", "a consumer property"))


def test_lines_of_another_form_pass() -> None:
    """The filter must not be what hides a line it does not know."""
    plain = logging.LogRecord("x", logging.ERROR, "", 0, "text", None, None)

    assert RepeatFilter().filter(plain)


def test_memory_is_bounded() -> None:
    """Ports and times make many different lines."""
    news = RepeatFilter(lambda: 0.0)
    for number in range(10_000):
        assert news.filter(line("FAIL", str(number)))

    assert len(news._seen) <= 256  # noqa: SLF001 - the bound is the point


def test_nothing_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """Also where nobody has set up logging."""
    logger = librdkafka_logger()
    propagate, logger.propagate = logger.propagate, False
    logger.error("%s [%s] %s", "FAIL", "client", "refused")
    logger.propagate = propagate

    assert capfd.readouterr().err == ""
