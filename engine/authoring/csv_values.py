"""Texts of an export → values of a column's type; an invalid text is refused, never guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
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
# The time of day of a day: none, in any time zone.
MIDNIGHT = re.compile(r"[T ]00:00(:00(\.0+)?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII)
# What a `numeric` column holds on every engine: 38 digits, nine of them after the point.
NUMERIC = Context(prec=38, rounding=ROUND_HALF_UP)
NUMERIC_STEP = Decimal("1e-9")
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


def parse_day(given: str) -> date:
    parts = DATE.match(given)
    is_day = parts is not None and (parts.end() == len(given) or MIDNIGHT.fullmatch(given, parts.end()))
    try:
        found = date(int(parts[1]), int(parts[3]), int(parts[4])) if parts is not None and is_day else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"{quote_value(given)} is not a date; write it as 2025-01-31 or 20250131")
    return reject_out_of_range(found, given)


def is_day(given: str) -> bool:
    try:
        parse_day(given)
    except ValueError:
        return False
    return True


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
            found = datetime.fromisoformat(given)
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
