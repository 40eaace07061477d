"""Exports → rows of a table, strictly.

Every fault is reported by line and column, and files with a fault give no rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.authoring.loading.csv_file import CsvFile, MalformedCsv
from engine.authoring.loading.csv_header import (
    BY_DAY,
    CsvField,
    CsvHeader,
    CsvOptions,
    list_required_columns,
    match_header,
)
from engine.authoring.loading.csv_remedies import describe_faults, suggest_options
from engine.authoring.loading.csv_rows import RowReader, SumRow
from engine.authoring.loading.csv_values import PARSERS, parse_account
from engine.errors import InvalidRows
from engine.tables import Table

MAX_FAULTS = 20


class CsvFaults:
    """Collects the faults of files, up to `MAX_FAULTS`, and the options that would mend them.

    They are no Diagnostics: their column is the number of a field, and they have no code.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths
        self.messages: list[str] = []
        self.remedies: dict[tuple[str, ...], None] = {}

    def add(self, path: Path, line: int, position: int, message: str) -> None:
        """Add a fault of the field at this position, counted from 0."""
        self.messages.append(f"{path}:{line}:{position + 1}: {message}")
        if len(self.messages) >= MAX_FAULTS:
            self.messages.append(f"the first {MAX_FAULTS} problems are shown")
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raise InvalidRows if there are any faults."""
        if self.messages:
            files = str(self.paths[0]) if len(self.paths) == 1 else f"any of the {len(self.paths)} files"
            raise InvalidRows("\n".join((f"nothing was loaded from {files}", *self.messages)), tuple(self.remedies))


@dataclass(frozen=True, slots=True)
class MatchedFile:
    """A file, its header, and the values that all of its rows have."""

    file: CsvFile
    header: CsvHeader
    fixed_values: Mapping[str, Any]


class CsvRows:
    """The rows of files with headers, as rows of `table` that belong to `tenant`.

    Reading the headers raises InvalidRows, and so does iterating, which may be repeated. A message begins with one line
    about the files and has a line `file:line:column: …` for each fault; column is the number of the field.
    """

    def __init__(self, paths: Sequence[Path], table: Table, tenant: str, options: CsvOptions | None = None) -> None:
        self.paths = paths
        self.table = table
        self.options = options or CsvOptions()
        self.skipped_count = 0
        # How often each key was there, but for the column that numbers its rows.
        self.numbers: Counter[tuple[Any, ...]] = Counter()
        # The first doubtful row of each field.
        self.doubts: dict[tuple[Path, int], str] = {}
        if table.query is not None:
            raise InvalidRows(f"table {table.name!r} is a query; load the tables that it reads")
        if not table.key:
            raise InvalidRows(f"table {table.name!r} has no key, so its rows cannot be replaced; give it `key:`")
        self.fixed_values: dict[str, Any] = {table.tenant: tenant, **self.parse_fixed_values()}
        faults = CsvFaults(paths)
        self.files = [each for path in paths if (each := self.match_file(path, faults)) is not None]
        faults.raise_if_any()
        self.check_columns(faults)
        faults.raise_if_any()

    def parse_fixed_values(self) -> dict[str, Any]:
        """Parse what the options say of all rows. Raises InvalidRows."""
        texts = {f"--set {name}={text}": (name, text) for name, text in self.options.fixed.items()}
        if self.options.account is not None and self.table.account is not None:
            texts[f"--account {self.options.account}"] = (self.table.account, self.options.account)
        values = {}
        for option, (name, text) in texts.items():
            is_account = name == self.table.account
            try:
                if is_account:
                    # Without an id: rows of the source's one connection.
                    values[name] = parse_account(self.table, text) if text else ""
                else:
                    values[name] = self.parse_fixed_value(name, text.strip())
            except ValueError as error:
                raise InvalidRows(f"{option}: {error}") from None
        return values

    def parse_fixed_value(self, name: str, text: str) -> Any:
        if not text and name in list_required_columns(self.table):
            raise ValueError("is empty; each row needs a value")
        return PARSERS[self.table.columns[name].type](text) if text else None

    def match_file(self, path: Path, faults: CsvFaults) -> MatchedFile | None:
        """Match the header of a file; None after reporting its faults."""
        try:
            file = CsvFile(path)
        except MalformedCsv as error:
            faults.add(path, error.line, 0, str(error))
            return None
        header = match_header(file, self.table, self.options)
        problems = list(describe_faults(file, self.table, header, self.options))
        if problems:
            faults.remedies |= dict.fromkeys(suggest_options(file, self.table, header, self.options))
        for position, message in problems:
            faults.add(path, file.header_line, position, message)
        fixed = dict(self.fixed_values)
        currency = self.table.currency
        if header.currency is not None and currency is not None and currency not in header.filled_columns:
            fixed.setdefault(currency, header.currency)
            if fixed[currency] != header.currency:
                message = f"the amounts are in {header.currency}, and --set says {fixed[currency]}"
                faults.add(path, file.header_line, 0, message)
        days = file.preamble.days
        if self.table.time in fixed and len(set(days)) > 1:
            message = f"the report is over {days[0]} to {days[-1]}; {BY_DAY}"
            faults.add(path, file.preamble.days_line, 0, message)
        return MatchedFile(file, header, fixed)

    def check_columns(self, faults: CsvFaults) -> None:
        """Report a file that fills other columns than the first one: all of them are one insert."""
        filled = [each.header.filled_columns | each.fixed_values.keys() for each in self.files]
        for each, columns in zip(self.files, filled, strict=True):
            differing = sorted(columns ^ filled[0])
            if differing:
                message = (
                    f"fills other columns than {self.paths[0]} ({', '.join(differing)}); load it in a call of its own"
                )
                faults.add(each.file.path, each.file.header_line, 0, message)

    def has_account_column(self) -> bool:
        """Whether a file tells the account of its rows itself."""
        return any(self.table.account in each.header.filled_columns for each in self.files)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        """Yield the converted rows; after the first fault, only check the rest.

        Raises InvalidRows at the end if there were faults.
        """
        faults = CsvFaults(self.paths)
        seen: dict[tuple[Any, ...], tuple[Path, int]] = {}
        self.skipped_count = 0
        self.numbers.clear()
        for each in self.files:
            for row in self.iter_file_rows(each, seen, faults):
                if not faults.messages:
                    yield row
        faults.raise_if_any()

    def iter_file_rows(
        self, matched: MatchedFile, seen: dict[tuple[Any, ...], tuple[Path, int]], faults: CsvFaults
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a file, and report its faults; `seen` has the place of each key so far."""
        file = matched.file
        reader = RowReader(self.table, matched.header, self.options, separator=file.preamble.separator)
        records = file.iter_records()
        try:
            next(records, None)
            for line, record in records:
                try:
                    values = reader.read_row(record)
                except SumRow as error:
                    if self.options.skip_totals:
                        self.skipped_count += 1
                        continue
                    faults.remedies[("--skip-totals",)] = None
                    faults.add(file.path, line, error.position, str(error))
                    continue
                for position, message in reader.faults:
                    faults.add(file.path, line, position, message)
                faults.remedies |= reader.remedies
                if values is None:
                    continue
                row = {**matched.fixed_values, **values}
                if self.options.number is not None:
                    row[self.options.number] = self.count_key(row, self.options.number)
                repeated = self.find_repeated_key(row, matched.header.fields, seen, file.path, line)
                if repeated is not None:
                    faults.add(file.path, line, *repeated)
                    continue
                for position, message in reader.check_days_and_currency(record, row):
                    faults.add(file.path, line, position, message)
                faults.remedies |= reader.remedies
                if reader.doubt is not None:
                    position, message = reader.doubt
                    self.doubts.setdefault((file.path, position), f"{file.path}:{line}:{position + 1}: {message}")
                yield row
        except MalformedCsv as error:
            faults.add(file.path, error.line, 0, str(error))

    def count_key(self, row: Mapping[str, Any], number: str) -> int:
        """Return the number, from 1, of a row among those that are equal in the rest of the key."""
        key = tuple(row[name] for name in self.table.key if name != number)
        self.numbers[key] += 1
        return self.numbers[key]

    def find_repeated_key(
        self,
        row: Mapping[str, Any],
        fields: Sequence[CsvField],
        seen: dict[tuple[Any, ...], tuple[Path, int]],
        path: Path,
        line: int,
    ) -> tuple[int, str] | None:
        """Remember a row's key; return the position and the fault if it was there before."""
        place = seen.setdefault(tuple(row[name] for name in self.table.key), (path, line))
        if place == (path, line):
            return None
        position = min((each.position for each in fields if each.column.name in self.table.key), default=0)
        named = ", ".join(f"{name} {row[name]}" for name in self.table.key if name not in self.fixed_values)
        first = f"line {place[1]}" if place[0] == path else f"{place[0]}:{place[1]}"
        return position, f"the same key as {first} ({named}); each may be there once"
