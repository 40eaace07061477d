"""The headers of the exports that Google Analytics, Ads Manager and Instagram write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from engine.authoring.loading.csv_values import quote_value, reject_out_of_range


def fold_header(text: str) -> str:
    """Return a header without its case, blanks, underscores and hyphens, in which programs differ."""
    return re.sub(r"[\s_-]+", "", text.casefold())


def fold_headers(*texts: str) -> frozenset[str]:
    return frozenset(map(fold_header, texts))


def parse_publish_time(given: str) -> date:
    """Parse `01/31/2025 08:30`, which is in the account's own time zone. Raises ValueError."""
    parts = re.fullmatch(r"(\d\d)/(\d\d)/(\d{4}) \d\d:\d\d", given, re.ASCII)
    try:
        found = date(int(parts[3]), int(parts[1]), int(parts[2])) if parts else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"{quote_value(given)} is not a time such as 01/31/2025 08:30")
    return reject_out_of_range(found, given)


@dataclass(frozen=True, slots=True)
class CsvPreset:
    """The headers of one product's exports.

    `columns` has the headers of each column, the preferred one first; `titles` the column of the only value of a file,
    by the title above it. `ignored` are further headers of such files. `parsers` are for values in the product's form.
    """

    name: str
    columns: Mapping[str, tuple[str, ...]]
    ignored: frozenset[str]
    titles: Mapping[str, str] = field(default_factory=dict)
    parsers: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)

    def get_headers(self, column: str, *, is_time: bool) -> tuple[str, ...]:
        """Return the folded headers that fill a column, the preferred one first."""
        return tuple(map(fold_header, self.columns.get(column, self.columns["date"] if is_time else ())))


# Days from the start of a Google Analytics report, which a comment above it tells.
NTH_DAY = "Nth day"
# The one value of a file of Meta Business Suite.
PRIMARY = fold_header("Primary")

# By the name of their source.
PRESETS: Mapping[str, CsvPreset] = {
    preset.name: preset
    for preset in (
        CsvPreset(
            name="ga4",
            columns={
                "date": ("Date", NTH_DAY),
                "users": ("Active users",),
                "conversions": ("Key events",),
                "revenue": ("Total revenue",),
                "channel": (
                    "Session default channel group",
                    "Session primary channel group (Default Channel Group)",
                    "Session primary channel group",
                    "Default channel group",
                ),
                "landing_page": ("Landing page + query string",),
            },
            ignored=fold_headers(
                *("Average engagement time", "Average engagement time per active user", "Bounce rate"),
                *("Average engagement time per session", "Average session duration", "Engagement rate"),
                *("Engaged sessions per active user", "Event count", "Event count per active user"),
                *("Events per session", "Returning users", "Session key event rate", "Sessions per active user"),
                *("Total users", "User engagement", "User key event rate", "Views", "Views per session"),
            ),
        ),
        CsvPreset(
            name="instagram",
            columns={
                "date": ("Date",),
                "posted_on": ("Publish time",),
                "media_id": ("Post ID",),
                "media_type": ("Post type",),
                "caption": ("Description",),
                "ig_user_id": ("Account ID",),
                "interactions": ("Content interactions",),
            },
            titles={
                **dict.fromkeys(fold_headers("Reach", "Instagram reach"), "reach"),
                **dict.fromkeys(fold_headers("Views", "Instagram views"), "views"),
                **dict.fromkeys(
                    fold_headers("Interactions", "Content interactions", "Instagram content interactions"),
                    "interactions",
                ),
                **dict.fromkeys(fold_headers("Followers", "Instagram followers"), "followers"),
            },
            ignored=fold_headers(
                *("Account name", "Account username", "Data comment", "Date", "Duration (sec)", "Follows"),
            ),
            parsers={"posted_on": parse_publish_time},
        ),
        CsvPreset(
            name="meta",
            columns={
                "date": ("Day", "Reporting starts", "Date start"),
                # The default export has no ids: there the name tells campaigns apart.
                "campaign_id": ("Campaign ID", "Campaign name"),
                "spend": ("Amount spent",),
                "clicks": ("Clicks (all)",),
                "conversions": ("Purchases", "Website purchases"),
                "conversion_value": ("Purchases conversion value", "Website purchases conversion value"),
                "currency": ("Account currency",),
            },
            ignored=fold_headers(
                *("Account name", "Ad set budget", "Ad set budget type", "Attribution setting", "Campaign budget"),
                *("Campaign budget type", "Campaign delivery", "Cost per results", "Cost per result"),
                *("CPC (all)", "CPC (cost per link click)", "CPM (cost per 1,000 impressions)", "CTR (all)"),
                *("CTR (link click-through rate)", "Cost per purchase", "Date start", "Date stop", "Delivery level"),
                *(
                    "Delivery status",
                    "Purchase ROAS (return on ad spend)",
                    "Ends",
                    "Frequency",
                    "Link clicks",
                    "Objective",
                    "Reporting ends",
                    "Reporting starts",
                    "Results",
                ),
                *("Result indicator", "Result type", "Starts"),
            ),
        ),
    )
}
