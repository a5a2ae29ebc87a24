"""A wire between a PostgreSQL client and its server that a test can hold, cut, or rob of one answer."""

import socket
import threading
from pathlib import Path
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CHUNK = 1 << 16


class PostgresLine:
    """Forwards bytes between a port of 127.0.0.1 and the server, a thread for each direction."""

    def __init__(self, dsn: str) -> None:
        self._target = conninfo_to_dict(dsn)
        self._open_to_requests = threading.Event()
        self._open_to_requests.set()
        self._lock = threading.Lock()
        self._lose_next = False
        self._refusing = False
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.dsn = make_conninfo(dsn, host="127.0.0.1", port=self._server.getsockname()[1], sslmode="disable")
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def hold_appends(self) -> None:
        """Keep every request on its way."""
        self._open_to_requests.clear()

    def release_appends(self) -> None:
        """Let them arrive."""
        self._open_to_requests.set()

    def lose_next_acknowledgement(self) -> None:
        """Let the next request arrive, and cut its connection instead of delivering the answer."""
        with self._lock:
            self._lose_next = True

    def cut(self) -> None:
        """Cut every connection."""
        with self._lock:
            for one in self._sockets:
                _shut(one)

    def refuse(self, *, refusing: bool) -> None:
        """Take no new connections, or take them again."""
        self._refusing = refusing

    def close(self) -> None:
        """Cut everything, for good."""
        _shut(self._server)
        self._accepting.join()
        self._server.close()
        self.cut()
        self.release_appends()
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def __enter__(self) -> Self:
        """Return itself, to be closed at the end of a `with` block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close."""
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._server.accept()
            except OSError:
                return
            if self._refusing:
                client.close()
                continue
            connection = _Connection(client, self._connect())
            with self._lock:
                self._sockets |= {connection.client, connection.server}
            for forward in (self._forward_requests, self._forward_answers):
                thread = threading.Thread(target=forward, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _connect(self) -> socket.socket:
        host, port = str(self._target.get("host", "")), int(str(self._target.get("port", 5432)))
        if not host.startswith("/"):
            return socket.create_connection((host or "127.0.0.1", port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(str(Path(host) / f".s.PGSQL.{port}"))
        return server

    def _forward_requests(self, connection: "_Connection") -> None:
        while data := _receive(connection.client):
            self._open_to_requests.wait()
            with self._lock:
                if self._lose_next:
                    self._lose_next = False
                    connection.is_robbed = True
            if not _send(connection.server, data):
                break
        connection.end()

    def _forward_answers(self, connection: "_Connection") -> None:
        while data := _receive(connection.server):
            if connection.is_robbed or not _send(connection.client, data):
                break
        connection.end()


class _Connection:
    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.is_robbed = False

    def end(self) -> None:
        """Tell both sides; each thread comes here, so the second may find it done."""
        _shut(self.client)
        _shut(self.server)


def _shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _receive(one: socket.socket) -> bytes:
    try:
        return one.recv(CHUNK)
    except OSError:
        return b""


def _send(one: socket.socket, data: bytes) -> bool:
    try:
        one.sendall(data)
    except OSError:
        return False
    return True
