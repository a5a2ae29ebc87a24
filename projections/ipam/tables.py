"""The tables of things that are held from one position to another: what is held, and by whom.

What is held now is a row in a table; when the hold ends, the row moves to the table's history. So a hold
costs one cheap index while it lasts, and an exclusion constraint once, when it is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

Value = str | int | float | bool | None
Row = list[Value]
"""A row of a table in the order of its columns; arrays are written as PostgreSQL's array text."""

Where = tuple[str, ...]
"""What is held and by whom: the values of `HeldTable.where`."""


def names(text: str) -> tuple[str, ...]:
    """Return the words of a text."""
    return tuple(text.split())


@dataclass(frozen=True, eq=False)
class HeldTable:
    """A table of current holds and its history."""

    name: str
    history: str
    key: Mapping[str, str]
    """Columns, with their types, of what is held: at any position by one holder."""
    holder: Mapping[str, str]
    """Columns, with their types, that tell holders apart."""
    columns: tuple[str, ...]
    """All columns, as the event that begins a hold fills them."""
    kept: tuple[str, ...]
    """Columns that go to the history."""
    ending: Mapping[str, str]
    """Columns, with their types, that the end of a hold fills in."""
    contested: bool = True
    """Whether a second holder is kept beside the first, so that both can be seen, or only reported."""

    @cached_property
    def where(self) -> Mapping[str, str]:
        """Columns, with their types, that name one hold."""
        return {**self.key, **self.holder}

    @cached_property
    def history_columns(self) -> tuple[str, ...]:
        """Columns of the history, in the order in which rows for it are made."""
        return (*self.kept, *self.ending, "from_seq", "from_time", "to_seq", "to_time")


NETWORKS = HeldTable(
    name="networks",
    history="network_history",
    key={"network_id": "uuid"},
    holder={},
    columns=names("""
        network_id kind label injected cidr netmask broadcast gateway dhcp_start dhcp_server enable_dhcp
        share_address cidr_v6 gateway_v6 netmask_v6 multi_host bridge bridge_interface vlan mtu dns1 dns2
        vpn_public_address vpn_public_port vpn_private_address rxtx_base project_id priority physical_network
        reserved usable host epoch from_rank from_seq from_time
    """),
    kept=names("network_id kind label cidr cidr_v6 vlan project_id physical_network"),
    ending={},
    contested=False,
)

NETWORK_PROJECTS = HeldTable(
    name="network_projects",
    history="network_project_history",
    key={"network_id": "uuid"},
    holder={"project_id": "text"},
    columns=names("network_id project_id from_seq from_time"),
    kept=names("network_id project_id"),
    ending={},
    contested=False,
)

INSTANCES = HeldTable(
    name="instances",
    history="instance_history",
    key={"instance_uuid": "uuid"},
    holder={},
    columns=names("""
        instance_uuid project_id host epoch host_seq hostname display_name availability_zone rxtx_factor
        request_digest
        from_seq from_time
    """),
    kept=names("instance_uuid project_id host epoch host_seq hostname display_name"),
    ending={},
    contested=False,
)

PREPARED = HeldTable(
    name="prepared_instances",
    history="prepared_instance_history",
    key={"instance_uuid": "uuid", "host": "text"},
    holder={},
    columns=names("instance_uuid host from_seq from_time"),
    kept=names("instance_uuid host"),
    ending={},
    contested=False,
)

VIFS = HeldTable(
    name="vifs",
    history="mac_history",
    key={"mac": "macaddr"},
    holder={"vif_id": "uuid"},
    columns=names("mac vif_id instance_uuid network_id host index tag from_seq from_time"),
    kept=names("mac vif_id instance_uuid network_id host index tag"),
    ending={},
)

IPV6_ADDRESSES = HeldTable(
    name="ipv6_addresses",
    history="ipv6_address_history",
    key={"network_id": "uuid", "address": "inet"},
    holder={"vif_id": "uuid"},
    columns=names("network_id address vif_id mac instance_uuid from_seq from_time"),
    kept=names("network_id address vif_id mac instance_uuid"),
    ending={},
)

FIXED_IPS = HeldTable(
    name="fixed_ips",
    history="fixed_ip_history",
    key={"network_id": "uuid", "address": "inet"},
    holder={"allocation_id": "uuid"},
    columns=names("""
        network_id address allocation_id vif_id mac instance_uuid project_id host hostname
        leased draining released_seq released_time waits_for drain_until from_seq from_time
    """),
    kept=names("network_id address allocation_id vif_id mac instance_uuid project_id host hostname"),
    ending={"released_seq": "int8", "released_time": "timestamptz", "reason": "text"},
)

RESERVATIONS = HeldTable(
    name="fixed_ip_reservations",
    history="fixed_ip_reservation_history",
    key={"network_id": "uuid", "address": "inet"},
    holder={},
    columns=names("network_id address from_seq from_time"),
    kept=names("network_id address"),
    ending={},
    contested=False,
)

FLOATING_RANGES = HeldTable(
    name="floating_ranges",
    history="floating_range_history",
    key={"first": "inet", "last": "inet"},
    holder={},
    columns=names("pool interface first last from_seq from_time"),
    kept=names("pool interface first last"),
    ending={},
    contested=False,
)

FLOATING_IPS = HeldTable(
    name="floating_ips",
    history="floating_ip_history",
    key={"address": "inet"},
    holder={"project_id": "text"},
    columns=names("address project_id pool interface auto_assigned from_seq from_time"),
    kept=names("address project_id pool interface auto_assigned"),
    ending={},
)

ASSOCIATIONS = HeldTable(
    name="floating_associations",
    history="floating_association_history",
    key={"address": "inet"},
    holder={"allocation_id": "uuid"},
    columns=names("""
        address allocation_id network_id fixed_address instance_uuid project_id interface from_seq from_time
    """),
    kept=names("address allocation_id network_id fixed_address instance_uuid project_id"),
    ending={},
)

DNS_DOMAINS = HeldTable(
    name="dns_domains",
    history="dns_domain_history",
    key={"domain": "text"},
    holder={},
    columns=names("domain scope availability_zone project_id from_seq from_time"),
    kept=names("domain scope availability_zone project_id"),
    ending={},
    contested=False,
)

DNS_ENTRIES = HeldTable(
    name="dns_entries",
    history="dns_entry_history",
    key={"domain": "text", "name": "text"},
    holder={},
    columns=names("domain name address allocation_id instance_uuid from_seq from_time"),
    kept=names("domain name address allocation_id instance_uuid"),
    ending={},
    contested=False,
)

NETWORK_HOSTS = HeldTable(
    name="network_hosts",
    history="network_host_history",
    key={"network_id": "uuid"},
    holder={"host": "text"},
    columns=names("network_id host epoch from_seq from_time"),
    kept=names("network_id host epoch"),
    ending={"reason": "text"},
)

GROUPS = HeldTable(
    name="security_groups",
    history="security_group_history",
    key={"group_id": "uuid"},
    holder={},
    columns=names("group_id project_id name description from_rank from_seq from_time"),
    kept=names("group_id project_id name description"),
    ending={},
    contested=False,
)

GROUP_RULES = HeldTable(
    name="security_group_rules",
    history="security_group_rule_history",
    key={"rule_id": "uuid"},
    holder={},
    columns=names("""
        rule_id group_id protocol from_port to_port cidr source_group_id from_rank from_seq from_time
    """),
    kept=names("rule_id group_id protocol from_port to_port cidr source_group_id"),
    ending={},
    contested=False,
)

GROUP_MEMBERS = HeldTable(
    name="security_group_members",
    history="security_group_member_history",
    key={"instance_uuid": "uuid", "group_id": "uuid"},
    holder={},
    columns=names("instance_uuid group_id from_rank from_seq from_time"),
    kept=names("instance_uuid group_id"),
    ending={},
    contested=False,
)

PROVIDER_RULES = HeldTable(
    name="provider_fw_rules",
    history="provider_fw_rule_history",
    key={"rule_id": "uuid"},
    holder={},
    columns=names("rule_id protocol from_port to_port cidr from_seq from_time"),
    kept=names("rule_id protocol from_port to_port cidr"),
    ending={},
    contested=False,
)

HOST_ADDRESSES = HeldTable(
    name="host_addresses",
    history="host_address_history",
    key={"network_id": "uuid", "address": "inet"},
    holder={"allocation_id": "uuid"},
    columns=names("network_id address allocation_id host from_seq from_time"),
    kept=names("network_id address allocation_id host"),
    ending={},
)

HELD_TABLES = (
    NETWORKS,
    NETWORK_PROJECTS,
    NETWORK_HOSTS,
    HOST_ADDRESSES,
    INSTANCES,
    PREPARED,
    VIFS,
    IPV6_ADDRESSES,
    FIXED_IPS,
    RESERVATIONS,
    FLOATING_RANGES,
    FLOATING_IPS,
    ASSOCIATIONS,
    DNS_DOMAINS,
    DNS_ENTRIES,
    *(GROUPS, GROUP_RULES, GROUP_MEMBERS, PROVIDER_RULES),
)

DECISION_COLUMNS = names("""
    seq log_offset term time cause subject command_id correlation_id user_name project_id is_admin
    code field message repeats_seq
""")
BINDING_COLUMNS = names("instance_uuid host epoch from_seq to_seq")
CONFLICT_COLUMNS = names("seq time problem what held holder other")
