"""insights.yaml, resolved: facts know their metrics, rules their sentences. All problems are reported."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine.catalog.insight_definitions import FactDefinition, Group, InsightsDefinition, RuleDefinition
from engine.catalog.insight_fields import COMMON, FIELDS, Kind, trials
from engine.catalog.metrics import CombinedMetric, Metric, TableMetric
from engine.catalog.reporter import AlreadyReported, Reporter
from engine.catalog.rules import KEY_PATTERN
from engine.catalog.sentences import NO_MARKUP, NOT_PLAIN, Sentence, SentenceSandbox, compile_condition, compile_saying
from engine.diagnostics import Diagnostics
from engine.files.definitions import FileDefinition
from engine.files.document import Document, KeyPath, parse_document
from engine.files.folder import MetricFile, MetricFolder
from engine.files.schema_errors import report_schema_errors
from engine.language.jinja import Sandbox, TemplateFault, TemplateFaults
from engine.suggestions import suggest_name

KINDS: tuple[Kind, ...] = ("change", "members", "spikes", "pair", "explain", "quiet")
COMPANIONS: Mapping[str, Kind] = {
    "series": "change",
    "posts": "spikes",
    "numerator": "explain",
    "denominator": "explain",
    "of": "members",
    "volume": "change",
}
MOST = InsightsDefinition().most
MAY_BE_MISSING = "what may be missing (see docs/insights.md) needs an `{% if … %}` around it, or a place in `about`"

Model = TypeVar("Model", bound=BaseModel)
Compile = Callable[[Sandbox, str, Mapping[str, Any]], Sentence]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Observation:
    """A fact to look for, resolved.

    `metrics` are, by kind: the one of change, members, quiet and spikes, and with posts the one of the items; the two
    of a pair; the ratio of explain, its numerator and its denominator. `whole` is what the members are a breakdown of,
    and `volume` what must reach the floor in both windows.
    """

    name: str
    kind: Kind
    metrics: tuple[Metric, ...]
    series: str | None = None
    whole: Metric | None = None
    volume: Metric | None = None
    least: float = 0
    floor: float = 0
    called: tuple[str, ...] = ()

    @property
    def rests_on(self) -> tuple[Metric, ...]:
        """All metrics that it takes to look."""
        return (*self.metrics, *(each for each in (self.whole, self.volume) if each is not None))

    @property
    def sources(self) -> frozenset[str]:
        return frozenset(source for metric in self.rests_on for source in metric.sources)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Rule:
    """A sentence that is said if all the facts in `about` have something to say, and the condition holds."""

    name: str
    group: Group
    importance: int
    about: tuple[str, ...]
    when: Sentence | None
    say: Sentence


@dataclass(frozen=True, slots=True, eq=False)
class Insights:
    """What insights look at and what they say; nothing, where the folder has no insights.yaml."""

    observations: Mapping[str, Observation] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    most: int = MOST


def resolve_insights(folder: MetricFolder, metrics: Mapping[str, Metric], diagnostics: Diagnostics) -> Insights:
    """Resolve the folder's insights.yaml; what cannot be resolved is reported and left out."""
    if folder.insights is None:
        return Insights()
    document = parse_document(*folder.insights, diagnostics)
    if document is None:
        return Insights()
    return Resolver(folder, document, metrics, diagnostics).resolve()


class Resolver:
    """Resolves one insights.yaml against the metrics of its folder."""

    def __init__(
        self, folder: MetricFolder, document: Document, metrics: Mapping[str, Metric], diagnostics: Diagnostics
    ) -> None:
        self.document = document
        self.metrics = metrics
        self.diagnostics = diagnostics
        self.complete = folder.complete
        self.declared = {key for file in folder.files for key in (file.document.data.get("metrics") or ())}
        self.sandbox = SentenceSandbox()
        self.place = Reporter(MetricFile(document, FileDefinition()), (), diagnostics)

    def resolve(self) -> Insights:
        most = self.check_shape()
        facts, rules = self.sound("facts", FactDefinition), self.sound("rules", RuleDefinition)
        observations: dict[str, Observation] = {}
        kinds: dict[str, Kind] = {}
        for name, definition in facts.items():
            place = self.place.descend("facts", name)
            try:
                kinds[name] = self.kind(place, name, definition)
                observations[name] = self.observation(place, name, kinds[name], definition)
            except AlreadyReported:
                continue
        names = self.stated("facts")
        return Insights(
            observations,
            tuple(
                rule
                for name, definition in rules.items()
                if (rule := self.rule(self.place.descend("rules", name), name, definition, kinds, names)) is not None
            ),
            most,
        )

    def check_shape(self) -> int:
        """Report what does not have the shape of an insights.yaml; how many sentences it wants at the most."""
        try:
            return InsightsDefinition.model_validate(self.document.data).most
        except ValidationError as error:
            report_schema_errors(error.errors(include_url=False), self.document, self.diagnostics, model_of)
            return MOST

    def stated(self, section: str) -> Collection[str]:
        given = self.document.data.get(section)
        return given.keys() if isinstance(given, dict) else ()

    def sound(self, section: str, model: type[Model]) -> Mapping[str, Model]:
        """The entries of a section that have the right shape."""
        found: dict[str, Model] = {}
        for name in self.stated(section):
            try:
                found[name] = model.model_validate(self.document.data[section][name])
            except ValidationError:
                continue  # Reported with the whole.
        return found

    def kind(self, place: Reporter, name: str, definition: FactDefinition) -> Kind:
        if name in COMMON:
            place.report_at_key("bad-name", f"{name!r} is what every sentence has already; name the fact otherwise")
            raise AlreadyReported
        if not KEY_PATTERN.fullmatch(name) or "." in name:
            place.report_at_key(
                "bad-name", f"{name!r} is not a name for a fact; use letters, digits and _, such as sessions"
            )
            raise AlreadyReported
        given = [kind for kind in KINDS if getattr(definition, kind) is not None]
        if not given:
            place.report_at_key("missing-key", f"a fact needs one of {', '.join(KINDS[:-1])} or {KINDS[-1]}")
            raise AlreadyReported
        for extra in given[1:]:
            place.report_at_key("misplaced-key", f"{extra} does not go with {given[0]}: a fact has one of them", extra)
        strangers = [
            key for key, kind in COMPANIONS.items() if getattr(definition, key) is not None and kind != given[0]
        ]
        for key in strangers:
            place.report_at_key("misplaced-key", f"{key} goes with {COMPANIONS[key]}, not with {given[0]}", key)
        if given[1:] or strangers:
            raise AlreadyReported
        return given[0]

    def observation(self, place: Reporter, name: str, kind: Kind, definition: FactDefinition) -> Observation:
        match kind:
            case "pair":
                keys = definition.pair or []
                metrics = [self.metric(place, key, "pair", index) for index, key in enumerate(keys)]
            case "explain":
                metrics = self.ratio(place, definition)
            case "spikes":
                metrics = [self.metric(place, str(definition.spikes), "spikes")]
                if definition.posts is not None:
                    metrics.append(self.posts(place, definition.posts))
            case _:
                metrics = [self.metric(place, str(getattr(definition, kind)), kind)]
        if kind == "members":
            self.breakdown(place, metrics[0], "members")
        if definition.series is not None:
            self.check_series(place, metrics[0], definition.series)
        return Observation(
            name=name,
            kind=kind,
            metrics=tuple(metrics),
            series=definition.series,
            whole=self.metric(place, definition.of, "of") if definition.of is not None else None,
            volume=metrics[2] if kind == "explain" else self.volume(place, definition.volume),
            least=definition.least,
            floor=definition.floor,
            called=tuple(definition.called),
        )

    def metric(self, place: Reporter, key: str, *at: str | int) -> Metric:
        """The metric called `key`, hidden ones too. Raises Reported."""
        found = self.metrics.get(key)
        if found is None:
            if key not in self.declared and self.complete:
                likely = suggest_name(key, self.declared)
                place.report_at_value("unknown-metric", f"no metric {key!r} is declared{likely}", *at)
            raise AlreadyReported
        if isinstance(found, CombinedMetric):
            place.report_at_value("wrong-metric", f"metric {key!r} combines several; name one of them", *at)
            raise AlreadyReported
        return found

    def volume(self, place: Reporter, key: str | None) -> Metric | None:
        return None if key is None else self.metric(place, key, "volume")

    def breakdown(self, place: Reporter, metric: Metric, *at: str) -> TableMetric:
        """A metric whose members add up. Raises Reported."""
        if not isinstance(metric, TableMetric) or metric.by is None:
            place.report_at_value("wrong-metric", f"metric {metric.key!r} has no breakdown; name one with `by`", *at)
            raise AlreadyReported
        if not metric.series[0].expression.additive or metric.total != "period" or not metric.other:
            message = f"the members of {metric.key!r} do not add up to a whole; name a breakdown of a sum, with Other"
            place.report_at_value("wrong-metric", message, *at)
            raise AlreadyReported
        return metric

    def ratio(self, place: Reporter, definition: FactDefinition) -> list[Metric]:
        """The ratio, and the two breakdowns that it is made of. Raises Reported."""
        found = [self.metric(place, str(definition.explain), "explain")]
        parts = []
        for name in ("numerator", "denominator"):
            key = getattr(definition, name)
            if key is None:
                place.report_at_key("missing-key", f"explain needs {name}: a metric with a breakdown")
                raise AlreadyReported
            parts.append(self.breakdown(place, self.metric(place, key, name), name))
        upper, lower = parts
        if (upper.table, upper.by) != (lower.table, lower.by):
            message = f"{upper.key!r} and {lower.key!r} are not broken down alike; they need one table and one `by`"
            place.report_at_value("wrong-metric", message, "denominator")
            raise AlreadyReported
        return [*found, upper, lower]

    def posts(self, place: Reporter, key: str) -> Metric:
        metric = self.metric(place, key, "posts")
        items = metric.items if isinstance(metric, TableMetric) else None
        if items is None:
            place.report_at_value("wrong-metric", f"metric {key!r} has no items; name one with `items`", "posts")
            raise AlreadyReported
        assert isinstance(metric, TableMetric)
        if metric.table.time not in items.show:
            message = f"the items of {key!r} do not show their day; add {metric.table.time!r} to their `show`"
            place.report_at_value("wrong-metric", message, "posts")
            raise AlreadyReported
        return metric

    def check_series(self, place: Reporter, metric: Metric, series: str) -> None:
        names = [each.name for each in metric.series] if isinstance(metric, TableMetric) else []
        if series not in names:
            place.report_at_value("unknown-series", f"no series {series!r}{suggest_name(series, names)}", "series")
            raise AlreadyReported

    def rule(
        self, place: Reporter, name: str, definition: RuleDefinition, kinds: Mapping[str, Kind], facts: Collection[str]
    ) -> Rule | None:
        unknown = [(index, fact) for index, fact in enumerate(definition.about) if fact not in facts]
        for index, fact in unknown:
            place.report_at_value(
                "undefined-name", f"no fact {fact!r} is declared{suggest_name(fact, facts)}", "about", index
            )
        if unknown or any(fact not in kinds for fact in facts):
            return None  # Without the kinds of all facts no sentence can be judged.
        tried = Trial(place, self.sandbox, kinds, list(trials(kinds, frozenset(definition.about))))
        when = None
        if definition.when is not None:
            when = tried.sound("when", definition.when, compile_condition)
            if when is None:
                return None
            tried = tried.where(when)
        say = tried.sound("say", definition.say, compile_saying)
        if say is None:
            return None
        return Rule(
            name=name,
            group=definition.group,
            importance=definition.importance,
            about=tuple(definition.about),
            when=when,
            say=say,
        )


@dataclass(frozen=True, slots=True)
class Trial:
    """Tries the sentences of one rule out on examples of its facts."""

    place: Reporter
    sandbox: Sandbox
    kinds: Mapping[str, Kind]
    examples: Sequence[Mapping[str, Any]]

    def where(self, condition: Sentence) -> Trial:
        """The same with those examples for which the condition holds; with all of them, if it holds for none."""
        return replace(self, examples=[each for each in self.examples if condition.said(each)] or self.examples)

    def sound(self, key: str, text: str, compiled: Compile) -> Sentence | None:
        """The sentence at `key`; None, and a diagnostic, where it cannot be said of every example."""
        named = {name: FIELDS[kind] for name, kind in self.kinds.items()}
        fields = {**COMMON, "known": dict.fromkeys(named, True), **named}
        try:
            sentence = compiled(self.sandbox, text, fields)
            for facts in self.examples:
                if (found := NOT_PLAIN.search(sentence.said(facts))) is not None:
                    raise TemplateFaults(TemplateFault(0, "template-forbidden", f"it says {found[0]!r}, {NO_MARKUP}"))
        except TemplateFaults as faults:
            last = max(len(text) - 1, 0)
            bounded = (
                each._replace(offset=min(each.offset, last), message=each.message + remedy(each.code))
                for each in faults.faults
            )
            self.place.report_template_faults(TemplateFaults(*bounded), key)
            return None
        return sentence


def remedy(code: str) -> str:
    return f"; {MAY_BE_MISSING}" if code == "template-error" else ""


def model_of(path: KeyPath) -> type[BaseModel]:
    """The model of the mapping at a path of insights.yaml."""
    models: Mapping[Any, type[BaseModel]] = {"facts": FactDefinition, "rules": RuleDefinition}
    return models.get(path[0], InsightsDefinition) if len(path) > 1 else InsightsDefinition
