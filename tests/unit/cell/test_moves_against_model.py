"""Random histories with moves of instances: the same answers and the same owners as the obvious model's."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from events.model import Actor
from tests.unit.cell.test_against_model import FLOATING, HOSTS, OWNERS, VM_NAMES, VMS, Histories
from tests.unit.wishes import ADMIN, bind, prepare, teardown, uid, unbind

ANY_HOST = st.sampled_from(["h1", "h2", "h3", None])
EPOCHS = st.sampled_from([None, None, None, 1, 2])


class MovingHistories(Histories):
    """Anything may happen next, also in the middle of a move."""

    @rule(
        vm=VMS,
        host=ANY_HOST,
        dest=ANY_HOST,
        floating=st.lists(FLOATING, max_size=1),
        actor=OWNERS,
        epoch=EPOCHS,
    )
    def unbind(
        self,
        vm: str,
        host: str | None,
        dest: str | None,
        floating: list[str],
        actor: Actor,
        epoch: int | None,
    ) -> None:
        """Take an instance from a host, mostly a wrong one."""
        self.send(unbind(vm, host, actor, dest=dest, floating_addresses=floating, epoch=epoch))

    @rule(data=st.data(), host=HOSTS, source=ANY_HOST, step=st.sampled_from(["unbind", "bind", "prepare"]))
    def step_of_a_move(self, data: st.DataObject, host: str, source: str | None, step: str) -> None:
        """Do something with an instance that there is."""
        running = [name for name in VM_NAMES if uid(name) in self.model.vms]
        if not running:
            return
        name = data.draw(st.sampled_from(running))
        if step == "unbind":
            self.send(unbind(name, source, ADMIN))
        elif step == "bind":
            self.send(bind(name, host, source, ADMIN))
        else:
            self.send(prepare(name, host, ADMIN))

    @rule(data=st.data(), host=HOSTS)
    def bind_too_early(self, data: st.DataObject, host: str) -> None:
        """Give an instance to a host while its source has it."""
        bound = [name for name in VM_NAMES if uid(name) in self.model.vms and self.model.vms[uid(name)].host]
        if bound:
            name = data.draw(st.sampled_from(bound))
            self.send(bind(name, host, self.model.vms[uid(name)].host, ADMIN))

    @rule(vm=VMS, host=HOSTS, source=ANY_HOST, actor=OWNERS, epoch=EPOCHS)
    def bind(self, vm: str, host: str, source: str | None, actor: Actor, epoch: int | None) -> None:
        """Give an instance to a host."""
        self.send(bind(vm, host, source, actor, epoch=epoch))

    @rule(vm=VMS, host=HOSTS, actor=OWNERS, epoch=EPOCHS, undo=st.booleans())
    def prepare(self, vm: str, host: str, actor: Actor, epoch: int | None, undo: bool) -> None:  # noqa: FBT001 - hypothesis passes it
        """Make a host ready, or take that back."""
        self.send((teardown if undo else prepare)(vm, host, actor, epoch=epoch))

    @invariant()
    def the_bindings_are_the_same(self) -> None:
        """Owner, epoch, last owner, hosts made ready in their order, and who has not let go."""
        assert {
            uuid: (one.host, one.epoch, one.last_host, list(one.prepared), set(one.left))
            for uuid, one in self.cell.state.instances.items()
        } == {
            uuid: (vm.host, vm.epoch, vm.last, vm.ready, set(vm.left)) for uuid, vm in self.model.vms.items()
        }


MovingHistories.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=80,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestMovingHistories = pytest.mark.slow(MovingHistories.TestCase)
