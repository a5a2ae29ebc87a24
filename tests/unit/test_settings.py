"""Settings: which place wins, what is refused by name, and that documents and compose file name real ones."""

import re
from pathlib import Path

import pytest
import yaml

from services.bootstrap import host_settings
from services.settings import PREFIX, Settings, WrongSettings, load
from tests.house.source import REPO


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Begin without settings, in a home of the test's own."""
    import os  # noqa: PLC0415 - for this line only

    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)


def test_nothing_said_is_the_embedded_default(tmp_path: Path) -> None:
    """Data is where a user's programs keep it; the operator is an admin under the login name."""
    settings = load()

    assert settings.data == tmp_path / ".local/share/netledger"
    assert (settings.log, settings.embedded, settings.cell) == ("postgres", True, "default")
    assert settings.actor_is_admin
    assert settings.actor_user


def test_a_flag_goes_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three places, and the nearest wins for each setting by itself."""
    (tmp_path / "netledger.toml").write_text(
        'cell = "file"\ndhcp_domain = "file"\npublic_interface = "file0"\nactor_user = "file"\n'
    )
    monkeypatch.setenv("NETLEDGER_DATA", str(tmp_path))
    monkeypatch.setenv("NETLEDGER_CELL", "environment")
    monkeypatch.setenv("NETLEDGER_DHCP_DOMAIN", "environment")

    settings = load({"cell": "flag", "log": None})

    assert settings.cell == "flag"
    assert settings.dhcp_domain == "environment"
    assert settings.public_interface == "file0"


def test_a_file_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By flag or variable; one that is not there is an error, and may itself say where data is."""
    path = tmp_path / "mine.toml"
    path.write_text(
        'data = "/srv/netledger"\ndns_server = ["192.0.2.53"]\n[kafka]\n"security.protocol" = "SSL"\n'
    )
    monkeypatch.setenv("NETLEDGER_CONFIG", str(path))

    settings = load()

    assert (settings.data, settings.dns_server) == (Path("/srv/netledger"), ("192.0.2.53",))
    assert settings.kafka == {"security.protocol": "SSL"}
    with pytest.raises(WrongSettings, match=r"other\.toml does not exist"):
        load({"config": tmp_path / "other.toml"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NETLEDGER_DATABSE", "postgresql://"),
        ("NETLEDGER_", "x"),
        ("NETLEDGER_POSTGRES", "postgresql://"),
    ],
)
def test_an_unknown_variable_is_refused_by_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt setting would otherwise be a setting that does nothing."""
    monkeypatch.setenv(name, value)

    with pytest.raises(WrongSettings, match=name):
        load()


def test_variables_of_the_tests_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make test` may be told where a broker is."""
    monkeypatch.setenv("NETLEDGER_TEST_DSN", "x")
    monkeypatch.setenv("NETLEDGER_SIMULATION_SEEDS", "7")

    assert load().log == "postgres"


def test_unknown_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    """The key and the file are named."""
    path = tmp_path / "netledger.toml"
    path.write_text("dhcp_lease_tiem = 1\n")
    with pytest.raises(WrongSettings, match=rf"Unknown settings in {re.escape(str(path))}: dhcp_lease_tiem"):
        load({"config": path})
    path.write_text("this is not toml")
    with pytest.raises(WrongSettings, match="cannot be read"):
        load({"config": path})


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LOG", "redis", "log (NETLEDGER_LOG)"),
        ("LOG", "kafka", "--kafka"),
        ("CELL", "a cell", "cell (NETLEDGER_CELL)"),
        ("DHCP_LEASE_TIME", "60", "dhcp_lease_time"),
        ("DNS_SERVER", "192.0.2.53,here", "dns_server[1]"),
        ("ROUTING_SOURCE_IP", "10.0.0", "routing_source_ip"),
        ("PUBLIC_INTERFACE", "an-interface-too-long", "public_interface"),
        ("PHYSICAL_NETWORKS", "", "physical_networks"),
        ("FIXED_IP_DISASSOCIATE_TIMEOUT", "soon", "fixed_ip_disassociate_timeout"),
        ("KAFKA", "{", "kafka"),
    ],
)
def test_a_value_that_makes_no_sense_is_named_with_its_place(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text says which setting, where it was set, and what would be right."""
    monkeypatch.setenv(f"{PREFIX}{name}", value)

    with pytest.raises(WrongSettings) as error:
        load()

    assert told in str(error.value)


def test_secrets_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither an error nor a log line of the settings shows a password."""
    monkeypatch.setenv("NETLEDGER_DATABASE", "postgresql://me:hunter2@db/x")
    monkeypatch.setenv("NETLEDGER_KAFKA", '{"sasl.password": "hunter2"}')
    assert "hunter2" not in repr(load())

    monkeypatch.setenv("NETLEDGER_KAFKA", '{"sasl.password": {"deep": "hunter2"}}')
    with pytest.raises(WrongSettings) as error:
        load()
    assert "hunter2" not in str(error.value)


def test_novas_options_have_novas_names_and_defaults() -> None:
    """An operator of nova-network finds what he knows (nova-network.md section 17)."""
    nova = {
        "fixed_ip_disassociate_timeout": 600,
        "create_unique_mac_address_attempts": 5,
        "use_ipv6": False,
        "ipv6_backend": "rfc2462",
        "default_floating_pool": "nova",
        "flat_network_bridge": None,
        "flat_network_dns": "8.8.4.4",
        "flat_injected": False,
        "num_networks": 1,
        "multi_host": False,
        "share_dhcp_address": False,
        "vlan_interface": None,
        "vlan_start": 100,
        "vpn_start": 1000,
        "cnt_vpn_clients": 0,
        "flat_interface": None,
        "public_interface": "eth0",
        "dhcp_domain": "novalocal",
        "dhcp_lease_time": 86400,
        "dns_server": (),
        "use_network_dns_servers": False,
    }
    settings = load()

    assert {name: getattr(settings, name) for name in nova} == nova


@pytest.mark.parametrize(
    ("manager", "kind"),
    [
        ("nova.network.manager.VlanManager", "vlan"),
        ("nova.network.manager.FlatDHCPManager", "flatdhcp"),
        ("FlatManager", "flat"),
        ("vlan", "vlan"),
    ],
)
def test_novas_manager_classes_are_kinds(manager: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line of a nova.conf is understood."""
    monkeypatch.setenv("NETLEDGER_NETWORK_MANAGER", manager)

    assert load().network_manager == kind
    monkeypatch.setenv("NETLEDGER_NETWORK_MANAGER", "nova.network.quantum.manager.QuantumManager")
    with pytest.raises(WrongSettings, match="network_manager"):
        load()


def test_an_empty_value_can_mean_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in nova: no domain, and no translation of guests' addresses."""
    monkeypatch.setenv("NETLEDGER_DHCP_DOMAIN", "")
    monkeypatch.setenv("NETLEDGER_ROUTING_SOURCE_IP", "")
    monkeypatch.setenv("NETLEDGER_FLAT_INTERFACE", "")

    host = host_settings(load(), "h1")

    assert (host.dhcp_domain, host.routing_source_ip, host.flat_interface) == ("", "", None)


def test_every_setting_says_what_it_is() -> None:
    """`netledger settings` shows it."""
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_compose_and_documents_name_settings_that_exist() -> None:
    """A variable that is renamed takes its mention along."""
    compose = yaml.safe_load((REPO / "compose.yaml").read_text())
    named = {name for role in compose["services"].values() for name in role.get("environment", {})}
    documents = [REPO / "README.md", *sorted((REPO / "docs").glob("*.md"))]
    for document in documents:
        named |= set(re.findall(r"NETLEDGER_[A-Z_]+[A-Z]", document.read_text()))
    ours = {name for name in named if name.startswith(PREFIX) and not name.startswith("NETLEDGER_TEST")}

    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | {"NETLEDGER_CONFIG"}
    assert sorted(ours - known) == []
