"""The body of an answer → columns with a name and a type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.answer.response import Body
from engine.answer.values.numbers import MAX_WHOLE
from engine.catalog.metrics import Metric, TableMetric

# Of several answers: the widget, its series or column, the member, the bucket, and why a widget has no answer.
BATCH_COLUMNS = ("key", "series", "id", "label", "t", "value", "problem")
CellType = Literal["date", "text", "whole", "double"]


@dataclass(frozen=True, slots=True)
class AnswerColumn:
    """A column of an answer; dates are ISO texts, and None is a missing value."""

    name: str
    type: CellType
    cells: Sequence[Any]


def build_columns(metric: Metric, body: Body) -> list[AnswerColumn]:
    """Build `t` and a column for each series; of a table its rows' `id`, `label` and a column for each measure."""
    table = body.get("table")
    return rename_duplicates(build_series_columns(metric, body) if table is None else build_cell_columns(metric, table))


def build_series_columns(metric: Metric, body: Body) -> list[AnswerColumn]:
    series = body["series"]
    days = [point["t"] for point in series[0]["points"]] if series else []
    return [
        AnswerColumn("t", "date", days),
        *(
            build_number_column(metric, each["key"], each["name"], [point["v"] for point in each["points"]])
            for each in series
        ),
    ]


def build_cell_columns(metric: Metric, table: Mapping[str, Any]) -> list[AnswerColumn]:
    rows = table["rows"]
    names = [column["name"] for column in table["columns"]]
    return [
        AnswerColumn("id", "text", [row["id"] for row in rows]),
        AnswerColumn("label", "text", [row["label"] for row in rows]),
        *(
            build_number_column(metric, metric.key, name, [row["values"][name]["value"] for row in rows])
            for name in names
        ),
    ]


def build_batch_columns(answers: Iterable[tuple[str, Metric | None, Body]]) -> list[AnswerColumn]:
    """Build columns that answers of all shapes share: a line for each point, and for each cell of a table.

    Of a key without a metric, the body's `detail` is its one line.
    """
    lines: list[tuple[Any, ...]] = []
    is_whole = True
    for key, metric, body in answers:
        if metric is None:
            lines.append((key, None, None, None, None, None, body["detail"]))
            continue
        lines += iter_cell_lines(key, body) if "table" in body else iter_point_lines(key, body)
        is_whole = is_whole and all(
            column.type != "double" for column in build_columns(metric, body) if column.type in ("whole", "double")
        )
    types: tuple[CellType, ...] = ("text", "text", "text", "text", "date", "whole" if is_whole else "double", "text")
    cells = list(zip(*lines, strict=True)) or [()] * len(BATCH_COLUMNS)
    return [AnswerColumn(*each) for each in zip(BATCH_COLUMNS, types, cells, strict=True)]


def iter_point_lines(key: str, body: Body) -> Iterator[tuple[Any, ...]]:
    for each in body["series"]:
        for point in each["points"]:
            yield key, each["name"], each.get("id"), None, point["t"], point["v"], None


def iter_cell_lines(key: str, body: Body) -> Iterator[tuple[Any, ...]]:
    for row in body["table"]["rows"]:
        for name, cell in row["values"].items():
            yield key, name, row["id"], row["label"], None, cell["value"], None


def build_number_column(metric: Metric, key: str, name: str, cells: Sequence[Any]) -> AnswerColumn:
    """Build a column of numbers, whose type follows from the definition and not from the numbers."""
    # A sum that no double holds exactly stays a double.
    is_whole = has_whole_values(metric, key, name) and all(
        cell is None or -MAX_WHOLE <= cell <= MAX_WHOLE for cell in cells
    )
    return AnswerColumn(name, "whole" if is_whole else "double", cells)


def has_whole_values(metric: Metric, key: str, name: str) -> bool:
    """Whether all values of a series are whole numbers: it is made of such, and no average of them."""
    if metric.key != key:
        return any(has_whole_values(part, key, name) for part in metric.parts)
    if not isinstance(metric, TableMetric):
        return False
    # A series of a breakdown has the name of its member.
    named = [each for each in metric.series if each.name == name] or metric.series[:1]
    return all(each.expression.whole and not each.is_share and metric.get_total(each) != "average" for each in named)


def rename_duplicates(columns: Iterable[AnswerColumn]) -> list[AnswerColumn]:
    """Number the columns of one name, which few readers accept: `Sessions`, `Sessions 2`."""
    found: dict[str, AnswerColumn] = {}
    for column in columns:
        name, number = column.name, 1
        while name in found:
            number += 1
            name = f"{column.name} {number}"
        found[name] = AnswerColumn(name, column.type, column.cells)
    return list(found.values())
