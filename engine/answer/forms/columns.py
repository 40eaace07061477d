"""The body of an answer → columns with a name and a type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.answer.aggregate import MAX_WHOLE
from engine.answer.response import Body
from engine.catalog.metrics import Metric, TableMetric

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
