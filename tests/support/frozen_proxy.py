"""A way to PostgreSQL over TCP that can freeze: connections stay open, and nothing comes through any more."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit


class FreezingProxy:
    """Forwards connections to a server's Unix socket, until `freeze`."""

    def __init__(self, postgres_url: str) -> None:
        parts = urlsplit(postgres_url)
        self.target = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"
        self.flows = threading.Event()
        self.flows.set()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"postgresql://postgres@127.0.0.1:{self.listening.getsockname()[1]}{parts.path}"
        self.ends: list[socket.socket] = []

    def freeze(self) -> None:
        self.flows.clear()

    def accept_all(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                self.ends += (client, server)
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self.forward, args=(source, sink), daemon=True).start()

    def forward(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while part := source.recv(65_536):
                self.flows.wait()
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        # Closing alone would not wake whoever waits for the socket.
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.flows.set()
        for each in (self.listening, *self.ends):
            each.close()


@contextmanager
def open_freezing_proxy(postgres_url: str) -> Iterator[FreezingProxy]:
    proxy = FreezingProxy(postgres_url)
    thread = threading.Thread(target=proxy.accept_all, daemon=True)
    thread.start()
    yield proxy
    proxy.close()
    thread.join()
