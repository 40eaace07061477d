"""Filters by dimension: what a statement's text depends on, and the values that it binds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.query import DimensionFilter

# A text has room for one of these numbers of values, so that there are few texts; the last value fills what is left.
SIZES = (1, 4, 16, 64)


@dataclass(frozen=True, slots=True)
class FilterShape:
    """A filter without its values: how many members it can name to include and to exclude."""

    dimension: str
    include: int
    exclude: int


def get_filter_shapes(filters: Iterable[DimensionFilter]) -> tuple[FilterShape, ...]:
    """Return the shapes of filters, on which the text of a statement depends."""
    return tuple([FilterShape(each.dimension, round_up(each.include), round_up(each.exclude)) for each in filters])


def round_up(values: Sequence[str]) -> int:
    return next(size for size in SIZES if size >= len(values)) if values else 0


def bind_filters(filters: Iterable[DimensionFilter]) -> dict[str, Any]:
    """Return the parameters of filters by name."""
    return {
        f"{name}{index}_{position}": values[min(position, len(values) - 1)]
        for index, each in enumerate(filters)
        for name, values in (("include", each.include), ("exclude", each.exclude))
        for position in range(round_up(values))
    }
