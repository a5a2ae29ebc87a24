"""Every public method of nova's managers, and of its tools, is offered or refused with a reason."""

import pytest

from services.methods import ABSENT, METHODS

NOVAS = {
    "12.1": (
        *("init_host", "init_host_floating_ips", "get_backdoor_port", "_disassociate_stale_fixed_ips"),
        *("_periodic_update_dns", "set_network_hosts", "set_network_host"),
    ),
    "12.2": (
        *("create_networks", "delete_network", "get_network", "get_all_networks", "disassociate_network"),
        *("associate", "add_network_to_project", "validate_networks", "setup_networks_on_host"),
        *("rpc_setup_network_on_host", "get_dhcp_leases", "update_dns"),
    ),
    "12.3": (
        *("allocate_for_instance", "deallocate_for_instance", "get_instance_nw_info"),
        *("add_fixed_ip_to_instance", "remove_fixed_ip_from_instance", "get_vifs_by_instance"),
        *("get_vif_by_mac_address", "get_instance_uuids_by_ip_filter"),
    ),
    "12.4": (
        *("allocate_fixed_ip", "_rpc_allocate_fixed_ip", "deallocate_fixed_ip", "release_dhcp"),
        *("lease_fixed_ip", "release_fixed_ip", "get_fixed_ip", "get_fixed_ip_by_address"),
    ),
    "12.5": (
        *("allocate_floating_ip", "deallocate_floating_ip", "associate_floating_ip"),
        *("_associate_floating_ip", "_disassociate_floating_ip", "disassociate_floating_ip"),
        *("get_floating_ip", "get_floating_ip_by_address", "get_floating_pools", "get_floating_ip_pools"),
        *("get_floating_ips_by_project", "get_floating_ips_by_fixed_address"),
        *("get_instance_id_by_floating_address", "migrate_instance_start", "migrate_instance_finish"),
    ),
    "12.6": (
        *("get_dns_domains", "create_private_dns_domain", "create_public_dns_domain", "delete_dns_domain"),
        *("add_dns_entry", "modify_dns_entry", "delete_dns_entry", "get_dns_entries_by_address"),
        "get_dns_entries_by_name",
    ),
    "12.7": (
        *("network_list", "network_modify", "fixed_list", "fixed_reserve", "fixed_unreserve"),
        *("floating_create", "floating_delete", "floating_list", "vpn_change"),
    ),
}
"""What nova-network's specification lists, by section."""


@pytest.mark.parametrize("section", NOVAS)
def test_each_method_of_nova_is_offered_or_has_a_reason(section: str) -> None:
    """Nothing of the specification is silently missing."""
    missing = [name for name in NOVAS[section] if name not in METHODS and name not in ABSENT]

    assert missing == []


def test_what_is_not_offered_is_nova_s_and_its_reason_ends_a_sentence() -> None:
    """`UnknownMethod` says it; whatever else is called has never been a method."""
    known = {name for names in NOVAS.values() for name in names}

    assert set(ABSENT) <= known
    assert all(reason and not reason.endswith(".") for reason in ABSENT.values())
