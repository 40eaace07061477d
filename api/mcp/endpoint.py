"""POST /v1/mcp: the tools over streamable HTTP, without sessions; the SDK is imported on the first request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.mcp.resource_metadata import PATH
from api.mcp.tools import ToolRunner
from api.problems import ExtraNotInstalled
from engine import install_command

if TYPE_CHECKING:
    from api.mcp.server import HttpTools


def build_route(app: FastAPI) -> Route:
    """Build the route of the app's tools."""
    state = app.state
    return Route(
        PATH, McpEndpoint(ToolRunner(state.services, state.places["warehouse"], state.narrate_pool)), methods=["POST"]
    )


class McpEndpoint:
    """Answers a message of the protocol with JSON; each request stands alone, for any of several processes."""

    __name__ = "mcp"

    def __init__(self, runner: ToolRunner) -> None:
        self.runner = runner
        self.tools: HttpTools | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.tools is None:
            self.tools = await run_in_threadpool(partial(open_tools, self.runner))
        await self.tools.serve_request(scope, receive, send)


def open_tools(runner: ToolRunner) -> HttpTools:
    """Import the SDK, and build what serves requests. Raises ExtraNotInstalled."""
    require_sdk()
    from api.mcp.server import HttpTools

    return HttpTools(runner)


def require_sdk() -> None:
    """Raise ExtraNotInstalled without the package of the protocol."""
    try:
        import mcp.server.lowlevel  # noqa: F401
    except ImportError:
        message = f"the Model Context Protocol needs a package that is not installed: {install_command('mcp')}"
        raise ExtraNotInstalled(message) from None
