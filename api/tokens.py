"""Bearer tokens: the caller's identity, proven by a signature."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FetchTimeout
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Lock, Thread
from typing import Any, Protocol, TypeVar

import jwt
from jwt import PyJWK, PyJWTError
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
# What the text of a token, however odd, raises when it is read.
INVALID_TOKEN = (PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
REFUSAL = "the token is not valid here"

UUID_PATTERN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

logger = logging.getLogger("metric_engine.api.tokens")

Key = TypeVar("Key")


class Unauthenticated(MetricEngineError):
    """The request has no token that proves its caller; the message names the fault."""


class KeysUnavailable(MetricEngineError):
    """The public keys at JWKS_URL cannot be fetched, so no token can be verified."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A verified user: a UUID in lower case.

    It may be remembered until `expires_at`, its token is good until `token_expires_at`, in seconds since 1970.
    """

    user: str
    expires_at: float
    token_expires_at: float


class KeySource(Protocol):
    """A source of the key that verifies a token's signature, and its algorithms."""

    algorithms: tuple[str, ...]

    def find_key(self, token: str) -> PyJWK | bytes | None:
        """Return the key without waiting; None where keys have to be fetched first."""

    def get_key(self, token: str) -> PyJWK | bytes:
        """Return the key, and fetch keys where that may help."""


class SharedSecret:
    """HS256: the one secret that signs and verifies."""

    algorithms: tuple[str, ...] = ("HS256",)

    def __init__(self, secret: SecretStr) -> None:
        self.secret = secret.get_secret_value().encode()

    def find_key(self, token: str) -> bytes:
        return self.secret

    def get_key(self, token: str) -> bytes:
        return self.secret


class PublicKeys:
    """RS256 and ES256: the keys that a JWKS address publishes.

    They are fetched on first use, kept for five minutes, and fetched again for an unknown `kid`, but never more than
    once in ten seconds. While the address does not answer, the last good keys are used. One request waits for a fetch
    of keys that it knows already, and no longer than five seconds; the others use them as they are.
    """

    algorithms: tuple[str, ...] = ("RS256", "ES256")

    def __init__(
        self,
        url: str,
        *,
        lifespan: float = KEYS_LIFESPAN_SECONDS,
        cooldown: float = KEYS_COOLDOWN_SECONDS,
    ) -> None:
        self.url = url
        self.lifespan = lifespan
        self.cooldown = cooldown
        # Replaced as a whole by a fetch, so that looking a key up takes no lock.
        self.keys: Mapping[str, PyJWK] = {}
        self.fetched_at = float("-inf")
        self.tried_at = float("-inf")
        self.fetch: Future[None] | None = None
        self.lock = Lock()

    def find_key(self, token: str) -> PyJWK | None:
        key = self.keys.get(read_key_id(token))
        is_old = time.monotonic() - self.fetched_at >= self.lifespan
        return None if is_old and self.fetch is None and self.can_try() else key

    def get_key(self, token: str) -> PyJWK:
        kid = read_key_id(token)
        began = self.begin_fetch()
        if began is not None:
            with suppress(FetchTimeout):
                began.result(max(0, self.tried_at + KEYS_TIMEOUT_SECONDS - time.monotonic()))
        key = self.keys.get(kid)
        if key is not None:
            return key
        if not self.keys:
            raise KeysUnavailable("the keys at JWKS_URL cannot be fetched")
        raise Unauthenticated("the token's key is not among those at JWKS_URL")

    def can_try(self) -> bool:
        return time.monotonic() - self.tried_at >= self.cooldown

    def begin_fetch(self) -> Future[None] | None:
        """Return the fetch that is under way, or a new one; None soon after the last one."""
        with self.lock:
            if self.fetch is None and self.can_try():
                self.tried_at = time.monotonic()
                self.fetch = Future()
                # A thread of its own: not even a name server that never answers keeps a request or the process.
                Thread(target=self.run_fetch, args=(self.fetch,), name="jwks", daemon=True).start()
            return self.fetch

    def run_fetch(self, fetch: Future[None]) -> None:
        from api.key_set import fetch_key_set

        try:
            self.keys = fetch_key_set(self.url, KEYS_TIMEOUT_SECONDS)
            self.fetched_at = time.monotonic()
        except Exception as error:  # noqa: BLE001 - whatever a foreign address sends, the last good keys serve on
            logger.warning("the keys at JWKS_URL cannot be fetched: %s", type(error).__name__)
        finally:
            self.fetch = None
            fetch.set_result(None)


def read_key_id(token: str) -> str:
    """Return the `kid` of a token's header. Raises Unauthenticated, PyJWTError."""
    kid = jwt.get_unverified_header(token).get("kid")
    if not isinstance(kid, str):
        raise Unauthenticated("the token's header names no key (kid)")
    return kid


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

    def verify_known(self, token: str) -> Identity | None:
        """Verify a token whose key is known; None where keys have to be fetched first. Never blocks.

        Raises Unauthenticated.
        """
        key = self.find_key(token, self.keys.find_key)
        return None if key is None else self.verify_signature(token, key)

    def verify_token(self, token: str) -> Identity:
        """Verify a token. This may fetch keys, so it may block for a few seconds.

        Raises Unauthenticated, or KeysUnavailable when there is no key to verify it with.
        """
        key = self.find_key(token, self.keys.find_key) or self.find_key(token, self.keys.get_key)
        assert key is not None
        return self.verify_signature(token, key)

    def find_key(self, token: str, find: Callable[[str], Key]) -> Key:
        if len(token) > MAX_TOKEN_LENGTH:
            raise Unauthenticated("the token is too long")
        try:
            return find(token)
        except INVALID_TOKEN:
            raise Unauthenticated(REFUSAL) from None

    def verify_signature(self, token: str, key: PyJWK | bytes) -> Identity:
        claims = self.decode_claims(token, key)
        user = claims["sub"].lower()
        if not UUID_PATTERN.fullmatch(user):
            raise Unauthenticated("the token's subject (sub) is not a UUID")
        now = time.time()
        identity = Identity(user, min(claims["exp"], now + REMEMBERED_SECONDS), claims["exp"])
        if now < identity.expires_at:
            self.remember_identity(token, identity)
        return identity

    def decode_claims(self, token: str, key: PyJWK | bytes) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
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
            # An integer beyond a double is no time.
            claims["exp"] = float(claims["exp"])
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("the token has expired; sign in again") from None
        except INVALID_TOKEN:
            # The exact fault would only help a forger.
            raise Unauthenticated(REFUSAL) from None
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
    name: str | None = None,
) -> str:
    """Create an HS256 token for `user` (a UUID), valid for `lifetime` from now.

    The dashboard shows `name` as whose it is. Raises ValueError when `user` is not a UUID.
    """
    if not UUID_PATTERN.fullmatch(user.lower()):
        raise ValueError(f"{user!r} is not a UUID; write one such as 00000000-0000-4000-8000-000000000001")
    now = int(time.time())
    claims = {"sub": user.lower(), "iat": now, "exp": now + int(lifetime.total_seconds())}
    optional = {"aud": audience, "iss": issuer, "name": name}
    claims_given = claims | {name: value for name, value in optional.items() if value is not None}
    return jwt.encode(claims_given, secret.get_secret_value(), algorithm="HS256")
