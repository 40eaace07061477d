"""Records of an export → values, and the refusal of those that sum up others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from engine.authoring.csv_header import CsvField, CsvHeader, CsvOptions, list_required_columns
from engine.authoring.csv_values import DAMAGED_ID, GROUPED_NUMBER, parse_day
from engine.tables import NUMBER_TYPES, Table

# Bytes of a text in a key: PostgreSQL's index takes so many, with room for the rest of the key.
MAX_KEY_BYTES = 2_000
# What a row that sums up others has in its key.
TOTALS = frozenset(("total", "totals", "grand total"))
LEAVE_OUT = "--skip-totals leaves such rows out"
BY_DAY = "each row must be of one day: export it by day (in Ads Manager, Breakdown > By time > Day)"


class SumRow(ValueError):
    """A row that sums up others: a total row, or a summary row."""

    def __init__(self, position: int, message: str) -> None:
        self.position = position
        super().__init__(message)


class RowReader:
    """Reads the records of one file.

    `faults` has the positions and faults of the record that was read last, `remedies` the options that would mend them.
    """

    def __init__(self, table: Table, header: CsvHeader, options: CsvOptions, *, separator: str) -> None:
        self.table = table
        self.header = header
        self.required = list_required_columns(table)
        self.key_fields = [field for field in header.fields if field.column.name in self.required]
        # Where semicolons separate fields, a comma may be the decimal point.
        self.has_thousands = options.thousands or (options.preset is not None and separator != ";")
        self.faults: list[tuple[int, str]] = []
        self.remedies: dict[tuple[str, ...], None] = {}
        used = {each.position for each in header.fields}
        # Some exports write what a row is beyond their header.
        self.unnamed = [at for at, name in enumerate(header.names) if not name and at not in used]

    def read_row(self, record: Sequence[str]) -> dict[str, Any] | None:
        """Convert a record to values by column; None if it has faults. Raises SumRow."""
        self.faults, self.remedies = [], {}
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
        if len(record) != width:
            return
        for field in self.key_fields:
            given = record[field.position].strip()
            if given.casefold() in TOTALS:
                raise SumRow(field.position, f"{field.header}: {given!r} sums up other rows; {LEAVE_OUT}")
            if not given and field.column.name == self.table.time:
                raise SumRow(field.position, f"{field.header}: is empty; a row without a date is a total: {LEAVE_OUT}")
            if not given and field.column.type == "text":
                message = f"{field.header}: is empty; a row without it sums up the others: {LEAVE_OUT}"
                raise SumRow(field.position, message)

    def parse_field(self, field: CsvField, given: str) -> Any:
        """Parse a value of a column; an empty text is NULL. Raises ValueError."""
        column = field.column
        is_in_key = column.name in self.table.key
        if not given:
            if column.name in self.required:
                raise ValueError("is empty; each row needs a value")
            return None
        if column.type == "text" and is_in_key:
            if len(given.encode()) > MAX_KEY_BYTES:
                raise ValueError(f"is longer than the {MAX_KEY_BYTES:,} bytes that a key may have; shorten it")
            if DAMAGED_ID.fullmatch(given):
                raise ValueError(f"{given!r} is an id that a spreadsheet has rounded; load the export as it came")
        if column.value_type in NUMBER_TYPES and GROUPED_NUMBER.fullmatch(given):
            if not self.has_thousands:
                self.remedies[("--thousands",)] = None
                raise ValueError(f"{given!r} has commas; --thousands reads them as {given.replace(',', '')}")
            given = given.replace(",", "")
        return field.parse(given)

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
        code, currency = self.header.currency, self.table.currency
        if code is not None and currency is not None and row.get(currency) not in (None, code):
            yield 0, f"the row is in {row[currency]}, and its header in {code}; rows have one currency"

    def read_day(self, record: Sequence[str], position: int | None) -> date | None:
        """Return the day in a field; None where there is none. Raises ValueError."""
        text = "" if position is None else record[position].strip()
        return parse_day(text) if text else None
