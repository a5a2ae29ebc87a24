"""The typed client says what the table of methods says, and neither takes what it does not know."""

from inspect import Parameter, signature

import pytest

from events.refusals import Code
from services.manager import NetworkManager
from services.methods import METHODS
from services.methods.base import Read, parse_args
from services.outcomes import Refused

OTHER_NAMES = {"instance_id"}
"""A second name for `instance_uuid`, which only callers by name need."""

DECIDE_NOTHING = {
    ("migrate_instance_start", "project_id"),
    ("migrate_instance_start", "rxtx_factor"),
    ("migrate_instance_finish", "project_id"),
    ("setup_networks_on_host", "instance"),
    ("allocate_for_instance", "dhcp_options"),
    ("deallocate_fixed_ip", "host"),
    ("deallocate_fixed_ip", "teardown"),
    ("deallocate_for_instance", "requested_networks"),
    ("deallocate_for_instance", "fixed_ips"),
    ("deallocate_for_instance", "host"),
    ("deallocate_for_instance", "project_id"),
    ("deallocate_for_instance", "rxtx_factor"),
    ("get_instance_nw_info", "host"),
    ("get_instance_nw_info", "project_id"),
    ("get_vifs_by_instance", "host"),
    ("get_vifs_by_instance", "project_id"),
    ("get_vifs_by_instance", "rxtx_factor"),
    ("add_fixed_ip_to_instance", "host"),
    ("add_fixed_ip_to_instance", "project_id"),
    ("add_fixed_ip_to_instance", "rxtx_factor"),
    ("remove_fixed_ip_from_instance", "host"),
    ("remove_fixed_ip_from_instance", "project_id"),
    ("remove_fixed_ip_from_instance", "rxtx_factor"),
}
"""Arguments that nova's callers pass and that are taken from them, but that decide nothing."""


def typed(name: str) -> dict[str, Parameter]:
    """Return the parameters of a typed method."""
    function = getattr(NetworkManager, name, None)
    assert function is not None, f"services/manager has no method {name}"
    return {key: value for key, value in signature(function).parameters.items() if key != "self"}


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_typed_method_takes_what_the_method_takes(name: str) -> None:
    """The same names, but for other names of the same thing and what decides nothing."""
    method, parameters = METHODS[name], typed(name)
    told = {"actor"} if isinstance(method, Read) else {"actor", "command_id"}
    assert told <= set(parameters)
    rest = [one for one in parameters.values() if one.kind is Parameter.VAR_KEYWORD]
    named = set(parameters) - told - {one.name for one in rest}
    known = {field for field in method.args.model_fields if (name, field) not in DECIDE_NOTHING}
    assert named <= known
    if not rest:
        assert known - named <= OTHER_NAMES


def test_the_typed_client_has_no_other_methods() -> None:
    """Nothing that the table does not know."""
    public = {name for name in dir(NetworkManager) if not name.startswith("_")}
    assert public - set(METHODS) == {"call"}


@pytest.mark.parametrize("name", sorted(METHODS))
def test_an_unknown_argument_is_refused_by_name(name: str) -> None:
    """Whatever else is wrong with the arguments, the surplus one is named."""
    with pytest.raises(Refused) as caught:
        parse_args(METHODS[name].args, {"no_such_argument": 1})

    refusal = caught.value.refusal
    assert refusal.code == Code.INVALID_INPUT
    assert "no_such_argument: there is no such argument" in refusal.message
