"""Every command, report and event by its versioned type name, and the readers that turn JSON into them."""

from typing import Annotated

from pydantic import Field, TypeAdapter

from events.dns import (
    AddDnsEntry,
    CreatePrivateDnsDomain,
    CreatePublicDnsDomain,
    DeleteDnsDomain,
    DeleteDnsEntry,
    DnsDomainChanged,
    DnsDomainDeleted,
    DnsDomainRegistered,
    DnsEntryChanged,
    DnsEntryCreated,
    DnsEntryDeleted,
    InstanceDnsEntriesCreated,
    InstanceDnsEntriesDeleted,
    ModifyDnsEntry,
)
from events.fixed_ips import (
    AddFixedIp,
    FixedIpAllocated,
    FixedIpDeallocated,
    FixedIpDisassociated,
    FixedIpLeased,
    FixedIpReleased,
    FixedIpReserved,
    FixedIpUnreserved,
    LeaseFixedIp,
    ReleaseFixedIp,
    RemoveFixedIp,
    ReserveFixedIp,
    StaleLeaseReported,
    UnreserveFixedIp,
)
from events.floating_ips import (
    AllocateFloatingIp,
    AssociateFloatingIp,
    CreateFloatingIps,
    DeleteFloatingIps,
    DisassociateFloatingIp,
    FloatingIpAllocated,
    FloatingIpAssociated,
    FloatingIpDisassociated,
    FloatingIpReleased,
    FloatingIpsCreated,
    FloatingIpsDeleted,
    ReleaseFloatingIp,
)
from events.hosts import HostApplied, HostFenced, HostRegistered, RegisterHost, ReportApplied
from events.instances import (
    DeleteInstance,
    InstanceDeleted,
    InstanceSpawned,
    MacGenerated,
    SpawnInstance,
    VifCreated,
    VifDeleted,
)
from events.moves import (
    BindInstance,
    InstanceBound,
    InstancePrepared,
    InstanceUnbound,
    InstanceUnprepared,
    PrepareInstance,
    UnbindInstance,
)
from events.networks import (
    ChangeVpn,
    ClaimNetwork,
    CreateNetworks,
    DeleteNetwork,
    NetworkClaimed,
    NetworkCreated,
    NetworkDeleted,
    NetworkVpnChanged,
)
from events.ownership import (
    HostAddressClaimed,
    HostAddressReleased,
    NetworkHostAssigned,
    NetworkHostLetGo,
    NetworkHostReleased,
    SetNetworkHost,
)
from events.projects import (
    AddNetworkToProject,
    ModifyNetwork,
    NetworkProjectAssigned,
    NetworkProjectReleased,
)
from events.quotas import QuotaSet, SetQuota
from events.repeats import CommandRepeated
from events.security_groups import (
    AddInstanceToSecurityGroup,
    AddSecurityGroupRules,
    CreateProviderFirewallRule,
    CreateSecurityGroup,
    DeleteProviderFirewallRule,
    DeleteSecurityGroup,
    InstanceSecurityGroupAdded,
    InstanceSecurityGroupRemoved,
    ProviderFirewallRuleCreated,
    ProviderFirewallRuleDeleted,
    RemoveInstanceFromSecurityGroup,
    RemoveSecurityGroupRules,
    SecurityGroupCreated,
    SecurityGroupDeleted,
    SecurityGroupRuleAdded,
    SecurityGroupRuleRemoved,
    SecurityGroupUpdated,
    UpdateSecurityGroup,
)

AnyCommand = Annotated[
    CreateNetworks
    | DeleteNetwork
    | ChangeVpn
    | AddNetworkToProject
    | ModifyNetwork
    | SetNetworkHost
    | SpawnInstance
    | DeleteInstance
    | UnbindInstance
    | BindInstance
    | PrepareInstance
    | AddFixedIp
    | RemoveFixedIp
    | ReserveFixedIp
    | UnreserveFixedIp
    | CreateFloatingIps
    | DeleteFloatingIps
    | AllocateFloatingIp
    | AssociateFloatingIp
    | DisassociateFloatingIp
    | ReleaseFloatingIp
    | CreatePrivateDnsDomain
    | CreatePublicDnsDomain
    | DeleteDnsDomain
    | AddDnsEntry
    | ModifyDnsEntry
    | DeleteDnsEntry
    | SetQuota
    | CreateSecurityGroup
    | UpdateSecurityGroup
    | DeleteSecurityGroup
    | AddSecurityGroupRules
    | RemoveSecurityGroupRules
    | AddInstanceToSecurityGroup
    | RemoveInstanceFromSecurityGroup
    | CreateProviderFirewallRule
    | DeleteProviderFirewallRule,
    Field(discriminator="type"),
]
"""What the `commands` input may carry."""

AnyReport = Annotated[
    RegisterHost | ReportApplied | ClaimNetwork | LeaseFixedIp | ReleaseFixedIp,
    Field(discriminator="type"),
]
"""What the `reports` input may carry."""

AnyEvent = Annotated[
    NetworkCreated
    | NetworkDeleted
    | NetworkVpnChanged
    | NetworkClaimed
    | NetworkProjectAssigned
    | NetworkProjectReleased
    | NetworkHostAssigned
    | NetworkHostReleased
    | NetworkHostLetGo
    | HostAddressClaimed
    | HostAddressReleased
    | HostRegistered
    | HostFenced
    | HostApplied
    | InstanceSpawned
    | InstanceDeleted
    | InstanceUnbound
    | InstanceBound
    | InstancePrepared
    | InstanceUnprepared
    | MacGenerated
    | VifCreated
    | VifDeleted
    | FixedIpAllocated
    | FixedIpDeallocated
    | FixedIpDisassociated
    | FixedIpLeased
    | FixedIpReleased
    | StaleLeaseReported
    | FixedIpReserved
    | FixedIpUnreserved
    | FloatingIpsCreated
    | FloatingIpsDeleted
    | FloatingIpAllocated
    | FloatingIpAssociated
    | FloatingIpDisassociated
    | FloatingIpReleased
    | DnsDomainRegistered
    | DnsDomainChanged
    | DnsDomainDeleted
    | DnsEntryCreated
    | DnsEntryChanged
    | DnsEntryDeleted
    | InstanceDnsEntriesCreated
    | InstanceDnsEntriesDeleted
    | QuotaSet
    | SecurityGroupCreated
    | SecurityGroupUpdated
    | SecurityGroupDeleted
    | SecurityGroupRuleAdded
    | SecurityGroupRuleRemoved
    | InstanceSecurityGroupAdded
    | InstanceSecurityGroupRemoved
    | ProviderFirewallRuleCreated
    | ProviderFirewallRuleDeleted
    | CommandRepeated,
    Field(discriminator="type"),
]
"""What a decision may hold."""

COMMANDS: TypeAdapter[AnyCommand] = TypeAdapter(AnyCommand)
REPORTS: TypeAdapter[AnyReport] = TypeAdapter(AnyReport)
EVENTS: TypeAdapter[tuple[AnyEvent, ...]] = TypeAdapter(tuple[AnyEvent, ...])


def type_names(adapter: TypeAdapter[AnyCommand] | TypeAdapter[AnyReport]) -> frozenset[str]:
    """Return the versioned type names that a reader of commands or reports knows."""
    return frozenset(adapter.core_schema["choices"])


COMMAND_TYPES = type_names(COMMANDS)
REPORT_TYPES = type_names(REPORTS)
