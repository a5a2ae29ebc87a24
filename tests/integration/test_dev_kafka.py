"""The Kafka to play with: it keeps data and ports, says what is missing, and leaves no process behind."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from events.errors import BrokenEnvironment
from events.log.kafka import KafkaLog
from events.log.kafka_settings import KafkaSettings
from events.log.port import Message, TopicPartition, TopicSpec
from services.dev import kafka_jars
from services.dev.kafka import DevKafka
from services.dev.kafka_jars import fetch_jars, find_java
from services.dev.kafka_plan import free_ports
from tests.eventually import eventually
from tests.fix_kafka import require_java

START_AND_WAIT = """
import sys
from pathlib import Path
from services.dev.kafka import DevKafka

kafka = DevKafka(Path(sys.argv[1]))
kafka.start()
print(*kafka.pids, flush=True)
sys.stdin.read()
"""
RUN = """
import sys
from pathlib import Path
from services.dev.kafka import DevKafka

DevKafka(Path(sys.argv[1])).run(lambda servers: print(servers, flush=True))
"""


def is_gone(pid: int) -> bool:
    """Tell whether no process has this id (a zombie is gone as well: it holds nothing)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


@pytest.mark.kafka
@pytest.mark.slow
def test_data_and_ports_outlive_a_restart(tmp_path: Path, topic_name: str) -> None:
    """A directory is one broker, whichever object starts it; starting twice is starting once."""
    require_java()
    where = TopicPartition(topic_name, 0)
    with DevKafka(tmp_path) as first:
        pids = first.pids
        first.start()
        assert first.pids == pids
        servers = first.bootstrap_servers
        with KafkaLog(KafkaSettings(servers)) as log:
            log.ensure_topic(TopicSpec(topic_name, 1, "ledger"))
            appender = log.appender(where)
            appender.append([Message((), b"kept")])
            assert appender.flush(30.0)
            appender.close()
    assert all(is_gone(pid) for pid in pids)

    with DevKafka(tmp_path) as again:
        assert again.bootstrap_servers == servers
        with KafkaLog(KafkaSettings(servers)) as log:
            assert [record.value for record in log.read(where, 0, 10)] == [b"kept"]


@pytest.mark.kafka
@pytest.mark.slow
def test_no_java_outlives_its_parent(tmp_path: Path) -> None:
    """Not even when the parent is killed and cannot clean up."""
    require_java()
    command = [sys.executable, "-c", START_AND_WAIT, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        (pid,) = [int(pid) for pid in parent.stdout.readline().split()]
        assert not is_gone(pid)
        parent.kill()

    try:
        eventually(lambda: is_gone(pid), within_s=10.0)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.kafka
@pytest.mark.slow
def test_run_ends_on_a_signal(tmp_path: Path) -> None:
    """SIGTERM stops the nodes in order, so that the next start has nothing to recover."""
    require_java()
    with subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        servers = program.stdout.readline().decode().strip()
        with KafkaLog(KafkaSettings(servers)) as log:
            assert log.brokers() == 1
        program.send_signal(signal.SIGTERM)
        assert program.wait(60.0) == 0

    assert (tmp_path / "node-1" / "data" / ".kafka_cleanshutdown").exists()


@pytest.mark.kafka
@pytest.mark.slow
def test_a_taken_port_is_said(tmp_path: Path) -> None:
    """Before anything is started."""
    require_java()
    (port,) = free_ports(1)
    kafka = DevKafka(tmp_path, port=port)
    taken = socket.create_server(("127.0.0.1", port))

    with taken, pytest.raises(BrokenEnvironment, match=f"port {port} of 127.0.0.1 is taken"):
        kafka.start()

    assert kafka.pids == []


@pytest.mark.kafka
@pytest.mark.slow
def test_a_node_that_does_not_come_up_is_quoted(tmp_path: Path) -> None:
    """With what it said, and nothing left running."""
    require_java()
    kafka = DevKafka(tmp_path, server_settings={"num.io.threads": "many"})

    with pytest.raises(BrokenEnvironment, match=r"num\.io\.threads"):
        kafka.start()

    assert kafka.pids == []


@pytest.mark.kafka
@pytest.mark.slow
def test_three_nodes_keep_what_one_loses(tmp_path: Path, topic_name: str) -> None:
    """Three replicas, two of which acknowledge: the partition's leader may die."""
    require_java()
    where = TopicPartition(topic_name, 0)
    with (
        DevKafka(tmp_path, nodes=3) as kafka,
        KafkaLog(KafkaSettings(kafka.bootstrap_servers, delivery_timeout_s=60.0)) as log,
    ):
        log.ensure_topic(TopicSpec(topic_name, 1, "ledger"))
        appender, feed = log.appender(where), log.follow({where: 0})
        appender.append([Message((), b"before")])
        assert appender.flush(60.0)
        assert [record.value for record in feed.poll(10, 60.0)] == [b"before"]
        leader = AdminClient(KafkaSettings(kafka.bootstrap_servers).admin()).list_topics(
            topic_name, timeout=30
        )
        os.kill(kafka.pids[leader.topics[topic_name].partitions[0].leader - 1], signal.SIGKILL)
        appender.append([Message((), b"after")])
        assert appender.flush(60.0)

        assert [outcome.offset for outcome in appender.outcomes()] == [0, 1]
        assert eventually(lambda: [record.value for record in feed.poll(10, 1.0)]) == [b"after"]
        assert log.bounds(where) == (0, 2)
        appender.close()
        feed.close()


def test_another_shape_is_refused(tmp_path: Path) -> None:
    """A directory holds one cluster; how many nodes there can be is said."""
    with pytest.raises(BrokenEnvironment, match="one node or three"):
        DevKafka(tmp_path, nodes=2)


# What is missing --------------------------------------------------------------------------------------------


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty directory that is all of PATH, on a machine that has fetched nothing yet."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def program(directory: Path, name: str, script: str) -> None:
    """Make a program on PATH."""
    path = directory / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def test_missing_java_is_said(bare_machine: Path) -> None:
    """With the package to install."""
    with pytest.raises(BrokenEnvironment, match=r"no java.*default-jre-headless"):
        DevKafka(bare_machine / "kafka").start()


def test_old_java_is_said(bare_machine: Path) -> None:
    """Also one that numbered itself 1.8."""
    program(bare_machine, "java", "echo 'openjdk version \"1.8.0_382\"' >&2")

    with pytest.raises(BrokenEnvironment, match=r"too old.*1\.8\.0.*Java 17"):
        find_java()


def test_missing_maven_is_said(bare_machine: Path) -> None:
    """With the package to install, and the way around it."""
    with pytest.raises(BrokenEnvironment, match=r"no mvn.*apt-get install maven.*bootstrap servers"):
        fetch_jars()


def test_failing_download_is_said_and_leaves_nothing(bare_machine: Path) -> None:
    """Maven's own words are kept; the next try starts afresh."""
    program(bare_machine, "mvn", "echo 'Could not transfer artifact: unknown host'; exit 1")

    with pytest.raises(BrokenEnvironment, match=r"Maven Central.*Could not transfer artifact: unknown host"):
        fetch_jars()

    assert list((bare_machine / "cache" / "netledger").iterdir()) == []


def test_jars_are_fetched_once(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then Maven is no longer needed; the version is in the directory's name."""
    script = (
        'for last; do :; done; out="${last#-DoutputDirectory=}"; /bin/mkdir "$out"; echo jar > "$out/a.jar"'
    )
    program(bare_machine, "mvn", script)
    jars = fetch_jars()
    (bare_machine / "mvn").unlink()

    assert fetch_jars() == jars
    assert jars.name == f"kafka-{kafka_jars.KAFKA_VERSION}"
    assert [path.name for path in jars.iterdir()] == ["a.jar"]
