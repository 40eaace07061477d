"""A folder's metric files and its insights.yaml, loaded together: every file is read once, all problems are told."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NoReturn, TypeVar, get_args

from pydantic import BaseModel

from engine import (
    KEY_PATTERN,
    AlreadyReported,
    Catalog,
    CombinedMetric,
    Diagnostics,
    Dimension,
    FileDefinition,
    InvalidSetting,
    Metric,
    MetricFile,
    MetricFolder,
    Reporter,
    TableMetric,
    TextFault,
    TextFaults,
    parse_document,
    raise_if_invalid,
    read_folder,
    resolve_catalog,
    suggest_name,
    validate_model,
)
from insights.config import definitions as shapes
from insights.config.definitions import FactDefinition, Kind, NumbersDefinition
from insights.config.rules import DEFAULT_LANGUAGE, ENGLISH, Insights, Language, Observation, Rule, RuleText
from insights.config.sentences import COMMON, EMPTY, NO_MARKUP, Fields, Sentence, list_trials, parse_sentence
from insights.sanitize import find_markup

FILE = "insights.yaml"
SLOT = re.compile(r"\{([^\W\d]\w*)\}")

KINDS: Sequence[Kind] = get_args(Kind)
# What a fact may name beside its metric, and of which kind it then is; an explanation must.
COMPANIONS: Mapping[str, Kind] = {
    "volume": "change",
    "series": "change",
    "of": "members",
    "posts": "spikes",
    "numerator": "explain",
    "denominator": "explain",
}
BREAKDOWNS = ("members", "numerator", "denominator")
MOST_ACCOUNTS = 50

Model = TypeVar("Model", bound=BaseModel)
logger = logging.getLogger("metric_engine.insights.config.load")


@dataclass(frozen=True)
class InsightsCatalog(Catalog):
    insights: Insights = field(default_factory=Insights)


def load_catalog(folder: Path, drafts: Mapping[str, bytes] = MappingProxyType({})) -> InsightsCatalog:
    """Read, resolve and check a folder, with drafts in place of files of these names.

    Raises InvalidCatalog with every problem of every file.
    """
    diagnostics = Diagnostics()
    files = read_folder(folder, diagnostics, drafts)
    catalog = resolve_catalog(files, diagnostics)
    insights = resolve_insights(files, catalog.metrics, diagnostics)
    raise_if_invalid(diagnostics, files)
    values = {each.name: getattr(catalog, each.name) for each in fields(catalog)}
    return InsightsCatalog(**{**values, "warnings": diagnostics.list_in_file_order()}, insights=insights)


def insights_of(catalog: Catalog) -> Insights:
    """What insights look at in a catalog; nothing, where it was loaded without them."""
    return catalog.insights if isinstance(catalog, InsightsCatalog) else Insights()


def check_language(catalog: Catalog, code: str) -> None:
    """Raise InvalidSetting where the insights do not speak this language; what they do not say in it is logged."""
    insights = insights_of(catalog)
    if code not in insights.languages:
        known = suggest_name(code, sorted(insights.languages))
        remedy = f"a file insights.{code[:40]}.yaml in METRICS_DIR would make it one"
        raise InvalidSetting(f"INSIGHTS_LANGUAGE: {code[:40]!r} is not a language of the insights{known}; {remedy}")
    lacking = [rule.name for rule in insights.rules if rule.name not in insights.languages[code].rules]
    if lacking:
        logger.warning("insights.%s.yaml lacks the rules %s: they are not said", code, ", ".join(lacking))


def resolve_insights(folder: MetricFolder, metrics: Mapping[str, Metric], diagnostics: Diagnostics) -> Insights:
    """Resolve the folder's insights.yaml and its languages; what cannot be resolved is reported and left out."""
    places: dict[str, Reporter] = {}
    for path, content in folder.companions.items():
        with diagnostics.catch_unforeseen(path):
            if (document := parse_document(path, content, diagnostics)) is not None:
                places[Path(path).name] = Reporter(MetricFile(document, FileDefinition()), (), diagnostics)
    place = places.pop(FILE, None)
    if place is None:
        return Insights()
    resolver = InsightsResolver(folder, metrics, place)
    insights, languages = Insights(), dict[str, Language]()
    with place.catch_unforeseen():
        insights = resolver.resolve()
    for name, each in places.items():
        with each.catch_unforeseen():
            code = Path(name).suffixes[0][1:]
            languages[code] = resolver.translate(code, each)
    return replace(insights, languages={**insights.languages, **languages})


class InsightsResolver:
    def __init__(self, folder: MetricFolder, metrics: Mapping[str, Metric], place: Reporter) -> None:
        self.folder, self.metrics, self.place = folder, metrics, place
        self.kinds: dict[str, Kind] = {}
        # By a rule's name: what its sentences are tried out with, and its sentence in English.
        self.trials: dict[str, Sequence[Fields]] = {}
        self.texts: dict[str, RuleText] = {}

    def resolve(self) -> Insights:
        whole = read_definition(self.place, shapes.InsightsDefinition, shapes.RuleDefinition)
        observations: dict[str, Observation] = {}
        for name, fact in whole.facts.items():
            with suppress(AlreadyReported):
                observations[name] = self.resolve_fact(self.place.descend("facts", name), fact)
        rules = [self.resolve_rule(self.place.descend("rules", name), rule) for name, rule in whole.rules.items()]
        for index, name in enumerate(whole.general):
            self.check_name(self.place, "advice", name, "general", index)
        english = Language(advice=resolve_advice(self.place, whole.advice), rules=self.texts)
        sound = tuple(rule for rule in rules if rule is not None)
        return Insights(observations, sound, whole.most, tuple(whole.general), {DEFAULT_LANGUAGE: english})

    def resolve_fact(self, place: Reporter, fact: FactDefinition) -> Observation:
        """The fact as an observation, which knows its metrics. Raises AlreadyReported."""
        kind = self.kinds[place.name] = find_kind(place, fact)
        if fact.pair is not None:
            first, second = (self.find_metric(place, key, "pair", index) for index, key in enumerate(fact.pair))
            return Observation(place.name, kind, fact, {"first": first, "second": second})
        main = self.find_metric(place, getattr(fact, kind), kind)
        metrics: dict[str, Metric] = {kind: main}
        for name, companion_of in COMPANIONS.items():
            if (key := getattr(fact, name)) is not None and name != "series":
                metrics[name] = self.find_metric(place, key, name)
            elif kind == companion_of == "explain":
                refuse_fact(place, f"explain needs {name}: a metric with a breakdown", code="missing-key")
        if kind == "explain":
            upper, lower = metrics["numerator"], metrics["denominator"]
            if len({(each.table, each.by) for each in (upper, lower) if isinstance(each, TableMetric)}) > 1:
                message = f"{upper.key!r} and {lower.key!r} are not broken down alike; they need one table and one `by`"
                refuse_fact(place, message, "denominator")
        if fact.series is not None:
            names = [each.name for each in main.series] if isinstance(main, TableMetric) else []
            if fact.series not in names:
                message = f"no series {fact.series!r}{suggest_name(fact.series, names)}"
                refuse_fact(place, message, "series", code="unknown-series")
        if kind == "quiet" and (accounts := split_by_account(main)) is not None:
            metrics["accounts"] = accounts
        return Observation(place.name, kind, fact, metrics)

    def find_metric(self, place: Reporter, key: str, *at: str | int) -> Metric:
        """The metric called `key`, hidden ones too, which has what the key at which it stands asks for."""
        found = self.metrics.get(key)
        if found is not None:
            if (problem := find_problem(found, at[0])) is not None:
                refuse_fact(place, problem, *at)
            return found
        declared = {each for file in self.folder.files for each in file.list_declared("metrics")}
        if key in declared or not self.folder.complete:
            raise AlreadyReported
        message = f"no metric {key!r} is declared{suggest_name(key, declared)}"
        return refuse_fact(place, message, *at, code="unknown-metric")

    def resolve_rule(self, place: Reporter, definition: shapes.RuleDefinition) -> Rule | None:
        """The rule; its sentence is kept in `texts`. None where no sentence can be judged: a fact has no kind."""
        name, about = place.name, tuple(definition.about)
        known = [self.check_name(place, "facts", fact, "about", index) for index, fact in enumerate(about)]
        if not all(known) or any(fact not in self.kinds for fact in list_names(self.place, "facts")):
            return None
        self.trials[name] = list_trials(self.kinds, about)
        when = self.parse_condition(place, definition.when or True, "when")
        # A condition that holds for none of the examples narrows nothing down.
        self.trials[name] = [each for each in self.trials[name] if when.render(each)] or self.trials[name]
        self.texts[name] = self.parse_text(place, definition)
        member = self.parse_sentence(place, definition.member or "", "member")
        advice = {
            each: self.parse_condition(place, given, "advice", each)
            for each, given in definition.advice.items()
            if self.check_name(place, "advice", each, "advice", each)
        }
        return Rule(name, definition.group, definition.importance, about, when, member, advice)

    def check_name(self, place: Reporter, section: str, name: str, *at: str | int) -> bool:
        """Whether a section of insights.yaml has an entry of this name; it is reported if not."""
        known = list_names(self.place, section)
        if name not in known:
            message = f"no {section.removesuffix('s')} {name!r} is declared{suggest_name(name, known)}"
            place.report_at_value("undefined-name", message, *at)
        return name in known

    def parse_text(self, place: Reporter, definition: shapes.SentenceDefinition) -> RuleText:
        say = self.parse_sentence(place, definition.say, "say")
        return RuleText(say, self.parse_sentence(place, definition.because or "", "because"))

    def parse_condition(self, place: Reporter, text: str | Literal[True], *at: str) -> Sentence:
        """A condition as a sentence that is empty unless it holds."""
        return self.parse_sentence(
            place, "true" if text is True else text, *at, before="{% if ", after=" %}yes{% endif %}"
        )

    def parse_sentence(self, place: Reporter, text: str, *at: str, before: str = "", after: str = "") -> Sentence:
        """The sentence at a key of a rule; an empty one, and a diagnostic, where it cannot be said of every example."""
        try:
            sentence = parse_sentence(f"{before}{text}{after}", tuple(self.kinds.items()))
            for said in {sentence.render(facts) for facts in self.trials[place.name]}:
                if (found := find_markup(said)) is not None:
                    raise TextFaults(TextFault(0, "template-forbidden", f"it says {found[0]!r}, {NO_MARKUP}"))
        except TextFaults as faults:
            last = max(len(text) - 1, 0)
            moved = [each._replace(offset=min(max(each.offset - len(before), 0), last)) for each in faults.faults]
            place.report_faults(TextFaults(*moved), *at)
            return EMPTY
        return sentence

    def translate(self, code: str, place: Reporter) -> Language:
        """Resolve the file of a language; a rule or piece of advice that it lacks is not said in it."""
        definition = read_definition(place, shapes.LanguageDefinition, shapes.SentenceDefinition)
        there, words = place.list_keys(), list_names(place, "words")
        missing = [name for name in shapes.DEFAULTS if name not in there]
        missing += [f"words.{name}" for name in ENGLISH.words if name not in words and "words" in there]
        for name in missing:
            place.report_at_position(place.locate_value(), "missing-key", f"the key {name!r} is missing")
        for name in words:
            if (english := ENGLISH.words.get(name)) is None:
                known = suggest_name(name, ENGLISH.words)
                place.report_at_key("unknown-key", f"unknown key {name!r}{known}", "words", name)
            elif name in definition.words:
                check_slots(place, definition.words[name], SLOT.findall(english), "words", name)
        rules = {
            name: self.parse_text(place.descend("rules", name), each)
            for name, each in definition.rules.items()
            if name in self.trials
        }
        return Language(code, definition, resolve_advice(place, definition.advice), rules)


def list_names(place: Reporter, section: str) -> Collection[str]:
    """The keys of a section, as they stand in the file; none, where it is not there or no mapping."""
    return place.descend(section).list_keys() if section in place.list_keys() else ()


def read_definition(place: Reporter, model: type[Model], rule: type[BaseModel]) -> Model:
    """The document as the model; what does not have its shape is reported, and left out."""
    sections: dict[str, type[BaseModel]] = {"facts": FactDefinition, "rules": rule, "numbers": NumbersDefinition}
    return validate_model(
        model, place.file.document, place.diagnostics, lambda path: sections.get(str(path[0]), model) if path else model
    )


def resolve_advice(place: Reporter, given: Mapping[str, str]) -> dict[str, str]:
    return {
        name: " ".join(text.split())
        for name, text in given.items()
        if check_slots(place, text, {"member"}, "advice", name)
    }


def check_slots(place: Reporter, text: str, allowed: Collection[str], *at: str) -> bool:
    """Whether only what is allowed stands in braces, and no markup beside them; the rest is reported."""
    beside = SLOT.sub("", text)
    strange = [name for name in SLOT.findall(text) if name not in allowed]
    if "{" in beside or "}" in beside:
        problem = ("wrong-value", "a brace without a name; write a name in braces, such as {member}")
    elif strange:
        known = f"; there is {', '.join(sorted(allowed))}" if allowed else ""
        problem = ("undefined-name", f"nothing is put in for {{{strange[0]}}}{known}")
    elif (markup := find_markup(beside)) is not None:
        problem = ("template-forbidden", f"{markup[0]!r} is {NO_MARKUP}")
    else:
        return True
    place.report_at_value(*problem, *at)
    return False


def find_kind(place: Reporter, fact: FactDefinition) -> Kind:
    """The kind of a fact, which has a name of its own, and no key that does not go with its kind."""
    name = place.name
    if name in COMMON:
        refuse_fact(place, f"{name!r} is what every sentence has already; name the fact otherwise", code="bad-name")
    if not KEY_PATTERN.fullmatch(name) or "." in name:
        message = f"{name!r} is not a name for a fact; use letters, digits and _, such as sessions"
        refuse_fact(place, message, code="bad-name")
    kinds = [kind for kind in KINDS if getattr(fact, kind) is not None]
    if not kinds and not {*KINDS}.isdisjoint(place.list_keys()):
        raise AlreadyReported
    if not kinds:
        *others, last = KINDS
        refuse_fact(place, f"a fact needs one of {', '.join(others)} or {last}", code="missing-key")
    misplaced = {kind: f"{kind} does not go with {kinds[0]}: a fact has one of them" for kind in map(str, kinds[1:])}
    for key, kind in COMPANIONS.items():
        if kind != kinds[0] and getattr(fact, key) is not None:
            misplaced[key] = f"{key} goes with {kind}, not with {kinds[0]}"
    for key, message in misplaced.items():
        place.report_at_key("misplaced-key", message, key)
    if misplaced:
        raise AlreadyReported
    return kinds[0]


def find_problem(metric: Metric, at: str | int) -> str | None:
    """Why a metric cannot stand at a key of a fact, and what to name there."""
    key, table = repr(metric.key), metric if isinstance(metric, TableMetric) else None
    if isinstance(metric, CombinedMetric):
        return f"metric {key} combines several; name one of them"
    if at in BREAKDOWNS and (table is None or table.by is None):
        return f"metric {key} has no breakdown; name one with `by`"
    if at in BREAKDOWNS and not (is_additive(metric) and table is not None and table.other):
        return f"the members of {key} do not add up to a whole; name a breakdown of a sum, with Other"
    if at == "posts" and (table is None or table.items is None):
        return f"metric {key} has no items; name one with `items`"
    if at == "posts" and table is not None and table.items is not None and table.table.time not in table.items.show:
        return f"the items of {key} do not show their day; add {table.table.time!r} to their `show`"
    return None


def refuse_fact(place: Reporter, message: str, *at: str | int, code: str = "wrong-metric") -> NoReturn:
    """Report a problem at a value, or at the fact itself, and raise AlreadyReported."""
    (place.report_at_value if at else place.report_at_key)(code, message, *at)
    raise AlreadyReported


def is_additive(metric: Metric) -> bool:
    """Whether the days of a metric, of its first series, make up the whole of a period."""
    return isinstance(metric, TableMetric) and metric.is_sum(metric.series[0])


def split_by_account(metric: Metric) -> Metric | None:
    """The metric broken down by the accounts of its source; None where its rows do not tell them."""
    if not isinstance(metric, TableMetric) or metric.table.query is not None or metric.where or metric.by:
        return None
    account = metric.table.account_column
    if account is None or not is_additive(metric) or metric.series[1:]:
        return None
    by = Dimension(account.name, account.name, account.name)
    return replace(metric, key=f"{metric.key} by {account.name}", by=by, top=MOST_ACCOUNTS, items=None)
