"""The client on a real database: nova's methods, who may see what, reads that see writes, repetitions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest

from events.log.memory import MemoryLog, MemoryStore
from events.log.ownership import AlwaysAssigned
from events.model import Actor
from events.networks import CreateNetworks
from events.refusals import Code
from projections.cell.state import Rules
from services import ledger_admin
from services.allocator.runner import Allocator, CellTopics
from services.bootstrap import Deployment
from services.client import Client, new_command_id
from services.outcomes import Refused
from services.roles.projecting import Projector
from services.settings import Settings
from services.tables import ProjectionBehind

ADMIN = Actor(user="root", is_admin=True)
ANN = Actor(user="ann", project="anns")
BOB = Actor(user="bob", project="bobs")


@contextmanager
def running(role: Allocator | Projector) -> Iterator[None]:
    """Run a role in a thread."""
    stop = Event()
    thread = Thread(target=role.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class Cell:
    """A cell on a log in memory and a real database; roles are started as needed."""

    def __init__(self, dsn: str) -> None:
        """Begin a ledger."""
        self.dsn = dsn
        self.topics = CellTopics("default")
        self.store = MemoryStore()
        self.stack = ExitStack()
        self.deployment = self.stack.enter_context(
            Deployment(Settings(database=dsn, timeout=60), log=MemoryLog(self.store))
        )
        self.deployment.create_topics()
        ledger_admin.begin(self.deployment.log, self.topics, 1000)

    def start_allocator(self) -> None:
        """Run the allocator."""
        log = MemoryLog(self.store)
        allocator = Allocator(log, AlwaysAssigned(), self.topics, Rules(use_ipv6=True), claim_pause_ms_max=0)
        self.stack.enter_context(running(allocator))

    def start_projector(self) -> None:
        """Run the projector."""
        self.stack.enter_context(running(Projector(MemoryLog(self.store), self.topics, self.dsn)))

    def client(self, actor: Actor = ADMIN) -> Client:
        """Return a client, closed at the end."""
        return self.stack.enter_context(self.deployment.client(actor))


@pytest.fixture
def cell(database: str) -> Iterator[Cell]:
    """Return a cell on which nothing runs yet."""
    made = Cell(database)
    with made.stack:
        yield made


@pytest.fixture
def client(cell: Cell) -> Client:
    """Return an admin's client of a running cell with two networks: one is Ann's."""
    cell.start_allocator()
    cell.start_projector()
    admin = cell.client()
    admin.call("create_networks", {"label": "all", "cidr": "10.0.0.0/24"})
    admin.call("create_networks", {"label": "ann", "cidr": "10.1.0.0/24", "project_id": "anns"})
    return admin


def refusal_of(client: Client, method: str, args: dict[str, Any]) -> tuple[str, str | None]:
    """Return code and field with which a call is refused."""
    with pytest.raises(Refused) as error:
        client.call(method, args)
    return str(error.value.refusal.code), error.value.refusal.field


def spawn(client: Client, project: str, **more: Any) -> tuple[str, list[dict[str, Any]]]:  # noqa: ANN401 - JSON
    """Spawn an instance; returns its id and network_info."""
    uuid = str(uuid4())
    args = {"instance_uuid": uuid, "project_id": project, "host": "h", **more}
    return uuid, client.call("allocate_for_instance", args)


def address(info: list[dict[str, Any]]) -> str:
    """Return the first address of network_info."""
    return str(info[0]["network"]["subnets"][0]["ips"][0]["address"])


def test_a_project_sees_and_gets_its_own_networks_and_those_of_all(cell: Cell, client: Client) -> None:
    """What is another project's is not even there."""
    (alls, anns) = client.call("get_all_networks")
    ann, bob = cell.client(ANN), cell.client(BOB)

    assert [one["id"] for one in ann.call("get_all_networks")] == [alls["id"], anns["id"]]
    assert [one["id"] for one in bob.call("get_all_networks")] == [alls["id"]]
    assert ann.call("get_network", {"network_uuid": anns["id"]})["label"] == "ann"
    assert refusal_of(bob, "get_network", {"network_uuid": anns["id"]}) == ("NetworkNotFound", "network_uuid")
    assert len(spawn(ann, "anns")[1]) == 2
    assert len(spawn(bob, "bobs")[1]) == 1


def test_instances_are_their_projects(cell: Cell, client: Client) -> None:
    """Another project can neither see nor delete them, nor spawn in the name of their owner."""
    ann, bob = cell.client(ANN), cell.client(BOB)
    uuid, info = spawn(ann, "anns")
    mac = info[0]["address"]

    assert ann.call("get_instance_nw_info", {"instance_id": uuid}) == info
    assert [vif["address"] for vif in ann.call("get_vifs_by_instance", {"instance_id": uuid})] == [
        one["address"] for one in info
    ]
    assert ann.call("get_vif_by_mac_address", {"mac_address": mac.upper()})["instance_uuid"] == uuid
    assert client.call("get_vif_by_mac_address", {"mac_address": "fa:16:3e:00:00:00"}) is None
    for method, args in (
        ("get_instance_nw_info", {"instance_uuid": uuid}),
        ("get_vifs_by_instance", {"instance_uuid": uuid}),
    ):
        assert refusal_of(bob, method, args) == ("InstanceNotFound", "instance_uuid")
    assert bob.call("get_vif_by_mac_address", {"mac_address": mac}) is None
    assert refusal_of(bob, "deallocate_for_instance", {"instance_uuid": uuid})[0] == "Forbidden"
    assert refusal_of(bob, "allocate_for_instance", {"project_id": "anns", "host": "h"})[0] == "Forbidden"
    assert refusal_of(bob, "get_fixed_ip_by_address", {"address": address(info)}) == ("Forbidden", "address")
    assert ann.call("get_fixed_ip_by_address", {"address": address(info)})["instance_uuid"] == uuid
    assert ann.call("deallocate_for_instance", {"instance_uuid": uuid}) is None
    assert refusal_of(ann, "get_instance_nw_info", {"instance_uuid": uuid})[0] == "InstanceNotFound"


def test_floating_ips_are_their_projects(cell: Cell, client: Client) -> None:
    """From pool to project to fixed address and back; another project can do nothing with them."""
    ann, bob = cell.client(ANN), cell.client(BOB)
    assert client.call("floating_create", {"ip_range": "192.0.2.0/29"}) is None
    first, info = spawn(ann, "anns")
    _, other = spawn(ann, "anns")

    floating = ann.call("allocate_floating_ip")
    assert floating == "192.0.2.1"
    assert ann.call("get_floating_ip_pools") == ann.call("get_floating_pools") == [{"name": "nova"}]
    here, there = address(info), address(other)
    pointing = {"floating_address": floating, "fixed_address": here}
    assert ann.call("associate_floating_ip", pointing) is None
    assert ann.call("get_floating_ips_by_fixed_address", {"fixed_address": here}) == [floating]
    assert bob.call("get_floating_ips_by_fixed_address", {"fixed_address": here}) == []
    assert ann.call("get_instance_id_by_floating_address", {"address": floating}) == first
    assert ann.call("associate_floating_ip", {**pointing, "fixed_address": there}) == first
    assert ann.call("get_floating_ip_by_address", {"address": floating})["fixed_address"] == there
    assert [one["address"] for one in ann.call("get_floating_ips_by_project")] == [floating]
    assert bob.call("get_floating_ips_by_project") == client.call("get_floating_ips_by_project") == []
    assert [one["address"] for one in client.call("floating_list")] == [floating]
    for method, args in (
        ("get_floating_ip_by_address", {"address": floating}),
        ("get_instance_id_by_floating_address", {"address": floating}),
        ("disassociate_floating_ip", {"address": floating}),
        ("deallocate_floating_ip", {"address": floating}),
        ("associate_floating_ip", pointing),
        ("get_floating_ip", {"id": floating}),
        ("floating_list", {}),
        ("floating_ranges", {}),
        ("floating_delete", {"ip_range": "192.0.2.0/29", "force": True}),
        ("floating_create", {"ip_range": "203.0.113.1"}),
    ):
        assert refusal_of(bob, method, args)[0] == "Forbidden", method
    assert refusal_of(ann, "deallocate_floating_ip", {"address": floating})[0] == "FloatingIpAssociated"
    assert ann.call("disassociate_floating_ip", {"address": floating}) is None
    assert ann.call("deallocate_floating_ip", {"address": floating}) is None
    assert ann.call("get_floating_ips_by_project") == []


def test_the_typed_methods_are_the_same_ones(cell: Cell, client: Client) -> None:
    """One line each, as a program in Python writes it; `actor` asks on another's behalf."""
    bob = cell.client(BOB)
    (network,) = client.create_networks("typed", "10.7.0.0/24", kind="flatdhcp", mtu=1400)
    assert (network["mtu"], client.get_network(network["id"])) == (1400, network)
    assert network in client.get_all_networks(actor=ANN)
    client.validate_networks([(network["id"], "10.7.0.9")])
    uuid = str(uuid4())
    info = bob.allocate_for_instance(uuid, "bobs", "h", [(network["id"], "10.7.0.9")], hostname="web")
    assert bob.get_instance_nw_info(uuid) == info
    (vif,) = bob.get_vifs_by_instance(uuid)
    assert client.get_vif_by_mac_address(vif["address"]) == vif
    assert bob.get_fixed_ip_by_address("10.7.0.9")["instance_uuid"] == uuid
    client.floating_create("192.0.2.0/29", "typed", "eth7")
    floating = bob.allocate_floating_ip(pool="typed")
    assert bob.associate_floating_ip(floating, "10.7.0.9", network["id"]) is None
    assert client.get_instance_id_by_floating_address(floating) == uuid
    assert client.get_floating_ips_by_fixed_address("10.7.0.9") == [floating]
    assert client.floating_list() == client.get_floating_ips_by_project(actor=BOB)
    assert client.get_floating_ip_pools() == client.get_floating_pools() == [{"name": "typed"}]
    with pytest.raises(Refused):
        client.disassociate_floating_ip(floating, actor=ANN)
    bob.disassociate_floating_ip(floating)
    assert bob.get_floating_ip_by_address(floating)["fixed_address"] is None
    bob.deallocate_floating_ip(floating)
    bob.deallocate_for_instance(uuid)
    client.delete_network(uuid=network["id"])


def test_several_networks_come_in_their_order(client: Client) -> None:
    """By nova's argument names, around the blocks in use; one is asked for as before."""
    asked = {"label": "rack", "cidr": "10.0.0.0/13", "num_networks": 3, "network_size": 65000}
    created = client.call("create_networks", asked)

    assert [one["label"] for one in created] == ["rack_0", "rack_1", "rack_2"]
    assert [one["cidr"] for one in created] == ["10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16"]
    assert [one["label"] for one in client.call("get_all_networks")][2:] == ["rack_0", "rack_1", "rack_2"]


def test_the_bridge_set_for_all_is_not_forced_on_several(cell: Cell, client: Client) -> None:
    """flat_network_bridge is the bridge of one network; several have bridges of their own."""
    settings = Settings(database=cell.dsn, timeout=60, flat_network_bridge="br100")
    with Deployment(settings, log=MemoryLog(cell.store)) as deployment, deployment.client(ADMIN) as setting:
        created = setting.call("create_networks", {"label": "n", "cidr": "10.4.0.0/24", "num_networks": 2})
        (one,) = setting.call("create_networks", {"label": "n", "cidr": "10.5.0.0/24", "num_networks": 1})
        asked = {"label": "n", "cidr": "10.6.0.0/24", "num_networks": 2, "ipam": True, "bridge": "br101"}
        (given,) = setting.call("create_networks", asked)

    assert len({"br100", *(each["bridge"] for each in created)}) == 3
    assert (one["bridge"], given["bridge"], given["cidr"]) == ("br100", "br101", "10.6.0.0/24")


def test_networks_are_deleted_by_id_or_block(client: Client) -> None:
    """By one of them, and only when nothing uses them."""
    alls, anns = client.call("get_all_networks")
    uuid, _ = spawn(client, "anns", requested_networks=[[alls["id"]]])

    assert refusal_of(client, "delete_network", {"uuid": alls["id"]}) == ("NetworkInUse", "uuid")
    assert refusal_of(client, "delete_network", {"fixed_range": "10.1.0.0/24"})[0] == "NetworkHasProject"
    args = {"fixed_range": "10.1.0.7/24", "require_disassociated": False}
    assert client.call("delete_network", args) is None
    assert refusal_of(client, "delete_network", {"uuid": anns["id"]}) == ("NetworkNotFound", "uuid")
    both = {"uuid": alls["id"], "fixed_range": "10.0.0.0/24"}
    assert refusal_of(client, "delete_network", both) == ("InvalidInput", "uuid")
    client.call("deallocate_for_instance", {"instance_id": uuid})
    client.call("delete_network", {"uuid": alls["id"]})
    assert client.call("get_all_networks") == []


def test_what_a_spawn_would_ask_for_can_be_validated(cell: Cell, client: Client) -> None:
    """Advisory, as in nova: nothing is reserved."""
    alls, anns = client.call("get_all_networks")
    _, info = spawn(client, "anns", requested_networks=[[alls["id"]]])

    def validate(asking: Client, network: str, address: str | None) -> Any:  # noqa: ANN401 - JSON
        return asking.call("validate_networks", {"networks": [[network, address]]})

    assert validate(client, alls["id"], None) is None
    assert validate(client, alls["id"], "10.0.0.99") is None
    args = {"networks": [[anns["id"], None], [alls["id"], address(info)]]}
    assert refusal_of(client, "validate_networks", args) == ("FixedIpAlreadyInUse", "networks.1.1")
    args = {"networks": [[anns["id"], None]]}
    assert refusal_of(cell.client(BOB), "validate_networks", args) == ("NetworkNotFound", "networks.0.0")


def test_a_repeated_command_gets_the_first_answer_from_anybody_who_has_its_id(
    cell: Cell, client: Client
) -> None:
    """Also in another process, long after; a refusal stays one although it would be granted now."""
    granted, refused = new_command_id(), new_command_id()
    args = {"project_id": "anns", "host": "h", "requested_networks": []}
    pool = {"project_id": "anns", "pool": "later"}
    info = client.call("allocate_for_instance", args, command_id=granted)
    with pytest.raises(Refused):
        client.call("allocate_floating_ip", pool, command_id=refused)
    client.call("floating_create", {"ip_range": "192.0.2.0/29", "pool": "later"})

    other = cell.client()

    assert other.call("allocate_for_instance", args, command_id=granted) == info
    with pytest.raises(Refused) as again:
        other.call("allocate_floating_ip", pool, command_id=refused)
    assert again.value.refusal.code is Code.FLOATING_IP_POOL_NOT_FOUND
    answer = other.submit(CreateNetworks(id=granted, actor=ADMIN, kind="flat", label="x", cidr="10.9.0.0/24"))
    assert answer.refusal is not None
    assert answer.refusal.code is Code.COMMAND_ID_REUSED


def test_the_first_answer_is_complete_when_it_comes_again(cell: Cell, client: Client) -> None:
    """Its events are read from the ledger, and it says that it is a repetition."""
    command = CreateNetworks(id=new_command_id(), actor=ADMIN, kind="flat", label="x", cidr="10.9.0.0/24")
    first = client.submit(command)

    again = cell.client().submit(command)

    assert not first.repeated
    assert again.repeated
    assert (again.seq, again.events) == (first.seq, first.events)
    assert again.events[0].type == "NetworkCreated.v1"


def test_sixty_four_threads_share_one_client(client: Client) -> None:
    """Each gets its own answer, every answer shows in reads at once, and nothing is given twice."""

    def one(_: int) -> str:
        uuid, info = spawn(client, "bobs")
        assert client.call("get_instance_nw_info", {"instance_uuid": uuid}) == info
        return address(info)

    with ThreadPoolExecutor(64) as threads:
        given = list(threads.map(one, range(200)))

    assert len(set(given)) == 200


def test_a_decided_command_that_reads_do_not_show_is_told_as_that(cell: Cell) -> None:
    """Without a projector the command stands: that is no unknown outcome."""
    cell.start_allocator()
    impatient = cell.stack.enter_context(
        Client(cell.deployment.log, cell.topics, cell.dsn, ADMIN, timeout_s=2.0)
    )

    with pytest.raises(ProjectionBehind, match="do not show position 1"):
        impatient.call("create_networks", {"label": "all", "cidr": "10.0.0.0/24"})
