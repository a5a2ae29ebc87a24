"""Methods of nova's that are not offered, and why (nova-network.md section 12)."""

from collections.abc import Mapping

ABSENT: Mapping[str, str] = {
    "init_host": "the agent of a host registers it, and makes its kernel what the ledger says at every start",
    "init_host_floating_ips": "the agent of a host binds its floating IPs when it starts",
    "get_backdoor_port": "no role has a back door into its interpreter; ask its /healthz and /metrics",
    "set_network_hosts": "agents claim unhosted networks by themselves, one at a time",
    "_disassociate_stale_fixed_ips": "the allocator frees what has drained for too long by its own timer",
    "_periodic_update_dns": "the agent of a host writes the names of its guests whenever they change",
    "update_dns": "the agent of a host writes the names of its guests whenever they change",
    "rpc_setup_network_on_host": "the agent of a host sets up and removes networks as the ledger says",
    **dict.fromkeys(
        ("lease_fixed_ip", "release_fixed_ip"),
        "hosts report the leases of their guests themselves, and nobody else can",
    ),
    "release_dhcp": "the agent of a host ends the lease of an address that is taken back",
    "_rpc_allocate_fixed_ip": "no host has to be asked for an address; call allocate_fixed_ip",
    "_associate_floating_ip": "the agent of a host binds the address; call associate_floating_ip",
    "_disassociate_floating_ip": "the agent of a host unbinds the address; call disassociate_floating_ip",
}
"""By name: what stands in its place, as the end of a sentence."""
