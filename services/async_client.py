"""The client for programs that await: the same calls, each in a thread of its own meanwhile.

async with AsyncClient(client) as asking:
network = await asking.run(NetworkManager.get_network, network_uuid)
"""

from asyncio import to_thread
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from events.model import Actor
from services.client import Client
from services.manager import NetworkManager

P = ParamSpec("P")
T = TypeVar("T")


class AsyncClient:
    """Asks through a client, which is safe for use by several threads, and closes it at the end.

    A call that is cancelled may still be decided: keep its command id, and repeat it.
    """

    def __init__(self, client: Client) -> None:
        """Ask through `client`, and own it."""
        self.client = client

    async def run(
        self, method: Callable[Concatenate[NetworkManager, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call a method of `NetworkManager`, with its own types; raises what it raises."""
        return await to_thread(method, self.client, *args, **kwargs)

    async def call(
        self,
        method: str,
        args: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = None,
        command_id: str | None = None,
        at_least: str | None = None,
    ) -> Any:  # noqa: ANN401 - as different as nova's return values
        """Call a method by nova's name, as `Client.call` does."""
        return await to_thread(
            self.client.call, method, args, actor=actor, command_id=command_id, at_least=at_least
        )

    async def __aenter__(self) -> Self:
        """Return itself, to be closed at the end of an `async with` block."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the client."""
        await to_thread(self.client.close)
