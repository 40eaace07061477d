"""Texts of an export → values of a column's type; an invalid text is refused, never guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any, Literal
from uuid import UUID

from engine.calendar import MAX_DATE, MIN_DATE
from engine.sources import MAX_ACCOUNT_LENGTH, SOURCES
from engine.tables import Table

# A column of whole numbers with a gap gets a point and a zero from many programs.
INTEGER = re.compile(r"([+-]?\d{1,19})(\.0*)?", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", re.ASCII)
GROUPED_NUMBER = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
# `1.234,50`, as many countries write it, and `1.234`, which there is a whole number.
COMMA_NUMBER = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d*)?", re.ASCII)
DOTTED_NUMBER = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+", re.ASCII)
DecimalMark = Literal["comma", "point"]
# What a spreadsheet makes of a long number: `1.2021E+17`.
DAMAGED_ID = re.compile(r"\d(\.\d+)?E\+\d{2,}", re.ASCII)
DATE = re.compile(r"(\d{4})(-?)(\d{2})\2(\d{2})", re.ASCII)
# `11/22/2026`, `22.11.26`, `2026-11-22`, `22-Nov-2026`, `22 November 2026`, `Nov 22, 2026`.
DAY_PARTS = re.compile(r"(\w+)(\.? |[-/.])(\w+)(,? |[-/.] ?)(\d+)", re.ASCII)
TIME_OF_DAY = re.compile(
    r"(T|,? )\d{1,2}:\d\d(:\d\d(\.\d+)?)?( ?[AP]M)?( ?(Z|[+-]\d\d:?\d\d|[A-Z]{3,4}))?", re.ASCII | re.IGNORECASE
)
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
DayOrder = Literal["ymd", "mdy", "dmy"]
DAY_ORDERS: Sequence[DayOrder] = ("ymd", "mdy", "dmy")
# The time of day of a day: none, in any time zone.
MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
# Some exports put a blank before a timestamp's offset.
UTC_OFFSET = re.compile(r" ([+-]\d\d:?\d\d|UTC)$", re.ASCII)
# What a `numeric` column holds on every engine: 38 digits, nine of them after the point.
NUMERIC = Context(prec=38, rounding=ROUND_HALF_UP)
NUMERIC_STEP = Decimal("1e-9")
# What exports write where there is no number, and no date.
NO_VALUES = frozenset(("-", "--", "–", "—", "n/a"))
SIGNED_AMOUNT = re.compile(r"([+-]?)([$€£¥]) ?([\d.,]+)|([+-]?[\d.,]+) ?([$€£¥])", re.ASCII)
BOOLEANS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def parse_text(given: str) -> str:
    if "\0" in given:
        raise ValueError("holds a NUL character; remove it")
    return given


def build_integer_parser(bits: int) -> Callable[[str], int]:
    def convert(given: str) -> int:
        parts = INTEGER.fullmatch(given)
        if parts is None:
            raise ValueError(f"{quote_value(given)} is not a whole number; write digits only, such as 1234")
        number = int(parts[1])
        if not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise ValueError(f"{given} is too large for the column")
        return number

    return convert


def parse_number(given: str) -> Decimal:
    if not NUMBER.fullmatch(given):
        raise ValueError(f"{quote_value(given)} is not a number; write one such as 1234.5")
    found = Decimal(given)
    if not math.isfinite(float(found)):
        raise ValueError(f"{quote_value(given)} is too large for the column")
    return found


def parse_decimal(given: str) -> Decimal:
    found = parse_number(given)
    try:
        return found.quantize(NUMERIC_STEP, context=NUMERIC)
    except InvalidOperation:
        raise ValueError(f"{quote_value(given)} is too large for the column") from None


def parse_day(given: str, order: DayOrder | None = None) -> date:
    """Parse a date; in the given order of year, month and day, whatever the time of day. Raises ValueError."""
    if order is not None and (ordered := parse_ordered_day(given, order)) is not None:
        return reject_out_of_range(ordered, given)
    parts = DATE.match(given)
    is_day = parts is not None and (parts.end() == len(given) or MIDNIGHT.fullmatch(given, parts.end()))
    try:
        found = date(int(parts[1]), int(parts[3]), int(parts[4])) if parts is not None and is_day else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"{quote_value(given)} is not a date; {describe_day_orders(given)}")
    return reject_out_of_range(found, given)


def parse_ordered_day(given: str, order: DayOrder) -> date | None:
    """Return the date whose parts stand in this order, or None; a time of day behind it is left out."""
    parts = DAY_PARTS.match(given)
    if parts is None or (parts.end() < len(given) and not TIME_OF_DAY.fullmatch(given, parts.end())):
        return None
    first, separator, second, other, third = parts.groups()
    if separator in "-/." and separator != other.strip():
        return None
    texts = dict(zip(order, (first, second, third), strict=True))
    month = next((at for at, name in enumerate(MONTHS, 1) if is_month_name(texts["m"], name)), None)
    widths = (4,) if order == "ymd" else (2, 4)
    if (month is None and not all(map(str.isdigit, texts.values()))) or len(texts["y"]) not in widths:
        return None
    try:
        year = int(texts["y"]) + (2000 if len(texts["y"]) == 2 else 0)
        return date(year, month or int(texts["m"]), int(texts["d"]))
    except ValueError:
        return None


def is_month_name(text: str, name: str) -> bool:
    return len(text) >= 3 and name.startswith(text.casefold())


def list_day_orders(given: str) -> Sequence[DayOrder]:
    """List the orders of year, month and day in which a text is a date that queries allow."""
    found = {order: parse_ordered_day(given, order) for order in DAY_ORDERS}
    return [order for order, day in found.items() if day is not None and MIN_DATE <= day <= MAX_DATE]


def describe_day_orders(given: str) -> str:
    """Describe how a text that is no date can be read as one."""
    readings = [f"--dates {order} reads it as {parse_ordered_day(given, order)}" for order in list_day_orders(given)]
    return ", and ".join(readings) or "write it as 2025-01-31 or 20250131"


def is_day(given: str) -> bool:
    try:
        parse_day(given)
    except ValueError:
        return False
    return True


def split_sign(given: str) -> tuple[str, str | None]:
    """Split `$1,200.50` or `5 €` into the number and the sign of its currency."""
    parts = SIGNED_AMOUNT.fullmatch(given)
    if parts is None:
        return given, None
    return (parts[1] + parts[3], parts[2]) if parts[2] else (parts[4], parts[5])


def drop_thousands(given: str, decimal: DecimalMark) -> str:
    """Return a number without the marks between its thousands, and with a decimal point."""
    return given.replace(",", "") if decimal == "point" else given.replace(".", "").replace(",", ".")


def reject_out_of_range(found: date, given: str) -> date:
    """Return a date that queries allow and every engine can store. Raises ValueError."""
    if not MIN_DATE <= found <= MAX_DATE:
        raise ValueError(f"{quote_value(given)} is out of range; dates run from {MIN_DATE} to {MAX_DATE}")
    return found


def build_timestamp_parser(*, zoned: bool) -> Callable[[str], datetime]:
    example = "2025-01-31T08:30:00+00:00" if zoned else "2025-01-31T08:30:00"

    def convert(given: str) -> datetime:
        try:
            found = datetime.fromisoformat(UTC_OFFSET.sub(lambda offset: offset[1].replace("UTC", "Z"), given))
        except ValueError:
            raise ValueError(f"{quote_value(given)} is not a timestamp; write it as {example}") from None
        if (found.tzinfo is not None) is not zoned:
            fault = "lacks its offset from UTC" if zoned else "has an offset from UTC, which the column cannot hold"
            raise ValueError(f"{quote_value(given)} {fault}; write it as {example}")
        # Checked before the conversion: the first and last years that Python knows may leave its range in UTC.
        reject_out_of_range(found.date(), given)
        return found.astimezone(UTC) if zoned else found

    return convert


def parse_boolean(given: str) -> bool:
    try:
        return BOOLEANS[given.lower()]
    except KeyError:
        raise ValueError(f"{quote_value(given)} is neither true nor false") from None


def parse_uuid(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise ValueError(f"{quote_value(given)} is not a UUID") from None


# Parsers by column type. Each raises ValueError with the fault and what is allowed.
PARSERS: Mapping[str, Callable[[str], Any]] = {
    "text": parse_text,
    "uuid": parse_uuid,
    "date": parse_day,
    "timestamp": build_timestamp_parser(zoned=False),
    "timestamptz": build_timestamp_parser(zoned=True),
    "boolean": parse_boolean,
    "integer": build_integer_parser(32),
    "bigint": build_integer_parser(64),
    # `or 0.0` drops the sign of a negative zero, which some engines keep.
    "double": lambda given: float(parse_number(given)) or 0.0,
    "numeric": parse_decimal,
}


def quote_value(given: str) -> str:
    """Quote a text for a message, and cut it where it is long."""
    return repr(given if len(given) <= 40 else given[:40] + "…")


def parse_account(table: Table, given: str) -> str:
    """Return an account's id as connections write it. Raises ValueError for one that no sync could read."""
    source = SOURCES.get(table.source)
    text = parse_text(given)
    if len(text) > MAX_ACCOUNT_LENGTH:
        raise ValueError(f"{quote_value(given)} is longer than the {MAX_ACCOUNT_LENGTH} characters of an account id")
    if source is None:
        return text
    account = source.add_account_prefix(text)
    if table.name in source.synced_tables and not source.is_account_id(account):
        raise ValueError(f"{quote_value(given)} is not an account id of {source.name}: {source.account_form}")
    return account


def parse_nth_day(start: date | None, given: str) -> date:
    """Return the day of a report that counts its days from 0. Raises ValueError."""
    if start is None:
        raise ValueError("counts days from a start that the file does not tell; it lacks the line '# Start date: …'")
    if not re.fullmatch(r"\d{1,4}", given, re.ASCII):
        raise ValueError(f"{quote_value(given)} is not the number of a day")
    return reject_out_of_range(start + timedelta(days=int(given)), given)
