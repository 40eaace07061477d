"""Google's errors, as answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demo.providers.wire import StandInResponse

Json = dict[str, Any]

PERMISSION_DENIED = (
    "User does not have sufficient permissions for this property. To learn more about Property ID, see "
    "https://developers.google.com/analytics/devguides/reporting/data/v1/property-id."
)
TOO_MANY_AT_ONCE = (
    "Exhausted concurrent requests quota. Please send fewer requests concurrently. To learn more, see "
    "https://developers.google.com/analytics/devguides/reporting/data/v1/quotas"
)
SERVER_ERRORS = (
    "Exhausted server errors quota. This project has been blocked from requesting this property for up to an hour. "
    "To learn more, see https://developers.google.com/analytics/devguides/reporting/data/v1/quotas"
)
NO_STORE = {"Cache-Control": "no-cache, no-store, max-age=0, must-revalidate", "Pragma": "no-cache"}

UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid "
    "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
)


def build_error(
    code: int,
    status: str,
    message: str,
    *,
    details: list[Json] | None = None,
    headers: Mapping[str, str] | None = None,
) -> StandInResponse:
    """An error of a Google API."""
    content: Json = {"code": code, "message": message, "status": status}
    if details:
        content["details"] = details
    return StandInResponse.json({"error": content}, code, {"Vary": "Origin, X-Origin, Referer", **(headers or {})})


def build_token_error(name: str, description: str, status: int = 400) -> StandInResponse:
    """An error of the token endpoint, which has a form of its own."""
    return StandInResponse.json({"error": name, "error_description": description}, status, NO_STORE)


def build_refused_token(reason: str = "ACCESS_TOKEN_EXPIRED") -> StandInResponse:
    details = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {
            "service": "analyticsdata.googleapis.com",
            "method": "google.analytics.data.v1beta.BetaAnalyticsData.RunReport",
        },
    }
    headers = {"WWW-Authenticate": 'Bearer realm="https://accounts.google.com/", error="invalid_token"'}
    return build_error(401, "UNAUTHENTICATED", UNAUTHENTICATED, details=[details], headers=headers)


def build_dead_refresh_token() -> StandInResponse:
    return build_token_error("invalid_grant", "Token has been expired or revoked.")


def build_unknown_client() -> StandInResponse:
    return build_token_error("invalid_client", "The OAuth client was not found.", 401)
