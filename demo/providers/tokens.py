"""Which token may read which account, and until when."""

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
    """What a token stands for. `dead` is the Graph error's subcode with which a dead token is refused."""

    accounts: frozenset[str]
    issued_at: datetime
    expires_at: datetime | None = None
    dead: int | None = None

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now


class Tokens:
    """Tokens that stand for accounts: Meta's, or Instagram's."""

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
        """A token for the accounts that was issued `age` ago and lasts so long from then, or for ever."""
        token = token or f"{self._prefix}{secrets.token_hex(24)}"
        issued_at = self._now() - age
        self._grants[token] = Grant(frozenset(accounts), issued_at, None if lasts is None else issued_at + lasts)
        return token

    def find(self, token: str) -> Grant | None:
        """What the token stands for, also if it is dead or expired; None if it was never issued."""
        return self._grants.get(token)

    def renew(self, old: Grant, lasts: timedelta) -> str:
        """A new token for the same accounts. The old one stays what it is."""
        return self.issue(*old.accounts, age=timedelta(), lasts=lasts)

    def kill(self, token: str, subcode: int = 460) -> None:
        """Make the token invalid: 458 the app was removed, 460 the password changed, 467 logged out."""
        self._grants[token].dead = subcode


class GoogleTokens:
    """Google's refresh tokens and service accounts, and the access tokens that they have been given."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self.clients: dict[str, str] = {}
        self.service_accounts: dict[str, GoogleServiceAccount] = {}
        self._refresh: dict[str, Grant] = {}
        self._access: dict[str, Grant] = {}
        self._origins: dict[str, str] = {}

    def register(self, client_id: str, client_secret: str) -> None:
        """An OAuth client that may use refresh tokens."""
        self.clients[client_id] = client_secret

    def issue(self, *properties: str, token: str | None = None) -> str:
        """A refresh token for the properties."""
        token = token or f"1//0{secrets.token_urlsafe(32)}"
        self._refresh[token] = Grant(frozenset(properties), self._now())
        return token

    def allow(self, email: str, public_key: str, *properties: str) -> None:
        """A service account that may read the properties; the key is PEM, of the key it signs with."""
        self.service_accounts[email] = GoogleServiceAccount(public_key, frozenset(properties))

    def revoke(self, token: str) -> None:
        """Make the refresh token invalid, and every access token it has been given."""
        del self._refresh[token]
        for access in [access for access, origin in self._origins.items() if origin == token]:
            del self._origins[access], self._access[access]

    def find_properties(self, token: str) -> frozenset[str] | None:
        """The properties of a refresh token; None if it is dead."""
        grant = self._refresh.get(token)
        return None if grant is None else grant.accounts

    def issue_access_token(self, properties: frozenset[str], origin: str) -> str:
        """A new access token, given for a refresh token or to a service account."""
        now = self._now()
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self._access[token] = Grant(properties, now, now + ACCESS_LIFETIME)
        self._origins[token] = origin
        return token

    def find(self, token: str) -> Grant | None:
        """What an access token stands for, also if it has expired; None if it was never issued."""
        return self._access.get(token)


@dataclass(frozen=True, slots=True)
class GoogleServiceAccount:
    """A service account's public key in PEM, and the properties it may read."""

    public_key: str
    properties: frozenset[str]
