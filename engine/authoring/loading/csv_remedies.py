"""What keeps a header from being read, each with its remedy, and the options that let it be read."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator
from dataclasses import replace

from engine.authoring.loading.csv_file import CsvFile
from engine.authoring.loading.csv_header import (
    CsvHeader,
    CsvOptions,
    list_required_columns,
    match_header,
    split_currency,
)
from engine.authoring.loading.csv_presets import PRESETS, PRIMARY, fold_header
from engine.authoring.loading.csv_values import is_day, list_day_orders
from engine.suggestions import did_you_mean, find_nearest_names
from engine.tables import Table

# Headers resemble columns by chance: below this, a suggestion is nonsense more often than not.
LIKENESS = 0.75
# With more headers to skip, one option for all of them is easier to read.
MAX_IGNORED_BY_NAME = 3


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
    faulty = {position for position, _ in header.faults}
    for position in (each for each in header.unknown if each not in faulty):
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
