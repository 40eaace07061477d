"""`metric-engine mcp`."""

from __future__ import annotations

from pathlib import Path

import click

from api.mcp.endpoint import require_sdk
from cli.options import metrics_option, user_option
from cli.services import open_services


@click.command()
@user_option
@metrics_option
def mcp(user: str, metrics: Path) -> None:
    """Serve the metrics to an assistant.

    Speaks the Model Context Protocol over standard input and output, as an assistant's program expects of a command
    that it starts; over HTTP the same tools are at /v1/mcp of `serve`. It needs the extra `mcp`.

    \b
    Examples:
      metric-engine mcp --user UUID
      claude mcp add metrics -- metric-engine mcp --user UUID
    """
    require_sdk()
    from api.mcp.server import serve_stdio

    with open_services(metrics) as services:
        serve_stdio(services, user)
