"""A table's declaration, drafted from the header and the first rows of an export; every guess is there to be seen."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path

from engine.authoring.edit import render_scalar
from engine.authoring.loading.csv_file import CsvFile, MalformedCsv
from engine.authoring.loading.csv_header import CURRENCY_CODE, TENANT_HEADER, split_currency
from engine.authoring.loading.csv_presets import fold_header
from engine.authoring.loading.csv_rows import TOTAL_LABEL, TOTALS
from engine.authoring.loading.csv_values import (
    DAY_ORDERS,
    NO_VALUES,
    DayOrder,
    is_day,
    list_day_orders,
    quote_value,
)
from engine.authoring.loading.guess_columns import (
    ACCOUNTS,
    BOUND,
    PERSONS,
    DraftColumn,
    guess_type,
    has_decimal_comma,
    has_decimal_point,
    has_ordered_days,
    is_day_only,
    is_id,
    make_column_name,
    make_draft_column,
)
from engine.catalog.dimensions import DIMENSION_NAME
from engine.errors import InvalidRows

MAX_ROWS = 1_000
MAX_SHOWN = 40
TENANT = "user_id"
# How a column's sum is written; `numeric` is money here.
MEASURE_FORMATS = {"bigint": "integer", "double": "decimal", "numeric": "currency"}


class TableDraft:
    """A drafted table: its text, and the options with which `load` takes the file. Raises InvalidRows.

    `dates` is the order of the parts of dates, where it is known.
    """

    def __init__(self, name: str, path: Path, dates: DayOrder | None = None) -> None:
        self.name = name
        self.path = path
        self.dates = dates
        try:
            file = CsvFile(path)
            records = [record for _, record in islice(file.iter_records(), 1, MAX_ROWS + 1)]
        except MalformedCsv as error:
            raise InvalidRows(f"{path}:{error.line}:1: {error}") from None
        # Rows that sum up others would be no numbers, and have no date.
        whole = [each for each in records if len(each) == len(file.header)]
        self.rows = [each for each in whole if not sums_up_others(each)]
        self.has_totals = len(self.rows) < len(whole) or any(len(each) == 1 for each in records)
        if not self.rows:
            raise InvalidRows(f"{path}: has no rows below its header, from which types could be guessed")
        columns = list(zip(*self.rows, strict=True))
        self.has_decimal_comma = any(map(has_decimal_comma, columns)) and not any(map(has_decimal_point, columns))
        self.columns = list(self.draft_columns(file.header))
        self.currency = self.find_currency()
        if not self.days:
            self.use_written_days()

    def draft_columns(self, header: Sequence[str]) -> Iterator[DraftColumn]:
        """Draft a column for each header that has a name."""
        taken = {TENANT}
        for position, given in enumerate(header):
            shown = given.strip()
            if not shown:
                continue
            if fold_header(shown) == fold_header(TENANT_HEADER):
                raise InvalidRows(
                    f"{self.path}:1:{position + 1}: {shown}: a file cannot say whose its rows are; remove the column"
                )
            name = make_column_name(CURRENCY_CODE.sub("", shown), taken)
            taken.add(name)
            texts = [row[position].strip() for row in self.rows]
            values = ["" if value.casefold() in NO_VALUES else value for value in texts]
            kind = guess_type(name, values, has_decimal_comma=self.has_decimal_comma)
            yield make_draft_column(name, shown, texts if kind == "text" else values, kind)

    def find_currency(self) -> str | None:
        """Return the column of the currency; where money has none, it is added."""
        texts = (each.name for each in self.columns if each.type == "text")
        found = next((name for name in texts if re.fullmatch(r"(.*_)?currency(_code)?", name)), None)
        return found or ("currency" if any(each.is_money for each in self.columns) else None)

    @property
    def has_added_currency(self) -> bool:
        """Whether the file has no column for the currency of its money."""
        return self.currency is not None and self.currency not in {each.name for each in self.columns}

    @property
    def days(self) -> Sequence[DraftColumn]:
        """The columns with a date in each row."""
        return [each for each in self.columns if each.type == "date" and each.is_filled]

    def use_written_days(self) -> None:
        """Take dates in another form, and moments by their date, for days. Raises InvalidRows where there are none."""
        found: dict[DayOrder, list[DraftColumn]] = {}
        for order in DAY_ORDERS if self.dates is None else (self.dates,):
            columns = [each for each in self.columns if each.is_filled and has_ordered_days(each, order)]
            if columns:
                found[order] = columns
        if not found:
            raise InvalidRows(f"{self.path}: {self.describe_lack_of_days()}")
        self.dates, days = next(iter(found.items()))
        if len(found) > 1:
            names = " and ".join(f"--dates {order}" for order in found)
            raise InvalidRows(
                f"{self.path}: {days[0].header}: {days[0].values[0]!r} may begin with the month or with the day; "
                f"of {names}, say which it is"
            )
        # The first moment is the day; another one keeps its time.
        chosen = next((each for each in days if each.name in ("date", "day")), days[0])
        self.columns = [
            replace(each, type="date") if each is chosen or is_day_only(each, self.dates) else each
            for each in self.columns
        ]

    def describe_lack_of_days(self) -> str:
        """Say which value keeps a column from being that of the day, or that there is no such column."""
        for each in self.columns:
            others = [value for value in each.values if not is_day(value) and not list_day_orders(value)]
            if others and 2 * len(others) < len(self.rows):
                return f"{each.header}: {quote_value(others[0])} is no date, as the others are; remove the row"
        forms = "2025-01-31, 20250131, 01/31/2025 or Jan 31, 2025"
        return f"has no column with a date in each row, written as {forms}; export it by day"

    @cached_property
    def time(self) -> DraftColumn:
        """The column of the day."""
        return next((each for each in self.days if each.name in ("date", "day")), self.days[0])

    @cached_property
    def number(self) -> str | None:
        """The name of a column that counts the rows which nothing else tells apart."""
        if self.is_key_unique:
            return None
        return make_column_name("line", [TENANT, *(each.name for each in self.columns), self.currency or ""])

    @cached_property
    def texts(self) -> Sequence[DraftColumn]:
        """The columns that rows can be told apart by: accounts and ids first, labels of ids last."""
        texts = [
            each
            for each in self.columns
            if each.type == "text" and each.name != self.currency and not any(map(BOUND.fullmatch, each.values))
        ]
        labels = {self.find_label(each) for each in texts}
        return sorted(texts, key=lambda each: (each is not self.account, each.name in labels, not is_id(each.name)))

    @cached_property
    def account(self) -> DraftColumn | None:
        """The column that names the account; a customer is one only where all rows have the same."""
        named = (each for each in self.columns if ACCOUNTS.fullmatch(each.name) and each.type == "text")
        return next(
            (
                each
                for each in named
                if each.is_filled and (each.name != "customer_id" or len(set(each.values)) == 1 < len(self.rows))
            ),
            None,
        )

    @cached_property
    def key(self) -> Sequence[DraftColumn]:
        """The columns that tell the first rows apart, as few as possible beside day and account."""
        key = [self.time, *([self.account] if self.account else [])]
        candidates = [each for each in self.texts if each.is_filled and each not in key]
        # What tells most rows apart, an id before all else, is needed for those to come, even where days would do.
        key += sorted(candidates, key=lambda each: (not is_id(each.name), -count_different([each])))[:1]
        for each in candidates:
            if count_different(key) < count_different([*key, each]):
                key.append(each)
        return key

    @property
    def is_key_unique(self) -> bool:
        return count_different(self.key) == len(self.rows)

    def find_label(self, column: DraftColumn) -> str | None:
        """Return the column that names what an id stands for: `campaign_name` or `campaign` for `campaign_id`."""
        stem = column.name.removesuffix("_id")
        names = [each.name for each in self.columns if each.type == "text" and each.name in (f"{stem}_name", stem)]
        return names[0] if names and stem != column.name else None

    def list_dimensions(self) -> Mapping[str, tuple[str, str | None]]:
        """List the dimensions: their columns, and the columns of their labels."""
        names = {each.name for each in self.columns}
        labels = {self.find_label(each) for each in self.texts}
        found = {}
        for each in self.texts:
            # What is another in each row filters nothing.
            is_another = len(self.rows) > 10 and len(set(each.values)) == len(self.rows)
            stem = each.name.removesuffix("_id")
            name = stem if stem not in names else each.name
            is_private = PERSONS.fullmatch(each.name) is not None
            if each.name not in labels and not is_another and not is_private and DIMENSION_NAME.fullmatch(name):
                found[name] = (each.name, self.find_label(each))
        return found

    def render(self, source: str) -> str:
        """Render the metric file."""
        return "\n".join((f"source: {source}", f"table: {self.name}", "", "tables:", *self.iter_lines())) + "\n"

    def iter_lines(self) -> Iterator[str]:
        """Yield the table's lines, with the reasons of what is guessed."""
        count = f"{len(self.rows):,} rows"
        yield f"  # Drafted from {count} of {shorten(self.path.name)}: read every line before the first load."
        yield f"  {self.name}:"
        yield f"    time: {self.time.name}"
        if self.currency is not None:
            yield f"    currency: {self.currency}"
        key = [TENANT, *(each.name for each in self.key)]
        if self.number is None:
            yield f"    # No two of the {count} are equal in these; whatever else tells rows apart belongs here, too."
        else:
            key.append(self.number)
            yield f"    # {self.number} counts the rows that are equal in the others; an id of theirs would be better."
        yield f"    key: [{', '.join(key)}]"
        if self.account is not None:
            yield f"    account: {self.account.name}"
        if dimensions := self.list_dimensions():
            yield "    dimensions:"
            for name, (column, label) in dimensions.items():
                value = column if label is None else f"{{column: {column}, label: {label}}}"
                yield f"      {name}: {value}"
        yield "    columns:"
        yield f"      {TENANT}: uuid"
        for each in self.columns:
            yield f"      {each.name}: {render_type(each)}  # {describe_values(each)}"
        if self.number is not None:
            yield f"      {self.number}: integer"
        if self.has_added_currency:
            yield f"      {self.currency}: text"

    def list_load_options(self) -> Sequence[str]:
        """List the options with which `load` takes the file; a word in capitals is what only the user knows."""
        options: list[str] = []
        for each in self.columns:
            matched = split_currency(each.header)[0] if each.is_money else fold_header(each.header)
            if matched != fold_header(each.name):
                options += ("--map", f"{each.name}={each.header}")
        is_told = any(CURRENCY_CODE.search(each.header) for each in self.columns if each.is_money)
        if self.has_added_currency and not is_told:
            options += ("--set", f"{self.currency}=CODE")
        if self.has_decimal_comma:
            options += ("--decimal", "comma")
        elif any(each.has_thousands for each in self.columns):
            options.append("--thousands")
        if self.dates is not None:
            options += ("--dates", self.dates)
        if self.number is not None:
            options += ("--number", self.number)
        if self.has_totals:
            options.append("--skip-totals")
        return options

    def render_load(self) -> str:
        """Render the command that loads the file."""
        words = ("metric-engine", "load", self.name, str(self.path), "--user", "UUID", *self.list_load_options())
        return shlex.join(words)

    def render_first_metric(self, source: str) -> str:
        """Render the command that adds a metric over a column that can be summed up, or over the rows."""
        numbers = (each for each in self.columns if each.type in MEASURE_FORMATS and each.is_additive)
        measure = next(numbers, None)
        name, value = ("rows", "count(*)") if measure is None else (measure.name, f"sum({measure.name})")
        shape = "integer" if measure is None else MEASURE_FORMATS[measure.type]
        words = ("new", f"{source}.{name}", "--table", self.name, "--value", value, "--format", shape)
        return shlex.join(("metric-engine", *words))


def sums_up_others(record: Sequence[str]) -> bool:
    label = next((value.strip() for value in record if value.strip()), "")
    return bool(TOTAL_LABEL.fullmatch(label)) or any(value.strip().casefold() in TOTALS for value in record)


def count_different(columns: Sequence[DraftColumn]) -> int:
    """Return the number of different rows, in these columns."""
    return len(set(zip(*(each.compared_values for each in columns), strict=True)))


def render_type(column: DraftColumn) -> str:
    keys = [f"type: {column.type}"]
    keys += ["money: true"] if column.is_money else []
    keys += [] if column.is_additive else ["additive: false"]
    return column.type if len(keys) == 1 else f"{{{', '.join(keys)}}}"


def describe_values(column: DraftColumn) -> str:
    """Describe the header and the first values, on one line."""
    given = list(dict.fromkeys(value for value in column.values if value))
    shown = ", ".join(shorten(value) for value in given[:2])
    return f"{shorten(column.header)}: {shown or 'no value'}" + ("" if column.is_filled or not given else ", or none")


def shorten(text: str) -> str:
    # A comment may hold no control character.
    line = "".join(character if character.isprintable() else "?" for character in " ".join(text.split()))
    return render_scalar(line if len(line) <= MAX_SHOWN else f"{line[:MAX_SHOWN]}…")
