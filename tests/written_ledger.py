"""A ledger written by hand: valid records of any events, also of such that no allocator would ever decide."""

from events.catalog import AnyEvent
from events.clock import time_text
from events.errors import LogError
from events.fixed_ips import FixedIpAllocated, FixedIpDeallocated, FixedIpDisassociated, FixedIpLeased
from events.floating_ips import (
    FloatingIpAllocated,
    FloatingIpAssociated,
    FloatingIpDisassociated,
    FloatingIpsCreated,
)
from events.ids import CommandDraws, uuid7
from events.instances import InstanceDeleted, InstanceSpawned, MacGenerated, VifCreated, VifDeleted
from events.log.memory import MemoryLog
from events.log.port import Log, Message, TopicPartition, TopicSpec
from events.model import Event
from events.networks import AddressRange, NetworkCreated
from events.record import (
    DECIDED_PREFIX,
    REFUSED_PREFIX,
    DecisionHead,
    Genesis,
    InputIdentity,
    InputMark,
    TermClaimed,
    body_digest,
    chain_hash,
    decided_value,
    encode_claim,
    encode_decision,
    encode_genesis,
    record_digest,
    refused_value,
)
from events.refusals import Refusal
from events.security_groups import default_group_id

LEDGER = TopicPartition("netledger.ledger", 0)
REPORTS = TopicPartition("netledger.reports", 0)
START_MS = 1_780_000_000_000
OWNER = "0b7c1d5e-52a3-4c1f-9a77-0f6f0b1f3a11"
INPUT = "incarnation-of-commands"


class WrittenLedger:
    """Appends valid decisions to a log, one second apart."""

    def __init__(self, log: Log | None = None, cell: str = "default", ledger_id: str = "ledger-1") -> None:
        """Begin a ledger, in memory unless a log is given, with its genesis and the claim of term 1."""
        self.log = MemoryLog() if log is None else log
        self.cell = cell
        self.seq = 0
        self._chain = bytes(32)
        self.log.ensure_topic(TopicSpec(LEDGER.topic, 1, "ledger"))
        self.log.ensure_topic(TopicSpec(REPORTS.topic, 1, "input"))
        self._appender = self.log.appender(LEDGER)
        genesis = Genesis(ledger_id=ledger_id, cell=cell, level=1, window_commands=1000)
        identity = InputIdentity(name="commands", topic="netledger.commands", incarnation=INPUT, partitions=1)
        claim = TermClaimed(
            ledger_id=ledger_id, cell=cell, term=1, owner=OWNER, base_seq=0, inputs=(identity,)
        )
        self._append(encode_genesis(genesis, START_MS))
        self._append(encode_claim(claim, START_MS))
        self.flush()

    @property
    def time_ms(self) -> int:
        """Recorded time of the next decision."""
        return START_MS + (self.seq + 1) * 1000

    def command_id(self, seq: int) -> str:
        """Return the id of the command that was or will be decided at a position."""
        return uuid7(START_MS + seq * 1000, seq)

    def decide(
        self,
        *events: Event,
        cause: str = "SpawnInstance.v1",
        command: bytes | None = None,
        command_id: str | None = None,
        refusal: Refusal | None = None,
    ) -> int:
        """Append a decision, on a command of its own unless told; returns its seq."""
        command_id = command_id or self.command_id(self.seq + 1)
        said = b'{"id":"%b","actor":{"user":"ann","project":"blue","is_admin":false}}' % command_id.encode()
        if command is not None:
            said = command
        if refusal is None:
            kind, value = DECIDED_PREFIX, decided_value(said, events)
        else:
            kind, value = REFUSED_PREFIX, refused_value(said, refusal, is_json=True)
        self.seq += 1
        head = DecisionHead(
            type=kind + cause,
            subject="-",
            time_ms=START_MS + self.seq * 1000,
            term=1,
            owner=OWNER,
            seq=self.seq,
            previous=self._chain.hex(),
            inputs=(InputMark("commands", INPUT, self.seq, body_digest(said)),),
            command_id=command_id,
            body_digest=body_digest(said),
            correlation_id=None,
            actor="ann",
        )
        self._append(encode_decision(self.cell, head, value))
        return self.seq

    def _append(self, message: Message) -> None:
        self._chain = chain_hash(self._chain, record_digest(message))
        self._appender.append([message])

    def flush(self) -> None:
        """Wait until everything is in the log."""
        if not self._appender.flush(10.0):
            raise LogError("the log did not take the records of a test")


def network(number: int, **changes: object) -> NetworkCreated:
    """Return the event that creates 10.<number>.0.0/16, whose first address is its gateway."""
    plan = {
        "network_id": network_id(number),
        "kind": "flatdhcp",
        "label": f"net-{number}",
        "cidr": f"10.{number}.0.0/16",
        "netmask": "255.255.0.0",
        "broadcast": f"10.{number}.255.255",
        "gateway": f"10.{number}.0.1",
        "dhcp_server": f"10.{number}.0.1",
        "dhcp_start": f"10.{number}.0.2",
        "enable_dhcp": True,
        "dns1": "8.8.4.4",
        "dns2": None,
        "bridge": f"br{number}",
        "bridge_interface": None,
        "mtu": None,
        "reserved": (
            AddressRange(first=f"10.{number}.0.0", last=f"10.{number}.0.1"),
            AddressRange(first=f"10.{number}.255.255", last=f"10.{number}.255.255"),
        ),
        "project_id": None,
        "physical_network": "default",
    }
    return NetworkCreated.model_validate(plan | changes)


def network_id(number: int) -> str:
    """Return the id of a network that `network` makes."""
    return f"00000000-0000-4000-8000-{number:012d}"


def instance_id(number: int) -> str:
    """Return the id of an instance that `spawn` makes."""
    return f"00000000-0000-4000-9000-{number:012d}"


def mac(number: int, nic: int) -> str:
    """Return the MAC that `spawn` gives to a NIC."""
    return (0xFA163E000000 + number * 64 + nic).to_bytes(6).hex(":")


def draws(number: int) -> CommandDraws:
    """Return what the identities of an instance's objects are drawn from."""
    return CommandDraws(instance_id(number))


def allocation_id(number: int, nic: int = 0) -> str:
    """Return the id of the allocation that `spawn` makes for a NIC."""
    return draws(number).uuid("allocation", nic)


def allocated(number: int, nic: int, network: str, address: str) -> FixedIpAllocated:
    """Return the event that gives an address to a NIC of an instance."""
    return FixedIpAllocated(
        allocation_id=allocation_id(number, nic),
        network_id=network,
        address=address,
        vif_id=draws(number).uuid("vif", nic),
        mac=mac(number, nic),
        instance_uuid=instance_id(number),
        project_id="blue",
        host="host-1",
        hostname=f"vm-{number}",
    )


def vif_created(number: int, nic: int, network: str) -> VifCreated:
    """Return the event that gives a NIC to an instance."""
    return VifCreated(
        vif_id=draws(number).uuid("vif", nic),
        mac=mac(number, nic),
        instance_uuid=instance_id(number),
        network_id=network,
        host="host-1",
        index=nic,
        tag=None,
    )


def spawned(number: int) -> InstanceSpawned:
    """Return the event that gives networking to an instance."""
    return InstanceSpawned(
        instance_uuid=instance_id(number),
        project_id="blue",
        host="host-1",
        hostname=f"vm-{number}",
        display_name=None,
        rxtx_factor=None,
        request_digest="0" * 32,
        security_groups=(default_group_id("blue"),),
    )


def spawn(number: int, *nics: tuple[str, str]) -> tuple[AnyEvent, ...]:
    """Return the events of a spawn with a NIC for each (network id, address)."""
    events: list[AnyEvent] = [spawned(number)]
    for nic, (where, address) in enumerate(nics):
        created = vif_created(number, nic, where)
        events += [
            MacGenerated(mac=created.mac, vif_id=created.vif_id, draws=1),
            created,
            allocated(number, nic, where, address),
        ]
    return tuple(events)


def deallocated(
    number: int, nic: int, network: str, address: str, waits_for: tuple[str, ...] = ("host-1",)
) -> FixedIpDeallocated:
    """Return the event that lets a NIC's address drain."""
    return FixedIpDeallocated(
        allocation_id=allocation_id(number, nic),
        network_id=network,
        address=address,
        instance_uuid=instance_id(number),
        host="host-1",
        waits_for=waits_for,
        drain_until=time_text(START_MS + 10_000_000),
        until_deadline=False,
    )


def freed(number: int, nic: int, network: str, address: str) -> FixedIpDisassociated:
    """Return the event that frees a NIC's address."""
    return FixedIpDisassociated(
        allocation_id=allocation_id(number, nic), network_id=network, address=address, reason="applied"
    )


def leased(number: int, nic: int, network: str, address: str) -> FixedIpLeased:
    """Return the event that a guest took its address."""
    return FixedIpLeased(
        allocation_id=allocation_id(number, nic),
        network_id=network,
        address=address,
        mac=mac(number, nic),
        host="host-1",
    )


def delete(
    number: int, *nics: tuple[str, str], waits_for: tuple[str, ...] = ("host-1",)
) -> tuple[AnyEvent, ...]:
    """Return the events of deleting such an instance: its addresses drain."""
    events: list[AnyEvent] = []
    for nic, (where, address) in enumerate(nics):
        created = vif_created(number, nic, where)
        events += [
            deallocated(number, nic, where, address, waits_for),
            VifDeleted(
                vif_id=created.vif_id,
                mac=created.mac,
                instance_uuid=created.instance_uuid,
                network_id=where,
                host=created.host,
            ),
        ]
    groups = (default_group_id("blue"),)
    events.append(
        InstanceDeleted(
            instance_uuid=instance_id(number), project_id="blue", host="host-1", security_groups=groups
        )
    )
    return tuple(events)


def floating_range(first: str, last: str) -> FloatingIpsCreated:
    """Return the event that adds floating IPs to the default pool."""
    return FloatingIpsCreated(pool="nova", interface=None, first=first, last=last)


def floating(address: str, project: str = "blue") -> FloatingIpAllocated:
    """Return the event that gives a floating IP to a project."""
    return FloatingIpAllocated(
        address=address, pool="nova", interface=None, auto_assigned=False, project_id=project
    )


def associated(address: str, to: FixedIpAllocated) -> FloatingIpAssociated:
    """Return the event that points a floating IP at an allocated address."""
    return FloatingIpAssociated(
        address=address,
        interface=None,
        allocation_id=to.allocation_id,
        network_id=to.network_id,
        fixed_address=to.address,
        instance_uuid=to.instance_uuid,
        project_id=to.project_id,
    )


def unassociated(address: str, to: FixedIpAllocated) -> FloatingIpDisassociated:
    """Return the event that stops a floating IP from pointing at an allocated address."""
    return FloatingIpDisassociated(
        address=address,
        allocation_id=to.allocation_id,
        network_id=to.network_id,
        fixed_address=to.address,
        instance_uuid=to.instance_uuid,
        project_id=to.project_id,
    )
