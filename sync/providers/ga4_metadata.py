"""What a GA4 report says about itself, and what stays of the rows that it lacks for such a reason."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from engine import DAY, Window
from state.data_notes import OTHER_ROW, SAMPLED, THRESHOLDED, TRUNCATED, group_days
from sync.parsing import JsonObject
from sync.provider import Row
from sync.providers.google import GOOGLE, READER

OTHER = "(other)"


@dataclass(slots=True)
class ReportMetadata:
    """What a report says about itself, over all of its pages.

    `codes` are those of the data notes. `truncated` are the days that it does not answer for, and `is_vague` is whether
    some are missing that it does not name. `hidden` are the metrics that these credentials may not see.
    """

    codes: set[str] = field(default_factory=set)
    truncated: set[date] = field(default_factory=set)
    is_vague: bool = False
    hidden: set[str] = field(default_factory=set)

    def add_page(self, metadata: JsonObject, window: Window) -> None:
        """Add what one page says. Raises Unreadable."""
        if metadata.get("subjectToThresholding") is True:
            self.codes.add(THRESHOLDED)
        if metadata.get("dataLossFromOtherRow") is True:
            self.codes.add(OTHER_ROW)
        if READER.read_list(metadata, "samplingMetadatas"):
            self.codes.add(SAMPLED)
        for reason in READER.read_list(metadata, "dataTruncationReasons"):
            self.codes.add(TRUNCATED)
            spans = [*iter_truncated_spans(reason, window)]
            self.is_vague |= not spans
            self.truncated |= {day for span in spans for day in span if window.start <= day <= window.end}
        restrictions = READER.read_object(metadata, "schemaRestrictionResponse")
        for each in READER.read_list(restrictions, "activeMetricRestrictions"):
            self.hidden.add(READER.read_text(each, "metricName"))

    def add(self, other: ReportMetadata) -> None:
        """Add what the report of other days says, whose missing days are known."""
        self.codes |= other.codes
        self.truncated |= other.truncated
        self.hidden |= other.hidden

    def add_silent_days(self, window: Window, answered: Iterable[date]) -> None:
        """Add the days without a row to those that are missing, where these are not all said."""
        if self.is_vague:
            self.truncated |= set(window) - set(answered)


def iter_truncated_spans(reason: JsonObject, window: Window) -> Iterable[Window]:
    """Yield the spans that a reason names: all before a date, or from one to another."""
    before = READER.read_optional_text(reason, "dataTruncationDate")
    if before is not None:
        yield Window(window.start, min(parse_iso_day(before) - DAY, window.end))
    for span in READER.read_list(reason, "dataTruncationDateRanges"):
        first, last = (parse_iso_day(READER.read_text(span, name)) for name in ("startDate", "endDate"))
        yield Window(max(first, window.start), min(last, window.end))


def parse_iso_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise GOOGLE.unreadable_without("a date in 'dataTruncationReasons'") from None


def keep_held_rows(
    rows: Sequence[Row],
    held: Sequence[Row],
    uncovered: set[date],
    get_key: Callable[[Row], Hashable],
) -> list[Mapping[str, Any]]:
    """Return the rows of an incomplete report, with those that the table has and the report leaves out.

    A day that the report does not answer for keeps its rows as they are. On other days a missing row was below a
    threshold or outside of the sample. It was folded where the day has the member `(other)`, which then has its values.
    """
    stays = uncovered & {row["date"] for row in held}
    found = [row for row in rows if row["date"] not in stays]
    keys = {get_key(row) for row in found}
    folded = {row["date"] for row in found if OTHER in row.values()}
    for row in held:
        is_missing = get_key(row) not in keys and row["date"] not in folded and OTHER not in row.values()
        if row["date"] in stays or is_missing:
            found.append(row)
    # All rows have the same columns: those of the report, where it has a row.
    return [{name: row.get(name) for name in rows[0]} for row in found] if rows else found


def note_days(metadata: ReportMetadata, window: Window) -> dict[str, Sequence[Window]]:
    """Return the notes on a window's days: whole windows by code, and the days that are truncated."""
    notes: dict[str, Sequence[Window]] = {code: [window] for code in sorted(metadata.codes - {TRUNCATED})}
    return notes | ({TRUNCATED: group_days(metadata.truncated)} if metadata.truncated else {})
