"""Who may create and delete networks, and which host owns one (nova-network.md section 5)."""

from typing import Any

import pytest

from events.fixed_ips import FixedIpDisassociated
from events.networks import NetworkClaimed, NetworkCreated, NetworkDeleted
from events.ownership import NetworkHostReleased
from events.projects import NetworkProjectReleased
from events.refusals import Code, Refusal
from projections.cell.network import networks
from tests.unit.given import Later, fact, given, refused
from tests.unit.wishes import ANN, claim, create, delete, delete_network, nic, register, spawn, uid


def test_only_an_admin_creates_networks() -> None:
    """A user of a project may not, even for its own project."""
    given().when(create(actor=ANN, project_id="red")).then(refused(Code.FORBIDDEN, "actor.is_admin"))


def test_only_an_admin_deletes_networks() -> None:
    """A user may not, even its own project's."""
    given(create(project_id="red")).when(delete_network(actor=ANN)).then(
        refused(Code.FORBIDDEN, "actor.is_admin")
    )


def test_an_unused_network_is_deleted() -> None:
    """Its block, bridge and id are free again."""
    given(create(), delete_network()).when(create()).then(fact(NetworkCreated, network_id=uid("net")))


def test_a_multi_host_network_has_no_network_host() -> None:
    """Every host serves its own instances, so there is nothing to own."""
    given(create(multi_host=True), register()).when(claim()).then(
        refused(Code.NOT_IMPLEMENTED_FOR_KIND, "network_id", "multi_host")
    )


def test_what_is_stored_of_a_network_is_stored_as_asked() -> None:
    """Nova's fields that decide nothing here travel to whoever reads them."""
    stored: dict[str, Any] = {
        "multi_host": True,
        "share_address": True,
        "injected": True,
        "rxtx_base": 100,
        "priority": -1,
    }

    given().when(create(**stored)).then(fact(NetworkCreated, **stored))
    given().when(create()).then(
        fact(NetworkCreated, multi_host=False, share_address=False, injected=False, rxtx_base=None)
    )


def test_an_unknown_network_is_not_deleted() -> None:
    """It is refused by nova's name."""
    given().when(delete_network()).then(refused(Code.NETWORK_NOT_FOUND, "network_id", uid("net")))


def test_a_network_with_an_instance_is_not_deleted() -> None:
    """The refusal counts what is in the way."""
    given(create(), spawn()).when(delete_network()).then(
        refused(Code.NETWORK_IN_USE, "network_id", "1 fixed IPs")
    )


def test_a_projects_network_is_not_deleted_by_accident() -> None:
    """It must be disassociated first, or the command must say that it means it."""
    scenario = given(create(project_id="red"))

    scenario.when(delete_network()).then(refused(Code.NETWORK_HAS_PROJECT, "network_id", "red"))
    scenario.when(delete_network(require_disassociated=False)).then(
        fact(NetworkProjectReleased, project_id="red"), fact(NetworkDeleted)
    )


def test_draining_addresses_go_with_their_network() -> None:
    """Nobody can be handed an address of a network that is gone; its host stops waiting for it."""
    scenario = given(create(), register(), spawn(), delete())
    outcome = scenario.when(delete_network())

    outcome.then(
        fact(FixedIpDisassociated, address="10.0.0.2", reason="network_deleted"),
        fact(NetworkHostReleased, host="h1", reason="network_deleted"),
        fact(NetworkDeleted, network_id=uid("net")),
    )
    assert not scenario.state.hosts["h1"].awaited


def test_a_decision_frees_a_bounded_number_of_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """More than one record may hold: the network is deleted when fewer are draining."""
    monkeypatch.setattr(networks, "DRAINING_PER_DELETE_MAX", 1)
    scenario = given(create(), register(), spawn("a"), spawn("b"), delete("a"), delete("b"))

    scenario.when(delete_network()).then(
        refused(Code.NETWORK_IN_USE, "network_id", "2 addresses", "draining")
    )
    scenario.happens(Later(601)).when(delete_network()).then(fact(NetworkHostReleased), fact(NetworkDeleted))


def test_a_network_created_again_is_another_one() -> None:
    """The same block begins with fresh addresses and no owner."""
    scenario = given(create("old"), register(), claim("h1", "old"), spawn(), delete(), delete_network("old"))
    scenario.happens(create("new"))

    assert scenario.state.networks[uid("new")].host is None
    assert scenario.state.networks[uid("new")].pool.held == {}


def test_a_host_claims_an_unhosted_network() -> None:
    """It becomes the first owner."""
    given(create(), register()).when(claim()).then(
        fact(NetworkClaimed, network_id=uid("net"), host="h1", epoch=1)
    )


def test_the_owner_claims_again_without_a_trace() -> None:
    """Repeating a claim changes nothing and leaves no record."""
    given(create(), register(), claim()).when(claim()).then()


def test_the_loser_is_told_the_owner() -> None:
    """In nova the answer was the loser's own name, and it served DHCP beside the owner."""
    decision = given(create(), register("h1"), register("h2"), claim("h1")).when(claim("h2")).decision

    assert isinstance(decision, Refusal)
    assert (decision.code, decision.field) == (Code.NETWORK_ALREADY_CLAIMED, "network_id")
    assert decision.details == {"host": "h1", "epoch": 1}


def test_a_host_claims_only_what_it_reaches() -> None:
    """A network on another physical network is not its to serve."""
    scenario = given(
        create(physical_network="rack1"), register("h1", "rack2"), register("h2", "rack1", "rack2")
    )

    scenario.when(claim("h1")).then(refused(Code.NETWORK_NOT_REACHABLE, "host", "h1", "rack1"))
    scenario.when(claim("h2")).then(fact(NetworkClaimed, host="h2"))


def test_an_unregistered_host_claims_nothing() -> None:
    """What it reaches is not known."""
    given(create()).when(claim("h9")).then(refused(Code.HOST_NOT_FOUND, "host", "h9"))


def test_a_flat_network_has_no_network_host() -> None:
    """Its gateway and DHCP are the operator's."""
    given(create(kind="flat"), register()).when(claim()).then(
        refused(Code.NOT_IMPLEMENTED_FOR_KIND, "network_id")
    )


def test_an_unknown_network_is_not_claimed() -> None:
    """It is refused by nova's name."""
    given(register()).when(claim()).then(refused(Code.NETWORK_NOT_FOUND, "network_id"))


def test_a_network_of_a_mixed_cell_is_counted_alone() -> None:
    """An instance on one network does not keep another one alive."""
    scenario = given(create("a", "10.0.0.0/24"), create("b", "10.0.1.0/24"), spawn("vm", nic("a")))

    scenario.when(delete_network("b")).then(fact(NetworkDeleted, network_id=uid("b")))
    scenario.when(delete_network("a")).then(refused(Code.NETWORK_IN_USE, "network_id"))
