"""What a refusal of arguments says: which argument, and what it must be, in words of the caller's."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from events.model import Actor
from events.refusals import Code, Refusal
from services.methods import METHODS
from services.methods.base import Write, parse_args, refusal_of
from services.methods.sentences import shortened
from services.outcomes import Refused


def refused_args(method: str, args: Mapping[str, Any]) -> Refusal:
    """Return the refusal that a method's arguments get."""
    with pytest.raises(Refused) as caught:
        parse_args(METHODS[method].args, args)
    return caught.value.refusal


@pytest.mark.parametrize(
    ("method", "args", "said"),
    [
        ("get_network", {}, "network_uuid: this argument is missing."),
        ("get_network", {"network_uuid": "x", "all": 1}, "all: there is no such argument."),
        ("get_network", {"network_uuid": 7}, "network_uuid: it must be text."),
        ("quota_show", {"project_id": ""}, "project_id: it must not be empty."),
        ("quota_show", {"project_id": "p\0"}, "project_id: it must be printable ASCII without spaces."),
        ("quota_show", {"project_id": "p" * 256}, "project_id: it has more than 255 characters."),
        (
            "floating_list",
            {"host": "a host"},
            "host: it must be letters, digits and inner dots, hyphens and underscores.",
        ),
        ("check_free_ips", {"count": 0}, "count: it must be greater than or equal to 1."),
        ("availability", {"network_uuids": "x"}, "network_uuids: it must be a list."),
        ("vpn_change", {"project_id": "p", "ip": "1.2.3.4", "port": "x"}, "port: it must be a whole number."),
        (
            "quota_update",
            {"project_id": "p", "quota_set": {"cores": 1}},
            "quota_set.cores: it must be 'fixed_ips', 'floating_ips' or 'networks'.",
        ),
    ],
)
def test_an_argument_is_refused_in_words_that_say_what_to_write(
    method: str, args: Mapping[str, Any], said: str
) -> None:
    """No pattern and no name of a Python type is shown to a caller."""
    assert refused_args(method, args).message == said


def test_a_refusal_of_the_command_names_the_argument_and_not_the_field_of_the_command() -> None:
    """What nova's callers wrote is called as they called it, in the sentence as in the field."""
    method = METHODS["delete_network"]
    assert isinstance(method, Write)
    ours = Refusal(code=Code.INVALID_INPUT, field="network_id", message="network_id: 'x' is not a UUID.")
    theirs = method.refusal(ours)
    assert (theirs.field, theirs.message) == ("uuid", "uuid: 'x' is not a UUID.")


def test_what_a_caller_wrote_is_not_said_back_at_length() -> None:
    """A sentence about a megabyte of text stays a sentence."""
    refusal = refused_args("allocate_for_instance", {"project_id": "p", "host": "h", "x" * 9: 1})
    assert len(refusal.message) < 100
    assert shortened(f"'{'x' * 70_000}' is no address.") == f"'{'x' * 80}...' is no address."
    assert shortened("'short' and 'short'") == "'short' and 'short'"


def test_an_actor_that_is_none_is_refused_in_the_same_words() -> None:
    """The line of a batch is read by the same rules."""
    with pytest.raises(ValidationError) as caught:
        Actor.model_validate({"user": "eve", "project": "a b"})
    assert refusal_of(caught.value).message == "project: it must be printable ASCII without spaces."
