"""Errors of the state database, beside the engine's own.

MetricEngineError
├── StaleLayout               a layout was saved over a newer one; carries the newer one
├── TooManyAccounts           a user has as many accounts of a source as are allowed
├── NoEncryptionKey           credentials cannot be stored: no ENCRYPTION_KEY is set
└── UnreadableCredentials     no key in ENCRYPTION_KEY decrypts what is stored
"""

from __future__ import annotations

from typing import Any

from engine import MetricEngineError


class StaleLayout(MetricEngineError):
    """The request's version is not the saved one; `current` is the saved layout."""

    def __init__(self, current: dict[str, Any]) -> None:
        self.current = current
        super().__init__("the layout was saved elsewhere in the meantime; take the current one and save again")


class TooManyAccounts(MetricEngineError):
    """The user has as many accounts of the source as are allowed."""

    def __init__(self, source: str, most: int) -> None:
        super().__init__(f"{most} accounts of {source} are connected, and no user may have more; remove one first")


class NoEncryptionKey(MetricEngineError):
    """Credentials cannot be encrypted or decrypted, because no key is set."""

    def __init__(self) -> None:
        super().__init__("credentials cannot be stored or read: ENCRYPTION_KEY is not set")


class UnreadableCredentials(MetricEngineError):
    """Stored credentials were encrypted with a key that ENCRYPTION_KEY no longer lists."""

    def __init__(self) -> None:
        super().__init__(
            "no key in ENCRYPTION_KEY decrypts the stored credentials; add the former key, or connect again"
        )
