"""The dashboard's files, or why there are none."""

from __future__ import annotations

from html import escape

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

import web

UNBUILT = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>No dashboard</title></head>
<body>
<h1>The API runs, the dashboard is not built</h1>
<p>{reason}</p>
<p>The API is described at <a href="docs">/docs</a>.</p>
</body>
</html>
"""


def add_page(app: FastAPI) -> None:
    """Serve the built page; where there is none, `/` says why."""
    if web.is_built():
        # Unlike a mount it is tried after every route, so that a wrong method is still 405 and an unknown path 404.
        app.frontend("/", directory=web.DIST, fallback=None)
    else:
        app.add_route("/", explain_missing_page, methods=["GET"], include_in_schema=False)


async def explain_missing_page(request: Request) -> Response:
    return HTMLResponse(UNBUILT.format(reason=escape(web.read_reason())))
