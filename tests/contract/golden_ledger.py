"""A ledger in which every event happens, and the files that keep it.

`golden/<release>/` holds the records of a release as they lie in the log, headers first, then the value; and
the state that they fold to. A released folder is never written again: what `apply` does for a released
version never changes. `python -m tests.contract.golden_ledger` writes the newest folder, which is not
released yet.
"""

import json
from pathlib import Path
from typing import Any

from events.ledger.fold import LedgerFold
from events.log.port import Headers, LogRecord, Message
from events.record import decode_outcome
from projections.cell.apply import apply_decision
from projections.cell.canonical import canonical_rows, digest
from projections.cell.state import CellState, Rules
from tests.unit.allocator.hand import CELL, INCARNATION, LEDGER, Hand, recovery
from tests.unit.group_wishes import (
    add_rules,
    create_group,
    delete_group,
    join_group,
    leave_group,
    letting,
    provider_drop,
    provider_pass,
    remove_rules,
    update_group,
)
from tests.unit.wishes import (
    ADMIN,
    ANN,
    BOB,
    add_entry,
    add_ip,
    add_network,
    applied,
    associate,
    bind,
    claim,
    create,
    delete,
    delete_domain,
    delete_entry,
    delete_network,
    disassociate,
    floating_allocate,
    floating_create,
    floating_delete,
    floating_release,
    lease,
    modify,
    modify_entry,
    nic,
    prepare,
    private_domain,
    public_domain,
    quota,
    register,
    release,
    remove_ip,
    reserve,
    set_host,
    spawn,
    teardown,
    unbind,
    unreserve,
    vpn_change,
)

GOLDEN = Path(__file__).parent / "golden"
NEWEST = "0.1.0"
STATE = "state.json"


def tell() -> list[LogRecord]:
    """Return the records of a ledger in which everything happens that the language has a word for."""
    hand = Hand(window_commands=1000).own()
    hand.say(
        create("front", "10.0.0.0/24", dns1="9.9.9.9", mtu=1450, bridge_interface="eth1", bridge="br100"),
        create("back", "10.0.1.0/29", kind="flat", project_id="red", bridge="br101"),
        register("h1"),
        register("n1", "default", "rack2"),
        claim("n1", "front"),
        claim("h1", "front"),
        spawn(
            "web",
            nic("front", tag="eth0"),
            nic("back", "10.0.1.5"),
            hostname="web",
            display_name="Wéb",
            rxtx_factor=1.5,
        ),
        spawn("db", nic("front"), correlation_id="0195f3c0-7a2b-7c3d-9e4f-0000000000cc"),
        spawn("db", nic("back")),
        floating_create("192.0.2.0/29", interface="eth9"),
        floating_allocate(ANN),
        associate("192.0.2.1", "10.0.0.2"),
        disassociate("192.0.2.1"),
        associate("192.0.2.1", "10.0.0.2"),
    )
    mac = next(iter(hand.engine.state.allocations.values())).mac if hand.engine.state else ""
    hand.say(
        lease("n1", "10.0.0.2", mac, "front"),
        release("n1", "10.0.0.2", mac, "front"),
        lease("n1", "10.0.0.99", mac, "front"),
        delete("web"),
        floating_release("192.0.2.1"),
    )
    hand.say(applied("h1", hand.engine.fold.seq), applied("n1", hand.engine.fold.seq))
    hand.say(spawn("web", nic("front")), delete("web"))
    hand.tick(601_000)
    hand.settle()
    hand.say(spawn("unserved", nic("front"), host="h9"), delete("db"), delete("unserved"))
    hand.say_raw("commands", b"spawn!")
    hand.say_raw("commands", hand.inputs["commands"][0].value)
    hand.say(delete_network("back"), delete_network("back", require_disassociated=False))
    hand.own().say(spawn("later", nic("front")))
    hand.append(recovery(hand.engine.fold.position(), hand.now_ms))
    hand.own().say(delete("later"))
    hand.say(create("rack", "10.0.0.0/16", uuid=None, num_networks=2, network_size=100))
    _tell_of_more_addresses(hand)
    _tell_of_quotas(hand)
    _tell_of_floating_ips(hand)
    _tell_of_supplied_macs(hand)
    _tell_of_projects(hand)
    _tell_of_moves(hand)
    _tell_of_names(hand)
    _tell_of_owners(hand)
    _tell_of_groups(hand)
    _tell_of_network_plans(hand)
    _tell_of_ipv6(hand)
    return hand.ledger


def _tell_of_names(hand: Hand) -> None:
    hand.own(
        rules=Rules(
            instance_dns_domain="cloud.example", auto_assign_floating_ip=True, default_floating_pool="names"
        )
    ).say(
        private_domain("cloud.example", "z1"),
        public_domain("example.org", "blue"),
        public_domain("example.org", "red"),
        floating_create("203.0.113.0/29", pool="names"),
        floating_allocate(ADMIN, pool="names"),
        add_entry("WWW", "203.0.113.1"),
        add_entry("mail", "203.0.113.1"),
        floating_allocate(ADMIN, pool="names"),
        modify_entry("mail", "203.0.113.2"),
        delete_entry("mail"),
        modify_entry("mail", "203.0.113.2"),
        spawn("named", nic("front"), display_name="Named", availability_zone="z1"),
        add_ip("named", "more"),
        remove_ip("named", "10.0.0.10"),
        spawn("namesake", nic("front"), display_name="named", availability_zone="z1"),
        delete("namesake"),
        floating_release("203.0.113.1"),
        delete_domain("cloud.example"),
    )


def _tell_of_floating_ips(hand: Hand) -> None:
    hand.say(
        floating_create("198.51.100.0/28", pool="dmz", interface="eth8"),
        floating_delete("198.51.100.4/30"),
        floating_allocate(ADMIN, pool="dmz", auto_assigned=True),
        floating_allocate(ANN, pool="dmz"),
        floating_delete("198.51.100.0/29"),
        floating_delete("198.51.100.2", force=True),
    )


def _tell_of_owners(hand: Hand) -> None:
    """Tell of networks that change hands."""
    hand.say(
        create("owned", "10.250.0.0/29", bridge="br250"),
        register("n2", lease_s=20),
        claim("n2", "owned"),
        set_host("owned"),
    )
    hand.say(register("n3"), modify("owned", host="n3", overwrite=True))
    hand.say(applied("n2", hand.engine.fold.seq), modify("owned", disassociate_host=True))
    hand.say(applied("n3", hand.engine.fold.seq), claim("n2", "owned"))
    hand.say(
        create("many", "10.251.0.0/29", bridge="br251", multi_host=True),
        spawn("multi", nic("many")),
        delete("multi"),
        delete_network("many"),
    )
    hand.hear_nobody()
    hand.say(register("n2", lease_s=20), claim("n2", None), set_host("nowhere"))


def _tell_of_more_addresses(hand: Hand) -> None:
    hand.say(
        create("more", "10.0.2.0/29", bridge="br102"),
        reserve("10.0.2.3"),
        reserve("10.0.2.4"),
        unreserve("10.0.2.4"),
        unreserve("10.0.2.1"),
        spawn("many", nic("front")),
        add_ip("many", "front"),
        add_ip("many", "more", "10.0.2.5"),
        add_ip("many", "more", "10.0.2.3"),
        remove_ip("many", "10.0.2.5"),
        remove_ip("many", "10.0.2.6"),
    )


def _tell_of_network_plans(hand: Hand) -> None:
    two: dict[str, Any] = {"uuid": None, "num_networks": 2, "network_size": 16}
    vlan: dict[str, Any] = {
        "kind": "vlan",
        "bridge_interface": "eth1",
        "project_id": "green",
        "cidr_v6": "fd00:8::/48",
    }
    six: dict[str, Any] = {"cidr": None, "cidr_v6": "fd00:9::/64", "gateway_v6": "fe80::1", "mtu": 1500}
    hand.say(
        create("vlans", "10.8.0.0/24", vlan_start=200, vpn_start=2000, cnt_vpn_clients=2, **two, **vlan),
        vpn_change("green", "192.0.2.200", 2194),
        create("taken", "10.8.1.0/24", vlan=200, **vlan),
        create("six", **six),
        create("theirs", "10.8.0.0/28", project_id="violet"),
        create("everybodys", "10.8.0.0/28"),
        create("wide", "10.8.2.0/24", multi_host=True, share_address=True, injected=True, rxtx_base=10),
    )


def _tell_of_quotas(hand: Hand) -> None:
    hand.say(
        quota("red", fixed_ips=2, floating_ips=-1),
        spawn("over", nic("front"), nic("more")),
        quota("red", reset=("fixed_ips",)),
    )


def _tell_of_supplied_macs(hand: Hand) -> None:
    hand.say(
        spawn("own", nic("front"), macs=["52:54:00:00:00:0A"], availability_zone="north"),
        spawn("same", nic("front"), macs=["52:54:00:00:00:0a"]),
        spawn("short", nic("front"), macs=[]),
        spawn("alone", actor=BOB, project="blue", vpn=True),
        delete("own"),
    )


def _tell_of_projects(hand: Hand) -> None:
    hand.say(
        create("hers", "10.0.3.0/29", bridge="br103"),
        modify("hers", project_id="red"),
        modify("hers", project_id="blue", overwrite=True),
        spawn("hidden", nic("hers")),
        modify("hers", disassociate_project=True),
        add_network("red", "hers"),
        add_network("red"),
        create("lane", "10.0.5.0/28", kind="vlan", bridge_interface="eth1"),
        add_network("red"),
    )


def _tell_of_moves(hand: Hand) -> None:
    hand.say(
        create("extra", "10.0.4.0/29", bridge="br104"),
        spawn("mover", nic("front", "10.0.0.50"), nic("more")),
        register("h2", "default"),
        floating_allocate(ANN),
        associate("192.0.2.2", "10.0.0.50"),
        prepare("mover", "h2"),
        add_ip("mover", "extra"),
        unbind("mover", "h1", dest="h2", floating_addresses=["192.0.2.2"]),
        bind("mover", "h9", "h8"),
        bind("mover", "h2", "h1", rxtx_factor=2.0),
        prepare("mover", "h1"),
        teardown("mover", "h1"),
        bind("mover", "h1", None),
        unbind("mover", "h1"),
    )
    hand.say(applied("h1", hand.engine.fold.seq), delete("mover"))


def _tell_of_groups(hand: Hand) -> None:
    hand.say(
        create_group("web", description="from the wörld"),
        create_group("web"),
        create_group("old"),
        add_rules("web", letting(ports=(80, 443)), letting("icmp", (8, 0), cidr="2001:db8::/32")),
        spawn("client", nic("front"), host="h2"),
        spawn("server", nic("front"), host="h1", security_groups=["web", "default"]),
        add_rules("web", letting("tcp", (5432, 5432), group_id="default")),
        add_rules("default", letting(None, None, group_id="default"), letting("udp", None, group_id="old")),
        register("h2"),
        delete("client"),
        update_group("web", name="www"),
        join_group("server", "old"),
        leave_group("server", "www"),
        delete_group("old"),
        leave_group("server", "old"),
        delete_group("old"),
        provider_drop(),
        provider_drop("2001:db8:bad::/48", "icmp"),
    )
    state = hand.engine.state
    if state is not None:
        (www,) = (group for group in state.groups.by_id.values() if group.name == "www")
        hand.say(remove_rules("www", next(iter(www.rules))), provider_pass(next(iter(state.groups.provider))))
    hand.say(delete("server"))


def _tell_of_ipv6(hand: Hand) -> None:
    hand.own(rules=Rules(use_ipv6=True, ipv6_backend="account_identifier")).say(
        create("sixth", None, cidr_v6="fd06::/64"),
        create(
            "both",
            "10.9.0.0/24",
            kind="vlan",
            vlan=900,
            bridge_interface="eth1",
            project_id="blue",
            cidr_v6="fd09::/64",
        ),
        spawn("vpn", nic("both"), nic("sixth"), actor=BOB, project="blue", vpn=True),
        spawn("again", nic("both"), actor=BOB, project="blue", vpn=True),
        add_ip("vpn", "sixth", actor=BOB),
        delete("vpn", actor=BOB),
    )


def to_text(record: LogRecord) -> str:
    """Return a record as text: a line for each header, an empty line, the value."""
    lines = [f"{name}: {value.decode()}" for name, value in record.headers]
    return "\n".join([*lines, "", record.value.decode(), ""])


def from_text(offset: int, text: str) -> LogRecord:
    """Return the record of a text."""
    head, _, value = text.partition("\n\n")
    headers: Headers = tuple(
        (name, value.encode()) for name, _, value in (line.partition(": ") for line in head.splitlines())
    )
    return LogRecord(LEDGER, offset, *Message(headers, value.removesuffix("\n").encode()))


def read(release_name: str) -> list[LogRecord]:
    """Return the golden records of a release."""
    files = sorted((GOLDEN / release_name).glob("*.txt"))
    return [from_text(offset, file.read_text()) for offset, file in enumerate(files)]


def fold(records: list[LogRecord]) -> dict[str, object]:
    """Return what records fold to, as JSON: the digest after each decision, rows and position at the end."""
    ledger = LedgerFold(CELL, INCARNATION)
    state = CellState(window_commands=1)
    digests: dict[str, str] = {}
    for record in records:
        verdict = ledger.judge(record)
        if verdict.kind == "genesis" and ledger.genesis is not None:
            state = CellState(ledger.genesis.window_commands)
        if verdict.head is not None:
            head, outcome = verdict.head, decode_outcome(record.value)
            cause = (head.command_id, head.body_digest) if head.command_id and head.body_digest else None
            apply_decision(state, head.seq, head.time_ms, cause, outcome.refusal or outcome.events)
            digests[f"{head.seq} {head.type.removeprefix('netledger.')}"] = digest(state)
    folded = {"digests": digests, "rows": canonical_rows(state), "position": ledger.position().model_dump()}
    answer: dict[str, object] = json.loads(json.dumps(folded))
    return answer


def write() -> None:
    """Write the newest folder anew."""
    folder = GOLDEN / NEWEST
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    records = tell()
    for record in records:
        kind = dict(record.headers)["ce_type"].decode().removeprefix("netledger.")
        (folder / f"{record.offset:04d}-{kind}.txt").write_text(to_text(record))
    (folder / STATE).write_text(json.dumps(fold(records), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write()
