"""Google's token endpoint: access tokens for refresh tokens and for signed assertions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

from demo.providers.google.google_errors import (
    NO_STORE,
    build_dead_refresh_token,
    build_token_error,
    build_unknown_client,
)
from demo.providers.tokens import ACCESS_LIFETIME, GoogleTokens
from demo.providers.wire import ErrorResponse, StandInResponse
from demo.providers.world import ProviderWorld

REFRESH = "refresh_token"
SIGNED = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = frozenset({"https://www.googleapis.com/auth/analytics.readonly", "https://www.googleapis.com/auth/analytics"})
AUDIENCES = ("https://oauth2.googleapis.com/token", "https://www.googleapis.com/oauth2/v4/token")
MAX_LIFETIME = 3600
MAX_CLOCK_SKEW = 300


def exchange_token(world: ProviderWorld, fields: Mapping[str, str], audience: str) -> StandInResponse:
    """Answer a token request; `audience` is the endpoint's own URL. Raises `ErrorResponse`."""
    google = world.google
    if fields.get("grant_type") == REFRESH:
        properties, origin = _refresh_properties(google, fields), fields["refresh_token"]
    elif fields.get("grant_type") == SIGNED:
        properties, origin = _verify_assertion(world, fields.get("assertion", ""), audience)
    else:
        raise ErrorResponse(
            build_token_error("unsupported_grant_type", f"Invalid grant_type: {fields.get('grant_type', '')}")
        )
    content = {
        "access_token": google.issue_access_token(properties, origin),
        "expires_in": int(ACCESS_LIFETIME.total_seconds()),
        "scope": "https://www.googleapis.com/auth/analytics.readonly",
        "token_type": "Bearer",
    }
    return StandInResponse.json(content, headers=NO_STORE)


def _refresh_properties(google: GoogleTokens, fields: Mapping[str, str]) -> frozenset[str]:
    secret = google.clients.get(fields.get("client_id", ""))
    if secret is None:
        raise ErrorResponse(build_unknown_client())
    if secret != fields.get("client_secret"):
        raise ErrorResponse(build_token_error("invalid_client", "Unauthorized", 401))
    if not fields.get("refresh_token"):
        raise ErrorResponse(build_token_error("invalid_request", "Missing required parameter: refresh_token"))
    properties = google.find_properties(fields["refresh_token"])
    if properties is None:
        raise ErrorResponse(build_dead_refresh_token())
    return properties


def _verify_assertion(world: ProviderWorld, assertion: str, audience: str) -> tuple[frozenset[str], str]:
    try:
        unproven = jwt.decode(assertion, options={"verify_signature": False})
        account = world.google.service_accounts.get(str(unproven.get("iss")))
        if account is None:
            raise ErrorResponse(build_token_error("invalid_grant", "Invalid grant: account not found"))
        # Times are checked below against the world's clock, which may differ from the real one.
        claims: dict[str, Any] = jwt.decode(
            assertion,
            account.public_key,
            algorithms=["RS256"],
            audience=[*AUDIENCES, audience],
            options={"verify_exp": False, "verify_iat": False, "require": ["iss", "aud", "exp", "iat", "scope"]},
        )
    except jwt.InvalidSignatureError:
        raise ErrorResponse(build_token_error("invalid_grant", "Invalid JWT Signature.")) from None
    except jwt.InvalidTokenError as error:
        raise ErrorResponse(build_token_error("invalid_grant", f"Invalid JWT: {error}")) from None
    now = world.now().timestamp()
    if (
        not claims["iat"] - MAX_CLOCK_SKEW <= now <= claims["exp"] + MAX_CLOCK_SKEW
        or claims["exp"] - claims["iat"] > MAX_LIFETIME
    ):
        message = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        raise ErrorResponse(build_token_error("invalid_grant", message))
    if not SCOPES & set(str(claims["scope"]).split()):
        raise ErrorResponse(build_token_error("invalid_scope", "Invalid OAuth scope or ID token audience provided."))
    return account.properties, str(claims["iss"])
