"""A JWKS address that drips, and one with keys that nobody can read: who has a good token is let in at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from api.key_set import read_keys
from api.tokens import KEYS_COOLDOWN_SECONDS
from tests.support.attacked_server import SECRET, A, AttackedServer, run_attacked
from tests.support.patience import LONG

pytestmark = pytest.mark.server

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
GOOD = RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True) | {"kid": "good", "alg": "RS256"}
AUDIENCE = "dashboards"
PATH = "/v1/connections"


class KeyAddress:
    """A JWKS address on this machine; while it `drips`, it sends a byte a second for a minute."""

    def __init__(self, url: str, keys: list[Any]) -> None:
        self.url, self.keys, self.drips, self.ends = url, keys, False, threading.Event()


@contextmanager
def publish_keys(*keys: Any) -> Iterator[KeyAddress]:
    class DrippingHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"keys": address.keys}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            for byte in body[:60] if address.drips else ():
                if address.ends.wait(1):
                    return
                try:
                    self.wfile.write(bytes([byte]))
                except OSError:
                    return
            if not address.drips:
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), DrippingHandler) as server:
        address = KeyAddress(f"http://127.0.0.1:{server.server_port}/keys", list(keys))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield address
        address.ends.set()
        server.shutdown()
        thread.join()


def sign_with_key(kid: str = "good", **claims: Any) -> str:
    given = {"sub": A, "aud": AUDIENCE, "exp": int(time.time()) + 3600, "jti": str(time.monotonic_ns())} | claims
    return jwt.encode(given, KEY, algorithm="RS256", headers={"kid": kid})


def make_environment(address: KeyAddress) -> dict[str, str]:
    return {"JWT_SECRET": "", "JWKS_URL": address.url, "JWT_AUDIENCE": AUDIENCE}


def run_patient(folder: Path, address: KeyAddress) -> AbstractContextManager[AttackedServer]:
    """Run a server that waits for keys for minutes."""
    return run_attacked(folder, environment=make_environment(address), limits={"api.tokens.KEYS_TIMEOUT_SECONDS": LONG})


def test_while_the_keys_drip_known_keys_verify_and_readyz_answers(tmp_path: Path) -> None:
    with publish_keys(GOOD) as address, run_patient(tmp_path, address) as server:
        assert server.ask(PATH, token=sign_with_key()).status == 200
        address.drips = True
        time.sleep(KEYS_COOLDOWN_SECONDS + 0.1)
        with ThreadPoolExecutor(46) as pool:
            forged = [pool.submit(server.ask, PATH, token=sign_with_key(f"forged-{index}")) for index in range(45)]
            time.sleep(0.5)
            good = [server.ask(PATH, token=sign_with_key()) for _ in range(3)]
            ready = server.ask("/readyz", user=None)
            # Nobody but they waits for the keys.
            assert not any(each.done() for each in forged)
            address.ends.set()
            refused = [each.result() for each in forged]
    assert [each.status for each in good] == [200] * 3
    assert ready.status == 200
    assert {each.status for each in refused} == {401}


@pytest.mark.parametrize(
    "odd",
    [
        *({"kty": "oct"}, {"kty": "oct", "kid": "good"}, {"kty": "RSA", "kid": "x", "alg": "none"}, {"kty": "RSA"}),
        *(GOOD | {"kid": "x", "n": 5}, GOOD | {"kid": "x", "e": ""}, GOOD | {"kid": "x", "alg": ["RS256"]}),
        *({"kty": "EC", "kid": "x", "crv": "P-256", "x": "AA", "y": "AA"}, {"kty": ["RSA"]}, {}, 5, None, [GOOD]),
        GOOD | {"use": "enc"},
    ],
)
def test_an_unreadable_key_is_passed_over(odd: Any) -> None:
    assert list(read_keys([odd, GOOD, odd])) == ["good"]


def test_a_set_with_unreadable_keys_verifies_by_the_good_one(tmp_path: Path) -> None:
    odd = ({"kty": "oct"}, {"kty": "RSA", "kid": "x", "alg": "none"}, {"kty": ["RSA"]}, None)
    with publish_keys(*odd, GOOD) as address, run_attacked(tmp_path, environment=make_environment(address)) as server:
        assert server.ask(PATH, token=sign_with_key()).status == 200
        assert server.ask(PATH, token=sign_with_key("x")).status == 401


@pytest.mark.parametrize("claims", [{"exp": 10**400}, {"exp": float("inf")}, {"nbf": float("inf")}, {"iat": 10**400}])
def test_a_time_beyond_all_clocks_is_401(claims: dict[str, Any], server: AttackedServer) -> None:
    given = {"sub": A, "exp": int(time.time()) + 3600} | claims
    # PyJWT itself writes no such claims.
    token = sign_by_hand({"alg": "HS256", "typ": "JWT"}, given)
    answer = server.ask(PATH, token=token)
    assert (answer.status, answer.headers["content-type"]) == (401, "application/problem+json")


def sign_by_hand(header: dict[str, Any], payload: dict[str, Any]) -> str:
    def encode_part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    unsigned = ".".join(encode_part(json.dumps(part).encode()) for part in (header, payload))
    return f"{unsigned}.{encode_part(hmac.new(SECRET.encode(), unsigned.encode(), hashlib.sha256).digest())}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AttackedServer]:
    with run_attacked(tmp_path_factory.mktemp("server")) as running:
        yield running
