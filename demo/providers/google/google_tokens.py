"""Google's token endpoint: access tokens for refresh tokens, and for what a service account has signed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt

from demo.providers.google.google_faults import NO_STORE, dead_refresh_token, token_error, unknown_client
from demo.providers.tokens import ACCESS_LASTS, GoogleTokens
from demo.providers.wire import Answer, Refused
from demo.providers.world import World

REFRESH = "refresh_token"
SIGNED = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = frozenset({"https://www.googleapis.com/auth/analytics.readonly", "https://www.googleapis.com/auth/analytics"})
AUDIENCES = ("https://oauth2.googleapis.com/token", "https://www.googleapis.com/oauth2/v4/token")
LONGEST = 3600
SKEW = 300


def token_answer(world: World, fields: Mapping[str, str], audience: str) -> Answer:
    """The answer to a form; `audience` is the endpoint's own URL. Raises `Refused`."""
    google = world.google
    if fields.get("grant_type") == REFRESH:
        properties, origin = _refreshed(google, fields), fields["refresh_token"]
    elif fields.get("grant_type") == SIGNED:
        properties, origin = _signed(world, fields.get("assertion", ""), audience)
    else:
        raise Refused(token_error("unsupported_grant_type", f"Invalid grant_type: {fields.get('grant_type', '')}"))
    content = {
        "access_token": google.access(properties, origin),
        "expires_in": int(ACCESS_LASTS.total_seconds()),
        "scope": "https://www.googleapis.com/auth/analytics.readonly",
        "token_type": "Bearer",
    }
    return Answer.json(content, headers=NO_STORE)


def _refreshed(google: GoogleTokens, fields: Mapping[str, str]) -> frozenset[str]:
    secret = google.clients.get(fields.get("client_id", ""))
    if secret is None:
        raise Refused(unknown_client())
    if secret != fields.get("client_secret"):
        raise Refused(token_error("invalid_client", "Unauthorized", 401))
    if not fields.get("refresh_token"):
        raise Refused(token_error("invalid_request", "Missing required parameter: refresh_token"))
    properties = google.refresh(fields["refresh_token"])
    if properties is None:
        raise Refused(dead_refresh_token())
    return properties


def _signed(world: World, assertion: str, audience: str) -> tuple[frozenset[str], str]:
    try:
        unproven = jwt.decode(assertion, options={"verify_signature": False})
        account = world.google.service_accounts.get(str(unproven.get("iss")))
        if account is None:
            raise Refused(token_error("invalid_grant", "Invalid grant: account not found"))
        # Times are held against the world's clock, which is not always the real one.
        claims: dict[str, Any] = jwt.decode(
            assertion,
            account.public_key,
            algorithms=["RS256"],
            audience=[*AUDIENCES, audience],
            options={"verify_exp": False, "verify_iat": False, "require": ["iss", "aud", "exp", "iat", "scope"]},
        )
    except jwt.InvalidSignatureError:
        raise Refused(token_error("invalid_grant", "Invalid JWT Signature.")) from None
    except jwt.InvalidTokenError as error:
        raise Refused(token_error("invalid_grant", f"Invalid JWT: {error}")) from None
    now = world.now().timestamp()
    if not claims["iat"] - SKEW <= now <= claims["exp"] + SKEW or claims["exp"] - claims["iat"] > LONGEST:
        message = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        raise Refused(token_error("invalid_grant", message))
    if not SCOPES & set(str(claims["scope"]).split()):
        raise Refused(token_error("invalid_scope", "Invalid OAuth scope or ID token audience provided."))
    return account.properties, str(claims["iss"])
