"""A host does what only one host may do for a lease at a time; it takes over what becomes its own."""

from events.errors import LogUnavailable
from events.hosts import RegisterHost
from host_agent.lease import Lease
from projections.host_view import HostView
from tests.fix_host_agent import WEB, World
from tests.host_events import (
    HOST,
    OTHER,
    FakeLedger,
    Nic,
    claimed,
    fenced,
    fenced_off,
    network,
    network_id,
    registered,
)


class Hands:
    """A clock and a log whose answers a test gives."""

    def __init__(self) -> None:
        """Begin at no time, with an empty log."""
        self.now = 0.0
        self.next_offset = 0
        self.ends_at = 0
        self.asked = 0

    def end(self) -> int:
        """Return the end, and count the question."""
        self.asked += 1
        return self.ends_at


def test_a_lease_runs_from_when_the_log_was_asked_for_its_end() -> None:
    """Not from when everything before that end was folded: the end may have moved since."""
    hands = Hands()
    lease, view = Lease(30, lambda: hands.now), HostView(HOST)
    hands.ends_at = 7
    lease.renew(hands)
    behind = lease.held(view)
    hands.now, hands.next_offset = 20.0, 7
    lease.renew(hands)
    caught_up = lease.held(view)
    hands.now = 30.0

    assert (behind, caught_up, lease.held(view)) == (False, True, False)


def test_the_log_is_asked_a_few_times_within_a_lease() -> None:
    """Every fifth second of thirty, not at each turn."""
    hands = Hands()
    lease = Lease(30, lambda: hands.now)
    for _ in range(300):
        lease.renew(hands)
        hands.now += 0.1

    assert hands.asked == 6


def test_the_shorter_lease_counts() -> None:
    """Others wait for the one that the ledger shows; a longer one is not known to them yet."""
    hands = Hands()
    lease, view = Lease(60, lambda: hands.now), HostView(HOST)
    view.apply(1, registered())
    lease.renew(hands)
    hands.now = 29.9
    held = lease.held(view)
    hands.now = 30.0

    assert (held, lease.held(view)) == (True, False)


def test_a_host_that_does_not_reach_the_end_gives_up_what_only_one_may_do(model: World) -> None:
    """After its lease: no gateway, DHCP and NAT; its bridge, and with it the guests' ports, stays."""
    model.after(0)
    model.ledger.away = LogUnavailable("the broker is down")
    model.after(29)
    within = (model.host.nat is not None, len(model.host.dhcp), len(model.host.addresses))
    model.after(2)

    assert within == (True, 1, 1)
    assert (model.host.nat, model.host.dhcp, model.host.addresses) == (None, {}, [])
    assert "br1" in model.host.links
    assert not model.agent.status.leased


def test_it_takes_them_again_when_it_has_reached_the_end_and_still_owns_them(model: World) -> None:
    """Nothing was decided meanwhile."""
    model.after(0)
    model.ledger.away = LogUnavailable("the broker is down")
    model.after(31)
    model.ledger.away = None
    model.after(1)

    assert (model.host.nat is not None, len(model.host.dhcp)) == (True, 1)
    assert model.agent.status.leased


def test_it_does_not_take_them_again_when_another_host_owns_them(model: World) -> None:
    """What was decided while the log was away counts at once."""
    model.after(0)
    model.ledger.away = LogUnavailable("the broker is down")
    model.after(31)
    model.ledger.decide(fenced(), fenced_off(1), claimed(1, OTHER, 2), registered(epoch=2))
    model.ledger.away = None
    model.after(1)

    assert (model.host.nat, model.host.dhcp, model.host.addresses) == (None, {}, [])


def test_a_fenced_host_gives_them_up_at_once(model: World) -> None:
    """Although it reads the log: others wait no longer than its lease. Registered again, it goes on."""
    model.after(0)
    model.sink.sent.clear()
    model.after(1, fenced())
    dropped = (model.host.nat, dict(model.host.dhcp))
    model.after(1)
    asked = len(model.sink.take(RegisterHost))
    model.after(1, registered(epoch=2))

    assert dropped == (None, {})
    assert asked == 2
    assert (model.host.nat is not None, len(model.host.dhcp)) == (True, 1)


def test_a_network_that_is_taken_over_is_served_with_all_its_addresses(model: World) -> None:
    """The agent reads the ledger again, keeping what it had dropped; until then it says what it waits for."""
    far = Nic(7, network=2, host=OTHER)
    model.after(0, network(2), claimed(2, OTHER), *far.spawned())
    model.after(1, fenced(OTHER), fenced_off(2, OTHER), claimed(2, HOST, 2))
    for _ in range(3):
        model.after(1)

    served = model.host.dhcp[network_id(2)]
    assert [line.split(",")[:1] for line in served.hosts] == [[far.mac]]
    assert model.agent.status.problems == ()
    assert network_id(1) in model.host.dhcp
    assert model.host.dhcp[network_id(1)].hosts
    assert WEB.mac in next(iter(model.host.dhcp[network_id(1)].hosts))


def test_without_a_second_reader_a_network_that_was_taken_over_is_a_problem(model: World) -> None:
    """It is never served without its addresses."""
    model.agent._reopen = None  # noqa: SLF001 - as an agent that was not given one
    model.after(0, network(2), claimed(2, OTHER), *Nic(7, network=2, host=OTHER).spawned())
    model.after(1, fenced_off(2, OTHER), claimed(2, HOST, 2))

    assert network_id(2) not in model.host.dhcp
    assert ["taken over" in problem for problem in model.agent.status.problems] == [True]


def test_a_takeover_that_ends_before_the_ledger_was_read_again_is_forgotten(model: World) -> None:
    """The network is another host's again."""
    model.after(
        0, network(2), claimed(2, OTHER), *(Nic(n, network=2, host=OTHER).vif_created() for n in (7, 8))
    )
    fake: FakeLedger = model.ledger
    model.after(1, fenced_off(2, OTHER), claimed(2, HOST, 2))
    model.after(1, fenced_off(2, HOST, 2), claimed(2, OTHER, 3))
    model.after(1)

    assert network_id(2) not in model.host.dhcp
    assert model.agent.status.folded_seq == len(fake.decisions)
