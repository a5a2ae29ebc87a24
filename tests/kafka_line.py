"""A wire between a Kafka client and its broker that a test can hold, cut, or rob of one answer.

The broker must send the clients of this wire back through it: see `services.dev.kafka_plan.Detour`.
"""

import socket
import struct
import threading
from typing import Self

PRODUCE = 0
"""The api key of ProduceRequest, https://kafka.apache.org/protocol#protocol_api_keys."""

SIZE = struct.Struct(">i")
REQUEST = struct.Struct(">hhi")
"""How every request begins: api key, api version, correlation id. Its answer begins with the latter."""


class KafkaLine:
    """Forwards whole requests and answers on a port of 127.0.0.1, a thread for each direction."""

    def __init__(self, port: int, target: int) -> None:
        self.answers_lost = 0
        self._target = target
        self._open_to_appends = threading.Event()
        self._open_to_appends.set()
        self._lock = threading.Lock()
        self._lose_next = False
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._server = socket.create_server(("127.0.0.1", port))
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def hold_appends(self) -> None:
        """Keep the next append, and what follows it on its connection, on its way."""
        self._open_to_appends.clear()

    def release_appends(self) -> None:
        """Let it arrive."""
        self._open_to_appends.set()

    def lose_next_acknowledgement(self) -> None:
        """Let the next append arrive, and cut the connection instead of delivering the answer."""
        with self._lock:
            self._lose_next = True

    def cut(self) -> None:
        """Cut every connection. What is held is lost; new connections are welcome."""
        with self._lock:
            for one in self._sockets:
                _shut(one)

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
            try:
                broker = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            with self._lock:
                self._sockets |= {client, broker}
            connection = _Connection(client, broker)
            for forward in (self._forward_requests, self._forward_answers):
                thread = threading.Thread(target=forward, args=(connection,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _forward_requests(self, connection: "_Connection") -> None:
        while (frame := _receive(connection.client)) is not None:
            api_key, _version, correlation = REQUEST.unpack_from(frame)
            if api_key == PRODUCE:
                self._open_to_appends.wait()
                with self._lock:
                    if self._lose_next:
                        self._lose_next = False
                        connection.answer_to_lose = correlation
            if not _send(connection.broker, frame):
                break
        connection.end()

    def _forward_answers(self, connection: "_Connection") -> None:
        while (frame := _receive(connection.broker)) is not None:
            (correlation,) = SIZE.unpack_from(frame)
            if correlation == connection.answer_to_lose:
                self.answers_lost += 1
                break
            if not _send(connection.client, frame):
                break
        connection.end()


class _Connection:
    def __init__(self, client: socket.socket, broker: socket.socket) -> None:
        self.client = client
        self.broker = broker
        self.answer_to_lose: int | None = None

    def end(self) -> None:
        """Tell both sides; each thread comes here, so the second may find it done."""
        _shut(self.client)
        _shut(self.broker)


def _shut(one: socket.socket) -> None:
    try:
        one.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _receive(one: socket.socket) -> bytes | None:
    """Return one request or answer without its size; None at the end of the connection."""
    head = _receive_exactly(one, SIZE.size)
    return None if head is None else _receive_exactly(one, SIZE.unpack(head)[0])


def _receive_exactly(one: socket.socket, count: int) -> bytes | None:
    data = bytearray()
    while len(data) < count:
        try:
            piece = one.recv(count - len(data))
        except OSError:
            return None
        if not piece:
            return None
        data += piece
    return bytes(data)


def _send(one: socket.socket, frame: bytes) -> bool:
    try:
        one.sendall(SIZE.pack(len(frame)) + frame)
    except OSError:
        return False
    return True
