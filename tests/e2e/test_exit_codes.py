"""Exit codes are a promise to scripts: 0 done, 2 wrong usage, 3 refused, 4 broken environment, 5 unknown."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from events.log.postgres import PostgresLog
from services.allocator.runner import CellTopics
from services.embedded.postgres import EmbeddedPostgres
from tests.e2e.driver import Netledger, await_gone, command_line, environment
from tests.eventually import eventually

pytestmark = pytest.mark.slow


def test_wrong_usage_is_2(netledger: Netledger) -> None:
    """Who forgets an argument, or names a command that there is not, is told how it goes."""
    missing = netledger("network", "create")
    unknown = netledger("netwrok", "list")
    surplus = netledger("call", "--batch", "get_all_networks")

    assert [missing.code, unknown.code, surplus.code] == [2, 2, 2]
    assert "label" in missing.err.lower()


def test_a_refusal_is_3_with_code_field_and_sentence(netledger: Netledger) -> None:
    """A person reads it on standard error; a program gets it as JSON."""
    told = netledger("instance", "spawn", "--project", "p", "--host", "h", "--nic", "no-such-network")
    said = netledger("network", "create", "x", "10.99.0.0/30", "--json")

    assert (told.code, said.code) == (3, 3)
    assert told.err.startswith("Refused: NetworkNotFound (network): No networks have the label")
    refusal = json.loads(said.out)["refusal"]
    assert (refusal["code"], refusal["field"]) == ("InvalidCidr", "cidr")
    assert "/29" in refusal["message"]


def test_no_deployment_is_4_and_nothing_is_made(tmp_path: Path) -> None:
    """A mistyped directory is not taken for an empty deployment."""
    nowhere = Netledger(tmp_path / "nowhere")

    answered = nowhere("network", "list")
    status = nowhere("status")

    assert (answered.code, status.code) == (4, 4)
    assert f"netledger up --data {nowhere.data}" in answered.err
    assert f"netledger up --data {nowhere.data}" in status.err
    assert not nowhere.data.exists()


def test_an_unreachable_database_is_4_in_bounded_time(tmp_path: Path) -> None:
    """Neither a command nor a role hangs on a database that is away; it is named, without its password."""
    settings = {
        "NETLEDGER_DATABASE": "postgresql://someone:secret@127.0.0.1:1/nothing",
        "NETLEDGER_START_TIMEOUT": "1",
    }
    away = Netledger(tmp_path, settings)

    answers = [away("network", "list"), away.process("projector"), away.process("up")]

    assert [answer.code for answer in answers] == [4, 4, 4]
    assert all("127.0.0.1" in answer.err for answer in answers), answers
    assert not any("secret" in answer.err for answer in answers)


def test_an_unreachable_kafka_is_4_in_bounded_time(tmp_path: Path) -> None:
    """The brokers are named."""
    settings = {
        "NETLEDGER_LOG": "kafka",
        "NETLEDGER_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "NETLEDGER_START_TIMEOUT": "1",
    }
    away = Netledger(tmp_path, settings)

    answered = away.process("allocator")

    assert answered.code == 4
    assert "127.0.0.1:1" in answered.err


def test_wrong_settings_are_4_and_named(tmp_path: Path) -> None:
    """A misspelt variable, a bad value and an unknown key in the file are each told by name."""
    misspelt = Netledger(tmp_path, {"NETLEDGER_DATABSE": "x"})("network", "list")
    bad = Netledger(tmp_path, {"NETLEDGER_DHCP_LEASE_TIME": "long"})("network", "list")
    (tmp_path / "netledger.toml").write_text("dhcp_lease_tme = 3600\n")
    in_file = Netledger(tmp_path)("network", "list")
    flag = Netledger(tmp_path / "other")("network", "list", "--log", "redis")

    assert [one.code for one in (misspelt, bad, in_file, flag)] == [4, 4, 4, 4]
    assert "NETLEDGER_DATABSE" in misspelt.err
    assert "dhcp_lease_time (NETLEDGER_DHCP_LEASE_TIME)" in bad.err
    assert "dhcp_lease_tme" in in_file.err
    assert "log (flag)" in flag.err


def test_a_second_up_on_the_same_directory_is_4(netledger: Netledger) -> None:
    """Two of them would double every role."""
    second = netledger.process("up")

    assert second.code == 4
    assert "stop it first" in second.err


def test_an_unknown_outcome_is_5_and_repeating_the_id_is_safe(own_netledger: Netledger) -> None:
    """Who gave up has the command id; the command is decided once, and its repetition gets the answer."""
    netledger = own_netledger.up()
    assert netledger("network", "create", "net", "10.0.0.0/24").code == 0
    spawn = ("instance", "spawn", "--project", "p", "--host", "h", "--nic", "net", "--json")
    stopped = netledger.send("allocator", signal.SIGSTOP)
    try:
        unknown = netledger(*spawn, "--timeout", "0.5")
    finally:
        netledger.send_to(stopped, signal.SIGCONT)

    assert unknown.code == 5
    command_id = json.loads(unknown.out)["unknown"]["command_id"]
    assert f"--id {command_id}" in unknown.err
    first = netledger(*spawn, "--id", command_id).json()
    again = netledger(*spawn, "--id", command_id).json()

    assert first == again
    assert len(netledger("instance", "list", "--json").json()) == 1
    other = netledger("instance", "spawn", "--project", "other", "--host", "h", "--id", command_id)
    assert (other.code, "CommandIdReused" in other.err) == (3, True)
    shown = netledger("command", "show", command_id, "--json").json()
    assert shown["cause"] == "SpawnInstance.v1"
    assert len(shown["repeats"]) >= 1


def test_ctrl_c_before_the_answer_is_an_unknown_outcome_too(own_netledger: Netledger) -> None:
    """Who loses patience gets the id as well."""
    netledger = own_netledger.up()
    stopped = netledger.send("allocator", signal.SIGSTOP)
    words = ("network", "create", "net", "10.0.0.0/24")
    process = subprocess.Popen(
        command_line(*words),
        env=environment(netledger.data, netledger.settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        eventually(lambda: commands_sent(netledger))
        process.send_signal(signal.SIGINT)
        _, told = process.communicate()
    netledger.send_to(stopped, signal.SIGCONT)

    assert process.returncode == 5
    command_id = told.partition("--id ")[2][:36]
    assert netledger(*words, "--id", command_id).code == 0
    assert len(netledger("network", "list", "--json").json()) == 1


def commands_sent(netledger: Netledger) -> int:
    """Return how many commands have arrived in the log."""
    with PostgresLog(EmbeddedPostgres(netledger.data / "postgres").dsn) as log:
        return log.bounds(CellTopics("default").commands).end


def test_a_killed_role_comes_back_and_status_tells(own_netledger: Netledger) -> None:
    """`up` starts a role again that was killed; when `up` itself is killed, its roles end."""
    netledger = own_netledger.up()
    killed = netledger.send("projector", signal.SIGKILL)
    await_gone(killed)

    ready = netledger("status", "--wait", "60")

    assert ready.code == 0, ready
    pids = {name: role["pid"] for name, role in netledger.roles().items()}
    assert pids["projector"] != killed
    netledger.kill_up()
    await_gone(*pids.values())
    assert netledger("status").code == 4
