"""Google's token endpoint: refresh tokens, and what service accounts sign."""

from __future__ import annotations

from datetime import datetime, timedelta

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from demo.providers.google.google_tokens import SIGNED
from demo.providers.stand_ins import StandIns
from demo.providers.world import CLIENT, ProviderWorld
from tests.demo.providers.conftest import PROPERTY, Ask, MovableClock
from tests.support.providers.faults import plant_fault
from tests.support.providers.google_faults import refuse_client, refuse_grant

pytestmark = pytest.mark.server

EMAIL = "reader@demo.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/analytics.readonly"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def export_public_key(key: rsa.RSAPrivateKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def refresh_token(stand_ins: StandIns, client: httpx.Client, token: str, **more: str) -> httpx.Response:
    client_id, client_secret = CLIENT
    form = {
        "grant_type": "refresh_token",
        "refresh_token": token,
        "client_id": client_id,
        "client_secret": client_secret,
        **more,
    }
    return client.post(stand_ins.ga4.token_url, data=form)


def test_a_refresh_token_brings_an_access_token(
    world: ProviderWorld, stand_ins: StandIns, client: httpx.Client, report: Ask
) -> None:
    answer = refresh_token(stand_ins, client, world.google.issue(PROPERTY))
    assert answer.status_code == 200
    content = answer.json()
    assert content.keys() == {"access_token", "expires_in", "scope", "token_type"}
    assert (content["expires_in"], content["token_type"]) == (3599, "Bearer")
    assert report(headers={"Authorization": f"Bearer {content['access_token']}"}).status_code == 200


def test_a_revoked_one_takes_its_access_tokens_along(
    world: ProviderWorld, stand_ins: StandIns, client: httpx.Client, report: Ask
) -> None:
    tokens = [world.google.issue(PROPERTY) for _ in range(2)]
    headers = [
        {"Authorization": f"Bearer {refresh_token(stand_ins, client, token).json()['access_token']}"}
        for token in tokens
    ]
    world.google.revoke(tokens[0])
    answer = refresh_token(stand_ins, client, tokens[0])
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
    assert [report(headers=bearer).status_code for bearer in headers] == [401, 200]


@pytest.mark.parametrize(
    ("more", "status", "error"),
    [
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"refresh_token": ""}, 400, "invalid_request"),
        ({"refresh_token": "1//unknown"}, 400, "invalid_grant"),
    ],
)
def test_what_is_wrong_is_refused(
    world: ProviderWorld, stand_ins: StandIns, client: httpx.Client, more: dict[str, str], status: int, error: str
) -> None:
    answer = refresh_token(stand_ins, client, world.google.issue(PROPERTY), **more)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_errors_to_plant(world: ProviderWorld, stand_ins: StandIns, client: httpx.Client) -> None:
    token = world.google.issue(PROPERTY)
    plant_fault(stand_ins.ga4, refuse_grant(), token=token, times=1)
    plant_fault(stand_ins.ga4, refuse_client(), token=token, times=1)
    answers = [refresh_token(stand_ins, client, token) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400, 401, 200]
    assert [answer.json().get("error") for answer in answers] == ["invalid_grant", "invalid_client", None]


def sign_assertion(stand_ins: StandIns, key: rsa.RSAPrivateKey, now: datetime, **more: object) -> str:
    claims = {
        "iss": EMAIL,
        "scope": SCOPE,
        "aud": stand_ins.ga4.token_url,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(hours=1)).timestamp()),
        **more,
    }
    return jwt.encode(claims, key, algorithm="RS256")


def exchange_assertion(stand_ins: StandIns, client: httpx.Client, assertion: str) -> httpx.Response:
    return client.post(stand_ins.ga4.token_url, data={"grant_type": SIGNED, "assertion": assertion})


def test_a_service_account_signs(
    world: ProviderWorld,
    stand_ins: StandIns,
    client: httpx.Client,
    report: Ask,
    clock: MovableClock,
    key: rsa.RSAPrivateKey,
) -> None:
    world.google.allow(EMAIL, export_public_key(key), PROPERTY)
    for audience in (stand_ins.ga4.token_url, "https://oauth2.googleapis.com/token"):
        answer = exchange_assertion(stand_ins, client, sign_assertion(stand_ins, key, clock.now, aud=audience))
        assert answer.status_code == 200
        assert report(headers={"Authorization": f"Bearer {answer.json()['access_token']}"}).status_code == 200


def test_a_wrong_signature_is_refused(
    world: ProviderWorld, stand_ins: StandIns, client: httpx.Client, clock: MovableClock, key: rsa.RSAPrivateKey
) -> None:
    world.google.allow(EMAIL, export_public_key(key), PROPERTY)
    other = rsa.generate_private_key(65537, 2048)
    now = clock.now
    for assertion, words in (
        (sign_assertion(stand_ins, other, now), "Invalid JWT Signature."),
        (sign_assertion(stand_ins, key, now, aud="https://example.com"), "Invalid JWT: "),
        (sign_assertion(stand_ins, key, now - timedelta(hours=2)), "short-lived"),
        (sign_assertion(stand_ins, key, now + timedelta(hours=1)), "short-lived"),
        (sign_assertion(stand_ins, key, now, exp=int((now + timedelta(days=1)).timestamp())), "short-lived"),
        (sign_assertion(stand_ins, key, now, iss="nobody@demo"), "account not found"),
        ("no.jwt", "Invalid JWT: "),
        (jwt.encode({"iss": EMAIL}, "a secret of thirty-two characters", algorithm="HS256"), "Invalid JWT: "),
    ):
        answer = exchange_assertion(stand_ins, client, assertion)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant"), words
        assert words in answer.json()["error_description"]
    answer = exchange_assertion(stand_ins, client, sign_assertion(stand_ins, key, now, scope="openid"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
