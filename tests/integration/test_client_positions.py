"""Reads at a position that the caller demands, and the client that is awaited."""

import asyncio
from threading import Timer
from time import monotonic

import pytest

from events.networks import CreateNetworks
from services.async_client import AsyncClient
from services.client import Client, new_command_id
from services.manager import NetworkManager
from services.outcomes import Refused
from services.tables import ProjectionBehind
from tests.integration.test_client import ADMIN, Cell, cell, client, refusal_of

__all__ = ["cell", "client"]


def test_failure_15_a_read_can_demand_a_position_that_another_client_was_given(cell: Cell) -> None:
    """It waits until the tables show it; without a demand it sees what is there."""
    cell.start_allocator()
    writer, reader = cell.client(), cell.client()
    wish = CreateNetworks(id=new_command_id(), actor=ADMIN, kind="flatdhcp", label="late", cidr="10.8.0.0/24")
    position = writer.submit(wish).granted().position
    late = Timer(0.5, cell.start_projector)
    began = monotonic()
    late.start()
    found = reader.at_least(position).get_all_networks()

    assert ([one["label"] for one in found], position) == (["late"], "default:1")
    assert monotonic() - began >= 0.5
    assert reader.call("get_all_networks", at_least=position) == found
    late.join()


def test_a_position_that_does_not_come_is_an_error_and_one_of_another_cell_a_refusal(cell: Cell) -> None:
    """Nothing older is returned in its place."""
    cell.start_projector()
    with cell.deployment.client(ADMIN) as asking:
        asking._timeout_s = 0.3  # noqa: SLF001 - a deployment's clients have its patience
        with pytest.raises(ProjectionBehind, match=r"do not show position 9 after 0\.3 s"):
            asking.at_least("default:9").get_all_networks()
        with pytest.raises(Refused, match="cell 'east'"):
            asking.at_least("east:1").get_all_networks()


def test_the_same_methods_can_be_awaited(cell: Cell, client: Client) -> None:
    """Typed, several at once, and refused as ever."""

    async def ask() -> tuple[list[str], object]:
        async with AsyncClient(cell.client()) as asking:
            made = await asyncio.gather(
                *(asking.run(NetworkManager.create_networks, f"n{n}", f"10.9.{n}.0/24") for n in range(5))
            )
            ids = [networks[0]["id"] for networks in made]
            labels = [(await asking.run(NetworkManager.get_network, one))["label"] for one in ids]
            with pytest.raises(Refused, match="NetworkNotFound"):
                await asking.call("get_network", {"network_uuid": new_command_id()})
            return labels, await asking.call("get_all_networks")

    labels, everything = asyncio.run(ask())
    assert labels == [f"n{n}" for n in range(5)]
    assert everything == client.get_all_networks()
    assert refusal_of(client, "get_network", {}) == ("InvalidInput", "network_uuid")
