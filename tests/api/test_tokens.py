from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from pydantic import SecretStr

from api.tokens import (
    REMEMBERED_SECONDS,
    Authenticator,
    KeysUnavailable,
    PublicKeys,
    SharedSecret,
    Unauthenticated,
    create_token,
)
from engine.errors import InvalidSetting
from tests.api.conftest import ALICE, SECRET
from tests.support.environment import read_settings
from tests.support.patience import LONG

AUDIENCE = "dashboards"


def make_claims(**changes: Any) -> dict[str, Any]:
    given = {"sub": ALICE, "exp": int(time.time()) + 3600} | changes
    return {name: value for name, value in given.items() if value is not None}


def sign_hs256(**changes: Any) -> str:
    return jwt.encode(make_claims(**changes), SECRET.get_secret_value(), algorithm="HS256")


def encode_raw(header: dict[str, Any], payload: bytes) -> str:
    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    return f"{part(json.dumps(header).encode())}.{part(payload)}."


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(SharedSecret(SECRET))


def test_a_signed_token_names_its_user(authenticator: Authenticator) -> None:
    token = create_token(ALICE.upper(), secret=SECRET, lifetime=timedelta(minutes=5))
    assert authenticator.verify_token(token).user == ALICE


def test_only_a_uuid_can_be_signed() -> None:
    with pytest.raises(ValueError, match="not a UUID"):
        create_token("alice", secret=SECRET, lifetime=timedelta(minutes=5))


def test_the_subject_is_compared_in_lower_case(authenticator: Authenticator) -> None:
    assert authenticator.verify_token(sign_hs256(sub=ALICE.upper())).user == ALICE


@pytest.mark.parametrize("seconds", [-25, 3600])
def test_a_token_is_good_until_30_seconds_after_its_end(authenticator: Authenticator, seconds: int) -> None:
    assert authenticator.verify_token(sign_hs256(exp=int(time.time()) + seconds)).user == ALICE


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "ü.ü.ü",
        "x" * 100_000,
        sign_hs256(exp=int(time.time()) - 40),
        sign_hs256(exp=None),
        sign_hs256(exp="tomorrow"),
        sign_hs256(exp=float("inf")),
        sign_hs256(sub=None),
        sign_hs256(sub="alice"),
        sign_hs256(sub=ALICE.replace("-", "")),
        sign_hs256(sub=f"{{{ALICE}}}"),
        sign_hs256(sub=ALICE + "\n"),
        sign_hs256(nbf=int(time.time()) + 3_600),
        jwt.encode(make_claims(), "another secret of thirty-two bytes or so", algorithm="HS256"),
        jwt.encode(make_claims(), SECRET.get_secret_value() + " and more, for the longer hash", algorithm="HS512"),
        jwt.encode(make_claims(), "", algorithm="none"),
        encode_raw({"alg": "none"}, json.dumps(make_claims()).encode()),
        encode_raw({"alg": "None", "typ": "JWT"}, json.dumps(make_claims()).encode()),
        encode_raw({"alg": "HS256"}, b"[" * 4_000),
        encode_raw({"alg": "HS256"}, b"\xff"),
        sign_hs256()[:-3] + "AAA",
    ],
)
def test_any_other_token_is_refused(authenticator: Authenticator, token: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        authenticator.verify_token(token)
    assert ALICE not in str(caught.value)
    assert authenticator.get_remembered(token) is None


def test_audience_and_issuer_count_when_they_are_set() -> None:
    strict = Authenticator(SharedSecret(SECRET), audience=AUDIENCE, issuer="https://id.example.com")
    right = {"aud": AUDIENCE, "iss": "https://id.example.com"}
    assert strict.verify_token(sign_hs256(**right)).user == ALICE
    for wrong in ({}, right | {"aud": "billing"}, right | {"iss": "https://evil.example.com"}, {"aud": AUDIENCE}):
        with pytest.raises(Unauthenticated):
            strict.verify_token(sign_hs256(**wrong))


def test_without_an_audience_setting_a_token_may_have_one(authenticator: Authenticator) -> None:
    assert authenticator.verify_token(sign_hs256(aud="authenticated")).user == ALICE


def test_signing_carries_audience_and_issuer() -> None:
    strict = Authenticator(SharedSecret(SECRET), audience=AUDIENCE, issuer="me")
    token = create_token(ALICE, secret=SECRET, lifetime=timedelta(minutes=1), audience=AUDIENCE, issuer="me")
    assert strict.verify_token(token).user == ALICE


def test_a_verified_token_is_remembered_for_a_minute_but_never_beyond_its_end(
    authenticator: Authenticator,
) -> None:
    long, short, late = sign_hs256(), sign_hs256(exp=int(time.time()) + 20), sign_hs256(exp=int(time.time()) - 5)
    for token in (long, short, late):
        assert authenticator.get_remembered(token) is None
        authenticator.verify_token(token)
    kept, brief = authenticator.get_remembered(long), authenticator.get_remembered(short)
    assert kept is not None
    assert brief is not None
    assert kept.expires_at - time.time() <= REMEMBERED_SECONDS
    assert brief.expires_at - time.time() <= 20
    assert authenticator.get_remembered(late) is None
    assert long.encode() not in authenticator.identities


def test_without_a_way_to_verify_nothing_starts() -> None:
    with pytest.raises(InvalidSetting, match="JWT_SECRET"):
        Authenticator.from_settings(read_settings({}))


@dataclass
class KeyServer:
    """A JWKS address that counts how often it is asked."""

    server: ThreadingHTTPServer
    keys: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    broken: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/keys"


@pytest.fixture
def key_server() -> Iterator[KeyServer]:
    class KeyServerHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            published.asked += 1
            body = b"<html>" if published.broken else json.dumps({"keys": published.keys}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), KeyServerHandler) as server:
        published = KeyServer(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield published
        server.shutdown()
        thread.join()


RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_JWK = RSAAlgorithm.to_jwk(RSA_KEY.public_key(), as_dict=True) | {"kid": "rsa", "alg": "RS256", "use": "sig"}
EC_JWK = ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True) | {"kid": "ec", "use": "sig"}


def make_key_authenticator(server: KeyServer) -> Authenticator:
    return Authenticator(PublicKeys(server.url), audience=AUDIENCE)


def sign_rs256(kid: str = "rsa", **changes: Any) -> str:
    return jwt.encode(make_claims(aud=AUDIENCE, **changes), RSA_KEY, algorithm="RS256", headers={"kid": kid})


@pytest.mark.server
def test_published_keys_verify_rs256_and_es256_with_one_fetch(key_server: KeyServer) -> None:
    key_server.keys = [RSA_JWK, EC_JWK]
    authenticator = make_key_authenticator(key_server)
    es256 = jwt.encode(make_claims(aud=AUDIENCE), EC_KEY, algorithm="ES256", headers={"kid": "ec"})
    assert authenticator.verify_token(sign_rs256()).user == ALICE
    assert authenticator.verify_token(es256).user == ALICE
    assert key_server.asked == 1


@pytest.mark.server
def test_a_public_key_is_not_a_secret(key_server: KeyServer) -> None:
    """Algorithm confusion: HS256 'signed' with the text of the public key, and with a shared key in the set."""
    shared = base64.urlsafe_b64encode(b"k" * 32).rstrip(b"=").decode()
    key_server.keys = [RSA_JWK, {"kty": "oct", "kid": "shared", "k": shared}]
    authenticator = make_key_authenticator(key_server)
    pem = RSA_KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    # PyJWT itself refuses to sign with a public key's text, so the signature is made by hand.
    unsigned = encode_raw({"alg": "HS256", "kid": "rsa"}, json.dumps(make_claims(aud=AUDIENCE)).encode())[:-1]
    mac = hmac.new(pem, unsigned.encode(), hashlib.sha256).digest()
    confused = f"{unsigned}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    symmetric = jwt.encode(make_claims(aud=AUDIENCE), b"k" * 32, algorithm="HS256", headers={"kid": "shared"})
    unnamed = jwt.encode(make_claims(aud=AUDIENCE), RSA_KEY, algorithm="RS256")
    other_algorithm = jwt.encode(make_claims(aud=AUDIENCE), RSA_KEY, algorithm="RS512", headers={"kid": "rsa"})
    for token in (confused, symmetric, unnamed, other_algorithm, sign_rs256(exp=1)):
        with pytest.raises(Unauthenticated):
            authenticator.verify_token(token)
    assert authenticator.verify_token(sign_rs256()).user == ALICE


@pytest.mark.server
def test_an_unknown_key_is_looked_up_again_but_not_for_every_forger(key_server: KeyServer) -> None:
    key_server.keys = [EC_JWK]
    keys = PublicKeys(key_server.url, cooldown=LONG)
    authenticator = Authenticator(keys, audience=AUDIENCE)
    for _ in range(20):
        with pytest.raises(Unauthenticated):
            authenticator.verify_token(sign_rs256())
    assert key_server.asked == 1
    key_server.keys = [RSA_JWK, EC_JWK]
    keys.cooldown = 0
    assert authenticator.verify_token(sign_rs256()).user == ALICE
    assert key_server.asked == 2


@pytest.mark.server
def test_while_the_keys_cannot_be_fetched_the_last_good_ones_serve(key_server: KeyServer) -> None:
    key_server.keys = [RSA_JWK]
    authenticator = Authenticator(PublicKeys(key_server.url, lifespan=0.01, cooldown=0.01), audience=AUDIENCE)
    assert authenticator.verify_token(sign_rs256()).user == ALICE
    key_server.broken = True
    time.sleep(0.02)
    assert authenticator.verify_token(sign_rs256(sub=ALICE.upper())).user == ALICE
    assert key_server.asked == 2


@pytest.mark.server
def test_keys_that_were_never_fetched_are_not_the_tokens_fault(key_server: KeyServer) -> None:
    key_server.broken = True
    authenticator = make_key_authenticator(key_server)
    for _ in range(5):
        with pytest.raises(KeysUnavailable):
            authenticator.verify_token(sign_rs256())
    assert key_server.asked == 1


def test_the_secret_is_read_as_utf_8() -> None:
    secret = SecretStr("ключ ключ ключ ключ ключ ключ")
    token = create_token(ALICE, secret=secret, lifetime=timedelta(minutes=1))
    assert Authenticator(SharedSecret(secret)).verify_token(token).user == ALICE
