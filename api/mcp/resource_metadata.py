"""What an OAuth client looks for where it has no token: who issues them (RFC 9728)."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from api.request_state import get_services

PATH = "/v1/mcp"
METADATA_PATH = f"/.well-known/oauth-protected-resource{PATH}"

HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?", re.ASCII)


def build_challenge(scope: Scope) -> dict[str, str]:
    """Build the header of a 401, which leads an OAuth client to the metadata."""
    address = find_address(scope)
    if address is None:
        return {}
    fault = 'error="invalid_token", ' if "authorization" in Headers(scope=scope) else ""
    return {"WWW-Authenticate": f'Bearer {fault}resource_metadata="{address}{METADATA_PATH}"'}


def describe_resource(request: Request) -> Response:
    """Describe the protected resource; its issuer is JWT_ISSUER, where that is an address."""
    issuer = get_services(request).settings.jwt_issuer
    described = {
        "resource": f"{find_address(request.scope) or ''}{PATH}",
        "resource_name": "metric-engine",
        "bearer_methods_supported": ["header"],
    }
    if issuer is not None and issuer.startswith(("https://", "http://")):
        described["authorization_servers"] = [issuer]
    return JSONResponse(described)


def find_address(scope: Scope) -> str | None:
    """Return the address by which the client has found this application; None for an odd one."""
    host = Headers(scope=scope).get("host", "")
    return f"{scope['scheme']}://{host}{scope.get('root_path', '')}" if HOST.fullmatch(host) else None
