"""The host view keeps what its host needs and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from events.catalog import AnyEvent
from events.ownership import NetworkHostAssigned, NetworkHostLetGo
from projections.host_view import HostView, concerns
from tests.host_events import (
    HOST,
    OTHER,
    Nic,
    bound,
    claimed,
    fenced,
    fenced_off,
    network,
    network_deleted,
    network_id,
    prepared,
    registered,
    released,
    unbound,
    unprepared,
)


def folded(*events: AnyEvent) -> HostView:
    """Return the view of HOST after some events, one decision each."""
    view = HostView(HOST)
    for seq, event in enumerate(events, start=1):
        view.apply(seq, event)
    return view


def test_what_shares_addresses_with_a_served_network_is_for_another_host() -> None:
    """One routing table cannot tell them apart; the claim would be refused."""
    served, shares = network(1, cidr_v6="fd00::/64"), network(2, "10.1.0.0/16", project_id="blue")
    six = network(3, cidr_v6="fd00::/64", project_id="green")
    view = folded(registered(), served, shares, six, network(4), claimed(1))

    assert view.claimable() == (network_id(4),)
    view.apply(9, network_deleted(1))
    assert view.claimable() == (network_id(2), network_id(3), network_id(4))


def test_addresses_of_a_network_served_here_are_kept_wherever_their_instance_is() -> None:
    """The network host answers DHCP for guests of all hosts."""
    here, there = Nic(1), Nic(2, host=OTHER)
    view = folded(network(1), claimed(1), *here.spawned(), *there.spawned())

    assert set(view.networks[network_id(1)].allocations) == {here.fixed, there.fixed}
    assert set(view.ports) == {here.vif_created().vif_id}


def test_a_released_address_leaves_at_once_although_it_drains() -> None:
    """What was released is served no longer; draining is the allocator's affair."""
    nic = Nic(1)
    view = folded(network(1), claimed(1), *nic.spawned(), nic.deallocated())

    assert view.networks[network_id(1)].allocations == {}


def test_failure_15_the_end_of_an_older_allocation_does_not_touch_the_next_holder() -> None:
    """An address that was given away again belongs to the allocation that holds it now."""
    old, new = Nic(1, address="10.1.0.50"), Nic(2, address="10.1.0.50")
    view = folded(network(1), claimed(1), old.allocated(), new.allocated(), old.deallocated(), old.leased())

    held = view.networks[network_id(1)].allocations["10.1.0.50"]
    assert (held.mac, held.leased) == (new.mac, False)


def test_an_unhosted_network_is_remembered_for_a_later_claim() -> None:
    """Instances come before the first claim is decided; the winner must find them."""
    nic = Nic(1)
    view = folded(network(1), *nic.spawned(), nic.associated("203.0.113.7"), claimed(1))
    served = view.networks[network_id(1)]

    assert view.serves(served)
    assert (list(served.allocations), list(served.floating)) == ([nic.fixed], ["203.0.113.7"])


def test_a_network_that_another_host_won_is_forgotten_but_for_its_definition() -> None:
    """Memory grows with this host: others' addresses are dropped and no longer taken in."""
    nic = Nic(1)
    view = folded(network(1), nic.allocated(), claimed(1, OTHER), Nic(2).allocated())
    lost = view.networks[network_id(1)]

    assert (lost.owner, dict(lost.allocations), dict(lost.floating)) == (OTHER, {}, {})


def test_a_network_that_is_taken_over_is_missing_its_addresses() -> None:
    """They were rightly forgotten: it is not served without them, and the view says so."""
    view = folded(
        network(1), Nic(1).allocated(), claimed(1, OTHER), fenced_off(1, OTHER), claimed(1, HOST, 2)
    )

    assert view.missing == {network_id(1)}
    assert not view.serves(view.networks[network_id(1)])


def test_a_view_that_was_told_to_keep_equals_that_of_an_owner_from_the_start() -> None:
    """Folded again from the first record, it has everything that happened under other owners."""
    before = (network(1), Nic(1).allocated())
    under_others = (
        *Nic(2).spawned(),
        Nic(2).associated("203.0.113.7"),
        Nic(1).deallocated(),
        Nic(2).leased(),
    )
    taken = (*before, claimed(1, OTHER), *under_others, fenced_off(1, OTHER), claimed(1, HOST, 2))
    view = HostView(HOST, keep=frozenset({network_id(1)}))
    owned = HostView(HOST)
    for seq, event in enumerate(taken, start=1):
        view.apply(seq, event)
        if event.type not in {"NetworkClaimed.v1", "NetworkHostReleased.v1"} or event == taken[-1]:
            owned.apply(seq, event)

    assert view.missing == frozenset()
    assert view.digest() == owned.digest()


def test_a_rebuilt_view_keeps_no_more_than_others_once_it_has_settled() -> None:
    """What another host has won meanwhile is dropped."""
    view = HostView(HOST, keep=frozenset({network_id(1)}))
    story: tuple[AnyEvent, ...] = (network(1), Nic(1).allocated(), claimed(1, OTHER))
    for seq, event in enumerate(story, start=1):
        view.apply(seq, event)
    view.settle()

    assert view.digest() == folded(*story).digest()


def test_a_network_by_hand_is_not_claimed_before_it_was_let_go() -> None:
    """It has no owner until then; given by hand it is served like any other."""
    view = folded(registered(), network(1), claimed(1, OTHER), released(1, OTHER))
    waiting = view.claimable()
    view.apply(9, NetworkHostLetGo(network_id=network_id(1), host=OTHER, reason="applied"))
    free = view.claimable()
    view.apply(10, NetworkHostAssigned(network_id=network_id(1), host=HOST, epoch=2))

    assert (waiting, free) == ((), (network_id(1),))
    assert view.networks[network_id(1)].owner == HOST


def test_a_fenced_host_knows_it_until_it_is_registered_again() -> None:
    """The fences of others do not concern it."""
    view = folded(registered(), fenced(OTHER))
    others = view.fenced
    view.apply(9, fenced())
    own = view.fenced
    view.apply(10, registered(epoch=2))

    assert (others, own, view.fenced) == (False, True, False)


def test_networks_are_claimed_oldest_first_and_only_where_they_are_reached() -> None:
    """A host claims what nobody serves on the physical networks that it registered."""
    view = folded(
        network(3),
        network(1),
        network(2, physical_network="lab"),
        network(4),
        claimed(4, OTHER),
        registered(),
    )

    assert view.claimable() == (network_id(3), network_id(1))


def test_nothing_is_claimed_before_the_host_is_registered() -> None:
    """The allocator would refuse it."""
    assert folded(network(1)).claimable() == ()


def test_leases_follow_their_allocation() -> None:
    """A lease is remembered for the next start of DHCP; its end as well."""
    nic = Nic(1)
    view = folded(network(1), claimed(1), nic.allocated(), nic.leased())
    leased = view.networks[network_id(1)].allocations[nic.fixed].leased
    view.apply(9, nic.released())

    assert (leased, view.networks[network_id(1)].allocations[nic.fixed].leased) == (True, False)


def test_the_last_nic_on_a_network_takes_the_need_for_its_bridge_along() -> None:
    """A host needs a bridge as long as one instance on it has a NIC there."""
    first, second = Nic(1), Nic(2)
    view = folded(
        network(1), claimed(1, OTHER), first.vif_created(), second.vif_created(), first.vif_deleted()
    )
    before = view.has_ports_on(network_id(1))
    view.apply(9, second.vif_deleted())

    assert (before, view.has_ports_on(network_id(1))) == (True, False)


def test_a_deleted_network_is_gone() -> None:
    """Its successor of the same block is another network."""
    assert folded(network(1), claimed(1), network_deleted(1)).networks == {}


def test_apply_names_the_network_whose_plan_changed() -> None:
    """Only dirty networks are planned again; a lease changes no plan."""
    nic = Nic(1)
    view = folded(network(1), claimed(1))

    assert view.apply(3, nic.allocated()) == (network_id(1),)
    assert view.apply(4, nic.leased()) == ()
    assert view.apply(5, Nic(2, network=9, host=OTHER).vif_created()) == ()


def test_ports_come_and_go_with_the_binding() -> None:
    """The bound event alone is enough; an unbound host has nothing left of the instance."""
    one, two = Nic(1), Nic(2, network=2)
    view = folded(network(1), network(2), *one.spawned(), *two.spawned())
    changed = view.apply(20, unbound(1, one, two))

    assert changed == (network_id(1), network_id(2))
    assert not view.ports
    assert not view.has_ports_on(network_id(1))
    view.apply(21, bound(2, OTHER, one, two))
    assert not view.ports
    view.apply(22, bound(3, HOST, one, two))
    assert set(view.ports) == {one.vif_created().vif_id, two.vif_created().vif_id}


def test_ports_made_ready_are_ports_once() -> None:
    """Bound where it was ready, an instance has its ports once; they go at once as well."""
    nic = Nic(1, host=OTHER)
    view = folded(network(1), *nic.spawned(), prepared(1, HOST, nic), bound(2, HOST, nic))

    assert list(view.ports) == [nic.vif_created().vif_id]
    assert view.apply(20, unbound(2, nic)) == (network_id(1),)
    assert not view.has_ports_on(network_id(1))


def test_what_was_made_ready_is_taken_back() -> None:
    """Another host's steps concern nobody else."""
    nic = Nic(1, host=OTHER)
    view = folded(network(1), *nic.spawned(), prepared(1, HOST, nic))

    assert view.apply(20, unprepared(1, OTHER, nic)) == ()
    assert view.has_ports_on(network_id(1))
    assert view.apply(21, unprepared(1, HOST, nic)) == (network_id(1),)
    assert not view.ports


def test_a_network_host_keeps_the_addresses_of_an_instance_that_moves() -> None:
    """Where the network host has DHCP and NAT, nothing of that moves."""
    nic = Nic(1)
    view = folded(network(1), claimed(1), *nic.spawned(), nic.associated("203.0.113.7"), unbound(1, nic))
    served = view.networks[network_id(1)]

    assert (list(served.allocations), list(served.floating)) == ([nic.fixed], ["203.0.113.7"])


def _story() -> list[AnyEvent]:
    """Return a history with every kind of event that a view knows, on two networks and two hosts."""
    one, two, far = Nic(1, hostname="one"), Nic(2, network=2), Nic(3, network=2, host=OTHER)
    return [
        registered(),
        registered(OTHER, ("default", "lab")),
        network(1),
        network(2),
        claimed(1),
        *one.spawned(),
        one.associated("203.0.113.1"),
        claimed(2, OTHER),
        *two.spawned(),
        *far.spawned(),
        one.leased(),
        far.leased(),
        far.associated("203.0.113.2"),
        prepared(1, HOST, far),
        unbound(1, far, host=OTHER),
        bound(2, HOST, far),
        prepared(2, OTHER, far),
        unprepared(2, OTHER, far),
        one.disassociated("203.0.113.1"),
        unbound(2, far),
        bound(3, OTHER, far),
        *two.gone(),
        one.released(),
        *one.gone(),
    ]


@given(length=st.integers(min_value=0, max_value=len(_story())))
def test_what_does_not_concern_a_host_does_not_change_its_view(length: int) -> None:
    """A feed that leaves out everything that `concerns` denies folds to the same digest."""
    story = list(enumerate(_story()[:length], start=1))
    whole, part = HostView(HOST), HostView(HOST)
    for seq, event in story:
        whole.apply(seq, event)
        if concerns(event, HOST):
            part.apply(seq, event)

    assert part.digest() == whole.digest()


def test_the_digest_tells_every_difference() -> None:
    """No two steps of a history that change the view leave the same digest."""
    view = HostView(HOST)
    seen = [view.digest()]
    changed = 0
    for seq, event in enumerate(_story(), start=1):
        rows = list(view.rows())
        view.apply(seq, event)
        changed += rows != list(view.rows())
        seen.append(view.digest())

    assert len(set(seen)) == changed + 1


def test_what_another_host_does_with_its_nics_is_left_out() -> None:
    """`concerns` bites: a NIC elsewhere is not this host's."""
    assert [concerns(Nic(1, host=host).vif_created(), HOST) for host in (HOST, OTHER)] == [True, False]
