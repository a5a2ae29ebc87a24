"""Moves of instances: one owner at every position, whatever the order of the steps (nova-network.md 10)."""

from collections.abc import Callable

import pytest

from events.errors import InvariantBroken
from events.floating_ips import FloatingIpAssociated
from events.moves import (
    InstanceBound,
    InstancePrepared,
    InstanceUnbound,
    InstanceUnprepared,
)
from events.refusals import Code, Refusal
from tests.unit.cell.moving import HOSTS, running, where
from tests.unit.given import Message, fact, given, refused
from tests.unit.wishes import (
    ADMIN,
    BOB,
    associate,
    bind,
    create,
    nic,
    prepare,
    register,
    spawn,
    teardown,
    uid,
    unbind,
)

# --- Steps ----------------------------------------------------------------------------------------------


def test_an_unbound_instance_is_nobodys() -> None:
    """What the host must let go of is told: NICs, addresses, floating IPs."""
    scenario = running()
    outcome = scenario.when(unbind(dest="h2"))

    outcome.then(fact(InstanceUnbound, instance_uuid=uid("vm"), host="h1", epoch=1))
    (gone,) = outcome.of(InstanceUnbound)
    assert [port.network_id for port in gone.ports] == [uid("net"), uid("lan")]
    assert [[fixed.address for fixed in port.fixed] for port in gone.ports] == [["10.0.0.2"], ["10.0.1.2"]]
    assert [one.address for one in gone.ports[0].fixed[0].floating] == ["192.0.2.1"]
    assert where(scenario) == (None, 1, ())
    assert {one.host for one in scenario.state.allocations.values()} == {None}


def test_a_bound_instance_is_its_new_hosts() -> None:
    """With a new epoch, and all that the host needs in one event."""
    scenario = running(unbind())
    outcome = scenario.when(bind(rxtx_factor=2.0))

    outcome.then(fact(InstanceBound, host="h2", epoch=2, hostname="web", rxtx_factor=2.0))
    assert [port.fixed[0].address for port in outcome.of(InstanceBound)[0].ports] == ["10.0.0.2", "10.0.1.2"]
    assert where(scenario) == ("h2", 2, ())
    assert {one.host for one in scenario.state.allocations.values()} == {"h2"}
    assert scenario.state.instances[uid("vm")].rxtx_factor == 2.0


def test_the_association_of_a_floating_ip_is_not_touched_by_a_move() -> None:
    """As in nova; it points at the same allocation all the time."""
    scenario = running(unbind(), bind())
    again = scenario.when(associate("192.0.2.1", "10.0.0.2"))

    assert again.of(FloatingIpAssociated) == []


def test_an_instance_without_floating_ips_moves_all_the_same() -> None:
    """Nova moves nothing then; here its ports and addresses have an owner too."""
    scenario = given(create(), *HOSTS, spawn(), unbind(floating_addresses=()), bind())

    assert where(scenario) == ("h2", 2, ())


@pytest.mark.parametrize("again", [unbind(), unbind(host=None), unbind(dest="h2")])
def test_unbinding_again_changes_nothing(again: Message) -> None:
    """The host that had it last let go already."""
    running(unbind()).when(again).then()


@pytest.mark.parametrize("again", [bind(), bind(source=None), bind(source="h3")])
def test_binding_again_changes_nothing(again: Message) -> None:
    """It is there."""
    running(unbind(), bind()).when(again).then()


def test_source_and_destination_being_one_is_no_move() -> None:
    """As in nova, at both ends."""
    scenario = running()
    scenario.when(unbind(dest="h1")).then()
    scenario.when(bind(host="h1", source="h1")).then()

    assert where(scenario) == ("h1", 1, ())


def test_a_move_that_was_begun_can_go_back_where_it_came_from() -> None:
    """The source takes it again, as a new owner."""
    scenario = running(unbind(dest="h2"))

    scenario.when(bind(host="h1", source="h1")).then(fact(InstanceBound, host="h1", epoch=2))


# --- Stale steps and strangers --------------------------------------------------------------------------


def test_a_source_that_does_not_have_it_is_told_who_has() -> None:
    """A late step of an older move."""
    scenario = running(unbind(), bind())
    outcome = scenario.when(unbind(host="h1", dest="h3"))

    outcome.then(refused(Code.INSTANCE_NOT_ON_HOST, "host", "h1", "h2"))
    assert isinstance(outcome.decision, Refusal)
    assert outcome.decision.details == {"host": "h2", "epoch": 2, "last_host": None}


def test_a_source_that_never_had_it_is_refused_while_nobody_has_it() -> None:
    """The last owner is told."""
    scenario = running(unbind())

    scenario.when(unbind(host="h3")).then(refused(Code.INSTANCE_NOT_ON_HOST, "host", "h3", "no host", "h1"))
    scenario.when(bind(source="h3")).then(refused(Code.INSTANCE_NOT_ON_HOST, "source", "h3", "h1"))


def test_a_destination_waits_until_the_source_has_let_go() -> None:
    """Unbind the source before binding the destination."""
    scenario = running()
    outcome = scenario.when(bind(source="h1"))

    outcome.then(refused(Code.INSTANCE_STILL_BOUND, "source", "h1", "unbind"))
    assert isinstance(outcome.decision, Refusal)
    assert outcome.decision.details["host"] == "h1"
    assert where(scenario) == ("h1", 1, ())


def test_the_end_of_an_older_move_is_refused() -> None:
    """It went from h1 to h3 meanwhile; h2 must not get it."""
    scenario = running(unbind(), bind(host="h3"))

    scenario.when(bind(host="h2", source="h1")).then(refused(Code.INSTANCE_NOT_ON_HOST, "source", "h3"))
    scenario.happens(unbind(host="h3"))
    scenario.when(bind(host="h2", source="h1")).then(refused(Code.INSTANCE_NOT_ON_HOST, "source", "h3"))


@pytest.mark.parametrize("late", [unbind(epoch=1), bind(host="h3", source=None, epoch=1), prepare(epoch=1)])
def test_a_step_of_another_epoch_is_refused(late: Message) -> None:
    """There and back again: the host alone would not tell it from a step of now."""
    scenario = running(unbind(), bind(), unbind(host="h2"), bind(host="h1", source="h2"))

    scenario.when(late).then(refused(Code.INSTANCE_NOT_ON_HOST, "epoch", "epoch 1", "epoch 3", "h1"))
    scenario.happens(unbind(epoch=3))


@pytest.mark.parametrize("step", [unbind(), bind(), prepare()])
def test_an_instance_that_there_is_not_is_not_found(step: Message) -> None:
    """Whatever the step; nova's exception."""
    given(create()).when(step).then(refused(Code.INSTANCE_NOT_FOUND, "instance_uuid", uid("vm")))


@pytest.mark.parametrize("step", [unbind, bind, prepare, teardown])
def test_another_project_moves_nothing(step: Callable[..., Message]) -> None:
    """The refusal does not tell whose it is, nor where; an admin may."""
    scenario = running()
    outcome = scenario.when(step(actor=BOB))

    outcome.then(refused(Code.FORBIDDEN, "instance_uuid", "bob", uid("vm")))
    assert "red" not in str(outcome.decision)
    assert "h1" not in str(outcome.decision)
    scenario.happens(unbind(actor=ADMIN), bind(actor=ADMIN))


def test_an_unknown_floating_address_is_refused_by_name() -> None:
    """As nova raises; the second of them here."""
    addresses = ("192.0.2.1", "198.51.100.9")
    scenario = running()
    told = refused(Code.FLOATING_IP_NOT_FOUND_FOR_ADDRESS, "floating_addresses.1", "198.51.100.9")

    scenario.when(unbind(floating_addresses=addresses)).then(told)
    scenario.happens(unbind())
    scenario.when(bind(floating_addresses=addresses)).then(told)


def test_a_floating_address_that_is_not_the_instances_any_more_is_no_error() -> None:
    """Nova warns and skips it; what moves is decided by what is true now."""
    running().happens(unbind(floating_addresses=("192.0.2.2",)))


@pytest.mark.parametrize("step", [bind(), bind(source=None), prepare()])
def test_a_destination_must_reach_every_network(step: Message) -> None:
    """Half an instance is no instance."""
    scenario = given(create("net"), create("lan", "10.0.1.0/24", physical_network="rack2"))
    scenario.happens(register("h1", "default", "rack2"), register("h2"), spawn("vm", nic("net"), nic("lan")))
    if step.type == "BindInstance.v1" and step.source is not None:
        scenario.happens(unbind())

    scenario.when(step).then(refused(Code.NETWORK_NOT_REACHABLE, "host", "h2", "rack2", "lan"))


# --- What no ledger may say -----------------------------------------------------------------------------


NO_GROUPS: dict[str, object] = {"security_groups": ()}


def _bound(**fields: object) -> InstanceBound:
    known = {
        "instance_uuid": uid("vm"),
        "host": "h2",
        "epoch": 2,
        "prepared": False,
        "hostname": None,
        "rxtx_factor": None,
    }
    return InstanceBound.model_validate({**known, **NO_GROUPS, "ports": (), **fields})


def test_two_hosts_never_own_one_binding() -> None:
    """A reader that meets it stops."""
    with pytest.raises(InvariantBroken, match="bound to host 'h1' of epoch 1"):
        running(_bound())


@pytest.mark.parametrize("epoch", [1, 3])
def test_an_epoch_is_not_skipped_and_not_repeated(epoch: int) -> None:
    """It counts owners."""
    with pytest.raises(InvariantBroken, match=f"epoch {epoch}"):
        running(unbind(), _bound(epoch=epoch))


@pytest.mark.parametrize("wrong", [{"host": "h2"}, {"epoch": 2}])
def test_only_the_owner_of_now_is_unbound(wrong: dict[str, object]) -> None:
    """Host and epoch must both be right."""
    known = {"instance_uuid": uid("vm"), "host": "h1", "epoch": 1, "ports": (), **wrong}
    with pytest.raises(InvariantBroken, match="bound to host 'h1' of epoch 1"):
        running(InstanceUnbound.model_validate(known))


def test_ports_are_made_ready_beside_the_owner_only() -> None:
    """And taken back only where they were."""
    known = {"instance_uuid": uid("vm"), "host": "h1", "epoch": 1, "ports": ()}
    with pytest.raises(InvariantBroken, match="made ready on h1"):
        running(InstancePrepared.model_validate({**known, **NO_GROUPS, "addresses": (), "more": False}))
    with pytest.raises(InvariantBroken, match="made ready on h2"):
        running(
            InstancePrepared.model_validate(
                {**known, **NO_GROUPS, "addresses": (), "host": "h2", "more": True}
            )
        )
    with pytest.raises(InvariantBroken, match="not made ready on h1"):
        running(InstanceUnprepared.model_validate(known))
