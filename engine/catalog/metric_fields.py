"""What a metric's definition says by itself: its title, format and lookback."""

from __future__ import annotations

from typing import Any

from engine.calendar import Grain, Lookback
from engine.catalog.dimensions import make_title_from_name
from engine.files.metric_definitions import MetricDefinition


def build_common_fields(key: str, definition: MetricDefinition) -> dict[str, Any]:
    """Build the fields that every kind of metric has."""
    return {
        "key": key,
        "title": make_title(key, definition),
        "description": definition.description or "",
        "format": definition.format or ("percent" if definition.share else "decimal"),
        "decimals": definition.decimals,
        "better": definition.better or "up",
        "chart": definition.chart,
        "group": definition.group,
        "position": definition.position,
        "hidden": definition.hidden,
        "delta": definition.delta or "relative",
        "tests": tuple(definition.tests),
    }


def make_title(key: str, definition: MetricDefinition) -> str:
    """Return the title, or one made from the key: "Conv rate" for `ga4.conv_rate`."""
    if definition.title is not None:
        return definition.title
    return make_title_from_name(key.rpartition(".")[2])


def make_lookback(definition: MetricDefinition) -> Lookback | None:
    """Return the days that each point looks back to; None where they are its bucket's."""
    if definition.rolling is not None:
        return Lookback(days=definition.rolling)
    return None if definition.to_date is None else Lookback(since=Grain(definition.to_date))
