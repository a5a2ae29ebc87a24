"""nova's manager methods under their names: what each takes, asks, returns (nova-network.md section 12)."""

from collections.abc import Mapping

from services.methods import dns as _dns
from services.methods import fixed_ips as _fixed_ips
from services.methods import floating_ips as _floating_ips
from services.methods import hosts as _hosts
from services.methods import instances as _instances
from services.methods import moves as _moves
from services.methods import networks as _networks
from services.methods import placement as _placement
from services.methods import projects as _projects
from services.methods import quotas as _quotas
from services.methods import searches as _searches
from services.methods import security_groups as _security_groups
from services.methods.absent import ABSENT
from services.methods.base import Method

__all__ = ["ABSENT", "METHODS"]

METHODS: Mapping[str, Method] = {
    **_networks.METHODS,
    **_instances.METHODS,
    **_moves.METHODS,
    **_fixed_ips.METHODS,
    **_floating_ips.METHODS,
    **_dns.METHODS,
    **_placement.METHODS,
    **_projects.METHODS,
    **_security_groups.METHODS,
    **_quotas.METHODS,
    **_searches.METHODS,
    **_hosts.METHODS,
}
"""Every method that `netledger call` knows."""
