"""Limits that no busy machine exceeds, in place of those by which the program keeps its promises.

A test of a limit sets that limit itself, far below or above the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from api.middleware import admission
from tests.support.replacements import replace

# Seconds.
LONG = 240.0
LIMITS = {
    "api.answers": ("MAX_COLLECT_SECONDS",),
    "api.event_feed": ("WAIT_SECONDS",),
    "api.middleware.admission": ("WAIT_SECONDS", "ANSWER_SECONDS"),
    "api.middleware.rate_limit": ("TIMEOUT_SECONDS",),
    "api.tokens": ("KEYS_TIMEOUT_SECONDS",),
    "engine.answer.redis_store": ("TIMEOUT_SECONDS", "MAX_WAIT_SECONDS", "LOCK_SECONDS"),
    "engine.warehouse.health": ("MAX_PING_SECONDS",),
    "state.database": ("CONNECT_SECONDS",),
    "state.tenant_watch": ("WAIT_SECONDS", "READ_SECONDS"),
}
# Those of a command that is run as a process of its own: it keeps its promises, but takes no slow Redis for a lost one.
REDIS_LIMITS: Mapping[str, float] = MappingProxyType(
    {"api.middleware.rate_limit.TIMEOUT_SECONDS": LONG, "engine.answer.redis_store.TIMEOUT_SECONDS": LONG}
)


def wait_patiently() -> None:
    """Raise the limits in this process."""
    replace({f"{module}.{name}": LONG for module, names in LIMITS.items() for name in names})
    admission.SECONDS = dict.fromkeys(admission.SECONDS, LONG)
