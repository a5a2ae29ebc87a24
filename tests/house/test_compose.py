"""`compose.yaml` and the image hold together, as far as that can be seen without a container engine."""

import re
import tomllib
from typing import Any

import pytest
import typer
import yaml

from services.cli.app import app
from services.settings import PREFIX, Settings
from tests.house.source import PACKAGES, REPO

COMPOSE: dict[str, Any] = yaml.safe_load((REPO / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (REPO / "Dockerfile").read_text()
ROLES = ("allocator", "projector", "agent")


def test_every_service_has_a_health_check() -> None:
    """`up --wait` waits for something that means ready."""
    assert [
        name for name, service in SERVICES.items() if not service.get("healthcheck", {}).get("test")
    ] == []


def test_roles_wait_until_what_they_need_is_healthy() -> None:
    """A role starts after the log and the database answer, not merely after they were started."""
    waits = {name: SERVICES[name]["depends_on"] for name in ROLES}

    assert all({"kafka", "postgres"} <= set(needed) for needed in waits.values())
    assert all(
        how == {"condition": "service_healthy"} for needed in waits.values() for how in needed.values()
    )
    assert all(set(needed) <= set(SERVICES) for needed in waits.values())


@pytest.mark.parametrize("name", ROLES)
def test_our_settings_are_ones_that_there_are(name: str) -> None:
    """An unknown setting ends a role; values make sense to the settings themselves."""
    given = SERVICES[name]["environment"]

    assert {variable.removeprefix(PREFIX).lower() for variable in given} <= set(Settings.model_fields)
    settings = Settings.model_validate(
        {variable.removeprefix(PREFIX).lower(): value for variable, value in given.items()}
    )
    assert settings.log == "kafka"
    assert not settings.embedded


def test_the_images_settings_are_ones_that_there_are() -> None:
    """The same for what the image sets."""
    given = re.findall(rf"^ENV {PREFIX}(\w+)=", DOCKERFILE, re.MULTILINE)

    assert {name.lower() for name in given} <= set(Settings.model_fields)


@pytest.mark.parametrize("name", ROLES)
def test_our_commands_are_ones_that_there_are(name: str) -> None:
    """The words after `netledger` name a command and options that it takes."""
    words = list(SERVICES[name]["command"])
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    with command.make_context("netledger", words, resilient_parsing=False) as context:
        assert context.command is command


def test_the_image_is_of_this_version() -> None:
    """A new version makes a new image."""
    version = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]["version"]

    assert {SERVICES[name]["image"] for name in ROLES} == {f"netledger:{version}"}


def test_images_are_pinned_or_built_here() -> None:
    """Nothing depends on what `latest` is today."""
    images = {name: service.get("image", "") for name, service in SERVICES.items()}
    loose = [name for name, image in images.items() if not re.search(r":\d", image)]

    assert loose == []
    assert {name: SERVICES[name].get("build") for name in ROLES} == dict.fromkeys(ROLES, ".")


def test_volumes_are_declared() -> None:
    """Each named volume that a service mounts is declared at the bottom."""
    mounted = {mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])}

    assert mounted == set(COMPOSE["volumes"])


def test_the_image_holds_the_lock_and_the_four_packages() -> None:
    """The image is built from the lock with its hashes, from files that .dockerignore lets through."""
    copied = {
        word.rstrip("/")
        for line in re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.MULTILINE)
        for word in line.split()
    }
    let_through = set(re.findall(r"^!(\S+)$", (REPO / ".dockerignore").read_text(), re.MULTILINE))

    assert set(PACKAGES) <= copied
    assert copied == let_through
    assert "--require-hashes -r requirements.lock" in DOCKERFILE
