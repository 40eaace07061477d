"""The built-in sources, one entry each, and what metric files may declare beside them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.suggestions import did_you_mean, find_nearest_names

ACCOUNT_DIGITS = "[0-9]{1,32}"
MAX_ACCOUNT_LENGTH = 200
SOURCE_PATTERN = "[a-z][a-z0-9_]*"


@dataclass(frozen=True, slots=True)
class Source:
    """A source of facts, by the name that metric files, connections and routes use.

    `title` is the product, and `provider` the service that its errors name. The keys of its metrics begin with `name`
    or `key_prefix`. An account's id is `account_prefix` and digits. Its connections may have `options`. A sync fills
    its `synced_tables`. A source that metric files declare has no provider, and accounts of any ids.
    """

    name: str
    title: str
    key_prefix: str
    provider: str = ""
    account_prefix: str = ""
    options: tuple[str, ...] = ()
    synced_tables: tuple[str, ...] = ()

    @property
    def account_form(self) -> str:
        """The form of an account's id, in words."""
        if not self.provider:
            return f"1 to {MAX_ACCOUNT_LENGTH} characters"
        return f"{self.account_prefix} and digits" if self.account_prefix else "digits"

    def is_account_id(self, text: str) -> bool:
        """Whether an account of this source can have this id."""
        if not self.provider:
            return 0 < len(text) <= MAX_ACCOUNT_LENGTH and "\0" not in text
        return re.fullmatch(re.escape(self.account_prefix) + ACCOUNT_DIGITS, text, re.ASCII) is not None

    def add_account_prefix(self, text: str) -> str:
        """Write an account's id as connections do: exports have its digits alone."""
        return f"{self.account_prefix}{text}" if re.fullmatch(ACCOUNT_DIGITS, text, re.ASCII) else text


# The built-in ones by name, in alphabetical order.
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


def find_source_of_key(key: str, sources: Mapping[str, Source]) -> str | None:
    """Return the name of the source that a metric's key begins with, or None."""
    prefix = key.partition(".")[0]
    return next((source.name for source in sources.values() if prefix in (source.name, source.key_prefix)), None)


def suggest_source(name: str, sources: Collection[str]) -> str:
    """Return the remedy for an unknown source: the nearest name, or all names."""
    return did_you_mean(find_nearest_names(name, sources)) or f"; there are {', '.join(sources)}"
