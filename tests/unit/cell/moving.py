"""An instance that is about to move, for the tests of moves."""

from projections.cell.state import Rules
from tests.unit.given import Scenario, Step, given
from tests.unit.wishes import associate, create, floating_allocate, floating_create, nic, register, spawn, uid

HOSTS = (register("h1"), register("h2"), register("h3"))
RUNNING: tuple[Step, ...] = (
    create("net"),
    create("lan", "10.0.1.0/24"),
    *HOSTS,
    spawn("vm", nic("net"), nic("lan"), hostname="web"),
    floating_create(),
    floating_allocate(),
    associate("192.0.2.1", "10.0.0.2"),
)
"""An instance of two NICs and a floating IP, bound to h1."""


def running(*more: Step) -> Scenario:
    """Return a cell in which the instance runs on h1, after some more steps."""
    return given(*RUNNING, *more, rules=Rules(claim_on_demand=False))


def where(scenario: Scenario) -> tuple[str | None, int, tuple[str, ...]]:
    """Return the instance's host, the epoch of its binding, and the hosts that it is made ready on."""
    vm = scenario.state.instances[uid("vm")]
    return vm.host, vm.epoch, vm.prepared
