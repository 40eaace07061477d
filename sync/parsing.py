"""Checked reading of providers' answers: a missing or invalid value raises a clear error."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine import SOURCES
from sync.errors import NeedsReauth, NotPermitted, Throttled, TooMuchData, Unreachable, Unreadable

MAX_NUMBER = 2**63 - 1
MAX_DIGITS = 40
# A longer wait than that is no hint: no provider means it.
MAX_WAIT_SECONDS = 31 * 86_400
CURRENCY_CODE = re.compile(r"[A-Z]{3}", re.ASCII)

JsonObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Site:
    """A provider's source and display name, and the errors that name it."""

    source: str
    name: str

    @classmethod
    def of_source(cls, name: str) -> Site:
        return cls(name, SOURCES[name].provider)

    def no_answer(self, *, is_overload: bool = False) -> Unreachable:
        return Unreachable(f"{self.name} does not answer; the next sync tries again", is_overload=is_overload)

    def server_fault(self, *, is_overload: bool = True) -> Unreachable:
        return Unreachable(f"{self.name} has a fault of its own; the next sync tries again", is_overload=is_overload)

    def too_much_data(self) -> TooMuchData:
        return TooMuchData(f"{self.name} has more data for a day than it gives out at once; it cannot be loaded")

    def too_many_calls(self, seconds: float | None) -> Throttled:
        pause = "for now; the next sync" if seconds is None else f"for about {format_wait(seconds)}; a sync after that"
        return Throttled(f"{self.name} accepts no more calls {pause} goes on where this one stopped", seconds=seconds)

    def needs_reauth(self) -> NeedsReauth:
        return NeedsReauth(f"{self.name} no longer accepts these credentials; connect the account again")

    def require_token(self, credentials: Mapping[str, Any], name: str) -> str:
        """Return the token of this name, valid in a header. Raises NeedsReauth."""
        token = credentials.get(name)
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token.strip():
            raise self.needs_reauth()
        return token.strip()

    def not_permitted(self, remedy: str) -> NotPermitted:
        return NotPermitted(f"{self.name} does not let these credentials read the account; {remedy}")

    def unreadable(self, what: str) -> Unreadable:
        """Build the error of an undocumented answer; `what` completes "Meta answered …"."""
        return Unreadable(f"{self.name} answered {what}; nothing was changed, and the next sync asks again")

    def unreadable_without(self, what: str) -> Unreadable:
        return self.unreadable(f"without {what}")


def format_wait(seconds: float) -> str:
    """Format a wait in minutes, or in hours if it is long."""
    minutes = max(1, round(seconds / 60))
    if minutes < 100:
        return f"{minutes} minute{'s' * (minutes > 1)}"
    return f"{round(minutes / 60)} hours"


@dataclass(frozen=True, slots=True)
class ProviderResponse:
    """A provider's answer as it came; header names are in lower case."""

    site: Site
    status: int
    headers: Mapping[str, str]
    body: bytes

    def parse_object(self) -> JsonObject:
        """Parse the body as a JSON object. Raises Unreadable."""
        try:
            content = json.loads(self.body)
        except (ValueError, RecursionError):
            if self.body.lstrip()[:1] == b"<" or "html" in self.headers.get("content-type", ""):
                raise self.site.unreadable("with a web page instead of data") from None
            raise self.site.unreadable("with something that breaks off or is no JSON") from None
        if not isinstance(content, dict):
            raise self.site.unreadable("with data of another form than it documents")
        return content

    def read_retry_after(self) -> float | None:
        """Return the seconds of the Retry-After header; None if it is missing or not in seconds."""
        text = self.headers.get("retry-after", "")
        return parse_wait(int(text)) if text.isascii() and text.isdigit() and len(text) < MAX_DIGITS else None


def parse_wait(value: Any, *, unit: int = 1) -> float | None:
    """Return a hint in units of so many seconds as seconds; None for one that no call can wait for."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # Compared before it is converted: an integer may be larger than any float, and NaN is less than nothing.
    return float(value * unit) if is_number and 0 < value <= MAX_WAIT_SECONDS / unit else None


class ObjectReader:
    """Reader of the values in a provider's JSON objects; each method raises Unreadable."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def read_text(self, item: JsonObject, name: str) -> str:
        value = item.get(name)
        if not isinstance(value, str) or not value:
            raise self.site.unreadable_without(f"a value for {name!r}")
        return clean_text(value)

    def read_optional_text(self, item: JsonObject, name: str) -> str | None:
        return self.read_text(item, name) if item.get(name) not in (None, "") else None

    def read_list(self, item: JsonObject, name: str) -> list[JsonObject]:
        """Read a list of objects; an empty one if it is missing."""
        value = item.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise self.site.unreadable_without(f"a list of {name!r}")
        return value

    def read_object(self, item: JsonObject, name: str) -> JsonObject:
        """Read an object inside an object; an empty one if it is missing."""
        value = item.get(name, {})
        if not isinstance(value, dict):
            raise self.site.unreadable_without(f"a value for {name!r}")
        return value

    def parse_number(self, value: Any, name: str) -> Decimal:
        """Parse a finite number, given as a number or as text."""
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and len(str(value)) <= MAX_DIGITS:
            try:
                number = Decimal(str(value))
            except InvalidOperation:
                number = Decimal("NaN")
            if number.is_finite() and abs(number) <= MAX_NUMBER:
                return number
        raise self.site.unreadable_without(f"a number for {name!r}")

    def parse_amount(self, value: Any, name: str) -> Decimal:
        """Parse a number that is never negative."""
        number = self.parse_number(value, name)
        if number < 0:
            raise self.site.unreadable(f"with a negative {name!r}")
        return number

    def parse_count(self, value: Any, name: str) -> int:
        """Parse a whole number that is never negative."""
        self.parse_amount(value, name)
        return self.parse_int(value, name)

    def parse_int(self, value: Any, name: str) -> int:
        number = self.parse_number(value, name)
        if number != number.to_integral_value():
            raise self.site.unreadable_without(f"a whole number for {name!r}")
        return int(number)

    def read_currency(self, item: JsonObject, name: str) -> str:
        """Read the three letters of a currency's ISO 4217 code."""
        code = self.read_text(item, name)
        if not CURRENCY_CODE.fullmatch(code):
            raise self.site.unreadable_without(f"a currency for {name!r}")
        return code

    def parse_datetime(self, value: Any, name: str) -> datetime:
        """Parse a time in ISO format that has a time zone."""
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise self.site.unreadable_without(f"a time for {name!r}") from None
        if moment.tzinfo is None:
            raise self.site.unreadable_without(f"a time zone for {name!r}")
        return moment

    def read_time_zone(self, item: JsonObject, name: str) -> ZoneInfo:
        zone = parse_time_zone(self.read_text(item, name))
        if zone is None:
            raise self.site.unreadable("with a time zone that is not known here")
        return zone


def parse_time_zone(name: Any) -> ZoneInfo | None:
    """Return the time zone of this name, or None if it is unknown."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError, TypeError):
        return None


def clean_text(text: str) -> str:
    """Remove what some databases refuse: NUL and lone surrogates."""
    return text.replace("\0", "").encode(errors="replace").decode()
