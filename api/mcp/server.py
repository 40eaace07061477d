"""The tools as a server of the official SDK; nothing else knows the SDK."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    ToolAnnotations,
)
from mcp_types import Tool as ToolDefinition
from pydantic_core import from_json
from starlette.types import Receive, Scope, Send

from api.answers import open_narrate_pool
from api.mcp.brief import WARNING
from api.mcp.tools import TOOLS, ToolRunner
from api.middleware.admission import Places
from api.responses import encode_json
from engine import __version__
from runtime.services import Services

INSTRUCTIONS = f"""\
Exact marketing metrics of one user. Find a key with list_metrics, then ask query_metrics: its totals and changes are
exact, so do not compute them from parts. Say how sure a number is: data_through is the last day that is known,
provisional_days may still be restated by the source, to_date compares an unfinished period with the same days before,
notes tell what the source held back. null is no data, not zero. An error names the parameter and the nearest right
name: mend the call by it. {WARNING}"""

# Every tool only reads, and the same call has the same answer until the data changes.
READS = ToolAnnotations(read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False)

GetUser = Callable[[Any], str]


def build_server(runner: ToolRunner, get_user: GetUser) -> Server[Any]:
    """Build the server of the tools; `get_user` tells from a request's context whose it is."""

    async def list_tools(context: Any, _: PaginatedRequestParams | None) -> ListToolsResult:
        catalog = runner.services.engine.catalog
        return ListToolsResult(
            tools=[
                ToolDefinition(
                    name=name,
                    title=tool.title,
                    description=tool.description,
                    input_schema=tool.build_schema(catalog),
                    annotations=READS,
                )
                for name, tool in TOOLS.items()
            ]
        )

    async def call_tool(context: Any, params: CallToolRequestParams) -> CallToolResult:
        result = await runner.call_tool(params.name, params.arguments or {}, get_user(context))
        content = encode_json(result.body)
        return CallToolResult(
            content=[TextContent(type="text", text=content.decode())],
            structured_content=from_json(content),
            is_error=result.is_error,
        )

    def get_schema(name: str) -> dict[str, Any] | None:
        return TOOLS[name].build_schema(runner.services.engine.catalog) if name in TOOLS else None

    # It tells of each request what the log has already.
    logging.getLogger("mcp").setLevel(logging.WARNING)
    return Server(
        "metric-engine",
        version=__version__,
        instructions=INSTRUCTIONS,
        get_tool_input_schema=get_schema,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


class HttpTools:
    """Serves requests of the application, whose middlewares know the user."""

    def __init__(self, runner: ToolRunner) -> None:
        self.server = build_server(runner, lambda context: context.request.state.tenant)

    async def serve_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, all of whose tasks end with it."""
        manager = StreamableHTTPSessionManager(self.server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)


def serve_stdio(services: Services, user: str) -> None:
    """Serve the user's tools over standard input and output, until the input ends."""
    asyncio.run(serve_streams(services, user))


async def serve_streams(services: Services, user: str) -> None:
    pool = open_narrate_pool()
    server = build_server(ToolRunner(services, Places(), pool), lambda _: user)
    try:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
