"""One process at a time should own a cell, and the next one takes over when it goes or is cut off."""

from contextlib import ExitStack, closing

import psycopg

from events.log.ownership import Ownership
from events.log.postgres_ownership import PostgresOwnership
from tests.eventually import eventually
from tests.postgres_line import PostgresLine


def becomes_owner(ownership: Ownership) -> None:
    """Wait until it is assigned."""
    eventually(ownership.assigned)


def owner_sessions(postgres_admin: psycopg.Connection) -> list[tuple[int]]:
    """Return the server processes that hold a cell."""
    return postgres_admin.execute(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"
    ).fetchall()


def loses(ownership: Ownership) -> None:
    """Wait until it is not assigned."""
    eventually(lambda: not ownership.assigned())


def end_sessions(postgres_admin: psycopg.Connection) -> None:
    """End every owner's session on the server."""
    postgres_admin.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'netledger owner%'"
    )


def test_one_of_two_is_assigned_and_hands_over(database: str) -> None:
    """The second gets the cell when the first closes, and a third when the second does."""
    with ExitStack() as stack:
        first = stack.enter_context(closing(PostgresOwnership(database, "default")))
        becomes_owner(first)
        second = stack.enter_context(closing(PostgresOwnership(database, "default")))
        third = stack.enter_context(closing(PostgresOwnership(database, "default")))
        assert not second.assigned()
        assert not third.assigned()

        first.close()
        first.close()

        assert not first.assigned()
        eventually(lambda: second.assigned() or third.assigned())
        assert second.assigned() != third.assigned()


def test_cells_are_independent(database: str) -> None:
    """Each cell has a lock of its own."""
    with (
        closing(PostgresOwnership(database, "north")) as north,
        closing(PostgresOwnership(database, "south")) as south,
    ):
        becomes_owner(north)
        becomes_owner(south)


def test_lost_session_is_lost_ownership(database: str) -> None:
    """An owner whose session is cut says so, and another takes over."""
    with ExitStack() as stack:
        line = stack.enter_context(PostgresLine(database))
        cut_off = stack.enter_context(closing(PostgresOwnership(line.dsn, "default")))
        becomes_owner(cut_off)
        line.refuse(refusing=True)
        line.cut()

        loses(cut_off)
        other = stack.enter_context(closing(PostgresOwnership(database, "default")))
        becomes_owner(other)

        line.refuse(refusing=False)
        assert not cut_off.assigned()


def test_ended_session_is_opened_again(database: str, postgres_admin: psycopg.Connection) -> None:
    """After the server restarted, somebody owns the cell again."""
    with closing(PostgresOwnership(database, "default")) as ownership:
        becomes_owner(ownership)
        before = owner_sessions(postgres_admin)
        end_sessions(postgres_admin)
        eventually(lambda: owner_sessions(postgres_admin) not in ([], before))
        becomes_owner(ownership)


def test_no_server_is_no_ownership(database: str) -> None:
    """Without a server nobody is assigned, nobody crashes, and closing ends the attempts."""
    with PostgresLine(database) as line:
        line.refuse(refusing=True)
        ownership = PostgresOwnership(line.dsn, "default")
        assert not ownership.assigned()
        line.refuse(refusing=False)
        becomes_owner(ownership)
        ownership.close()
        assert not ownership.assigned()
