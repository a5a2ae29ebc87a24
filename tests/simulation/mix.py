"""How often callers want what, and how two of them want the same thing."""

from random import Random

from tests.simulation.plan import Plan, weighted
from tests.simulation.seen import Seen
from tests.simulation.wishes import (
    ADMIN,
    DOMAIN,
    FLOATING,
    HOSTS,
    INSTANCES,
    NAMES,
    NETWORKS,
    PROJECTS,
    Body,
    actor_of,
    an_address,
    an_instance,
    fixed_ip,
    move,
    network,
    spawn,
)

_MIX: tuple[tuple[float, str], ...] = (
    (40, "spawn"),
    (16, "delete"),
    (10, "move"),
    (14, "fixed IP"),
    (30, "floating IP"),
    (7, "network"),
    (10, "network's owner"),
    (4, "quota"),
    (6, "group"),
    (5, "name"),
)
_FLOATING: tuple[tuple[float, str], ...] = (
    (9, "AllocateFloatingIp.v1"),
    (10, "AssociateFloatingIp.v1"),
    (2, "DisassociateFloatingIp.v1"),
    (4, "ReleaseFloatingIp.v1"),
    (2, "CreateFloatingIps.v1"),
    (1, "DeleteFloatingIps.v1"),
)
_OWNERS: tuple[tuple[float, str], ...] = (
    (3, "give"),
    (1, "project"),
    (2, "nobody"),
    (6, "host"),
    (1, "no host"),
    (2, "serve"),
    (1, "VPN"),
)
_NAMES: tuple[tuple[float, str], ...] = (
    (4, "AddDnsEntry.v1"),
    (1, "ModifyDnsEntry.v1"),
    (1, "DeleteDnsEntry.v1"),
    (1, "CreatePublicDnsDomain.v1"),
    (0.3, "CreatePrivateDnsDomain.v1"),
    (0.3, "DeleteDnsDomain.v1"),
)
_GROUPS: tuple[tuple[float, str], ...] = (
    (4, "CreateSecurityGroup.v1"),
    (1, "UpdateSecurityGroup.v1"),
    (1, "DeleteSecurityGroup.v1"),
    (3, "AddSecurityGroupRules.v1"),
    (1, "RemoveSecurityGroupRules.v1"),
    (4, "AddInstanceToSecurityGroup.v1"),
    (2, "RemoveInstanceFromSecurityGroup.v1"),
    (1, "CreateProviderFirewallRule.v1"),
    (1, "DeleteProviderFirewallRule.v1"),
)


def wish(rng: Random, plan: Plan, seen: Seen) -> Body:
    """Return something that a caller might want, without an id."""
    match weighted(rng, _MIX):
        case "spawn":
            return spawn(rng, plan)
        case "delete":
            return {"type": "DeleteInstance.v1", "actor": ADMIN, "instance_uuid": an_instance(rng, seen)}
        case "move":
            return move(rng, seen)
        case "fixed IP":
            return fixed_ip(rng, seen)
        case "floating IP":
            return _floating(rng, seen)
        case "network":
            return _network(rng, plan)
        case "network's owner":
            return _owner(rng)
        case "quota":
            return _quota(rng)
        case "group":
            return _group(rng, seen)
        case _:
            return _name(rng)


def _floating(rng: Random, seen: Seen) -> Body:
    kind = weighted(rng, _FLOATING)
    address = rng.choice(FLOATING)
    project = seen.floating.get(address) or rng.choice(PROJECTS)
    body: Body = {"type": kind, "actor": actor_of(rng, project)}
    match kind:
        case "AllocateFloatingIp.v1":
            body["project_id"] = project
        case "AssociateFloatingIp.v1":
            mine = [at for at, instance in seen.fixed.items() if seen.instances.get(instance) == project]
            network_id, fixed = rng.choice(mine) if mine else an_address(rng, seen)
            body |= {"floating_address": address, "network_id": network_id, "fixed_address": fixed}
        case "CreateFloatingIps.v1":
            body |= {"ip_range": FLOATING[0], "actor": ADMIN}
        case "DeleteFloatingIps.v1":
            body |= {"ip_range": FLOATING[0], "actor": ADMIN, "force": rng.random() < 0.8}
        case _:
            body["address"] = address
    return body


def _network(rng: Random, plan: Plan) -> Body:
    """Return a wish for the network that comes and goes; now and then in the block of another one."""
    if rng.random() < 0.4:
        away = {"require_disassociated": rng.random() < 0.5}
        return {"type": "DeleteNetwork.v1", "actor": ADMIN, "network_id": NETWORKS[2], **away}
    body = network(2, plan)
    if rng.random() < 0.3:
        body |= {"cidr": "10.0.0.0/29", "project_id": rng.choice(PROJECTS)}
        body.pop("multi_host", None)
    return body


def _owner(rng: Random) -> Body:
    """Return a wish that a network belongs to a project, or is served by a host."""
    body: Body = {"actor": ADMIN, "network_id": rng.choice((*NETWORKS[:2], *NETWORKS))}
    match weighted(rng, _OWNERS):
        case "give":
            if rng.random() < 0.5:
                del body["network_id"]
            return {"type": "AddNetworkToProject.v1", "project_id": rng.choice(PROJECTS), **body}
        case "project":
            body |= {"project_id": rng.choice(PROJECTS), "overwrite": rng.random() < 0.5}
        case "nobody":
            body["disassociate_project"] = True
        case "host":
            body |= {"host": rng.choice(HOSTS[:2]), "overwrite": rng.random() < 0.7}
        case "VPN":
            vpn = {"vpn_public_address": "203.0.113.1", "vpn_public_port": rng.randrange(1000, 1100)}
            return {"type": "ChangeVpn.v1", "actor": ADMIN, "project_id": rng.choice(PROJECTS), **vpn}
        case "no host":
            body["disassociate_host"] = True
        case _:
            return {"type": "SetNetworkHost.v1", **body}
    return {"type": "ModifyNetwork.v1", **body}


def _quota(rng: Random) -> Body:
    body: Body = {"type": "SetQuota.v1", "actor": ADMIN, "project_id": rng.choice(PROJECTS)}
    resource = rng.choice(("fixed_ips", "floating_ips", "networks"))
    if rng.random() < 0.2:
        return {**body, "reset": [resource]}
    return {**body, "limits": {resource: rng.choice((-1, 0, 1, 1, 2, 3))}}


def _group(rng: Random, seen: Seen) -> Body:
    kind = weighted(rng, _GROUPS)
    project = rng.choice(PROJECTS)
    instance = an_instance(rng, seen)
    body: Body = {"type": kind, "actor": actor_of(rng, project)}
    group, of = rng.choice((*NAMES, "default")), {"project_id": project}
    match kind:
        case "CreateSecurityGroup.v1":
            body |= {"name": rng.choice(NAMES), **of}
        case "UpdateSecurityGroup.v1":
            body |= {"security_group": group, "name": rng.choice(NAMES), **of}
        case "DeleteSecurityGroup.v1":
            body |= {"security_group": group, **of}
        case "AddSecurityGroupRules.v1":
            rule: Body = {"protocol": "tcp", "from_port": 80, "to_port": 80}
            source = rng.choice((*NAMES, "default"))
            rule |= {"cidr": "0.0.0.0/0"} if rng.random() < 0.3 else {"group_id": source}
            body |= {"security_group": group, "rules": [rule], **of}
        case "RemoveSecurityGroupRules.v1":
            known = rng.choice(seen.rules) if seen.rules else (group, INSTANCES[0])
            body |= {"security_group": known[0], "rule_ids": [known[1]], "actor": ADMIN}
        case "CreateProviderFirewallRule.v1":
            body |= {"protocol": "tcp", "from_port": 25, "to_port": 25, "cidr": "0.0.0.0/0", "actor": ADMIN}
        case "DeleteProviderFirewallRule.v1":
            known_rule = rng.choice(seen.provider_rules) if seen.provider_rules else INSTANCES[0]
            body |= {"rule_id": known_rule, "actor": ADMIN}
        case _:
            mine = actor_of(rng, seen.instances.get(instance))
            body |= {"instance_uuid": instance, "security_group": group, "actor": mine}
    return body


def _name(rng: Random) -> Body:
    kind = weighted(rng, _NAMES)
    body: Body = {"type": kind, "actor": ADMIN, "domain": DOMAIN}
    if kind in {"AddDnsEntry.v1", "ModifyDnsEntry.v1"}:
        body |= {"name": rng.choice(NAMES), "address": rng.choice(FLOATING)}
    elif kind == "DeleteDnsEntry.v1":
        body["name"] = rng.choice(NAMES)
    return body


def rival(rng: Random, body: Body, seen: Seen) -> Body:
    """Return another actor's wish for the same thing: the same address, MACs, last unit, host or network."""
    other = dict(body)
    match body["type"]:
        case "SpawnInstance.v1":
            other |= {"instance_uuid": rng.choice(INSTANCES), "host": rng.choice(HOSTS)}
            other |= {"actor": ADMIN} if rng.random() < 0.5 else {}
        case "AllocateFloatingIp.v1" | "AddNetworkToProject.v1" if rng.random() < 0.5:
            other |= {"project_id": rng.choice(PROJECTS), "actor": ADMIN}
        case "ModifyNetwork.v1" if "host" in body:
            other["host"] = rng.choice(HOSTS[:2])
        case "ModifyNetwork.v1" if "project_id" in body:
            other["project_id"] = rng.choice(PROJECTS)
        case "BindInstance.v1":
            other["host"] = rng.choice(HOSTS)
        case "AssociateFloatingIp.v1":
            other["network_id"], other["fixed_address"] = an_address(rng, seen)
        case "AddFixedIp.v1":
            other |= {"instance_uuid": an_instance(rng, seen), "actor": ADMIN}
        case "AddDnsEntry.v1":
            other["address"] = rng.choice(FLOATING)
        case _:
            pass
    return other
