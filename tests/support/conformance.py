"""The numbers of compared and of equal answers, by database and kind of metric."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ASKED: Counter[tuple[str, str]] = Counter()
EQUAL: Counter[tuple[str, str]] = Counter()


def classify_metric(metric: Mapping[str, Any]) -> str:
    """Return the kind of a metric's definition, in a word or two."""
    if "derive" in metric:
        return "derived"
    if "combine" in metric:
        return "correlation" if metric.get("stat") == "correlation" else "combined"
    if str(metric["table"]).startswith("query"):
        return "query"
    if "items" in metric:
        return "items"
    if "share" in str(metric):
        return "share"
    if any(word in str(metric) for word in ("median", "percentile", "quantile")):
        return "median, percentile"
    if "columns" in metric:
        return "table"
    if "rolling" in metric or "to_date" in metric:
        return "rolling, to date"
    values = str(metric.get("series", metric.get("value"))).lower()
    if "by" in metric:
        return "breakdown, slots" if "distinct" in values else "breakdown"
    if "distinct" in values:
        return "distinct"
    if metric.get("total", "period") != "period":
        return "average or last"
    if "where" in metric:
        return "filtered"
    return "series" if "series" in metric else "ratio" if "/" in values else "value"


def merge_counts(counts: Iterable[tuple[str, str, int, int]]) -> None:
    """Add what another process has counted, as `list_counts` gives it."""
    for engine, kind, equal, asked in counts:
        ASKED[engine, kind] += asked
        EQUAL[engine, kind] += equal


def list_counts() -> list[tuple[str, str, int, int]]:
    """The counts as rows of engine, kind, equal and asked, fit to be sent to another process."""
    return [(engine, kind, EQUAL[engine, kind], asked) for (engine, kind), asked in ASKED.items()]


def record_answer(engine: str, metric: Mapping[str, Any], *, equal: bool) -> None:
    cell = (engine, classify_metric(metric))
    ASKED[cell] += 1
    EQUAL[cell] += equal


def iter_matrix_lines() -> Iterator[str]:
    """Yield a table's lines: a row per kind, a column per database, equal/asked; sums last."""
    engines = list(dict.fromkeys(engine for engine, _ in ASKED))
    kinds = sorted({kind for _, kind in ASKED})
    yield f"{'equal / asked':18}" + "".join(f"{engine:>15}" for engine in engines)
    for each in kinds:
        yield f"{each:18}" + "".join(format_cell(EQUAL[engine, each], ASKED[engine, each]) for engine in engines)
    sums = [[sum(counts[engine, each] for each in kinds) for counts in (EQUAL, ASKED)] for engine in engines]
    yield f"{'all':18}" + "".join(format_cell(*pair) for pair in sums)


def format_cell(equal: int, asked: int) -> str:
    return f"{f'{equal:,} / {asked:,}':>15}"
