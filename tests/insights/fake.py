"""An OpenAI-compatible server on this machine: it answers chat completions as it is told, well, badly or not at all."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = Callable[["ModelExchange"], None]


@dataclass(frozen=True, slots=True)
class ModelExchange:
    """A request, as the server got it, and what can be done with it."""

    handler: BaseHTTPRequestHandler
    asked: dict[str, Any]
    stopped: threading.Event

    @property
    def context(self) -> dict[str, Any]:
        """The clauses that the model may choose from, and the rest of the request."""
        found: dict[str, Any] = json.loads(self.asked["messages"][-1]["content"])
        return found

    def send(self, status: int, body: Any, *, pause: float = 0.0) -> None:
        """Answer; with a pause before every byte."""
        content = json.dumps(body).encode()
        self.handler.send_response(status)
        self.handler.send_header("Content-Type", "application/json")
        self.handler.send_header("Content-Length", str(len(content)))
        self.handler.end_headers()
        if not pause:
            self.handler.wfile.write(content)
            return
        for byte in content:
            if self.stopped.wait(pause):
                return
            self.handler.wfile.write(bytes([byte]))
            self.handler.wfile.flush()


@dataclass
class Fake:
    """The server: `replies` are what it answers with, the last one again and again; `requests` what it was asked."""

    url: str
    replies: list[Reply] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    given_up: int = 0

    def says(self, *replies: Reply) -> None:
        self.replies[:] = replies
        self.requests.clear()

    def next(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def completion(content: str | None, **message: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "fake",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content, **message}}
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def text(content: str | None, **message: Any) -> Reply:
    return lambda exchange: exchange.send(200, completion(content, **message))


def bullets(**groups: list[str]) -> Reply:
    """Bullets by group; `Cross_channel` is Cross-channel."""
    items = [{"group": group.replace("_", "-"), "bullets": texts} for group, texts in groups.items()]
    return text(json.dumps({"items": items}))


def choose(pick: Callable[[dict[str, Any]], dict[str, list[str]]]) -> Reply:
    """Bullets by group that are picked from the request."""
    return lambda exchange: bullets(**pick(exchange.context))(exchange)


def arrange(request: dict[str, Any]) -> dict[str, list[str]]:
    """What a model would answer that keeps to its instructions: each clause, with its cause and its best advice."""
    found: dict[str, list[str]] = {}
    for each in request["clauses"]:
        cause = f", {{{each['id']}.because}}" if "because" in each["parts"] else ""
        advice = f" {each['advice'][0]}" if each["advice"] else ""
        found.setdefault(each["group"], []).append(f"{{{each['id']}}}{cause}.{advice}")
    return found


def status(code: int) -> Reply:
    return lambda exchange: exchange.send(code, {"error": {"message": "no", "type": "error", "code": str(code)}})


def hangs(exchange: ModelExchange) -> None:
    exchange.stopped.wait(30)


def trickles(exchange: ModelExchange) -> None:
    exchange.send(200, completion('{"items": []}'), pause=0.05)


@contextmanager
def serve_model() -> Iterator[Fake]:
    """A running server."""
    stopped = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            fake.requests.append(asked)
            fake.keys.append(self.headers.get("Authorization", ""))
            assert self.path == "/v1/chat/completions"
            try:
                fake.next()(ModelExchange(self, asked, stopped))
            except (BrokenPipeError, ConnectionResetError):
                fake.given_up += 1

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Not a word."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake = Fake(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
