"""The catalog for an assistant: the widgets that its words fit, with what it may ask of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from engine import Body, Catalog, CombinedMetric, Metric, TableMetric, find_nearest_names

MIN_RESEMBLANCE = 0.4


def find_widgets(catalog: Catalog, search: str) -> list[Metric]:
    """Find the widgets that all words of a search stand in; else those of most words, else of the nearest names."""
    words = search.casefold().split()
    widgets = list(catalog.widgets.values())
    if not words:
        return widgets
    counts = {metric.key: count_words(words, join_texts(metric)) for metric in widgets}
    most = max(counts.values(), default=0)
    if most:
        return [metric for metric in widgets if counts[metric.key] == most]
    names = {name.casefold(): metric for metric in widgets for name in (metric.title, metric.key)}
    nearest = find_nearest_names(search.casefold(), names, cutoff=MIN_RESEMBLANCE)
    return list({names[name].key: names[name] for name in nearest}.values())


def count_words(words: Sequence[str], text: str) -> int:
    return sum(word in text for word in words)


def join_texts(metric: Metric) -> str:
    """Join all that a widget may be called by."""
    dimensions = (text for each in metric.dimensions.values() for text in (each.name, each.title))
    texts: Iterable[str | None] = (metric.key, metric.title, metric.description, metric.group, *metric.sources)
    return " ".join(filter(None, (*texts, *list_lines(metric), *dimensions))).casefold()


def list_lines(metric: Metric) -> list[str]:
    """List the names of a widget's series or columns, where it has several."""
    if isinstance(metric, CombinedMetric):
        return [part.title for part in metric.combined]
    return [each.name for each in metric.series] if isinstance(metric, TableMetric) and len(metric.series) > 1 else []


def describe_in_brief(metric: Metric, connected: frozenset[str]) -> Body:
    """Describe what an assistant may ask of a widget; `sources` that are not connected are named."""
    lines = "columns" if isinstance(metric, TableMetric) and metric.rows is not None else "series"
    by = metric.by.name if isinstance(metric, TableMetric) and metric.by else None
    rows = metric.rows.dimension.name if isinstance(metric, TableMetric) and metric.rows else None
    described: Body = {
        "key": metric.key,
        "title": metric.title,
        "description": metric.description,
        "format": metric.format,
        "better": metric.better,
        "sources": list(metric.sources),
        "missing_sources": [source for source in metric.sources if source not in connected],
        lines: list_lines(metric),
        "by": by,
        "rows": rows,
        "dimensions": list(metric.dimensions),
    }
    return {name: value for name, value in described.items() if value}
