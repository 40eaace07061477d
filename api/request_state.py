"""What a request finds in its app's state."""

from __future__ import annotations

from starlette.requests import Request

from runtime.services import Services


def get_services(request: Request) -> Services:
    """Return what the request's app serves from."""
    services: Services = request.app.state.services
    return services
