"""The keys at a JWKS address, fetched within a time in all, however slowly it answers."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from typing import Any

import httpx
from jwt import PyJWK

MAX_BYTES = 1_000_000


class UnreadableKeySet(Exception):
    """What is at the JWKS address is no set of keys."""


def fetch_key_set(url: str, seconds: float) -> Mapping[str, PyJWK]:
    """Fetch the signing keys by their `kid`, in at most `seconds`.

    Raises UnreadableKeySet, or TimeoutError and httpx's errors.
    """
    body = asyncio.run(asyncio.wait_for(fetch_body(url, seconds), seconds))
    try:
        entries = json.loads(body)["keys"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise UnreadableKeySet("not a JSON object with `keys`") from None
    keys = read_keys(entries if isinstance(entries, list) else [])
    if not keys:
        raise UnreadableKeySet("no key that verifies RS256 or ES256")
    return keys


async def fetch_body(url: str, seconds: float) -> bytes:
    body = bytearray()
    # The system's certificates, as everywhere else; redirects are not followed.
    async with (
        httpx.AsyncClient(verify=ssl.create_default_context(), timeout=seconds) as client,
        client.stream("GET", url) as response,
    ):
        response.raise_for_status()
        async for part in response.aiter_bytes():
            body += part
            if len(body) > MAX_BYTES:
                raise UnreadableKeySet(f"more than {MAX_BYTES:,} bytes")
    return bytes(body)


def read_keys(entries: list[Any]) -> Mapping[str, PyJWK]:
    """Read the keys that are meant for signatures; one that cannot be read is passed over."""
    keys: dict[str, PyJWK] = {}
    for entry in entries:
        if (
            not isinstance(entry, dict)
            or entry.get("use") not in (None, "sig")
            or entry.get("kty") not in ("RSA", "EC")
        ):
            continue
        kid = entry.get("kid")
        if isinstance(kid, str) and (key := read_key(entry)) is not None:
            keys.setdefault(kid, key)
    return keys


def read_key(entry: dict[str, Any]) -> PyJWK | None:
    try:
        return PyJWK(entry)
    except Exception:  # noqa: BLE001 - its values are anybody's, and are read by several libraries
        return None
