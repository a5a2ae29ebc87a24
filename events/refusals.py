"""Refusals: values, not exceptions. Codes are stable; where nova had an exception, its name is the code."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Code(StrEnum):
    """Why something was refused. nova-network's exception names where it had one."""

    # What could not be read.
    MALFORMED_COMMAND = "MalformedCommand"
    """Not JSON, or not an object."""
    UNKNOWN_COMMAND = "UnknownCommand"
    """No such type or version."""
    INVALID_COMMAND = "InvalidCommand"
    """A field is missing, surplus or of the wrong form."""
    COMMAND_TOO_LARGE = "CommandTooLarge"
    FOREIGN_INPUT = "ForeignInput"
    """A report among the commands, or a command among the reports."""
    REPORT_ABOUT_ANOTHER_HOST = "ReportAboutAnotherHost"

    POSITION_AHEAD = "PositionAhead"
    """A host claims to have applied what was never decided: another ledger, or this one lost records."""

    COMMAND_NOT_FOUND = "CommandNotFound"
    """No decision on a command of this id is known."""
    UNKNOWN_METHOD = "UnknownMethod"
    """A caller of the client or of `netledger call` named a method that there is not."""

    # Identity of commands.
    COMMAND_TOO_OLD = "CommandTooOld"
    COMMAND_FROM_THE_FUTURE = "CommandFromTheFuture"
    COMMAND_ID_REUSED = "CommandIdReused"
    INTERNAL_ERROR = "InternalError"
    DECISION_TOO_LARGE = "DecisionTooLarge"

    # nova's names.
    FORBIDDEN = "Forbidden"
    INVALID_CIDR = "InvalidCidr"
    CIDR_CONFLICT = "CidrConflict"
    ADDRESS_OUT_OF_RANGE = "AddressOutOfRange"
    INVALID_ADDRESS = "InvalidAddress"
    INVALID_INT_VALUE = "InvalidIntValue"
    LABEL_TOO_LONG = "LabelTooLong"
    DUPLICATE_VLAN = "DuplicateVlan"
    NETWORK_NOT_CREATED = "NetworkNotCreated"
    NETWORK_EXISTS = "NetworkExists"
    NETWORK_NOT_FOUND = "NetworkNotFound"
    NO_NETWORKS_FOUND = "NoNetworksFound"
    NO_MORE_NETWORKS = "NoMoreNetworks"
    NETWORK_NOT_FOUND_FOR_PROJECT = "NetworkNotFoundForProject"
    NETWORK_IN_USE = "NetworkInUse"
    NETWORK_HAS_PROJECT = "NetworkHasProject"
    NETWORK_ALREADY_CLAIMED = "NetworkAlreadyClaimed"
    NETWORK_SET_HOST_FAILED = "NetworkSetHostFailed"
    NETWORK_NOT_REACHABLE = "NetworkNotReachable"
    NETWORK_DUPLICATED = "NetworkDuplicated"
    HOST_NOT_FOUND = "HostNotFound"
    HOST_FENCED = "HostFenced"
    """A host that fell silent asks for something before it has registered again."""
    NO_MORE_FIXED_IPS = "NoMoreFixedIps"
    FIXED_IP_ALREADY_IN_USE = "FixedIpAlreadyInUse"
    FIXED_IP_NOT_FOUND = "FixedIpNotFound"
    FIXED_IP_NOT_FOUND_FOR_NETWORK = "FixedIpNotFoundForNetwork"
    FIXED_IP_NOT_FOUND_FOR_ADDRESS = "FixedIpNotFoundForAddress"
    FIXED_IP_NOT_FOUND_FOR_SPECIFIC_INSTANCE = "FixedIpNotFoundForSpecificInstance"
    FIXED_IP_INVALID = "FixedIpInvalid"
    VIRTUAL_INTERFACE_CREATE = "VirtualInterfaceCreateException"
    VIRTUAL_INTERFACE_MAC_ADDRESS = "VirtualInterfaceMacAddressException"
    UNABLE_TO_AUTO_ALLOCATE_NETWORK = "UnableToAutoAllocateNetwork"
    INSTANCE_NOT_FOUND = "InstanceNotFound"
    INSTANCE_EXISTS = "InstanceExists"
    INSTANCE_NOT_ON_HOST = "InstanceNotOnHost"
    """A step of a move names a host or an epoch that is not the one of the instance; details tell it."""
    INSTANCE_STILL_BOUND = "InstanceStillBound"
    """A move may not end before its source has let go."""
    FLOATING_IP_EXISTS = "FloatingIpExists"
    FLOATING_IP_POOL_NOT_FOUND = "FloatingIpPoolNotFound"
    NO_MORE_FLOATING_IPS = "NoMoreFloatingIps"
    FLOATING_IP_NOT_FOUND_FOR_ADDRESS = "FloatingIpNotFoundForAddress"
    FLOATING_IP_NOT_FOUND = "FloatingIpNotFound"
    FLOATING_IP_NOT_FOUND_FOR_HOST = "FloatingIpNotFoundForHost"
    INVALID_ID = "InvalidID"
    FLOATING_IP_ASSOCIATED = "FloatingIpAssociated"
    FLOATING_IP_IN_USE = "FloatingIpInUse"
    """A project owns it. nova deleted it all the same."""
    FLOATING_IP_ASSOCIATE_FAILED = "FloatingIpAssociateFailed"
    CANNOT_DISASSOCIATE_AUTO_ASSIGNED = "CannotDisassociateAutoAssignedFloatingIP"
    FLOATING_IP_NOT_ASSOCIATED = "FloatingIpNotAssociated"
    FLOATING_IP_DNS_EXISTS = "FloatingIpDNSExists"
    NOT_FOUND = "NotFound"
    """A DNS domain, or an entry of one."""
    FIXED_IP_LIMIT_EXCEEDED = "FixedIpLimitExceeded"
    FLOATING_IP_LIMIT_EXCEEDED = "FloatingIpLimitExceeded"
    OVER_QUOTA = "OverQuota"
    """Of any resource whose quota has no exception of its own: networks."""
    SECURITY_GROUP_EXISTS = "SecurityGroupExists"
    SECURITY_GROUP_NOT_FOUND_FOR_PROJECT = "SecurityGroupNotFoundForProject"
    SECURITY_GROUP_NOT_FOUND_FOR_RULE = "SecurityGroupNotFoundForRule"
    SECURITY_GROUP_EXISTS_FOR_INSTANCE = "SecurityGroupExistsForInstance"
    SECURITY_GROUP_NOT_EXISTS_FOR_INSTANCE = "SecurityGroupNotExistsForInstance"
    SECURITY_GROUP_RULE_EXISTS = "SecurityGroupRuleExists"
    SECURITY_GROUP_LIMIT_EXCEEDED = "SecurityGroupLimitExceeded"
    INVALID_GROUP = "InvalidGroup"
    INVALID_IP_PROTOCOL = "InvalidIpProtocol"
    INVALID_PORT_RANGE = "InvalidPortRange"
    PROVIDER_FW_RULE_NOT_FOUND = "ProviderFwRuleNotFound"
    INVALID_INPUT = "InvalidInput"
    NOT_IMPLEMENTED_FOR_KIND = "NotImplementedForKind"


class Refusal(BaseModel):
    """A decision not to: a stable code, the offending field, and a sentence that a person can act on."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    code: Annotated[Code | str, Field(union_mode="left_to_right")]
    """One of `Code`, or one that a newer program has: readers take any."""
    field: str | None = None
    """Path of the offending field, such as `requested_networks.1.address`."""
    message: str
    details: dict[str, str | int | None] = {}
    """Facts for programs, such as the real owner of a network that was already claimed."""
