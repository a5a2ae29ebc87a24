"""nova's manager methods as methods of Python, by the names and arguments of nova-network.md section 12.

They do what `call` does. Each takes `actor` besides, on whose behalf it is asked, and `command_id` if it
changes something, under which it can be repeated safely. Each subject has its module; a method that
`services.methods` knows and this does not fails a test.
"""

from typing import Protocol

from services.manager.dns import DnsMethods
from services.manager.fixed_ips import FixedIpMethods
from services.manager.floating_ips import FloatingIpMethods
from services.manager.hosts import HostMethods
from services.manager.instances import InstanceMethods
from services.manager.moves import MoveMethods
from services.manager.networks import NetworkMethods
from services.manager.placement import PlacementMethods
from services.manager.projects import ProjectMethods
from services.manager.quotas import QuotaMethods
from services.manager.searches import SearchMethods
from services.manager.security_groups import SecurityGroupMethods

__all__ = ["NetworkManager"]


class NetworkManager(
    NetworkMethods,
    InstanceMethods,
    MoveMethods,
    FixedIpMethods,
    FloatingIpMethods,
    DnsMethods,
    PlacementMethods,
    ProjectMethods,
    SecurityGroupMethods,
    QuotaMethods,
    SearchMethods,
    HostMethods,
    Protocol,
):
    """What nova's compute and API asked of nova-network.

    Every method raises what `call` does: Refused, OutcomeUnknown, NetledgerError.
    """
