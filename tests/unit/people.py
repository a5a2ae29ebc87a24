"""Who asks in tests, and the ids of things by their names."""

from hashlib import blake2b
from uuid import UUID

from events.ids import uuid7
from events.model import Actor

ANY_ID = uuid7(0, 0)
ADMIN = Actor(user="root", project="admin", is_admin=True)
ANN = Actor(user="ann", project="red")
BOB = Actor(user="bob", project="blue")


def uid(name: str) -> str:
    """Return the UUID that a thing of this name has in every test."""
    return str(UUID(bytes=blake2b(name.encode(), digest_size=16).digest(), version=4))
