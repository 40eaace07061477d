"""A ClickHouse HTTP server over the in-process engine; run as a module it prints its port.

No package contains a ClickHouse server. The in-process engine accepts no statement ON CLUSTER and cannot write to
replicated tables. But it has a cluster `main` of one shard, itself, so that a table over shards can be read and
written. The server returns the engine's own answers in the engine's own formats. It implements as much of the interface
as clickhouse-connect uses: statements and rows in a body, settings and parameters in the address, a session that lets
one statement in, users, error codes. Statements run one after the other.
"""

from __future__ import annotations

import re
import sys
from base64 import b64decode
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import NamedTemporaryFile
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame

CONFIGURATION = """\
<clickhouse>
  <tcp_port>9000</tcp_port>
  <remote_servers>
    <main><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></main>
  </remote_servers>
</clickhouse>
"""
# chdb has no type hints.
connect: Any = chdb.connect
USER, PASSWORD = "reader", "pass word"
# The parameters of the address that are not settings.
TRANSPORT = {"database", "query", "session_id", "query_id", "wait_end_of_query", "client_protocol_version", "compress"}
TRANSPORT |= {"send_progress_in_http_headers", "http_headers_progress_interval_ms", "enable_http_compression"}
OPENERS = {"lz4": lz4.frame.decompress}
INSERT = re.compile(rb"(INSERT INTO .+?) FORMAT (Native)\s", re.S)


class ClickHouseError(Exception):
    """An error with a ClickHouse code."""


class EmbeddedClickHouse:
    """The in-process engine; it runs one statement at a time, on a connection for its settings."""

    def __init__(self) -> None:
        with NamedTemporaryFile("w", suffix=".xml", delete=False) as file:
            file.write(CONFIGURATION)
        self.address = f":memory:?config-file={file.name}"
        self.lock = Lock()
        self.sessions: set[str] = set()
        self.connections: dict[frozenset[tuple[str, str]], Any] = {}
        self.open_connection(())
        Path(file.name).unlink()

    def open_connection(self, settings: Iterable[tuple[str, str]]) -> Any:
        # `readonly` is last, because no setting can be changed after it.
        ordered = sorted(settings, key=lambda each: each[0] == "readonly")
        connection = self.connections.get(frozenset(ordered))
        if connection is None:
            connection = self.connections[frozenset(ordered)] = connect(self.address)
            for name, text in ordered:
                connection.query(f"SET {name} = '{text}'")
        return connection

    def run(self, body: bytes, given: Mapping[str, str]) -> bytes:
        session = {given["session_id"]} if "session_id" in given else set()
        if session & self.sessions:
            raise ClickHouseError(
                "Code: 373. DB::Exception: Session is locked by a concurrent client. (SESSION_IS_LOCKED)"
            )
        self.sessions |= session
        try:
            with self.lock:
                return self.run_alone(body, given)
        finally:
            self.sessions -= session

    def run_alone(self, body: bytes, given: Mapping[str, str]) -> bytes:
        parameters = {name.removeprefix("param_"): text for name, text in given.items() if name.startswith("param_")}
        settings = [each for each in given.items() if each[0] not in TRANSPORT and not each[0].startswith("param_")]
        connection = self.open_connection(settings)
        database = given.get("database") or "default"
        connection.query(f'USE "{database}"')
        rows = INSERT.match(body)
        if rows is None:
            return bytes(connection.query(body.decode(), "TabSeparated", params=parameters).bytes())
        with NamedTemporaryFile(suffix=".native") as file:
            file.write(body[rows.end() :])
            file.flush()
            connection.query(f"{rows[1].decode()} FROM INFILE '{file.name}' FORMAT Native")
        return b""


class ClickHouseHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: EmbeddedClickHouse

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.read_body()
        given = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        try:
            if urlsplit(self.path).path == "/ping":
                answer = b"Ok.\n"
            elif not self.is_authenticated():
                raise ClickHouseError(
                    "Code: 516. DB::Exception: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED)"
                )
            else:
                answer = self.engine.run(given["query"].encode() + b"\n" + body if "query" in given else body, given)
        except (RuntimeError, ClickHouseError) as error:
            code = re.search(r"Code: (\d+)", str(error))
            self.send_answer(500, str(error).encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "1002"})
        else:
            self.send_answer(200, answer, {"X-ClickHouse-Timezone": "UTC", "X-ClickHouse-Summary": "{}"})

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            data = b"".join(chunks)
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return bytes(OPENERS.get(self.headers.get("Content-Encoding") or "", bytes)(data))

    def is_authenticated(self) -> bool:
        kind, _, encoded = (self.headers.get("Authorization") or "").partition(" ")
        return kind == "Basic" and b64decode(encoded).decode() == f"{USER}:{PASSWORD}"

    def send_answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Log nothing: no test reads it."""


if __name__ == "__main__":
    ClickHouseHandler.engine = EmbeddedClickHouse()
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), ClickHouseHandler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
