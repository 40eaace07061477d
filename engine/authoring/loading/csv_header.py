"""The header of an export → which of its fields fills which column of a table."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from engine.authoring.loading.csv_file import CsvFile
from engine.authoring.loading.csv_presets import NTH_DAY, PRESETS, PRIMARY, CsvPreset, fold_header, fold_headers
from engine.authoring.loading.csv_values import (
    PARSERS,
    DayOrder,
    DecimalMark,
    is_day,
    list_day_orders,
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
# Headers resemble columns by chance: below this, a suggestion is nonsense more often than not.
LIKENESS = 0.75
# With more headers to skip, one option for all of them is easier to read.
MAX_IGNORED_BY_NAME = 3


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


def describe_faults(file: CsvFile, table: Table, header: CsvHeader, options: CsvOptions) -> Iterator[tuple[int, str]]:
    """Yield what keeps a header from being read: the position of a field, and the fault with its remedy."""
    yield from header.faults
    for name in header.missing:
        yield 0, describe_missing_column(name, table, header, file)
    empty = [
        name
        for name in table.columns
        if name not in header.filled_columns and name not in (table.tenant, *options.given_columns)
    ]
    for position in header.unknown:
        name = header.names[position]
        similar = find_similar_column(name, empty)
        remedy = shlex.join(("--ignore", name))
        if fold_header(name) == PRIMARY and file.preamble.title:
            yield position, f"{name}: of the report {file.preamble.title!r}; write --map COLUMN={shlex.quote(name)}"
        elif similar:
            write = shlex.join(("--map", f"{similar}={name}"))
            hint = f"did you mean {similar!r}? Write {write}, or leave it out with {remedy}"
            yield position, f"{name}: is no column of table {table.name!r}; {hint}"
        else:
            option = f"--map COLUMN={shlex.quote(name)}"
            yield (
                position,
                f"{name}: is no column of table {table.name!r}; write {option}, or leave it out with {remedy}",
            )
    if not header.faults and not header.missing and not header.unknown:
        yield from describe_lack_of_values(table, header, options)


def describe_missing_column(name: str, table: Table, header: CsvHeader, file: CsvFile) -> str:
    if name == table.account:
        return f"the file has no column {name!r}, which tells the account; write --account ID"
    unknown = [header.names[position] for position in header.unknown]
    similar = find_similar_header(name, unknown)
    if similar is None and name == table.time:
        similar = find_day_header(header, file)
    remedy = shlex.join(("--map", f"{name}={similar}")) if similar else f"--map {name}=HEADER"
    return (
        f"the file has no column {name!r}, which each row needs; write {remedy} if it is called otherwise, "
        f"or --set {name}=VALUE for all rows"
    )


def describe_lack_of_values(table: Table, header: CsvHeader, options: CsvOptions) -> Iterator[tuple[int, str]]:
    """Describe a file of keys alone, at the first header that may be meant for a value."""
    required = list_required_columns(table)
    values = [name for name in table.columns if name not in required and name != table.tenant]
    if not values or not required >= header.filled_columns or not required >= set(options.fixed):
        return
    used = {each.position for each in header.fields}
    position = next((position for position in range(len(header.names)) if position not in used), 0)
    name = header.names[position] if header.names else ""
    hint = did_you_mean(find_nearest_names(name, values)) or f"; its columns are {', '.join(values)}"
    yield position, f"{name}: is no value of table {table.name!r}{hint} (--map column=header)"


def find_similar_column(header: str, columns: Collection[str]) -> str | None:
    """Return the column that a header resembles, or None."""
    folded = {fold_header(name): name for name in columns}
    return next((folded[each] for each in find_nearest_names(split_currency(header)[0], folded, cutoff=LIKENESS)), None)


def find_similar_header(column: str, headers: Collection[str]) -> str | None:
    """Return the header that a column resembles, or None."""
    folded = {split_currency(name)[0]: name for name in headers}
    return next((folded[each] for each in find_nearest_names(fold_header(column), folded, cutoff=LIKENESS)), None)


def find_day_header(header: CsvHeader, file: CsvFile) -> str | None:
    """Return the first header that fills nothing and whose values are days, as far as the sample shows, or None."""
    for position in header.unknown:
        texts = [record[position].strip() for record in file.sample if position < len(record)]
        if any(texts) and all(is_day(text) or list_day_orders(text) for text in texts if text):
            return header.names[position]
    return None


def suggest_options(file: CsvFile, table: Table, header: CsvHeader, options: CsvOptions) -> Iterator[tuple[str, ...]]:
    """Yield the options that let a header be read; a word in capitals stands for what only the user knows."""
    if header.faults:
        return
    preset = PRESETS.get(table.source)
    if options.preset is None and preset is not None:
        options = replace(options, preset=preset)
        known = match_header(file, table, options)
        if len(known.fields) > len(header.fields) or len(known.unknown) < len(header.unknown):
            header = known
            yield "--preset", preset.name
    empty = [
        name
        for name in table.columns
        if name not in header.filled_columns and name not in (table.tenant, *options.given_columns)
    ]
    mapped: dict[str, str] = {}
    ignored = []
    day = find_day_header(header, file) if table.time in header.missing else None
    if day is not None:
        mapped[table.time] = day
    for at in header.unknown:
        name = header.names[at]
        if name == day:
            continue
        similar = find_similar_column(name, [each for each in empty if each not in mapped])
        if similar is None:
            ignored.append(name)
        else:
            mapped[similar] = name
    for name in header.missing:
        if name == table.account:
            yield "--account", "ID"
        elif name not in mapped and name != table.time and any(header.names[at] != day for at in header.unknown):
            # One of them is more likely to have it than that all rows are alike.
            yield "--map", f"{name}=HEADER"
        elif name not in mapped:
            yield "--set", f"{name}={'DATE' if name == table.time else 'VALUE'}"
    yield from (("--map", f"{column}={name}") for column, name in mapped.items())
    if len(ignored) > MAX_IGNORED_BY_NAME:
        yield ("--ignore-rest",)
    else:
        yield from (("--ignore", name) for name in ignored)
