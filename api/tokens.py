"""Bearer tokens: the caller's identity, proven by a signature."""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock
from typing import Any, Protocol

import jwt
from jwt import PyJWK, PyJWKClient, PyJWTError
from pydantic import SecretStr

from engine import InvalidSetting, MetricEngineError
from runtime.settings import Settings

LEEWAY = timedelta(seconds=30)
MAX_REMEMBERED = 10_000
REMEMBERED_SECONDS = 60
MAX_TOKEN_LENGTH = 8_192
KEYS_LIFESPAN_SECONDS = 300
KEYS_COOLDOWN_SECONDS = 10
KEYS_TIMEOUT_SECONDS = 5
REQUIRED_CLAIMS = ["exp", "sub"]

UUID_PATTERN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class Unauthenticated(MetricEngineError):
    """The request has no token that proves its caller; the message names the fault."""


class KeysUnavailable(MetricEngineError):
    """The public keys at JWKS_URL cannot be fetched, so no token can be verified."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified user: a UUID in lower case, and the time in seconds since 1970 when it expires."""

    user: str
    expires_at: float


class KeySource(Protocol):
    """A source of the key that verifies a token's signature, and its algorithms."""

    algorithms: tuple[str, ...]

    def get_key(self, token: str) -> PyJWK | bytes: ...


class SharedSecret:
    """HS256: the one secret that signs and verifies."""

    algorithms: tuple[str, ...] = ("HS256",)

    def __init__(self, secret: SecretStr) -> None:
        self.secret = secret.get_secret_value().encode()

    def get_key(self, token: str) -> bytes:
        return self.secret


class PublicKeys:
    """RS256 and ES256: the keys that a JWKS address publishes.

    They are fetched on first use, kept for five minutes, and fetched again for an unknown `kid`, but never more than
    once in ten seconds. While the address does not answer, the last good keys are used.
    """

    algorithms: tuple[str, ...] = ("RS256", "ES256")

    def __init__(
        self,
        url: str,
        *,
        lifespan: float = KEYS_LIFESPAN_SECONDS,
        cooldown: float = KEYS_COOLDOWN_SECONDS,
    ) -> None:
        self.client = PatientKeyClient(url, lifespan=lifespan, cooldown_duration=cooldown, timeout=KEYS_TIMEOUT_SECONDS)

    def get_key(self, token: str) -> PyJWK:
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str):
            raise Unauthenticated("the token's header names no key (kid)")
        return self.client.get_signing_key(kid)


class PatientKeyClient(PyJWKClient):
    """A client that limits its fetches, failed ones too, and keeps the last good keys."""

    last_fetch_at = float("-inf")
    last_good: dict[str, Any] | None = None

    def fetch_data(self) -> Any:
        # The base class holds its lock around this call, so the two fields change together.
        if time.monotonic() - self.last_fetch_at >= self.cooldown_duration:
            self.last_fetch_at = time.monotonic()
            try:
                self.last_good = super().fetch_data()
            except (PyJWTError, OSError, ValueError, RecursionError):
                if self.last_good is None:
                    raise KeysUnavailable("the keys at JWKS_URL cannot be fetched") from None
        if self.last_good is None:
            raise KeysUnavailable("the keys at JWKS_URL cannot be fetched")
        return self.last_good


class Authenticator:
    """Verifies whose a bearer token is.

    A verified token is remembered for a minute, never beyond its `exp`.
    """

    def __init__(self, keys: KeySource, *, audience: str | None = None, issuer: str | None = None) -> None:
        self.keys = keys
        self.audience = audience
        self.issuer = issuer
        self.identities: dict[bytes, Identity] = {}
        self.lock = Lock()

    @classmethod
    def from_settings(cls, settings: Settings) -> Authenticator:
        """Build it from the settings. Raises InvalidSetting without JWT_SECRET and JWKS_URL."""
        keys: KeySource
        if settings.jwt_secret is not None:
            keys = SharedSecret(settings.jwt_secret)
        elif settings.jwks_url is not None:
            keys = PublicKeys(settings.jwks_url)
        else:
            raise InvalidSetting(
                "JWT_SECRET: is not set; set it to at least 32 random bytes (`openssl rand -hex 32`), or set JWKS_URL"
            )
        return cls(keys, audience=settings.jwt_audience, issuer=settings.jwt_issuer)

    def get_remembered(self, token: str) -> Identity | None:
        """Return the identity of a token verified a moment ago, or None. Never blocks."""
        identity = self.identities.get(hash_token(token))
        return identity if identity is not None and time.time() < identity.expires_at else None

    def verify_token(self, token: str) -> Identity:
        """Verify a token. This may fetch keys, so it may block.

        Raises Unauthenticated, or KeysUnavailable when there is no key to verify it with.
        """
        claims = self.decode_claims(token)
        user = claims["sub"].lower()
        if not UUID_PATTERN.fullmatch(user):
            raise Unauthenticated("the token's subject (sub) is not a UUID")
        now = time.time()
        identity = Identity(user, min(float(claims["exp"]), now + REMEMBERED_SECONDS))
        if now < identity.expires_at:
            self.remember_identity(token, identity)
        return identity

    def decode_claims(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN_LENGTH:
            raise Unauthenticated("the token is too long")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self.keys.get_key(token),
                algorithms=self.keys.algorithms,
                audience=self.audience,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={
                    "require": REQUIRED_CLAIMS,
                    "verify_aud": self.audience is not None,
                    "enforce_minimum_key_length": True,
                },
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the token has expired; sign in again") from None
        except (PyJWTError, ValueError, RecursionError):
            # The exact fault would only help a forger.
            raise Unauthenticated("the token is not valid here") from None
        return claims

    def remember_identity(self, token: str, identity: Identity) -> None:
        with self.lock:
            while len(self.identities) >= MAX_REMEMBERED:
                del self.identities[next(iter(self.identities))]
            self.identities[hash_token(token)] = identity


def hash_token(token: str) -> bytes:
    """Hash a token to remember it by: its text would be a secret in memory."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def create_token(
    user: str,
    *,
    secret: SecretStr,
    lifetime: timedelta,
    audience: str | None = None,
    issuer: str | None = None,
) -> str:
    """Create an HS256 token for `user` (a UUID), valid for `lifetime` from now.

    Raises ValueError when `user` is not a UUID.
    """
    if not UUID_PATTERN.fullmatch(user.lower()):
        raise ValueError(f"{user!r} is not a UUID; write one such as 00000000-0000-4000-8000-000000000001")
    now = int(time.time())
    claims = {"sub": user.lower(), "iat": now, "exp": now + int(lifetime.total_seconds())}
    optional = {"aud": audience, "iss": issuer}
    claims_given = claims | {name: value for name, value in optional.items() if value is not None}
    return jwt.encode(claims_given, secret.get_secret_value(), algorithm="HS256")
