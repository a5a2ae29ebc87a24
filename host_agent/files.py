"""Writing small files so that a reader sees the old or the new one, never a part."""

from pathlib import Path

from host_agent.errors import HostError

_READABLE = 0o644
EXECUTABLE = 0o755


def write(path: Path, text: str, mode: int = _READABLE) -> None:
    """Put a file in place. The temporary name begins with a dot, which dnsmasq passes over.

    Raises:
        HostError: the directory cannot be written.

    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        temporary.write_text(text)
        temporary.chmod(mode)
        temporary.rename(path)
    except OSError as error:
        raise HostError(f"{path} cannot be written: {error.strerror}") from error


def text_of(path: Path) -> str:
    """Return what a file holds; nothing if it is not there."""
    try:
        return path.read_text()
    except OSError:
        return ""
