"""What the state room raises beside the engine's own errors.

MetricEngineError
├── StaleLayout               a layout was saved over one that had moved on; carries the current one
├── NoEncryptionKey           credentials cannot be stored: no ENCRYPTION_KEY is set
└── UnreadableCredentials     no key in ENCRYPTION_KEY decrypts what is stored
"""

from __future__ import annotations

from typing import Any

from engine.errors import MetricEngineError


class StaleLayout(MetricEngineError):
    """The version sent is not the one saved; `current` is the layout as it stands now."""

    def __init__(self, current: dict[str, Any]) -> None:
        self.current = current
        super().__init__("the layout was saved elsewhere in the meantime; take the current one and save again")


class NoEncryptionKey(MetricEngineError):
    """Credentials arrived or are stored, and there is no key to encrypt or decrypt them with."""

    def __init__(self) -> None:
        super().__init__("credentials cannot be stored or read: ENCRYPTION_KEY is not set")


class UnreadableCredentials(MetricEngineError):
    """Stored credentials were encrypted with a key that ENCRYPTION_KEY no longer lists."""

    def __init__(self) -> None:
        super().__init__(
            "no key in ENCRYPTION_KEY decrypts the stored credentials; add the former key, or connect again"
        )
