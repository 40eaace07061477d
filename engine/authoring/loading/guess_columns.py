"""What a column of an export holds, guessed from its name and its values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from engine.authoring.loading.csv_header import CURRENCY_CODE
from engine.authoring.loading.csv_values import (
    COMMA_NUMBER,
    GROUPED_NUMBER,
    NO_VALUES,
    PARSERS,
    TIME_OF_DAY,
    DayOrder,
    DecimalMark,
    drop_thousands,
    parse_ordered_day,
    split_sign,
)
from engine.catalog.table_resolver import RESERVED_COLUMNS
from engine.files.nodes import NULLS

# The first type that takes all values of a column; a number may be an id, and a short one a boolean.
TYPES = ("date", "bigint", "double", "timestamptz", "timestamp")
IDS = re.compile(r"(.*_)?(id|ids|code|number|sku|zip|phone|hash)")
ACCOUNTS = re.compile(
    r"account|profile|shop|store|site|(ad_)?account_(id|number)|advertiser_id|customer_id|merchant_id|profile_id|property(_id)?"
    r"|shop_id|site_url|store_id"
)
MONEY = re.compile(
    r"(.*_)?(cost|spend|spent|revenue|sales|amount|budget|tax|taxes|shipping|discount|fee|fees|refund|refunds|price"
    r"|subtotal|total|value)(_.*)?"
)
# Values of a day that are no sums of anything: ratios and averages, and counts of different people.
RATIOS = re.compile(
    r"(.*_)?(avg|average|mean|median|rate|ratio|percent|share|ctr|cpc|cpm|cpa|cvr|roas|per|position|rank|frequency"
    r"|score|duration)(_.*)?"
)
LEVELS = re.compile(r"(.*_)?(users|visitors|reach|followers|subscribers|balance|unique)(_.*)?")
# What nobody filters by: persons, and values of which only a bound is told, such as `< 10%`.
PERSONS = re.compile(r"(.*_)?(e_?mail|phone|address|first_name|last_name)(_.*)?")
BOUND = re.compile(r"[<>] ?\d.*")


@dataclass(frozen=True, slots=True)
class DraftColumn:
    """A column of the draft, the header that it comes from, and its values in the first rows."""

    name: str
    header: str
    values: Sequence[str]
    type: str
    is_money: bool = False
    is_additive: bool = True

    @property
    def is_filled(self) -> bool:
        """Whether every row has a value."""
        return all(self.values)

    @property
    def compared_values(self) -> Sequence[str]:
        """What tells rows apart: of a moment that is loaded as a day, the day."""
        return [TIME_OF_DAY.sub("", value) for value in self.values] if self.type == "date" else self.values

    @property
    def has_thousands(self) -> bool:
        return self.type in ("bigint", "double", "numeric") and any(
            map(GROUPED_NUMBER.fullmatch, map(drop_signs, self.values))
        )


def make_column_name(header: str, taken: Collection[str]) -> str:
    """Make a column's name from a header; a number follows a name that is taken."""
    letters = unicodedata.normalize("NFKD", header.casefold())
    plain = "".join(each for each in letters if not unicodedata.combining(each))
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "column"
    if name[0].isdigit() or name in RESERVED_COLUMNS or name in NULLS:
        name = f"column_{name}"
    names = (name, *(f"{name}_{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in names if each not in taken)


def make_draft_column(name: str, header: str, values: Sequence[str], kind: str) -> DraftColumn:
    """Make a column of this type; what it says of its numbers is guessed from its name and its values."""
    is_number = kind in ("bigint", "double")
    is_percent = any(value.endswith("%") for value in values)
    has_sign = is_number and any(split_sign(value)[1] for value in values)
    # `total_opens` is a number of things.
    is_named = MONEY.fullmatch(name.removeprefix("total_")) is not None or CURRENCY_CODE.search(header) is not None
    is_money = is_number and not is_percent and (is_named or has_sign)
    is_ratio = is_number and (is_percent or "/" in header or RATIOS.fullmatch(name) is not None)
    is_additive = not (is_ratio or (is_number and LEVELS.fullmatch(name)))
    # A ratio may be whole by chance.
    found = "numeric" if is_money else "double" if is_ratio else kind
    return DraftColumn(name, header, values, found, is_money, is_additive)


def has_decimal_comma(values: Sequence[str]) -> bool:
    """Whether all values are numbers with points between thousands, and some have a comma before decimals."""
    given = [number for value in values if (number := drop_signs(value.strip())) and number not in NO_VALUES]
    return all(map(COMMA_NUMBER.fullmatch, given)) and any(
        "," in value and not GROUPED_NUMBER.fullmatch(value) for value in given
    )


def has_decimal_point(values: Sequence[str]) -> bool:
    return any(re.fullmatch(r"[+-]?\d+\.\d\d?", drop_signs(value.strip()), re.ASCII) for value in values)


def has_ordered_days(column: DraftColumn, order: DayOrder) -> bool:
    return all(parse_ordered_day(value, order) is not None for value in column.values if value)


def is_day_only(column: DraftColumn, order: DayOrder) -> bool:
    return column.is_filled and has_ordered_days(column, order) and not any(":" in value for value in column.values)


def drop_signs(value: str) -> str:
    """Return a number without the sign of a currency or of a percentage."""
    return split_sign(value.removesuffix("%").rstrip())[0]


def is_id(name: str) -> bool:
    return IDS.fullmatch(name) is not None


def guess_type(name: str, values: Sequence[str], *, has_decimal_comma: bool = False) -> str:
    """Guess a column's type: the first one that takes all values; an id or an account is a text."""
    given = [value for value in values if value]
    if not given or is_id(name) or ACCOUNTS.fullmatch(name):
        return "text"
    if all(value.casefold() in ("true", "false") for value in given):
        return "boolean"
    is_coded = any(re.fullmatch(r"0\d+", value, re.ASCII) for value in given)
    mark: DecimalMark = "comma" if has_decimal_comma else "point"
    grouped = COMMA_NUMBER if has_decimal_comma else GROUPED_NUMBER
    plain = [drop_signs(value) for value in given]
    numbers = [drop_thousands(value, mark) if grouped.fullmatch(value) else value for value in plain]
    for kind in TYPES:
        is_number = kind in ("bigint", "double")
        if kind == "bigint" and any(
            "%" in value or re.search(r"\.\d\d", number, re.ASCII) for value, number in zip(given, numbers, strict=True)
        ):
            continue  # 12.00 is an amount, and 12 % a fraction.
        if kind == "date" and name not in ("date", "day") and not any("-" in value for value in given):
            continue  # Eight digits may be a number.
        if not (is_number and is_coded) and accepts_all(PARSERS[kind], numbers if is_number else given):
            return kind
    return "text"


def accepts_all(parse: Callable[[str], Any], values: Sequence[str]) -> bool:
    try:
        for value in values:
            parse(value)
    except ValueError:
        return False
    return True
