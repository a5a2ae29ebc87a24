"""Apache Kafka's own jars from Maven Central, kept in the user's cache. It needs no Docker."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from events.errors import BrokenEnvironment

KAFKA_VERSION = "4.3.1"
SLF4J_VERSION = "1.7.36"
"""Kafka speaks SLF4J 1.7 and brings no binding; one for SLF4J 2 would not be found."""

JAVA_VERSION_MIN = 17
DOWNLOAD_TIMEOUT_S = 600

POM = f"""<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>netledger</groupId>
  <artifactId>dev-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>{SLF4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""


def find_java() -> str:
    """Return the java to use: the one in JAVA_HOME, or the one on PATH.

    Raises:
        BrokenEnvironment: there is none, or it is too old for Kafka.

    """
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=f"{home}/bin") if home else shutil.which("java")
    how = f"install Java {JAVA_VERSION_MIN} or later (Debian, Ubuntu: apt-get install default-jre-headless)"
    if java is None:
        raise BrokenEnvironment(
            f"Kafka needs Java, and there is no java {'in JAVA_HOME' if home else ''}: {how}"
        )
    shown = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', shown)
    if version is None or int(version[1]) < JAVA_VERSION_MIN:
        raise BrokenEnvironment(f"{java} is too old for Kafka ({shown.splitlines()[:1]}): {how}")
    return java


def cached_jars() -> Path:
    """Return where the jars are kept, whether or not they are there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "netledger" / f"kafka-{KAFKA_VERSION}"


def fetch_jars() -> Path:
    """Return the directory with Kafka's jars, downloading them (43 MB) the first time.

    Several processes may do so at once; the directory appears whole or not at all.

    Raises:
        BrokenEnvironment: Maven is missing or cannot download.

    """
    jars = cached_jars()
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise BrokenEnvironment(
            "Kafka's jars are fetched by Maven, and there is no mvn: install it (Debian, Ubuntu: "
            "apt-get install maven), or name a running Kafka by its bootstrap servers"
        )
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent, prefix="download-") as work:
        _download(maven, Path(work))
        try:
            (Path(work) / "lib").rename(jars)
        except OSError:
            if not jars.is_dir():  # else another process was quicker
                raise
    return jars


def _download(maven: str, work: Path) -> None:
    (work / "pom.xml").write_text(POM, encoding="utf-8")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={work}/lib"]
    try:
        done = subprocess.run(
            [maven, "--batch-mode", "--quiet", *goal],
            cwd=work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=DOWNLOAD_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise BrokenEnvironment(f"Maven did not get Kafka's jars in {DOWNLOAD_TIMEOUT_S} s") from error
    if done.returncode != 0:
        said = " ".join((done.stdout + done.stderr).split())[:600]
        raise BrokenEnvironment(
            f"Maven could not get Kafka {KAFKA_VERSION} from Maven Central; check the network, and the proxy "
            f"or mirror in Maven's settings.xml. It said: {said}"
        )
