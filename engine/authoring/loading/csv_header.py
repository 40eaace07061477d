"""The header of an export → which of its fields fills which column of a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from engine.authoring.loading.csv_file import CsvFile
from engine.authoring.loading.csv_presets import NTH_DAY, PRIMARY, CsvPreset, fold_header, fold_headers
from engine.authoring.loading.csv_values import (
    PARSERS,
    DayOrder,
    DecimalMark,
    parse_account,
    parse_day,
    parse_nth_day,
)
from engine.suggestions import did_you_mean, find_nearest_names
from engine.tables import Column, Table

# An upload must not name its tenant, whatever the table calls that column.
TENANT_HEADER = "user_id"
# Headers of a row's first and last day. In a table of one's own, a column may have one of the plain names.
# Ads Manager writes them in its user's language.
REPORT_STARTS = fold_headers(
    *("Reporting starts", "Date start", "Berichtsstart", "Berichtsbeginn", "Début des rapports", "Inicio del informe"),
    *("Início dos relatórios", "Inizio report", "Begin rapportage"),
)
REPORT_ENDS = fold_headers(
    *("Reporting ends", "Date stop", "Berichtsende", "Fin des rapports", "Fin del informe", "Término dos relatórios"),
    *("Fine report", "Einde rapportage"),
)
PERIOD_STARTS = REPORT_STARTS | fold_headers("Start date", "Period start", "Week start")
PERIOD_ENDS = REPORT_ENDS | fold_headers("End date", "Period end", "Week end", "Week ending")
REPORTED_DAYS = REPORT_STARTS | REPORT_ENDS
# Headers of reports over several days, which have no date.
PERIODS = fold_headers(
    *("Day of week", "Day of week name", "Hour", "ISO week", "ISO week of ISO year", "Month", "Month of year"),
    *("Nth month", "Nth week", "Quarter", "Week", "Week of year", "Year", "Year month", "Year week"),
)
BY_DAY = "each row must be of one day: export it by day (in Ads Manager, Breakdown > By time > Day)"
# An amount's currency, as Ads Manager writes it: `Amount spent (USD)`.
CURRENCY_CODE = re.compile(r"\s*\(([A-Z]{3})\)\s*$")


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """What a file does not tell about itself.

    `headers` has the file's header of each column that it calls otherwise, `fixed` the text of columns that it lacks.
    `account` fills the account's column; None says nothing about it. `ignored` are headers to skip. `decimal` is what
    stands before the decimals of numbers; None where the numbers tell. `dates` is the order of a date's parts where it
    is not written as 2025-01-31. `number` is a column of the key that counts the rows that are equal in its others.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    account: str | None = None
    preset: CsvPreset | None = None
    ignored: Collection[str] = ()
    ignore_rest: bool = False
    skip_totals: bool = False
    thousands: bool = False
    decimal: DecimalMark | None = None
    dates: DayOrder | None = None
    number: str | None = None

    @property
    def given_columns(self) -> Collection[str]:
        """The columns that no header fills, the account's aside."""
        return self.fixed if self.number is None else (*self.fixed, self.number)


@dataclass(frozen=True, slots=True)
class CsvField:
    """A column of the table, and the position (from 0) of the file's field that fills it."""

    column: Column
    position: int
    header: str
    parse: Callable[[str], Any]


@dataclass(slots=True)
class CsvHeader:
    """A file's header, matched to a table's columns.

    `unknown` are the positions that fill nothing, `missing` the columns that each row needs and nothing fills.
    """

    names: Sequence[str]
    fields: list[CsvField] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    starts: int | None = None
    ends: int | None = None
    currency: str | None = None
    faults: list[tuple[int, str]] = field(default_factory=list)

    @property
    def filled_columns(self) -> frozenset[str]:
        return frozenset(each.column.name for each in self.fields)


def list_required_columns(table: Table) -> frozenset[str]:
    """Return the columns that need a value in each row."""
    return frozenset((*table.key, table.time))


def is_tenant_header(table: Table, header: str) -> bool:
    """Whether a header names whose the rows are."""
    folded = fold_header(header)
    own = fold_headers(*(name for name in table.columns if name != table.tenant))
    return folded == fold_header(table.tenant) or (folded == fold_header(TENANT_HEADER) and folded not in own)


def split_currency(header: str) -> tuple[str, str | None]:
    """Split `Amount spent (USD)` into its folded name and the currency."""
    code = CURRENCY_CODE.search(header)
    return fold_header(header[: code.start()] if code else header), code[1] if code else None


def match_header(file: CsvFile, table: Table, options: CsvOptions) -> CsvHeader:
    """Match a file's header to the columns of a table; `faults` has what is wrong with it."""
    names = [name.strip() for name in file.header]
    header = CsvHeader(names)
    header.faults += [
        (at, f"{name}: a file cannot say whose its rows are; remove the column")
        for at, name in enumerate(names)
        if is_tenant_header(table, name)
    ]
    mapped = {column: fold_header(name) for column, name in options.headers.items()}
    plain, of_amounts = index_headers(names), index_headers(names, has_currency=True)
    for column in table.columns.values():
        if column.name == table.tenant or column.name in options.given_columns:
            continue
        positions = of_amounts if column.money else plain
        at = find_position(column, table, positions, mapped, options.preset, file)
        if at is not None:
            header.fields.append(
                CsvField(column, at, names[at], choose_parser(column, table, names[at], file, options))
            )
        elif column.name in mapped:
            wanted = options.headers[column.name]
            hint = did_you_mean(find_nearest_names(wanted, filter(None, names))) or f"; it has {', '.join(names)}"
            header.faults.append((0, f"the file has no column {wanted!r}{hint}"))
        elif column.name in list_required_columns(table) and not (
            column.name == table.account and options.account is not None
        ):
            header.missing.append(column.name)
    header.faults += find_repeated_headers(header)
    used = {each.position for each in header.fields}
    if table.time not in header.filled_columns:
        periods = {at for at, name in enumerate(names) if at not in used and fold_header(name) in PERIODS}
        if periods:
            header.faults += [(at, f"{names[at]}: {BY_DAY}") for at in sorted(periods)]
            header.missing = [name for name in header.missing if name != table.time]
            used |= periods
    header.starts, header.ends = (find_period(table, header, each) for each in (PERIOD_STARTS, PERIOD_ENDS))
    find_currency(table, header)
    header.unknown = [
        position
        for position, name in enumerate(names)
        if name and position not in used and not is_tenant_header(table, name) and not is_ignored(name, options)
    ]
    return header


def index_headers(names: Sequence[str], *, has_currency: bool = False) -> dict[str, int]:
    """Return the position of each folded header, the first of equal ones; of amounts also without the currency."""
    positions: dict[str, int] = {}
    for position, name in enumerate(names):
        positions.setdefault(fold_header(name), position)
    if has_currency:
        for position, name in enumerate(names):
            positions.setdefault(split_currency(name)[0], position)
    return positions


def find_position(
    column: Column,
    table: Table,
    positions: Mapping[str, int],
    mapped: Mapping[str, str],
    preset: CsvPreset | None,
    file: CsvFile,
) -> int | None:
    """Return the position of the field that fills a column: as told, by its name, or by the preset."""
    if column.name in mapped:
        return positions.get(mapped[column.name])
    taken = set(mapped.values())
    wanted = [fold_header(column.name)]
    if preset is not None:
        wanted += preset.get_headers(column.name, is_time=column.name == table.time)
        if preset.titles.get(fold_header(file.preamble.title)) == column.name:
            wanted.append(PRIMARY)
    return next((positions[each] for each in wanted if each in positions and each not in taken), None)


def choose_parser(
    column: Column, table: Table, header: str, file: CsvFile, options: CsvOptions
) -> Callable[[str], Any]:
    """Return the parser of a field's values."""
    if column.name == table.account:
        return partial(parse_account, table)
    if column.name == table.time and fold_header(header) == fold_header(NTH_DAY):
        return partial(parse_nth_day, next(iter(file.preamble.days), None))
    own = options.preset.parsers if options.preset is not None else {}
    if column.name in own and column.name not in options.headers and fold_header(header) != fold_header(column.name):
        return own[column.name]
    if column.type == "date":
        return partial(parse_day, order=options.dates)
    return PARSERS[column.type]


def find_repeated_headers(header: CsvHeader) -> Iterator[tuple[int, str]]:
    """Find headers that fill a column and stand twice."""
    folded = [fold_header(name) for name in header.names]
    for position in sorted({each.position for each in header.fields}):
        for other in range(position + 1, len(folded)):
            if folded[other] == folded[position]:
                yield other, f"{header.names[other]}: the header is there twice"


def find_period(table: Table, header: CsvHeader, names: Collection[str]) -> int | None:
    """Return the position of the field with a row's first or last day, unless it is a column of the table's own."""
    filling = {each.position: each.column.name for each in header.fields}
    for position, name in enumerate(header.names):
        folded = fold_header(name)
        is_own = filling.get(position, table.time) != table.time
        if folded in names and (folded in REPORTED_DAYS or not is_own):
            return position
    return None


def find_currency(table: Table, header: CsvHeader) -> None:
    """Find the currency that the headers of amounts name, and a disagreement between them."""
    for each in header.fields:
        code = split_currency(each.header)[1] if each.column.money else None
        if code is not None and header.currency not in (None, code):
            message = f"{each.header}: another amount is in {header.currency}; rows have one currency, load them apart"
            header.faults.append((each.position, message))
        header.currency = code or header.currency
    if table.currency is None:
        header.currency = None


def is_ignored(name: str, options: CsvOptions) -> bool:
    if options.ignore_rest or fold_header(name) in fold_headers(*options.ignored):
        return True
    ignored: Collection[str] = options.preset.ignored if options.preset is not None else ()
    return fold_header(name) in ignored or split_currency(name)[0] in ignored
