"""Facts of insights.yaml → observations that know their metrics. All problems are reported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NoReturn

from engine import (
    KEY_PATTERN,
    AlreadyReported,
    CombinedMetric,
    Dimension,
    Metric,
    MetricFolder,
    Reporter,
    TableMetric,
    suggest_name,
)
from insights.config.definitions import FactDefinition
from insights.config.fields import COMMON, FIELDS, Kind
from insights.config.rules import Observation

# What a fact of a kind names beside its metric.
COMPANIONS: Mapping[str, Kind] = {
    "posts": "spikes",
    "numerator": "explain",
    "denominator": "explain",
    "of": "members",
    "volume": "change",
    "series": "change",
}
MOST_ACCOUNTS = 50


def kind_of(place: Reporter, definition: FactDefinition) -> Kind:
    """The kind of a fact. Raises AlreadyReported where it has none, or what does not go with it."""
    name = place.name
    if name in COMMON:
        refuse_fact(place, f"{name!r} is what every sentence has already; name the fact otherwise", code="bad-name")
    if not KEY_PATTERN.fullmatch(name) or "." in name:
        message = f"{name!r} is not a name for a fact; use letters, digits and _, such as sessions"
        refuse_fact(place, message, code="bad-name")
    *others, last = FIELDS
    given = [kind for kind in FIELDS if getattr(definition, kind) is not None]
    if not given:
        refuse_fact(place, f"a fact needs one of {', '.join(others)} or {last}", code="missing-key")
    misplaced = {key: f"{key} does not go with {given[0]}: a fact has one of them" for key in map(str, given[1:])}
    for key, kind in COMPANIONS.items():
        if getattr(definition, key) is not None and kind != given[0]:
            misplaced[key] = f"{key} goes with {kind}, not with {given[0]}"
    for key, message in misplaced.items():
        place.report_at_key("misplaced-key", message, key)
    if misplaced:
        raise AlreadyReported
    return given[0]


def refuse_fact(place: Reporter, message: str, *at: str | int, code: str = "wrong-metric") -> NoReturn:
    """Report a problem at a value, or at the fact itself, and raise AlreadyReported."""
    (place.report_at_value if at else place.report_at_key)(code, message, *at)
    raise AlreadyReported


@dataclass(frozen=True, slots=True)
class FactResolver:
    """Finds the metrics of one fact; each method raises AlreadyReported."""

    folder: MetricFolder
    metrics: Mapping[str, Metric]
    place: Reporter

    def observe(self, kind: Kind, definition: FactDefinition) -> Observation:
        pair = enumerate(definition.pair or ())
        metrics = [self.find_metric(key, "pair", index) for index, key in pair] or [self.get_metric(definition, kind)]
        if kind == "members":
            self.check_breakdown(metrics[0], kind)
        if kind == "explain":
            metrics += self.find_parts(definition)
        if definition.posts is not None:
            metrics.append(self.find_posts(definition.posts))
        if definition.series is not None:
            names = [each.name for each in metrics[0].series] if isinstance(metrics[0], TableMetric) else []
            if definition.series not in names:
                message = f"no series {definition.series!r}{suggest_name(definition.series, names)}"
                refuse_fact(self.place, message, "series", code="unknown-series")
        volume = None if definition.volume is None else self.get_metric(definition, "volume")
        return Observation(
            name=self.place.name,
            kind=kind,
            metrics=tuple(metrics),
            series=definition.series,
            whole=None if definition.of is None else self.get_metric(definition, "of"),
            volume=metrics[2] if kind == "explain" else volume,
            accounts=split_by_account(metrics[0]) if kind == "quiet" else None,
            least=definition.least,
            floor=definition.floor,
        )

    def get_metric(self, definition: FactDefinition, name: str) -> Metric:
        key = getattr(definition, name)
        if key is None:
            refuse_fact(self.place, f"explain needs {name}: a metric with a breakdown", code="missing-key")
        return self.find_metric(key, name)

    def find_metric(self, key: str, *at: str | int) -> Metric:
        """The metric called `key`, hidden ones too."""
        found = self.metrics.get(key)
        if isinstance(found, CombinedMetric):
            refuse_fact(self.place, f"metric {key!r} combines several; name one of them", *at)
        if found is not None:
            return found
        declared = {each for file in self.folder.files for each in file.list_declared("metrics")}
        if key in declared or not self.folder.complete:
            raise AlreadyReported
        message = f"no metric {key!r} is declared{suggest_name(key, declared)}"
        refuse_fact(self.place, message, *at, code="unknown-metric")

    def check_breakdown(self, metric: Metric, at: str) -> TableMetric:
        if not isinstance(metric, TableMetric) or metric.by is None:
            refuse_fact(self.place, f"metric {metric.key!r} has no breakdown; name one with `by`", at)
        if not metric.series[0].expression.additive or metric.total != "period" or not metric.other:
            message = f"the members of {metric.key!r} do not add up to a whole; name a breakdown of a sum, with Other"
            refuse_fact(self.place, message, at)
        return metric

    def find_parts(self, definition: FactDefinition) -> list[Metric]:
        """The two breakdowns that a ratio is made of."""
        parts = ("numerator", "denominator")
        upper, lower = (self.check_breakdown(self.get_metric(definition, name), name) for name in parts)
        if (upper.table, upper.by) != (lower.table, lower.by):
            message = f"{upper.key!r} and {lower.key!r} are not broken down alike; they need one table and one `by`"
            refuse_fact(self.place, message, "denominator")
        return [upper, lower]

    def find_posts(self, key: str) -> Metric:
        metric = self.find_metric(key, "posts")
        if not isinstance(metric, TableMetric) or metric.items is None:
            refuse_fact(self.place, f"metric {key!r} has no items; name one with `items`", "posts")
        if metric.table.time not in metric.items.show:
            message = f"the items of {key!r} do not show their day; add {metric.table.time!r} to their `show`"
            refuse_fact(self.place, message, "posts")
        return metric


def split_by_account(metric: Metric) -> Metric | None:
    """The metric broken down by the accounts of its source; None where its rows do not tell them."""
    if not isinstance(metric, TableMetric) or metric.table.query is not None or metric.where or metric.by:
        return None
    account = metric.table.account_column
    if account is None or not metric.series[0].expression.additive or metric.total != "period" or metric.series[1:]:
        return None
    return replace(
        metric,
        key=f"{metric.key} by {account.name}",
        by=Dimension(account.name, account.name, account.name),
        top=MOST_ACCOUNTS,
        items=None,
    )
