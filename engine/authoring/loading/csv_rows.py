"""Records of an export → values, and the refusal of those that sum up others."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from engine.authoring.loading.csv_header import BY_DAY, CsvField, CsvHeader, CsvOptions, list_required_columns
from engine.authoring.loading.csv_presets import fold_header
from engine.authoring.loading.csv_values import (
    COMMA_NUMBER,
    DAMAGED_ID,
    DOTTED_NUMBER,
    GROUPED_NUMBER,
    NO_VALUES,
    DecimalMark,
    drop_thousands,
    is_day,
    list_day_orders,
    parse_day,
    parse_number,
    quote_value,
    split_sign,
)
from engine.tables import NUMBER_TYPES, Table

# Bytes of a text in a key: PostgreSQL's index takes so many, with room for the rest of the key.
MAX_KEY_BYTES = 2_000
# What a row that sums up others has in its key, and in the place of its date: `Total: Account`, `Total of 240 results`.
TOTALS = frozenset(("total", "totals", "grand total"))
TOTAL_LABEL = re.compile(
    r"((grand )?totals?|gesamt(summe|ergebnis)?|insgesamt|summe|totaux|totales?|totaal|suma|razem|итого|合計|总计)"
    r"( ?[:(–-].*| of \d.*)?",
    re.IGNORECASE,
)
# A line of words below the rows, such as `©2026 …`; one that begins with # is the head of another report.
NOTE = re.compile(r"\s*[^\s#].*[^\W\d_]{3,}.*\s.*", re.DOTALL)
WHOLE_TYPES = ("integer", "bigint")
LEAVE_OUT = "--skip-totals leaves such rows out"


class SumRow(ValueError):
    """A row that sums up others: a total row, or a summary row."""

    def __init__(self, position: int, message: str) -> None:
        self.position = position
        super().__init__(message)


class RowReader:
    """Reads the records of one file.

    `faults` has the positions and faults of the record that was read last, `remedies` the options that would mend them,
    and `doubt` what is doubtful in it.
    """

    def __init__(self, table: Table, header: CsvHeader, options: CsvOptions, *, separator: str) -> None:
        self.table = table
        self.header = header
        self.required = list_required_columns(table)
        self.key_fields = [field for field in header.fields if field.column.name in self.required]
        self.dates = options.dates
        # The sign of the amounts' currency, where they have one.
        self.sign: str | None = None
        self.decimal: DecimalMark | None = "point" if options.thousands else options.decimal
        # Where semicolons separate fields, a comma may be the decimal point.
        self.has_comma = separator == ";" and self.decimal is None
        self.has_thousands = options.thousands or (options.preset is not None and not self.has_comma)
        self.faults: list[tuple[int, str]] = []
        self.remedies: dict[tuple[str, ...], None] = {}
        used = {each.position for each in header.fields}
        # Some exports write what a row is beyond their header.
        self.unnamed = [at for at, name in enumerate(header.names) if not name and at not in used]
        known: frozenset[str] = frozenset() if options.preset is None else options.preset.ignored
        # Fields that nothing is known of: a day there may be the last of several.
        self.unread = [
            at
            for at, name in enumerate(header.names)
            if at not in (*used, header.starts, header.ends) and fold_header(name) not in known
        ]
        self.named = frozenset(map(fold_header, options.ignored))
        self.doubt: tuple[int, str] | None = None

    def read_row(self, record: Sequence[str]) -> dict[str, Any] | None:
        """Convert a record to values by column; None if it has faults. Raises SumRow."""
        self.faults, self.remedies, self.doubt = [], {}, None
        self.check_sum_row(record)
        width = len(self.header.names)
        if len(record) != width:
            message = f"the row has {len(record)} fields, and the header {width}"
            if record[0].lstrip().startswith("#"):
                message += "; a second report needs a file of its own"
            self.faults.append((min(len(record), width), message))
            return None
        values = {}
        for field in self.header.fields:
            try:
                values[field.column.name] = self.parse_field(field, record[field.position].strip())
            except ValueError as error:
                self.faults.append((field.position, f"{field.header}: {error}"))
        return None if self.faults else values

    def check_sum_row(self, record: Sequence[str]) -> None:
        """Raise SumRow for a record without a date, with a total's name, or without a text of its key."""
        width = len(self.header.names)
        labels = [*self.unnamed, *range(width, len(record))]
        for position in labels:
            if position < len(record) and record[position].strip().casefold() in TOTALS:
                raise SumRow(position, f"{record[position].strip()!r} sums up other rows; {LEAVE_OUT}")
        if len(record) == 1 < width and NOTE.fullmatch(record[0]):
            raise SumRow(0, f"{quote_value(record[0].strip())} is a note and no row; {LEAVE_OUT}")
        for field in self.key_fields:
            is_time = field.column.name == self.table.time
            # A total's name beyond the header is in the language of its user.
            if len(record) != width and not (is_time and len(record) > width):
                continue
            given = record[field.position].strip()
            if TOTAL_LABEL.fullmatch(given) if is_time else given.casefold() in TOTALS:
                raise SumRow(field.position, f"{field.header}: {given!r} sums up other rows; {LEAVE_OUT}")
            if is_time and (not given or given in NO_VALUES):
                raise SumRow(field.position, f"{field.header}: is empty; a row without a date is a total: {LEAVE_OUT}")
            if not given and field.column.type == "text":
                message = f"{field.header}: is empty; a row without it sums up the others: {LEAVE_OUT}"
                raise SumRow(field.position, message)

    def parse_field(self, field: CsvField, given: str) -> Any:
        """Parse a value of a column; an empty text is NULL. Raises ValueError."""
        column = field.column
        is_in_key = column.name in self.table.key
        if not given or (column.value_type != "text" and given.casefold() in NO_VALUES):
            if column.name in self.required:
                raise ValueError("is empty; each row needs a value")
            return None
        if column.type == "text" and is_in_key:
            if len(given.encode()) > MAX_KEY_BYTES:
                raise ValueError(f"is longer than the {MAX_KEY_BYTES:,} bytes that a key may have; shorten it")
            if DAMAGED_ID.fullmatch(given):
                raise ValueError(f"{given!r} is an id that a spreadsheet has rounded; load the export as it came")
        if column.type == "date" and self.dates is None and len(orders := list_day_orders(given)) == 1:
            self.remedies |= dict.fromkeys([("--dates", orders[0])] if not is_day(given) else [])
        if column.value_type not in NUMBER_TYPES:
            return field.parse(given)
        is_percent = given.endswith("%") and not column.money and column.type not in WHOLE_TYPES
        if is_percent:
            given = given[:-1].rstrip()
        elif column.money:
            given = self.drop_sign(given)
        given = self.unify_number(given, is_whole=column.type in WHOLE_TYPES)
        return field.parse(str(parse_number(given) / 100) if is_percent else given)

    def drop_sign(self, given: str) -> str:
        """Return an amount without the sign of its currency. Raises ValueError if another one has another sign."""
        number, sign = split_sign(given)
        if sign is not None and self.sign not in (None, sign):
            raise ValueError(f"{quote_value(given)} is in another currency than an amount in {self.sign} above")
        self.sign = sign or self.sign
        return number

    def unify_number(self, given: str, *, is_whole: bool) -> str:
        """Return a number as the parsers take it. Raises ValueError where it is not certain which number it is."""
        if self.decimal == "comma":
            if not COMMA_NUMBER.fullmatch(given):
                raise ValueError(f"{quote_value(given)} is not a number with a decimal comma, such as 1.234,50")
            return drop_thousands(given, "comma")
        if GROUPED_NUMBER.fullmatch(given):
            if self.has_thousands:
                return drop_thousands(given, "point")
            if not self.has_comma:
                self.remedies[("--thousands",)] = None
                raise ValueError(f"{given!r} has commas; --thousands reads them as {drop_thousands(given, 'point')}")
        elif not self.is_doubtful(given, is_whole=is_whole):
            return given
        self.remedies[("--decimal", "comma")] = None
        fault = "has a decimal comma" if "," in given else "is one number or another"
        message = f"{given!r} {fault}; --decimal comma reads it as {drop_thousands(given, 'comma')}"
        if GROUPED_NUMBER.fullmatch(given):
            message += f", and --thousands as {drop_thousands(given, 'point')}"
        elif given.count(".") == 1 and "," not in given:
            message += f", and --decimal point as {given}"
        raise ValueError(message)

    def is_doubtful(self, given: str, *, is_whole: bool) -> bool:
        """Whether a number may have a decimal comma; one of whole numbers may have points between thousands."""
        if self.decimal is not None or not COMMA_NUMBER.fullmatch(given):
            return False
        if "," in given or given.count(".") > 1:
            return True
        return (is_whole or self.has_comma) and DOTTED_NUMBER.fullmatch(given) is not None

    def check_days_and_currency(self, record: Sequence[str], row: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
        """Yield the positions and faults of a row over several days, or in another currency than its header."""
        day = row[self.table.time]
        if self.header.ends is not None:
            name = self.header.names[self.header.ends]
            try:
                last = self.read_day(record, self.header.ends) or day
                first = self.read_day(record, self.header.starts) or day
            except ValueError as error:
                yield self.header.ends, f"{name}: {error}"
            else:
                if not first == day == last:
                    yield self.header.ends, f"{name}: the row is over {min(first, day)} to {last}; {BY_DAY}"
        yield from self.find_other_days(record, day)
        code, currency = self.header.currency, self.table.currency
        if code is not None and currency is not None and row.get(currency) not in (None, code):
            yield 0, f"the row is in {row[currency]}, and its header in {code}; rows have one currency"

    def find_other_days(self, record: Sequence[str], day: date) -> Iterator[tuple[int, str]]:
        """Yield the positions of days that are not the row's, where nobody said what they are."""
        for position in self.unread:
            text = record[position].strip()
            # Eight digits may be an id.
            found = self.find_day(text)
            if found in (None, day):
                continue
            name = self.header.names[position]
            message = f"{name}: {text} is another day than the row's {day}. If the row is over several days: {BY_DAY}"
            if fold_header(name) in self.named:
                self.doubt = position, message
                continue
            remedy = ("--ignore", name)
            self.remedies[remedy] = None
            yield position, f"{message}. If not, {shlex.join(remedy)} leaves the column out"

    def read_day(self, record: Sequence[str], position: int | None) -> date | None:
        """Return the day in a field; None where there is none. Raises ValueError."""
        text = "" if position is None else record[position].strip()
        return parse_day(text, self.dates) if text else None

    def find_day(self, text: str) -> date | None:
        """Return the day that a text is; None for a moment, and for eight digits, which may be an id."""
        if text.isdigit() or not ("-" in text or (self.dates is not None and ":" not in text)):
            return None
        try:
            return parse_day(text, None if ":" in text else self.dates)
        except ValueError:
            return None
