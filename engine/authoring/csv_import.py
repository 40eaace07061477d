"""A CSV file → rows of a table, strictly.

Every fault is reported by line and column, and a file with a fault gives no rows.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from engine.authoring.csv_values import PARSERS
from engine.errors import InvalidRows
from engine.suggestions import did_you_mean, find_nearest_names
from engine.tables import Column, Table

MAX_FAULTS = 20
# Bytes of a text in a key: PostgreSQL's index takes so many, with room for the rest of the key.
MAX_KEY_BYTES = 2_000
# An upload must not name its tenant, whatever the table calls that column.
TENANT_HEADER = "user_id"


@dataclass(frozen=True, slots=True)
class CsvField:
    """A column of the table, and the position (from 0) of the file's column that fills it."""

    column: Column
    position: int
    header: str
    is_required: bool
    is_in_key: bool

    def parse_value(self, given: str) -> Any:
        """Parse a value of the column; an empty text is NULL, unless the column is required.

        Raises ValueError.
        """
        if self.column.type != "text":
            given = given.strip()
        if not given and not self.is_required:
            return None
        if not given and self.column.type != "text":
            raise ValueError("is empty; each row needs a value")
        if self.is_in_key and self.column.type == "text" and len(given.encode()) > MAX_KEY_BYTES:
            raise ValueError(f"is longer than the {MAX_KEY_BYTES:,} bytes that a key may have; shorten it")
        return PARSERS[self.column.type](given)


class CsvFaults:
    """Collects the faults of a file, up to `MAX_FAULTS`.

    They are no Diagnostics: their column is the number of a field, and they have no code.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.messages: list[str] = []

    def add(self, line: int, column: int, message: str) -> None:
        self.messages.append(f"{self.file}:{line}:{column}: {message}")
        if len(self.messages) >= MAX_FAULTS:
            self.messages.append(f"the first {MAX_FAULTS} problems are shown")
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise InvalidRows if there are any faults."""
        if self.messages:
            raise InvalidRows("\n".join((f"nothing was loaded from {self.file}", *self.messages)))


class CsvRows:
    """The rows of a UTF-8 file with a header, as rows of `table` that belong to `tenant`.

    `headers` gives the file's header of each column whose name differs. `account` fills the account column, which is
    the key's first after the tenant and the time, where the file lacks it. `ignored` are headers to skip; any other
    header that is not a column is a fault.

    Reading the header raises InvalidRows, and so does iterating, which may be repeated. A message begins with one line
    about the file and has a line `file:line:column: …` for each fault; column is the number of the field.
    """

    def __init__(
        self,
        path: Path,
        table: Table,
        tenant: str,
        *,
        headers: Mapping[str, str] | None = None,
        account: str = "",
        ignored: Collection[str] = (),
    ) -> None:
        self.path = path
        self.ignored = ignored
        self.table = table
        self.headers = headers or {}
        if table.query is not None:
            raise InvalidRows(f"table {table.name!r} is a query; load the tables that it reads")
        if not table.key:
            raise InvalidRows(f"table {table.name!r} has no key, so its rows cannot be replaced; give it `key:`")
        self.fixed_values: dict[str, Any] = {table.tenant: tenant}
        faults = CsvFaults(str(path))
        with self.open_file() as file:
            self.header_line, header = next(self.iter_records(file, faults), (1, []))
        self.fields = self.match_header([name.strip() for name in header], account, faults)
        faults.raise_if_any()

    @property
    def required_columns(self) -> frozenset[str]:
        """The columns that need a value in each row; for a text, an empty one is enough."""
        return frozenset((*self.table.key, self.table.time))

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Yield the converted rows; after the first fault, only check the rest.

        Raises InvalidRows at the end if there were faults.
        """
        faults = CsvFaults(str(self.path))
        seen: dict[tuple[Any, ...], int] = {}
        with self.open_file() as file:
            records = self.iter_records(file, faults)
            width = len(next(records, (1, []))[1])
            for line, record in records:
                if len(record) != width:
                    field_number = min(len(record), width) + 1
                    faults.add(line, field_number, f"the row has {len(record)} fields, and the header {width}")
                    continue
                row = self.read_row(line, record, seen, faults)
                if row is not None and not faults.messages:
                    yield row
        faults.raise_if_any()

    def read_row(
        self, line: int, record: Sequence[str], seen: dict[tuple[Any, ...], int], faults: CsvFaults
    ) -> Mapping[str, Any] | None:
        """Convert one record to a row; None after reporting its faults.

        `seen` has the line of each key so far.
        """
        row = dict(self.fixed_values)
        is_valid = True
        for field in self.fields:
            try:
                row[field.column.name] = field.parse_value(record[field.position])
            except ValueError as error:
                faults.add(line, field.position + 1, f"{field.header}: {error}")
                is_valid = False
        if not is_valid:
            return None
        key = tuple(row[name] for name in self.table.key)
        first = seen.setdefault(key, line)
        if first != line:
            field_number = min(field.position for field in self.fields if field.is_required) + 1
            named = ", ".join(f"{name} {row[name]}" for name in self.table.key if name not in self.fixed_values)
            faults.add(line, field_number, f"the same key as line {first} ({named}); each may be there once")
            return None
        return row

    def match_header(self, header: Sequence[str], account: str, faults: CsvFaults) -> list[CsvField]:
        """Match the file's columns to the table's; report missing and repeated ones."""
        positions: dict[str, int] = {}
        for position, name in enumerate(header):
            if name in (TENANT_HEADER, self.table.tenant):
                faults.add(
                    self.header_line, position + 1, f"{name}: a file cannot say whose its rows are; remove the column"
                )
            elif name in positions and (name in self.table.columns or name in self.headers.values()):
                faults.add(self.header_line, position + 1, f"{name}: the header is there twice")
            positions.setdefault(name, position)
        fields = []
        taken = set(self.headers.values())
        for name, column in self.table.columns.items():
            wanted = self.headers.get(name, name)
            found = positions.get(wanted) if name in self.headers or wanted not in taken else None
            if name == self.table.tenant:
                continue
            if found is not None:
                fields.append(CsvField(column, found, wanted, name in self.required_columns, name in self.table.key))
            elif name in self.headers:
                hint = did_you_mean(find_nearest_names(wanted, positions)) or f"; it has {', '.join(header)}"
                faults.add(self.header_line, 1, f"the file has no column {wanted!r}{hint}")
            elif column is self.table.account_column:
                self.fixed_values[name] = account
            elif name in self.required_columns:
                faults.add(self.header_line, 1, self.describe_missing_column(name, header))
        self.report_unknown(header, fields, faults)
        if not faults.messages and all(field.is_required for field in fields):
            self.report_no_values(header, fields, faults)
        return fields

    def describe_missing_column(self, name: str, header: Sequence[str]) -> str:
        similar = find_nearest_names(name, header, limit=1)
        remedy = f"; write --map {name}={similar[0] if similar else 'HEADER'}"
        return f"the file has no column {name!r}, which each row needs{remedy} if it is called otherwise"

    def report_unknown(self, header: Sequence[str], fields: Sequence[CsvField], faults: CsvFaults) -> None:
        """Report headers that fill nothing: skipped silently, a misspelled one would be missed."""
        used = {field.position for field in fields}
        filled = {field.column.name for field in fields}
        empty = [name for name in self.table.columns if name not in filled and name not in self.fixed_values]
        for position, name in enumerate(header):
            if position not in used and name not in self.ignored and name not in (TENANT_HEADER, self.table.tenant):
                similar = find_nearest_names(name.casefold(), empty, limit=1)
                column = similar[0] if similar else "COLUMN"
                write = f"{did_you_mean(similar)} Write" if similar else "; write"
                faults.add(
                    self.header_line,
                    position + 1,
                    f"{name}: is no column of table {self.table.name!r}{write} --map {column}={name}, "
                    f"or leave it out with --ignore {name}",
                )

    def report_no_values(self, header: Sequence[str], fields: Sequence[CsvField], faults: CsvFaults) -> None:
        """Report a file of keys alone, at the first header that may be meant for a value."""
        values = [name for name in self.table.columns if name not in self.required_columns]
        if not values:
            return
        used = {field.position for field in fields}
        position, name = next(((at, name) for at, name in enumerate(header) if at not in used), (0, header[0]))
        hint = did_you_mean(find_nearest_names(name, values)) or f"; its columns are {', '.join(values)}"
        faults.add(
            self.header_line,
            position + 1,
            f"{name}: is no value of table {self.table.name!r}{hint} (--map column=header)",
        )

    def open_file(self) -> TextIO:
        return self.path.open(encoding="utf-8-sig", newline="")

    def find_undecodable_line(self) -> int:
        """Find the first line that is not UTF-8; the decoder works on blocks, not on lines."""
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    line.decode()
                except UnicodeDecodeError:
                    return number
        return 1

    def iter_records(self, file: TextIO, faults: CsvFaults) -> Iterator[tuple[int, list[str]]]:
        """Yield the records that are not empty, each with the line that it begins on."""
        reader = csv.reader(file, strict=True)
        line = 1
        while True:
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                faults.add(line, 1, f"is not CSV: {error}")
                faults.raise_if_any()
            except UnicodeDecodeError:
                faults.add(self.find_undecodable_line(), 1, "the line is not UTF-8; save the file as UTF-8")
                faults.raise_if_any()
            if record:
                yield line, record
            line = reader.line_num + 1
