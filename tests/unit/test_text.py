"""Identities, addresses and times are canonical text in records, and integers inside."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import EUI, IPAddress, IPNetwork, mac_unix_expanded

from events.addresses import (
    cidr4_bounds,
    cidr4_netmask,
    cidr4_text,
    ipv4_number,
    ipv4_text,
    ipv6_number,
    ipv6_text,
    mac_number,
    mac_text,
    parse_cidr4,
    parse_cidr6,
    parse_ipv4,
    parse_ipv6,
    parse_mac,
)
from events.clock import parse_time, time_text
from events.ids import parse_uuid, parse_uuid7, uuid7, uuid7_time_ms


@given(st.integers(0, (1 << 32) - 1))
def test_ipv4_text_and_number(number: int) -> None:
    """There and back, as netaddr has it."""
    assert ipv4_text(number) == str(IPAddress(number, 4))
    assert ipv4_number(ipv4_text(number)) == number
    assert parse_ipv4(ipv4_text(number)) == ipv4_text(number)


@given(st.integers(0, (1 << 128) - 1))
def test_ipv6_text_and_number(number: int) -> None:
    """There and back; canonical text is its own canonical text."""
    assert ipv6_number(ipv6_text(number)) == number
    assert parse_ipv6(ipv6_text(number)) == ipv6_text(number)
    assert int(IPAddress(ipv6_text(number), 6)) == number


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:db8:0:1::", "2001:db8:0:1::"),
        ("::", "::"),
        ("0:0::1", "::1"),
    ],
)
def test_ipv6_is_written_as_in_rfc_5952(text: str, canonical: str) -> None:
    """Lower case, the longest run of zeros left out."""
    assert parse_ipv6(text) == canonical


@pytest.mark.parametrize("text", ["", "10.0.0.1", "1::2::3", "::g", "fe80::1%eth0", "2001:db8::/64"])
def test_what_is_no_ipv6_address_is_refused(text: str) -> None:
    """The sentence shows a good one."""
    with pytest.raises(ValueError, match="2001:db8::5"):
        parse_ipv6(text)


@given(st.integers(0, (1 << 48) - 1))
def test_mac_text_and_number(number: int) -> None:
    """There and back, as netaddr has it."""
    assert mac_text(number) == str(EUI(number, 48, dialect=mac_unix_expanded))
    assert mac_number(mac_text(number)) == number


@pytest.mark.parametrize(
    "text", ["fa:16:3e:00:00:0a", "FA:16:3E:00:00:0A", "fa-16-3e-0-0-a", "fa16.3e00.000a", "fa163e00000a"]
)
def test_macs_are_taken_in_any_common_form(text: str) -> None:
    """And kept in one."""
    assert parse_mac(text) == "fa:16:3e:00:00:0a"


@pytest.mark.parametrize("text", ["fa:16:3e", "fa:16:3e:00:00", "fa:16:3e:00:00:0a:0b", "fa16.3e00", "1"])
def test_macs_that_lack_octets_are_refused(text: str) -> None:
    """The library that reads them takes fa:16:3e for another one."""
    with pytest.raises(ValueError, match="six octets"):
        parse_mac(text)


@pytest.mark.parametrize("text", ["01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"])
def test_multicast_macs_are_refused(text: str) -> None:
    """No network card has one."""
    with pytest.raises(ValueError, match="multicast"):
        parse_mac(text)


@given(st.integers(0, (1 << 32) - 1), st.integers(0, 32))
def test_blocks_are_what_netaddr_says(number: int, length: int) -> None:
    """Bounds and netmask, with host bits masked."""
    expected = IPNetwork(f"{ipv4_text(number)}/{length}").cidr
    block = parse_cidr4(f"{ipv4_text(number)}/{length}")

    assert block == str(expected)
    assert cidr4_bounds(block) == (expected.first, expected.last)
    assert cidr4_netmask(block) == str(expected.netmask)


@given(st.integers(0, (1 << 32) - 1), st.integers(0, 32))
def test_a_block_has_its_bounds_and_its_text(number: int, length: int) -> None:
    """There and back, as netaddr has it."""
    block = IPNetwork((number, length), version=4).cidr

    assert cidr4_bounds(str(block)) == (block.first, block.last)
    assert cidr4_text(block.first, block.last) == str(block)


@pytest.mark.parametrize("text", ["2001:db8::5/64", "2001:DB8::/64"])
def test_ipv6_blocks_are_canonical(text: str) -> None:
    """With host bits masked."""
    assert parse_cidr6(text) == "2001:db8::/64"


@pytest.mark.parametrize("text", ["2001:db8::", "10.0.0.0/24", "2001:db8::/129", "/64", ""])
def test_what_is_no_ipv6_block_is_refused(text: str) -> None:
    """The sentence shows a good one."""
    with pytest.raises(ValueError, match="2001:db8::/64"):
        parse_cidr6(text)


@given(st.integers(0, (1 << 48) - 1), st.integers(0, (1 << 74) - 1))
def test_a_uuid7_is_one(time_ms: int, bits: int) -> None:
    """Version, variant and time as in RFC 9562, and all of its randomness."""
    text = uuid7(time_ms, bits)
    value = UUID(text)

    assert (value.variant, value.version) == ("specified in RFC 4122", 7)
    assert uuid7_time_ms(text) == time_ms
    assert (value.int >> 64 & 0xFFF) << 62 | value.int & (1 << 62) - 1 == bits
    assert parse_uuid7(text.upper()) == text


def test_two_uuid7s_of_one_moment_differ() -> None:
    """Unless told, the bits are drawn."""
    assert uuid7(5) != uuid7(5)


def test_the_example_of_rfc_9562() -> None:
    """Its appendix A.6."""
    bits = 0xCC3 << 62 | 0x18C4DC0C0C07398F
    assert uuid7(0x017F22E279B0, bits) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


def test_uuids_are_taken_in_any_common_form() -> None:
    """And kept in one."""
    plain = "0195f3c0-7a2b-7c3d-9e4f-0123456789ab"

    assert {parse_uuid(text) for text in (plain, plain.upper(), f"{{{plain}}}", plain.replace("-", ""))} == {
        plain
    }


@given(st.integers(0, 253_402_300_799_999))
def test_times_come_back_as_they_were(time_ms: int) -> None:
    """To the millisecond, up to the year 9999."""
    assert parse_time(time_text(time_ms)) == time_ms


def test_times_are_rfc_3339_in_utc() -> None:
    """With milliseconds, always."""
    assert time_text(0) == "1970-01-01T00:00:00.000Z"
    assert time_text(1_790_000_000_042) == "2026-09-21T14:13:20.042Z"
    assert parse_time("2026-09-21T16:13:20.042+02:00") == 1_790_000_000_042


@pytest.mark.parametrize("text", ["noon", "2026-09-21", "2026-09-21T14:13:20", ""])
def test_a_time_without_a_zone_is_refused(text: str) -> None:
    """One would have to guess."""
    with pytest.raises(ValueError, match=r"time zone|Invalid isoformat"):
        parse_time(text)
