"""The providers' tokens: the accounts that each may read, and its expiry."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]

SIXTY_DAYS = timedelta(days=60)
ACCESS_LIFETIME = timedelta(seconds=3599)


def get_utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Grant:
    """A token's accounts and lifetime; `dead` is the Graph API's error subcode of a dead token."""

    accounts: frozenset[str]
    issued_at: datetime
    expires_at: datetime | None = None
    dead: int | None = None

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


class Tokens:
    """The tokens of Meta or of Instagram."""

    def __init__(self, prefix: str, now: Clock) -> None:
        self._prefix = prefix
        self._now = now
        self._grants: dict[str, Grant] = {}

    def issue(
        self,
        *accounts: str,
        token: str | None = None,
        age: timedelta = timedelta(days=2),
        lasts: timedelta | None = SIXTY_DAYS,
    ) -> str:
        """Issue a token, `age` ago, that is valid for `lasts` from then; None means forever."""
        token = token or f"{self._prefix}{secrets.token_hex(24)}"
        issued_at = self._now() - age
        self._grants[token] = Grant(frozenset(accounts), issued_at, None if lasts is None else issued_at + lasts)
        return token

    def find(self, token: str) -> Grant | None:
        """Return the token's grant, even if dead or expired; None if it was never issued."""
        return self._grants.get(token)

    def renew(self, old: Grant, lasts: timedelta) -> str:
        """Issue a new token for the same accounts; the old one remains valid."""
        return self.issue(*old.accounts, age=timedelta(), lasts=lasts)

    def kill(self, token: str, subcode: int = 460) -> None:
        """Make the token invalid: 458 app removed, 460 password changed, 467 logged out."""
        self._grants[token].dead = subcode


class GoogleTokens:
    """Google's refresh tokens, service accounts, and the access tokens issued to them."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self.clients: dict[str, str] = {}
        self.service_accounts: dict[str, GoogleServiceAccount] = {}
        self._refresh: dict[str, Grant] = {}
        self._access: dict[str, Grant] = {}
        self._origins: dict[str, str] = {}

    def register(self, client_id: str, client_secret: str) -> None:
        """Register an OAuth client that may use refresh tokens."""
        self.clients[client_id] = client_secret

    def issue(self, *properties: str, token: str | None = None) -> str:
        """Issue a refresh token for the properties."""
        token = token or f"1//0{secrets.token_urlsafe(32)}"
        self._refresh[token] = Grant(frozenset(properties), self._now())
        return token

    def allow(self, email: str, public_key: str, *properties: str) -> None:
        """Allow a service account to read the properties; its public key is PEM."""
        self.service_accounts[email] = GoogleServiceAccount(public_key, frozenset(properties))

    def revoke(self, token: str) -> None:
        """Make the refresh token and its access tokens invalid."""
        del self._refresh[token]
        for access in [access for access, origin in self._origins.items() if origin == token]:
            del self._origins[access], self._access[access]

    def find_properties(self, token: str) -> frozenset[str] | None:
        """Return the properties of a refresh token; None if it is invalid."""
        grant = self._refresh.get(token)
        return None if grant is None else grant.accounts

    def issue_access_token(self, properties: frozenset[str], origin: str) -> str:
        """Issue an access token; `origin` is the refresh token or the service account."""
        now = self._now()
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self._access[token] = Grant(properties, now, now + ACCESS_LIFETIME)
        self._origins[token] = origin
        return token

    def find(self, token: str) -> Grant | None:
        """Return an access token's grant, even if expired; None if it is invalid."""
        return self._access.get(token)


@dataclass(frozen=True, slots=True)
class GoogleServiceAccount:
    """A service account's public key in PEM, and the properties that it may read."""

    public_key: str
    properties: frozenset[str]
