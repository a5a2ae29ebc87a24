"""What a rule may say: protocol, ports, block (nova-network.md section 15.3)."""

from events.addresses import parse_cidr4, parse_cidr6
from events.refusals import Code, Refusal
from events.security_groups import CreateProviderFirewallRule, RuleSpec
from projections.cell.group.group_state import Traffic

PROTOCOLS = ("tcp", "udp", "icmp")
ANYWHERE = "0.0.0.0/0"
"""What an empty block means, as in nova."""

PORT_MAX = 65535
ICMP_ANY = -1
ICMP_MAX = 255


def from_block(spec: RuleSpec, where: str) -> Traffic | Refusal:
    """Return what comes from a block; `where` is the path of the rule's fields, with a dot at its end."""
    if spec.protocol is None or spec.from_port is None or spec.to_port is None:
        missing = next(name for name in ("protocol", "from_port", "to_port") if getattr(spec, name) is None)
        message = f"A rule for a block of addresses needs protocol and both ports; {missing} is missing."
        return Refusal(code=Code.INVALID_INPUT, field=f"{where}{missing}", message=message)
    cidr = _cidr(spec.cidr or ANYWHERE, where)
    return cidr if isinstance(cidr, Refusal) else _traffic(spec, cidr, where)


def from_group(spec: RuleSpec, where: str) -> Traffic | Refusal:
    """Return what comes from a group's members: all of a protocol without ports, anything without either."""
    if spec.cidr:
        message = "A rule is for a block of addresses or for a group, not for both."
        return Refusal(code=Code.INVALID_INPUT, field=f"{where}cidr", message=message)
    if spec.protocol is not None:
        return _traffic(spec, None, where)
    if spec.from_port is None and spec.to_port is None:
        return Traffic(None, None, None, None)
    message = "Ports mean nothing without a protocol: name tcp, udp or icmp."
    return Refusal(code=Code.INVALID_IP_PROTOCOL, field=f"{where}protocol", message=message)


def of_provider(spec: CreateProviderFirewallRule) -> Traffic | Refusal:
    """Return what the provider drops: all of a protocol without ports."""
    if not spec.cidr:
        message = "Name the block of addresses whose traffic shall be dropped; 0.0.0.0/0 for everybody's."
        return Refusal(code=Code.INVALID_CIDR, field="cidr", message=message)
    cidr = _cidr(spec.cidr, "")
    return cidr if isinstance(cidr, Refusal) else _traffic(spec, cidr, "")


def _cidr(text: str, where: str) -> str | Refusal:
    try:
        return parse_cidr6(text) if ":" in text else parse_cidr4(text)
    except ValueError as error:
        return Refusal(code=Code.INVALID_CIDR, field=f"{where}cidr", message=f"{error}.")


def _traffic(spec: RuleSpec | CreateProviderFirewallRule, cidr: str | None, where: str) -> Traffic | Refusal:
    protocol = (spec.protocol or "").lower()
    if protocol not in PROTOCOLS:
        message = f"Protocol {spec.protocol!r} is none of {', '.join(PROTOCOLS)}."
        return Refusal(code=Code.INVALID_IP_PROTOCOL, field=f"{where}protocol", message=message)
    first, last = spec.from_port, spec.to_port
    if first is None and last is None:
        first, last = (ICMP_ANY, ICMP_ANY) if protocol == "icmp" else (1, PORT_MAX)
    if first is None or last is None:
        missing = "from_port" if first is None else "to_port"
        message = "A range of ports has a first and a last one: name both, or neither for all."
        return Refusal(code=Code.INVALID_PORT_RANGE, field=f"{where}{missing}", message=message)
    wrong = _wrong_icmp(first, last) if protocol == "icmp" else _wrong_ports(first, last)
    if wrong is not None:
        name, message = wrong
        return Refusal(code=Code.INVALID_PORT_RANGE, field=f"{where}{name}", message=message)
    return Traffic(protocol, first, last, cidr)


def _wrong_ports(first: int, last: int) -> tuple[str, str] | None:
    """Return the field that is wrong, and why."""
    for name, port in (("from_port", first), ("to_port", last)):
        if not 1 <= port <= PORT_MAX:
            return name, f"Port {port} is not one of 1 to {PORT_MAX}."
    if first > last:
        return "from_port", f"Ports {first} to {last}: the first is after the last."
    return None


def _wrong_icmp(kind: int, code: int) -> tuple[str, str] | None:
    """Return the field that is wrong, and why: ports are type and code."""
    for name, number in (("from_port", kind), ("to_port", code)):
        if not ICMP_ANY <= number <= ICMP_MAX:
            return name, f"{number} is no ICMP type or code: they are 0 to {ICMP_MAX}, or -1 for any."
    return None
