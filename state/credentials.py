"""Credentials at rest: encrypted with Fernet, under keys that can be rotated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from engine import InvalidSetting
from state.errors import NoEncryptionKey, UnreadableCredentials


class Credentials(Mapping[str, Any]):
    """An account's credentials by name; `repr` hides them."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return "Credentials(hidden)"


class Keyring:
    """The keys of `ENCRYPTION_KEY`: the first encrypts, every one decrypts. It may be empty.

    `has_former_keys` is whether there are any beside the first.
    """

    __slots__ = ("_fernet", "_first", "has_former_keys")

    def __init__(self, *keys: Fernet) -> None:
        self._fernet = MultiFernet(keys) if keys else None
        self._first = keys[0] if keys else None
        self.has_former_keys = len(keys) > 1

    @classmethod
    def parse(cls, setting: str | None) -> Keyring:
        """Parse a comma list of Fernet keys. Raises `InvalidSetting` for a malformed key."""
        keys = [key.strip() for key in (setting or "").split(",")]
        return cls(*(_parse_key(key, position) for position, key in enumerate(keys, 1) if key))

    def __bool__(self) -> bool:
        return self._fernet is not None

    def __repr__(self) -> str:
        return "Keyring(hidden)"

    def encrypt(self, credentials: Mapping[str, Any]) -> str:
        """Return the ciphertext to store. Raises `NoEncryptionKey`."""
        text = json.dumps(dict(credentials), separators=(",", ":"))
        return self._require_fernet().encrypt(text.encode()).decode()

    def decrypt(self, stored: str) -> Credentials:
        """Return a ciphertext's credentials. Raises `NoEncryptionKey` or `UnreadableCredentials`."""
        try:
            return Credentials(json.loads(self._require_fernet().decrypt(stored)))
        except InvalidToken:
            raise UnreadableCredentials from None

    def rotate(self, stored: str) -> str | None:
        """Encrypt a ciphertext's credentials under the first key; None if they are so already.

        Raises as `decrypt` does.
        """
        try:
            if self._first is not None:
                self._first.decrypt(stored)
                return None
        except InvalidToken:
            pass
        try:
            return self._require_fernet().rotate(stored).decode()
        except InvalidToken:
            raise UnreadableCredentials from None

    def _require_fernet(self) -> MultiFernet:
        if self._fernet is None:
            raise NoEncryptionKey
        return self._fernet


def _parse_key(key: str, position: int) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise InvalidSetting(
            f"ENCRYPTION_KEY: key {position} is not 32 bytes in URL-safe base64; make one with "
            "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
        ) from None
