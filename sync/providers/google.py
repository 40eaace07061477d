"""Google's sign-in: access tokens from a refresh token or from a service account's key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from pydantic import SecretStr

from sync.errors import NeedsReauth, NotPermitted
from sync.http import ProviderClient, ProviderRequest
from sync.parsing import ObjectReader, ProviderResponse, Site

GOOGLE = Site.of_source("ga4")
READER = ObjectReader(GOOGLE)

SCOPE = "https://www.googleapis.com/auth/analytics.readonly"
ASSERTION = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ASSERTION_LIFETIME = timedelta(hours=1)
# A token is replaced this long before it expires. The default lifetime is for answers without one.
RENEWAL_MARGIN = timedelta(minutes=1)
DEFAULT_TOKEN_SECONDS = 300
MAX_TOKEN_SECONDS = 86_400
NEVER = datetime(1, 1, 2, tzinfo=UTC)

# Google's errors for a refresh token or key that is no longer valid, and for an unknown installation.
DEAD_GRANT = ("invalid_grant", "unauthorized_client", "access_denied")
UNKNOWN_INSTALLATION = ("invalid_client", "deleted_client")


class GoogleSignIn:
    """The installation's way to access tokens: the address, and the OAuth application."""

    def __init__(
        self, client: ProviderClient, *, address: str, client_id: str | None, client_secret: SecretStr | None
    ) -> None:
        self.client = client
        self.address = address
        self.client_id = client_id
        self.client_secret = client_secret

    async def fetch_token(self, account: str, credentials: Mapping[str, Any], now: datetime) -> tuple[str, datetime]:
        """Fetch an access token, and return it with its expiry. Raises ProviderError."""
        form = (
            self.build_assertion_form(credentials["service_account"], now)
            if "service_account" in credentials
            else self.build_refresh_form(credentials)
        )
        answer = await self.client.request(
            GOOGLE, account, ProviderRequest("POST", self.address, form=form), parse_grant
        )
        seconds = READER.parse_count(answer.get("expires_in", DEFAULT_TOKEN_SECONDS), "expires_in")
        return GOOGLE.require_token(answer, "access_token"), now + timedelta(seconds=min(seconds, MAX_TOKEN_SECONDS))

    def build_refresh_form(self, credentials: Mapping[str, Any]) -> dict[str, str]:
        if self.client_id is None or self.client_secret is None:
            raise NotPermitted(
                "Google Analytics cannot be read: this installation lacks GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET"
            )
        return {
            "grant_type": "refresh_token",
            "refresh_token": GOOGLE.require_token(credentials, "refresh_token"),
            "client_id": self.client_id,
            "client_secret": self.client_secret.get_secret_value(),
        }

    def build_assertion_form(self, key: Any, now: datetime) -> dict[str, str]:
        """Build the form for a service account, with a signed assertion.

        The address in its key file is ignored.
        """
        try:
            claims = {
                "iss": key["client_email"],
                "scope": SCOPE,
                "aud": self.address,
                "iat": now,
                "exp": now + ASSERTION_LIFETIME,
            }
            headers = {"kid": key["private_key_id"]} if "private_key_id" in key else None
            assertion = jwt.encode(claims, key["private_key"], algorithm="RS256", headers=headers)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError):
            raise NeedsReauth(
                "The service account's key cannot be used; connect the account again with the file as Google gives it"
            ) from None
        return {"grant_type": ASSERTION, "assertion": assertion}


class TokenCache:
    """One sync's access token, fetched when it is needed and before it expires."""

    def __init__(
        self, sign_in: GoogleSignIn, account: str, credentials: Mapping[str, Any], now: Callable[[], datetime]
    ) -> None:
        self._sign_in = sign_in
        self._account = account
        self._credentials = credentials
        self._now = now
        self._token = ""
        self._good_until = NEVER

    async def get_token(self) -> str:
        """Return a valid access token. Raises ProviderError."""
        if (now := self._now()) >= self._good_until - RENEWAL_MARGIN:
            self._token, self._good_until = await self._sign_in.fetch_token(self._account, self._credentials, now)
        return self._token

    def forget(self) -> None:
        """Discard the token, which was not accepted."""
        self._good_until = NEVER


def parse_grant(answer: ProviderResponse) -> Mapping[str, Any]:
    """Parse the answer of the token's address. Raises ProviderError."""
    if answer.status == 429:
        raise GOOGLE.too_many_calls(answer.read_retry_after())
    if answer.status >= 500:
        raise GOOGLE.server_fault(is_overload=False)
    found = answer.parse_object()
    if answer.status == 200:
        return found
    if found.get("error") in DEAD_GRANT:
        raise GOOGLE.needs_reauth()
    if found.get("error") in UNKNOWN_INSTALLATION:
        raise NotPermitted(
            "Google does not know this installation; whoever runs it has to correct "
            "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET"
        )
    raise GOOGLE.unreadable("with an error instead of an access token")
