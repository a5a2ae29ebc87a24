"""What a method of the table is: how its arguments are read, and what is asked or looked up for it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from re import sub
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from events.catalog import AnyCommand
from events.model import Actor
from events.networks import Kind
from events.refusals import Code, Refusal
from services.methods.sentences import problem_said, shortened
from services.outcomes import Answer, Refused, refused
from services.tables import Tables


class Args(BaseModel):
    """Arguments of a method, by the names of nova-network.md section 12."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class NoArgs(Args):
    """Nothing."""


A = TypeVar("A", bound=Args)


@dataclass(frozen=True)
class Defaults:
    """What is filled in where a caller leaves something out; nova's option names and defaults."""

    default_floating_pool: str = "nova"
    flat_network_bridge: str | None = None
    flat_network_dns: str | None = "8.8.4.4"
    flat_injected: bool = False
    network_manager: Kind = "flatdhcp"
    num_networks: int = 1
    network_size: int | None = None
    multi_host: bool = False
    share_dhcp_address: bool = False
    vlan_interface: str | None = None
    vlan_start: int = 100
    vpn_ip: str | None = None
    vpn_start: int = 1000
    cnt_vpn_clients: int = 0
    quota_fixed_ips: int = -1
    quota_floating_ips: int = 10
    enable_network_quota: bool = False
    quota_networks: int = 3
    dhcp_lease_time: int = 86400


@dataclass(frozen=True)
class Asked:
    """A call: under which command id, on whose behalf."""

    command_id: str
    actor: Actor
    defaults: Defaults


@dataclass(frozen=True)
class Write(Generic[A]):
    """A method that asks the allocator."""

    args: type[A]
    command: Callable[[A, Asked, Tables], AnyCommand]
    """Makes the command; may look something up."""
    result: Callable[[A, Answer, Tables], Any]
    """Makes nova's return value out of the answer, when reads show its effect."""
    adds: bool = False
    """Whether it only adds something, so that results of calls before it stay as they are."""
    sighted: bool = False
    """Whether its result is looked up, so that later calls could change it."""
    looks_up: bool = False
    """Whether its command is made of something that is looked up, so that calls before it must be done."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Fields of the command that are arguments of another name, so that a refusal names the argument."""

    def refusal(self, of_command: Refusal) -> Refusal:
        """Return the refusal of the command as one of the call."""
        name = self.renamed.get(of_command.field or "", of_command.field)
        message = of_command.message
        for ours, theirs in self.renamed.items():
            message = sub(rf"(^|; ){ours}: ", rf"\1{theirs}: ", message)
        return of_command.model_copy(update={"field": name, "message": message})


@dataclass(frozen=True)
class Read(Generic[A]):
    """A method that looks something up."""

    args: type[A]
    result: Callable[[A, Actor, Tables], Any]
    settled: Callable[[Any, Defaults], Any] | None = None
    """Fills in what the settings decide, where they do."""

    def answer(self, args: A, asked: Asked, tables: Tables) -> Any:  # noqa: ANN401 - as nova's return values
        """Return what is asked for."""
        found = self.result(args, asked.actor, tables)
        return found if self.settled is None else self.settled(found, asked.defaults)


Method = Write[Any] | Read[Any]

_CIDRS = {"cidr", "cidr_v6", "fixed_cidr", "fixed_range"}
_ADDRESSES = {
    *("gateway", "gateway_v6", "dhcp_server", "dns1", "dns2", "allowed_start", "allowed_end"),
    *("vpn_public_address", "ip", "address", "fixed_address", "floating_address", "floating_addresses"),
}
_INTEGERS = {"num_networks", "network_size", "vlan_start", "vpn_start"}


def parse_args(model: type[A], args: Mapping[str, Any]) -> A:
    """Return a method's arguments, read.

    Raises:
        Refused: one is missing, unknown, or of the wrong form; the refusal names it.

    """
    try:
        return model.model_validate(args)
    except ValidationError as error:
        raise Refused(refusal_of(error)) from None


def refusal_of(error: ValidationError) -> Refusal:
    """Return the refusal of arguments, or of a command made of them, named as nova named it."""
    problems = error.errors(include_url=False, include_input=False)
    told = "; ".join(f"{_path(problem['loc'])}: {problem_said(problem)}" for problem in problems)
    first = problems[0]
    name = next((part for part in reversed(first["loc"]) if isinstance(part, str)), "")
    code = Code.INVALID_INPUT
    if first["type"] not in {"missing", "extra_forbidden"}:
        code = Code.INVALID_CIDR if name in _CIDRS else code
        code = Code.INVALID_ADDRESS if name in _ADDRESSES else code
        code = Code.INVALID_INT_VALUE if name in _INTEGERS and first["type"].startswith("int_") else code
        code = Code.LABEL_TOO_LONG if (name, first["type"]) == ("label", "string_too_long") else code
    return Refusal(code=code, field=_path(first["loc"]) or None, message=f"{shortened(told)}.")


def checked(parse: Callable[[str], str], text: str, code: Code, name: str) -> str:
    """Return what a parser makes of an argument.

    Raises:
        Refused: it is of the wrong form.

    """
    try:
        return parse(text)
    except ValueError as error:
        raise refused(code, shortened(f"{name}: {error}."), name) from None


def nothing(_args: Args, _answer: Answer, _tables: Tables) -> None:
    """Return None, as nova does where the answer is only that it is done."""


def _path(where: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in where if part != "[key]")
