"""A TCP proxy in front of the platform that cuts connections."""

import contextlib
import socket
import struct
import sys
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_CHUNK = 4096


class CuttingProxy:
    """Passes bytes on, and resets connections that have brought `allowance` bytes back, `cuts_left` times."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._asked = bytearray()
        self._news = threading.Condition()
        self._open: set[socket.socket] = set()
        self.allowance: int | None = None
        self.cuts_left = sys.maxsize
        self.cuts = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        """Begin to listen."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop listening."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def wait_until_asked(self, what: bytes) -> None:
        """Wait until a client has sent this."""
        with self._news:
            self._news.wait_for(lambda: what in self._asked)

    def cut(self) -> None:
        """Reset all connections."""
        with self._news:
            for connection in self._open:
                self._reset(connection)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            platform = socket.create_connection(self._target)
            with self._news:
                self._open.add(client)
            threading.Thread(target=self._up, args=(client, platform), daemon=True).start()
            threading.Thread(target=self._down, args=(client, platform), daemon=True).start()

    def _up(self, client: socket.socket, platform: socket.socket) -> None:
        try:
            while data := client.recv(_CHUNK):
                platform.sendall(data)
                with self._news:
                    self._asked += data
                    self._news.notify_all()
        except OSError:
            pass
        self._end(platform)

    def _down(self, client: socket.socket, platform: socket.socket) -> None:
        passed = 0
        try:
            while data := platform.recv(_CHUNK):
                passed += len(data)
                if self.allowance is not None and passed > self.allowance and self.cuts_left > 0:
                    self.cuts += 1
                    self.cuts_left -= 1
                    break
                client.sendall(data)
        except OSError:
            pass
        with self._news:
            self._reset(client)
            self._open.discard(client)
        client.close()
        self._end(platform)
        platform.close()

    @staticmethod
    def _reset(connection: socket.socket) -> None:
        # Without lingering: what was sent may be lost, as with a cable that is cut.
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _end(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
