"""What a request finds in its application's state."""

from __future__ import annotations

from starlette.requests import Request

from runtime.services import Services


def get_services(request: Request) -> Services:
    """Return the services of the request's application."""
    services: Services = request.app.state.services
    return services
