"""Settings: a flag goes before the environment, the environment before a file, the file before the default.

A variable is `NETLEDGER_` and the name of the setting in capitals; the file is TOML with the names as keys.
What is not known is refused by name, so that a misspelt setting never stays unnoticed. An option of nova's
keeps nova's name and default (nova-network.md section 17).
"""

import getpass
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError

from events.addresses import parse_ipv4
from events.dns import FQDN_MAX, LABEL_MAX
from events.errors import NetledgerError
from events.model import HOSTNAME_PATTERN, Interface, Ipv4, Name, ProjectId
from events.networks import NETWORK_SIZE_MIN, NETWORKS_PER_COMMAND_MAX, VLAN_ID_MAX, VPN_PORT_MAX, Kind
from events.quotas import UNLIMITED

PREFIX = "NETLEDGER_"
CONFIG_VARIABLE = "NETLEDGER_CONFIG"
CONFIG_FILE = "netledger.toml"

_NOT_OURS = ("NETLEDGER_TEST_", "NETLEDGER_SIMULATION_", "NETLEDGER_BENCH_")
"""Variables of the test suite, the simulation and the benchmarks."""


class WrongSettings(NetledgerError):
    """A setting is unknown, or its value makes no sense; the text names it and says where it was set."""

    code = "WrongSettings"


def _listed(value: object) -> object:
    """Let a list be written with commas in a variable."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _kind(value: object) -> object:
    """Return the kind that nova's manager class made, whatever module it is said to be in."""
    managers = {"FlatManager": "flat", "FlatDHCPManager": "flatdhcp", "VlanManager": "vlan"}
    return managers.get(value.rsplit(".", 1)[-1], value) if isinstance(value, str) else value


def _source_ip(value: str | None) -> str | None:
    return parse_ipv4(value) if value else value


OptionalInterface = Annotated[Interface | None, BeforeValidator(_empty_is_none)]
Limit = Annotated[int, Field(ge=UNLIMITED, lt=1 << 31)]
TopicPrefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,80}$")]


def default_data() -> Path:
    """Return where data is kept unless told: the user's data directory (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_DATA_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".local/share") / "netledger"


def login_name() -> str:
    """Return the name of the user who runs this program."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"


InstanceDomain = Annotated[
    str,
    StringConstraints(max_length=FQDN_MAX - LABEL_MAX - 1, pattern=f"^$|{HOSTNAME_PATTERN}", to_lower=True),
]
"""A domain with room for one more label, or nothing."""


class Settings(BaseSettings):
    """Everything that an operator decides."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=False,
        hide_input_in_errors=True,
    )
    # --- where everything is
    data: Path = Field(default_factory=default_data)
    """Directory of the embedded PostgreSQL, of the agents' files, and of what roles say about themselves."""
    log: Literal["postgres", "kafka"] = "postgres"
    """Which log carries the ledger."""
    database: str = Field(default="", repr=False)
    """Connection string (DSN) of a PostgreSQL 15 or later; empty: the embedded one in the data directory."""
    kafka_bootstrap_servers: str = ""
    """host:port of Kafka's brokers, several separated by commas."""
    kafka: dict[str, str] = Field(default_factory=dict, repr=False)
    """librdkafka settings passed through (TLS, SASL...), as JSON: `{"security.protocol": "SSL"}`."""
    kafka_replication_factor: Annotated[int, Field(ge=-1)] = -1
    """Replicas of topics that we create; -1: as many as there are brokers, at most 3."""

    # --- which cell
    cell: Name = "default"
    """The cell: everything is decided in order within one."""
    partition: Annotated[int, Field(ge=0, lt=100_000)] = 0
    """Partition of each topic that is this cell's."""
    topic_prefix: TopicPrefix = "netledger"
    """Beginning of the topics' names: PREFIX.ledger, PREFIX.commands, PREFIX.reports."""
    window_commands: Annotated[int, Field(ge=1)] = 100_000
    """How many command ids a new ledger remembers, so that each is decided once; fixed at `ledger init`."""

    # --- on whose behalf this command line asks
    actor_user: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        default_factory=login_name
    )
    """User named in commands; the login name when left out."""
    actor_project: Annotated[ProjectId | None, BeforeValidator(_empty_is_none)] = None
    """Project named in commands."""
    actor_is_admin: bool = True
    """Whether the operator's own commands are an admin's."""

    # --- patience
    timeout: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds to wait for the answer to a command before its outcome is called unknown."""
    start_timeout: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds to keep trying to reach log and database at start before giving up."""

    # --- what is told
    log_format: Literal["auto", "json", "console"] = "auto"
    """Form of log lines; auto: console on a terminal, else JSON."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity of log lines."""
    http_host: str = "127.0.0.1"
    """Address at which each role serves /healthz and /metrics."""
    http_port: Annotated[int, Field(ge=0, le=65000)] = 0
    """Port of the first role; `up` counts on from it for the others. 0: any free one; `status` tells."""

    # --- nova's options, with nova's names and defaults
    fixed_ip_disassociate_timeout: Annotated[int, Field(ge=1, le=365 * 86400)] = 600
    """Seconds after which a released address is free even if its hosts have not reported."""
    create_unique_mac_address_attempts: Annotated[int, Field(ge=1, le=1000)] = 5
    """MACs drawn for a NIC before the spawn is refused."""
    quota_fixed_ips: Limit = -1
    """Fixed IPs that a project may have, unless it has a limit of its own; -1: any number."""
    quota_floating_ips: Limit = 10
    """Floating IPs, likewise."""
    enable_network_quota: bool = False
    """Whether the number of a project's networks is limited where no limit of its own says so."""
    quota_networks: Limit = 3
    """Networks of a project, likewise."""
    use_ipv6: bool = False
    """Whether NICs on networks with IPv6 get an address, derived from their MAC."""
    ipv6_backend: Literal["rfc2462", "account_identifier"] = "rfc2462"
    """How it is derived: from the MAC alone, or from the project and half of the MAC."""
    quota_security_groups: Limit = 10
    """Security groups of a project, its default one included; -1: any number."""
    quota_security_group_rules: Limit = 20
    """Rules of a security group; -1: any number."""
    default_floating_pool: Name = "nova"
    """Floating IP pool used when none is named."""
    auto_assign_floating_ip: bool = False
    """Whether each instance gets a floating IP of that pool for its first fixed one."""
    instance_dns_domain: InstanceDomain = ""
    """Domain in which instances have DNS records; empty: none have."""
    flat_network_bridge: OptionalInterface = None
    """Bridge of a new network that names none; empty: named after the network's id."""
    flat_network_dns: Annotated[Ipv4 | None, BeforeValidator(_empty_is_none)] = "8.8.4.4"
    """First name server (dns1) of a new network that names none; may be empty."""
    flat_injected: bool = False
    """Whether guests' configuration is written into their disks on a new flat network that does not say."""
    network_manager: Annotated[Kind, BeforeValidator(_kind)] = "flatdhcp"
    """Kind of a new network that names none: flat, flatdhcp, vlan, or the name of nova's class."""
    num_networks: Annotated[int, Field(ge=1, le=NETWORKS_PER_COMMAND_MAX)] = 1
    """How many networks are created when no number is named."""
    network_size: Annotated[int | None, Field(ge=NETWORK_SIZE_MIN, le=1 << 32)] = None
    """Addresses of each new network when no size is named; unset: an equal share of the block."""
    multi_host: bool = False
    """Whether a new network is multi_host that does not say."""
    share_dhcp_address: bool = False
    """Whether all hosts of a new multi_host network use one DHCP address, where it does not say."""
    vlan_interface: OptionalInterface = None
    """Interface that the VLAN of a new network is made on, where it names none."""
    vlan_start: Annotated[int, Field(ge=1, le=VLAN_ID_MAX)] = 100
    """Lowest VLAN id of new networks, where none is named."""
    vpn_ip: Annotated[Ipv4 | None, BeforeValidator(_empty_is_none)] = None
    """Public address of the VPN servers of new VLAN networks."""
    vpn_start: Annotated[int, Field(ge=1, le=VPN_PORT_MAX)] = 1000
    """Lowest VPN port of new VLAN networks, where none is named."""
    cnt_vpn_clients: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    """Addresses at the end of a new VLAN network that are kept for clients of its VPN."""
    flat_interface: OptionalInterface = None
    """Interface that this host's agent enslaves to bridges in place of a network's own bridge_interface."""
    public_interface: Interface = "eth0"
    """Interface of this host's agent for floating IPs and for guests' traffic to the world."""
    routing_source_ip: Annotated[str | None, AfterValidator(_source_ip)] = None
    """Source of guests' traffic to the world; unset: the public interface's address; empty: untranslated."""
    dhcp_domain: Annotated[
        str, StringConstraints(pattern=r"^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)?$")
    ] = "novalocal"
    """Domain that DHCP hands out; may be empty."""
    dhcp_lease_time: Annotated[int, Field(ge=120, le=2**31)] = 86400
    """Seconds that a DHCP lease lasts; dnsmasq takes 120 at least."""
    dns_server: Annotated[tuple[Ipv4, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Name servers that dnsmasq asks, separated by commas; none: those of the host."""
    use_network_dns_servers: bool = False
    """Whether dnsmasq also asks a network's dns1 and dns2."""
    networks_path: Annotated[str | None, BeforeValidator(_empty_is_none)] = None
    """Directory of dnsmasq's files; in the data directory when left out."""

    # --- who serves networks
    claim_on_demand: bool = True
    """Whether a spawn gives a network that nobody serves to a live network host."""
    lease_margin: Annotated[int, Field(ge=1, le=3600)] = 15
    """Seconds beyond a silent host's lease that a takeover waits, for last steps and clocks that drift."""

    # --- this host's agent
    physical_networks: Annotated[
        tuple[Name, ...], NoDecode, BeforeValidator(_listed), Field(min_length=1)
    ] = ("default",)
    """Physical networks that this host reaches, separated by commas."""
    network_host: bool = True
    """Whether this host claims networks that nobody serves; false for one that only computes."""
    lease: Annotated[int, Field(ge=2, le=3600)] = 30
    """Seconds without the end of the ledger after which this host's agent gives up gateways, DHCP and NAT."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.log == "kafka" and not self.kafka_bootstrap_servers.strip():
            raise ValueError(
                "log is kafka, but kafka_bootstrap_servers is not set: name the brokers with --kafka or"
                f" {PREFIX}KAFKA_BOOTSTRAP_SERVERS=host:port"
            )
        return self

    @property
    def embedded(self) -> bool:
        """Whether the database is the embedded one in the data directory."""
        return not self.database.strip()

    @property
    def run_directory(self) -> Path:
        """Where the roles on this machine say how they are."""
        return self.data / "run"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic-settings calls it by name
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings calls it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic-settings calls it by name
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let flags go before the environment; the file's values are joined to the flags by `load`."""
        return init_settings, env_settings


def load(flags: Mapping[str, Any] | None = None) -> Settings:
    """Return the settings from flags, the environment and the file.

    Args:
        flags: Settings given on the command line, and `config` for the file; None means not given.

    Raises:
        WrongSettings: a name is not known, or a value makes no sense.

    """
    environ = os.environ
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    _refuse_unknown_variables(environ)
    variables = {name.upper() for name in environ}
    in_environment = {name for name in Settings.model_fields if f"{PREFIX}{name.upper()}" in variables}
    path = _config_path(given, environ)
    in_file = _read_file(path) if path is not None else {}
    for name in in_environment:
        in_file.pop(name, None)
    try:
        settings = Settings(**{**in_file, **given})
    except (ValidationError, SettingsError) as error:
        raise WrongSettings(_explain(error, given, in_environment, path)) from None
    return settings.model_copy(update={"data": settings.data.expanduser().absolute()})


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {CONFIG_VARIABLE}
    unknown = sorted(
        name
        for name in environ
        if name.upper().startswith(PREFIX) and not name.startswith(_NOT_OURS) and name.upper() not in known
    )
    if unknown:
        message = (
            f"Unknown environment variables: {', '.join(unknown)}. Unset them, or correct the name; known are"
            f" {', '.join(sorted(known))}."
        )
        raise WrongSettings(message)


def _config_path(given: dict[str, Any], environ: Mapping[str, str]) -> Path | None:
    """Return the file to read: the one that was named, or the data directory's own if there is one."""
    named = given.pop("config", None) or environ.get(CONFIG_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise WrongSettings(
                f"The settings file {path} does not exist: correct --config or {CONFIG_VARIABLE}."
            )
        return path
    data = Path(given.get("data") or environ.get(f"{PREFIX}DATA") or default_data()).expanduser()
    path = data / CONFIG_FILE
    return path if path.is_file() else None


def _read_file(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise WrongSettings(f"The settings file {path} cannot be read: {error}.") from error
    unknown = sorted(set(values) - set(Settings.model_fields))
    if unknown:
        message = (
            f"Unknown settings in {path}: {', '.join(unknown)}. Remove them, or correct the name; known are"
            f" {', '.join(sorted(Settings.model_fields))}."
        )
        raise WrongSettings(message)
    return values


def _explain(
    error: ValidationError | SettingsError,
    given: Mapping[str, Any],
    in_environment: set[str],
    path: Path | None,
) -> str:
    """Say which settings are wrong, where each was set and why; never its value, which may be secret."""
    if isinstance(error, SettingsError):
        return f"Wrong settings: {error}. Write maps and lists as JSON in a variable."
    told = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        text = problem["msg"].removeprefix("Value error, ")
        if not problem["loc"]:
            told.append(text)
            continue
        name = str(problem["loc"][0])
        inner = "".join(f"[{part}]" for part in problem["loc"][1:])
        where = f"{PREFIX}{name.upper()}" if name in in_environment else str(path)
        if name in given:
            where = "flag"
        told.append(f"{name}{inner} ({where}): {text}")
    return f"Wrong settings: {'; '.join(told)}."
