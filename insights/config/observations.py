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
from insights.config.definitions import FactDefinition, Kind
from insights.config.rules import Observation
from insights.config.sentences import COMMON

# What a fact of each kind may name beside its metric; an explanation must.
COMPANIONS: Mapping[Kind, tuple[str, ...]] = {
    "change": ("volume", "series"),
    "members": ("of",),
    "spikes": ("posts",),
    "pair": (),
    "explain": ("numerator", "denominator"),
    "quiet": (),
}
PAIR = ("first", "second")
BREAKDOWNS = ("members", "numerator", "denominator")
MOST_ACCOUNTS = 50


@dataclass(frozen=True, slots=True)
class FactResolver:
    """Finds the metrics of one fact, which stands at `place`; each method raises AlreadyReported."""

    folder: MetricFolder
    metrics: Mapping[str, Metric]
    place: Reporter
    definition: FactDefinition

    def find_kind(self) -> Kind:
        """The kind of the fact, which has a name of its own, and no key that does not go with its kind."""
        name = self.place.name
        if name in COMMON:
            self.refuse(f"{name!r} is what every sentence has already; name the fact otherwise", code="bad-name")
        if not KEY_PATTERN.fullmatch(name) or "." in name:
            message = f"{name!r} is not a name for a fact; use letters, digits and _, such as sessions"
            self.refuse(message, code="bad-name")
        kind = next((each for each in COMPANIONS if getattr(self.definition, each) is not None), None)
        if kind is None:
            if COMPANIONS.keys() & self.place.list_keys():
                raise AlreadyReported
            *others, last = COMPANIONS
            self.refuse(f"a fact needs one of {', '.join(others)} or {last}", code="missing-key")
        misplaced: dict[str, str] = {}
        for other, keys in COMPANIONS.items():
            if other != kind:
                misplaced[other] = f"{other} does not go with {kind}: a fact has one of them"
                misplaced |= {key: f"{key} goes with {other}, not with {kind}" for key in keys}
        given = [key for key in misplaced if getattr(self.definition, key) is not None]
        for key in given:
            self.place.report_at_key("misplaced-key", misplaced[key], key)
        if given:
            raise AlreadyReported
        return kind

    def refuse(self, message: str, *at: str | int, code: str = "wrong-metric") -> NoReturn:
        """Report a problem at a value, or at the fact itself, and raise AlreadyReported."""
        (self.place.report_at_value if at else self.place.report_at_key)(code, message, *at)
        raise AlreadyReported

    def observe(self, kind: Kind) -> Observation:
        pair = zip(PAIR, self.definition.pair or (), strict=False)
        metrics = {name: self.find_metric(key, "pair", index) for index, (name, key) in enumerate(pair)}
        for name in (kind, *COMPANIONS[kind]) if kind != "pair" else ():
            key = getattr(self.definition, name)
            if key is not None and name != "series":
                metrics[name] = self.find_metric(key, name)
                self.check_metric(metrics[name], name)
            elif key is None and kind == "explain":
                self.refuse(f"explain needs {name}: a metric with a breakdown", code="missing-key")
        main = metrics.get(kind)
        if kind == "explain":
            parts = [each for each in metrics.values() if isinstance(each, TableMetric)][-2:]
            if len({(each.table, each.by) for each in parts}) > 1:
                both = " and ".join(repr(each.key) for each in parts)
                self.refuse(f"{both} are not broken down alike; they need one table and one `by`", "denominator")
        if (series := self.definition.series) is not None:
            names = [each.name for each in main.series] if isinstance(main, TableMetric) else []
            if series not in names:
                self.refuse(f"no series {series!r}{suggest_name(series, names)}", "series", code="unknown-series")
        if kind == "quiet" and main is not None and (accounts := split_by_account(main)) is not None:
            metrics["accounts"] = accounts
        return Observation(self.place.name, kind, self.definition, metrics)

    def find_metric(self, key: str, *at: str | int) -> Metric:
        found = self.metrics.get(key)
        if isinstance(found, CombinedMetric):
            self.refuse(f"metric {key!r} combines several; name one of them", *at)
        if found is not None:
            return found
        declared = {each for file in self.folder.files for each in file.list_declared("metrics")}
        if key in declared or not self.folder.complete:
            raise AlreadyReported
        return self.refuse(f"no metric {key!r} is declared{suggest_name(key, declared)}", *at, code="unknown-metric")

    def check_metric(self, metric: Metric, at: str) -> None:
        """Check that a metric is broken down into members that add up, or has posts, where it must."""
        table = metric if isinstance(metric, TableMetric) else None
        if at in BREAKDOWNS:
            if table is None or table.by is None:
                self.refuse(f"metric {metric.key!r} has no breakdown; name one with `by`", at)
            if not is_additive(table) or not table.other:
                message = f"the members of {metric.key!r} do not add up to a whole"
                self.refuse(f"{message}; name a breakdown of a sum, with Other", at)
        elif at == "posts":
            if table is None or table.items is None:
                self.refuse(f"metric {metric.key!r} has no items; name one with `items`", at)
            if (time := table.table.time) not in table.items.show:
                self.refuse(f"the items of {metric.key!r} do not show their day; add {time!r} to their `show`", at)


def is_additive(metric: Metric) -> bool:
    """Whether the days of a metric, of its first series, make up the whole of a period."""
    return isinstance(metric, TableMetric) and metric.total == "period" and metric.series[0].expression.additive


def split_by_account(metric: Metric) -> Metric | None:
    """The metric broken down by the accounts of its source; None where its rows do not tell them."""
    if not isinstance(metric, TableMetric) or metric.table.query is not None or metric.where or metric.by:
        return None
    account = metric.table.account_column
    if account is None or not is_additive(metric) or metric.series[1:]:
        return None
    by = Dimension(account.name, account.name, account.name)
    return replace(metric, key=f"{metric.key} by {account.name}", by=by, top=MOST_ACCOUNTS, items=None)
