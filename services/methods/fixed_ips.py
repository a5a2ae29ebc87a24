"""Fixed IPs: what can be asked about them (nova-network.md 12.4)."""

from events.addresses import parse_ipv4
from events.model import Actor
from events.refusals import Code
from projections.ipam import queries
from services.methods.base import Args, Method, Read, checked
from services.outcomes import refused
from services.tables import Row, Tables


class AddressArgs(Args):
    """An address."""

    address: str


def _by_address(args: AddressArgs, actor: Actor, tables: Tables) -> Row:
    address = checked(parse_ipv4, args.address, Code.INVALID_ADDRESS, "address")
    held = tables.ask(lambda reader: queries.fixed_ips_by_address(reader, address))
    if not held:
        message = f"{address} is no instance's fixed IP."
        raise refused(Code.FIXED_IP_NOT_FOUND_FOR_ADDRESS, message, "address")
    mine = [row for row in held if actor.is_admin or row["project_id"] == actor.project]
    if not mine:
        raise refused(Code.FORBIDDEN, f"Fixed IP {address} is another project's.", "address")
    return mine[0]


METHODS: dict[str, Method] = {"get_fixed_ip_by_address": Read(AddressArgs, _by_address)}
