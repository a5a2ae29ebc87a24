"""What can be wrong with the IPAM tables or the server they are in; foreign SQLSTATEs become one of these."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg

from events.errors import NetledgerError


class IpamError(NetledgerError):
    """The IPAM tables cannot be used as they are."""

    code = "IpamError"


class IpamUnavailable(IpamError):
    """PostgreSQL did not answer, or gave up in the middle. Nothing is half done; worth trying again."""

    code = "IpamUnavailable"


class IpamServerUnfit(IpamError):
    """The server or database lacks something that the tables need; the text says what and how to mend it."""

    code = "IpamServerUnfit"


class IpamMissing(IpamError):
    """There are no IPAM tables of this cell; the projector makes them when it starts."""

    code = "IpamMissing"


class IpamOutdated(IpamError):
    """The tables were made by a version of netledger that lays them out differently: rebuild them."""

    code = "IpamOutdated"


class IpamUnstorable(IpamError):
    """A decision says something that the tables cannot hold: a bug, or another program wrote the ledger."""

    code = "IpamUnstorable"


class IpamOtherLedger(IpamError):
    """The tables were built from another ledger, or from another past of this one: rebuild them."""

    code = "IpamOtherLedger"


class IpamDiffers(IpamError):
    """Tables that were rebuilt do not equal the live ones; nothing was swapped."""

    code = "IpamDiffers"


@contextmanager
def translated() -> Iterator[None]:
    """Turn psycopg's errors into ours. Violated constraints pass: the writer has a use for them."""
    try:
        yield
    except pg.IntegrityError:
        raise
    except (pg.UndefinedTable, pg.InvalidSchemaName) as error:
        what = _first_line(error)
        raise IpamMissing(
            f"There are no IPAM tables of this cell ({what}); a projector makes them."
        ) from error
    except (pg.InsufficientPrivilege, pg.FeatureNotSupported, pg.UndefinedFile) as error:
        raise IpamServerUnfit(
            f"PostgreSQL does not allow or know what the tables need: {_first_line(error)}."
        ) from error
    except psycopg.DataError as error:
        raise IpamUnstorable(f"PostgreSQL cannot hold what the ledger says: {_first_line(error)}.") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise IpamUnavailable(f"PostgreSQL did not answer or gave up: {_first_line(error)}.") from error


def _first_line(error: psycopg.Error) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
