"""The table of sources, one entry each; all rooms read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.suggestions import did_you_mean, find_nearest_names

ACCOUNT_DIGITS = "[0-9]{1,32}"


@dataclass(frozen=True, slots=True)
class Source:
    """A source of facts, by the name that metric files, connections and routes use.

    `title` is the product, and `provider` the service that its errors name. The keys of its metrics begin with `name`
    or `key_prefix`. An account's id is `account_prefix` and digits. Its connections may have `options`. A sync fills
    its `synced_tables`.
    """

    name: str
    title: str
    provider: str
    key_prefix: str
    account_prefix: str = ""
    options: tuple[str, ...] = ()
    synced_tables: tuple[str, ...] = ()

    @property
    def account_form(self) -> str:
        """The form of an account's id, in words."""
        return f"{self.account_prefix} and digits" if self.account_prefix else "digits"

    def is_account_id(self, text: str) -> bool:
        """Whether an account of this source can have this id."""
        return re.fullmatch(re.escape(self.account_prefix) + ACCOUNT_DIGITS, text, re.ASCII) is not None

    def add_account_prefix(self, text: str) -> str:
        """Write an account's id as connections do: exports have its digits alone."""
        return f"{self.account_prefix}{text}" if re.fullmatch(ACCOUNT_DIGITS, text, re.ASCII) else text


# By name, in alphabetical order.
SOURCES: Mapping[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="ga4",
            title="Google Analytics",
            provider="Google Analytics",
            key_prefix="ga4",
            synced_tables=("ga4_daily", "ga4_channels_daily", "ga4_landing_pages_daily"),
        ),
        Source(
            name="instagram",
            title="Instagram",
            provider="Instagram",
            key_prefix="ig",
            options=("time_zone",),
            synced_tables=("ig_account_daily", "ig_media"),
        ),
        Source(
            name="meta",
            title="Meta Ads",
            provider="Meta",
            key_prefix="meta",
            account_prefix="act_",
            options=("conversion_action",),
            synced_tables=("meta_ads_daily",),
        ),
    )
}
PREFIXES = "|".join(source.account_prefix for source in SOURCES.values() if source.account_prefix)
# An account's id, whatever its source.
ACCOUNT_PATTERN = f"({PREFIXES})?{ACCOUNT_DIGITS}"

if TYPE_CHECKING:
    # Pydantic checks and documents the names; a type checker accepts no computed Literal.
    SourceName = str
else:
    SourceName = Literal[tuple(SOURCES)]


def find_source_of_key(key: str) -> str | None:
    """Return the name of the source that a metric's key begins with, or None."""
    prefix = key.partition(".")[0]
    return next((source.name for source in SOURCES.values() if prefix in (source.name, source.key_prefix)), None)


def suggest_source(name: str) -> str:
    """Return the remedy for an unknown source: the nearest name, or all names."""
    return did_you_mean(find_nearest_names(name, SOURCES)) or f"; there are {', '.join(SOURCES)}"
