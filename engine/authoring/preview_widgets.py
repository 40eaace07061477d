"""The widgets that a draft changes, asked of what is served and of the draft."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.answer.engine import Engine
from engine.answer.fetch import RequestContext
from engine.answer.response import Body
from engine.authoring.compare_answers import compare_answers
from engine.authoring.compare_catalogs import MetricChange, compare_sql, find_renames, pair_metrics
from engine.catalog.catalog import Catalog
from engine.catalog.metrics import Metric
from engine.errors import LayoutMismatch, WarehouseTimeout, WarehouseUnavailable
from engine.query import MetricQuery


@dataclass(frozen=True, slots=True)
class WidgetPreview:
    """What a draft does to one widget: its answers on both sides, each a text where it cannot be given."""

    change: MetricChange
    before: Body | str | None
    after: Body | str | None


def preview_widgets(
    before: Engine, after: Engine, query: MetricQuery, context: RequestContext, *, most: int
) -> tuple[list[WidgetPreview], list[str]]:
    """Ask both engines for the widgets whose definitions differ; of those beyond `most` only the keys are returned.

    Those whose own text differs come first, then those that change with them. A widget that cannot be answered does not
    keep the others from being so.
    """
    base, head = before.catalog, after.catalog
    renames = find_renames(base.metrics, head.metrics)
    served = [each for each in pair_metrics(base, head, renames) if each.is_served]
    changes = sorted(served, key=lambda each: get_entry_text(base, each.key) == get_entry_text(head, each.key))
    previews = [preview_widget(each, before, after, query, context, renames) for each in changes[:most]]
    return previews, [each.key for each in changes[most:]]


def get_entry_text(catalog: Catalog, key: str) -> str | None:
    place = catalog.places.get(("metrics", key))
    return None if place is None else place.text


def preview_widget(
    change: MetricChange,
    before: Engine,
    after: Engine,
    query: MetricQuery,
    context: RequestContext,
    renames: Mapping[str, str],
) -> WidgetPreview:
    old, new = change.base, change.head
    bodies = [answer_if_possible(*side, query, context) for side in ((before, old), (after, new))]
    compared = compare_answers(f"{query.start} to {query.end}", (old, bodies[0]), (new, bodies[1]), renames)
    sql = compare_sql((before.statements, old), (after.statements, new))
    return WidgetPreview(replace(change, sql=sql, answers=(compared,)), *bodies)


def answer_if_possible(
    engine: Engine, metric: Metric | None, query: MetricQuery, context: RequestContext
) -> Body | str | None:
    """Answer one metric if it is served; the text is the reason why there is no answer."""
    if metric is None or metric.hidden:
        return None
    try:
        return engine.query_metrics([metric], query, context)[metric.key].body
    except LayoutMismatch:
        return "The warehouse has no such table or column yet."
    except WarehouseTimeout:
        return "The warehouse does not answer in time; look at fewer days."
    except WarehouseUnavailable:
        return "The warehouse does not answer this; try again, or ask for something else."
