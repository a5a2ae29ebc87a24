"""Who runs the embedded server: PostgreSQL refuses to run as root, so root lends it an account of its own.

The account must be able to reach the program and the data below directories that may be root's alone. It is
given the right to walk through those (`x`), by an access control list that names only this account where the
file system has such lists.
"""

import errno
import os
import pwd
import shutil
import stat
import struct
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import structlog

from events.errors import BrokenEnvironment

ACCOUNT = "netledger"
"""The system account made for the server when root starts it."""

_FALLBACK = "nobody"
_LOOK_AGAIN_S_MAX = 3.0
_ACL = "system.posix_acl_access"
_ACL_ENTRY = struct.Struct("<HHI")
_ACL_VERSION = struct.pack("<I", 2)
_NO_ID = 0xFFFFFFFF
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 1, 2, 4, 16, 32
_SEARCH = 1

log = structlog.get_logger()


class Account(NamedTuple):
    """A user of this machine, by numbers."""

    name: str
    uid: int
    gid: int


def server_account(data: Path) -> Account | None:
    """Return the account that the server has to run as, or None when it can be our own.

    Data that exists stays with its owner. The server never runs as root, so data of root's are a user's,
    seen from inside a user namespace where that user is called root, and need no account. Otherwise it is
    `ACCOUNT`, made if it is missing, or `nobody` where none can be.
    """
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else None
    if owner == 0:
        return None
    entry = pwd.getpwuid(owner) if owner else _find(ACCOUNT) or _create() or pwd.getpwnam(_FALLBACK)
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create() -> pwd.struct_passwd | None:
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        return None
    log.info("making a system account for the embedded PostgreSQL", account=ACCOUNT)
    options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    made = subprocess.run(
        [useradd, *options, "--shell", "/usr/sbin/nologin", ACCOUNT],
        capture_output=True,
        text=True,
        check=False,
    )
    deadline = time.monotonic() + _LOOK_AGAIN_S_MAX
    while (found := _find(ACCOUNT)) is None and time.monotonic() < deadline:
        time.sleep(0.05)  # another process of ours may hold the lock of /etc/passwd for the same purpose
    if found is None:
        why = made.stderr.strip()
        log.warning("the account could not be made", account=ACCOUNT, why=why, instead=_FALLBACK)
    return found


def let_reach(account: Account, path: Path) -> None:
    """Let the account walk to `path`: each directory above it, and itself if it is one.

    Raises:
        BrokenEnvironment: one of them cannot be opened for it.

    """
    for directory in reversed([path, *path.parents]):
        mode = directory.stat()
        if not stat.S_ISDIR(mode.st_mode) or mode.st_mode & stat.S_IXOTH or mode.st_uid == account.uid:
            continue
        try:
            _let_search(directory, account.uid, mode.st_mode)
        except OSError as error:
            raise BrokenEnvironment(
                f"the account {account.name}, which runs PostgreSQL for root, cannot enter {directory} "
                f"({error}): run `chmod o+x {directory}`, choose another place, or set NETLEDGER_DATABASE "
                "to the DSN of a server"
            ) from error


def _let_search(directory: Path, uid: int, mode: int) -> None:
    try:
        os.setxattr(directory, _ACL, acl_with_search(_read_acl(directory), uid, mode))
    except OSError as error:
        if error.errno not in {errno.ENOTSUP, errno.ENOSYS, errno.EINVAL}:
            raise
        log.warning("letting everybody walk through, for the embedded PostgreSQL", path=str(directory))
        directory.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _read_acl(directory: Path) -> bytes:
    try:
        return os.getxattr(directory, _ACL)
    except OSError as error:
        if error.errno == errno.ENODATA:
            return b""
        raise


def acl_with_search(acl: bytes, uid: int, mode: int) -> bytes:
    """Return the access control list (acl(5), in the kernel's encoding) with search for one more user.

    Args:
        acl: the list as it is; empty where the directory has only its mode.
        uid: the user who may walk through.
        mode: the directory's mode, from which an empty list is made.

    """
    listed = _ACL_ENTRY.iter_unpack(acl[len(_ACL_VERSION) :])
    entries = {(tag, number): rights for tag, rights, number in listed}
    if not entries:
        entries = {
            (_USER_OBJ, _NO_ID): mode >> 6 & 7,
            (_GROUP_OBJ, _NO_ID): mode >> 3 & 7,
            (_OTHER, _NO_ID): mode & 7,
        }
    entries[_USER, uid] = entries.get((_USER, uid), 0) | _SEARCH
    # The mask bounds every entry but the owner's and the others'; a new one must not cut what the group had.
    entries[_MASK, _NO_ID] = entries.get((_MASK, _NO_ID), entries[_GROUP_OBJ, _NO_ID]) | _SEARCH
    ordered = sorted(entries.items())
    return _ACL_VERSION + b"".join(_ACL_ENTRY.pack(tag, rights, number) for (tag, number), rights in ordered)
