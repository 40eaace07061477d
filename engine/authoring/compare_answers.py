"""Two answers to one question compared, value by value, under names that no change of a title or key changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.answer.response import Body
from engine.authoring.test_runner import MISSING, is_same
from engine.catalog.metrics import Metric

Path = tuple[str, ...]
HEADLINE: Path = ("value",)
# The name of a metric's only series, so that another title is no other series.
OWN = "value"


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value of an answer before and after; MISSING on the side whose answer does not have it."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class AnswerChange:
    """The answers to one question: the headline before and after, and every value that differs."""

    question: str
    before: Any
    after: Any
    values: tuple[ValueChange, ...] = ()


def compare_answers(
    question: str,
    old: tuple[Metric | None, Body | str | None],
    new: tuple[Metric | None, Body | str | None],
    renames: Mapping[str, str],
) -> AnswerChange:
    """Compare two answers value by value; one that could not be given is its reason."""
    before, after = (
        {} if metric is None or body is None else list_values(metric, body, renames) for metric, body in (old, new)
    )
    changed = []
    for path in dict.fromkeys((*before, *after)):
        value, other = before.get(path, MISSING), after.get(path, MISSING)
        if not is_same(value, other):
            changed.append(ValueChange(".".join(path), value, other))
    return AnswerChange(question, before.get(HEADLINE, MISSING), after.get(HEADLINE, MISSING), tuple(changed))


def list_values(metric: Metric, body: Body | str, renames: Mapping[str, str]) -> dict[Path, Any]:
    """List an answer's values by their paths, under names that no change of a title or key changes."""
    if isinstance(body, str):
        return {HEADLINE: body}
    is_alone = len(body["series"]) == 1
    names = [name_series(metric, series, renames, is_alone=is_alone) for series in body["series"]]
    compared = body.get("comparison", {"series": []})["series"]
    nested: dict[str, Any] = {
        **body["stats"],
        "currency": body["meta"]["currency"],
        "series": {name: list_series_values(series) for name, series in zip(names, body["series"], strict=True)},
        "comparison": {
            name: index_points(series["points"]) for name, series in zip(names, compared, strict=bool(compared))
        },
        "items": {str(item["id"]): item["values"] for item in body["items"]},
    }
    if target := body.get("target"):
        nested["target"] = {**target, "series": index_points(target["series"])}
    if table := body.get("table"):
        rows = {str(row["id"]): {**row["values"], "currency": row["currency"]} for row in table["rows"]}
        nested["table"] = {"rows": rows, "total": table["total"], "count": table["count"]}
    return dict(iter_leaves(nested))


def list_series_values(series: Body) -> dict[str, Any]:
    return {**series["stats"], "currency": series["currency"], "points": index_points(series["points"])}


def name_series(metric: Metric, series: Body, renames: Mapping[str, str], *, is_alone: bool) -> str:
    """Name a series by its member, by the metric that it is, or by its own name in a metric of several."""
    if "id" in series:
        return str(series["id"])
    if series["key"] != metric.key:
        return renames.get(series["key"], series["key"])
    return OWN if is_alone else str(series["name"])


def index_points(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values by their days; a bucket that covers no day has the date of the next one, which is meant."""
    return {point["t"]: point["v"] for point in points}


def iter_leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from iter_leaves(each, (*path, name))
    else:
        yield path, value
