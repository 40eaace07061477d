"""ClickHouse's HTTP interface before the engine in this process; run as a module it prints its port.

No package carries a server, and the engine in a process takes no statement ON CLUSTER and writes to no replicated
table; but it knows a cluster `main` of one shard, itself, so that a table over shards can be read and written.
This server has the engine's own answers in the engine's own formats, and as much of the
interface as clickhouse-connect speaks: statements and rows in a body, settings and parameters in the address, a session
that lets one statement in, users, error codes. Statements run one after the other.
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
# It has no types.
connect: Any = chdb.connect
USER, PASSWORD = "reader", "pass word"
# What is in the address and is no setting.
TRANSPORT = {"database", "query", "session_id", "query_id", "wait_end_of_query", "client_protocol_version", "compress"}
TRANSPORT |= {"send_progress_in_http_headers", "http_headers_progress_interval_ms", "enable_http_compression"}
OPENERS = {"lz4": lz4.frame.decompress}
INSERT = re.compile(rb"(INSERT INTO .+?) FORMAT (Native)\s", re.S)


class ClickHouseError(Exception):
    """An error with a code of ClickHouse's."""


class EmbeddedClickHouse:
    """The engine, to which one statement at a time is given, over a connection with just its settings."""

    def __init__(self) -> None:
        with NamedTemporaryFile("w", suffix=".xml", delete=False) as file:
            file.write(CONFIGURATION)
        self.place = f":memory:?config-file={file.name}"
        self.lock = Lock()
        self.sessions: set[str] = set()
        self.connections: dict[frozenset[tuple[str, str]], Any] = {}
        self.open_connection(())
        Path(file.name).unlink()

    def open_connection(self, settings: Iterable[tuple[str, str]]) -> Any:
        # Last of all the one after which no other can be set.
        wanted = sorted(settings, key=lambda each: each[0] == "readonly")
        connection = self.connections.get(frozenset(wanted))
        if connection is None:
            connection = self.connections[frozenset(wanted)] = connect(self.place)
            for name, text in wanted:
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
        """Nobody reads it."""


if __name__ == "__main__":
    ClickHouseHandler.engine = EmbeddedClickHouse()
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), ClickHouseHandler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
