"""insights.yaml and its languages, resolved: rules know their sentences. All problems are reported."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from engine import (
    AlreadyReported,
    Diagnostics,
    Document,
    FileDefinition,
    KeyPath,
    Metric,
    MetricFile,
    MetricFolder,
    Reporter,
    parse_document,
    report_schema_errors,
    suggest_name,
)
from insights.config import definitions as shapes
from insights.config.definitions import InsightsDefinition, LanguageDefinition
from insights.config.fields import Kind, fields_of, list_trials
from insights.config.languages import DEFAULT_LANGUAGE, ENGLISH, Language
from insights.config.observations import FactResolver, kind_of
from insights.config.rules import Insights, Observation, Rule
from insights.config.sentences import (
    RuleText,
    SentenceSandbox,
    Trial,
    check_slots,
    check_words,
    compile_condition,
    compile_sentence,
)

FILE = "insights.yaml"

Model = TypeVar("Model", bound=BaseModel)


def resolve_insights(folder: MetricFolder, metrics: Mapping[str, Metric], diagnostics: Diagnostics) -> Insights:
    """Resolve the folder's insights.yaml and its languages; what cannot be resolved is reported and left out."""
    documents: dict[str, Document] = {}
    for path, content in folder.companions.items():
        with diagnostics.catch_unforeseen(path):
            if (read := parse_document(path, content, diagnostics)) is not None:
                documents[FilePath(path).name] = read
    document = documents.pop(FILE, None)
    if document is None:
        return Insights()
    resolver = InsightsResolver(folder, metrics, place_of(document, diagnostics))
    insights, languages = Insights(), dict[str, Language]()
    with diagnostics.catch_unforeseen(document.file):
        insights = resolver.resolve()
    for name, each in documents.items():
        with diagnostics.catch_unforeseen(each.file):
            code = FilePath(name).suffixes[0][1:]
            languages[code] = resolver.translate(code, place_of(each, diagnostics))
    return replace(insights, languages={**insights.languages, **languages})


class InsightsResolver:
    """Resolves an insights.yaml, and its languages, against the metrics of its folder."""

    def __init__(self, folder: MetricFolder, metrics: Mapping[str, Metric], place: Reporter) -> None:
        self.folder, self.metrics, self.place = folder, metrics, place
        self.sandbox = SentenceSandbox()
        self.kinds: dict[str, Kind] = {}
        self.trials: dict[str, Trial] = {}
        self.texts: dict[str, RuleText] = {}

    def resolve(self) -> Insights:
        whole = check_shape(self.place, InsightsDefinition) or InsightsDefinition()
        observations: dict[str, Observation] = {}
        for name, fact in sound_entries(self.place, "facts", shapes.FactDefinition).items():
            place = self.place.descend("facts", name)
            try:
                kind = self.kinds[name] = kind_of(place, name, fact)
                observations[name] = FactResolver(self.folder, self.metrics, place).observe(name, kind, fact)
            except AlreadyReported:
                continue
        advice = resolve_advice(self.place)
        rules = sound_entries(self.place, "rules", shapes.RuleDefinition)
        resolved = [self.resolve_rule(self.place.descend("rules", name), name, rule) for name, rule in rules.items()]
        for index, name in enumerate(whole.general):
            self.check_advice(self.place, name, "general", index)
        return Insights(
            observations,
            tuple(rule for rule in resolved if rule is not None),
            whole.most,
            tuple(whole.general),
            {DEFAULT_LANGUAGE: Language(advice=advice, rules=self.texts)},
        )

    def resolve_rule(self, place: Reporter, name: str, definition: shapes.RuleDefinition) -> Rule | None:
        """The rule; its sentence is kept in `texts`."""
        facts = list_names(self.place, "facts")
        unknown = [(index, fact) for index, fact in enumerate(definition.about) if fact not in facts]
        for index, fact in unknown:
            place.report_at_value(
                "undefined-name", f"no fact {fact!r} is declared{suggest_name(fact, facts)}", "about", index
            )
        if unknown or any(fact not in self.kinds for fact in facts):
            return None  # Without the kinds of all facts no sentence can be judged.
        examples = list(list_trials(self.kinds, frozenset(definition.about)))
        tried = Trial(place, self.sandbox, fields_of(self.kinds), examples)
        when = tried.compile("when", definition.when, compile_condition)
        if when is not None:
            tried = tried.restrict(when)
        elif definition.when is not None:
            return None
        self.trials[name] = tried
        text = tried.compile_text(definition)
        member = tried.compile("member", definition.member, compile_sentence)
        advice = {
            each: None if given is True else tried.compile(("advice", each), given, compile_condition)
            for each, given in definition.advice.items()
            if self.check_advice(place, each, "advice", each)
        }
        if text is None:
            return None
        self.texts[name] = text
        return Rule(name, definition.group, definition.importance, tuple(definition.about), when, member, advice)

    def check_advice(self, place: Reporter, name: str, *at: str | int) -> bool:
        known = list_names(self.place, "advice")
        if name not in known:
            place.report_at_value("undefined-name", f"no advice {name!r} is declared{suggest_name(name, known)}", *at)
        return name in known

    def translate(self, code: str, place: Reporter) -> Language:
        """Resolve the file of a language; a rule or piece of advice that it lacks is not said in it."""
        definition = check_shape(place, LanguageDefinition) or ENGLISH
        check_words(place, definition, ENGLISH)
        missing = [name for name in ("numbers", "months", "words", "joiners") if name not in place.list_keys()]
        if "words" in place.list_keys():
            missing += [f"words.{name}" for name in WORDS if name not in list_names(place, "words")]
        for name in missing:
            place.report_at_position(place.locate_value(), "missing-key", f"the key {name!r} is missing")
        texts = {
            name: self.trials[name].move_to(place.descend("rules", name)).compile_text(each)
            for name, each in sound_entries(place, "rules", shapes.SentenceDefinition).items()
            if name in self.trials
        }
        rules = {name: text for name, text in texts.items() if text is not None}
        return Language(code, definition, resolve_advice(place), rules)


WORDS = shapes.WordsDefinition.model_fields.keys()


def place_of(document: Document, diagnostics: Diagnostics) -> Reporter:
    return Reporter(MetricFile(document, FileDefinition()), (), diagnostics)


def list_names(place: Reporter, section: str) -> Collection[str]:
    """The keys of a section, as they stand in the file; none, where it is not there or no mapping."""
    return place.descend(section).list_keys() if section in place.list_keys() else ()


def resolve_advice(place: Reporter) -> dict[str, str]:
    """The sound advice of a file, by its name."""
    section = place.descend("advice")
    given = {name: place.file.document.data["advice"][name] for name in list_names(place, "advice")}
    sound = {name: text for name, text in given.items() if isinstance(text, str)}
    return {
        name: " ".join(text.split()) for name, text in sound.items() if check_slots(section, text, {"member"}, name)
    }


def check_shape(place: Reporter, model: type[Model]) -> Model | None:
    """Report what does not have the shape of the model; the document, where it has."""

    def model_at(path: KeyPath) -> type[BaseModel]:
        """The model of the mapping at a path."""
        is_rule = shapes.RuleDefinition if model is InsightsDefinition else shapes.SentenceDefinition
        sections = {"facts": shapes.FactDefinition, "rules": is_rule, "words": shapes.WordsDefinition}
        found: type[BaseModel] = sections.get(str(path[0]), model) if len(path) > (path[:1] != ("words",)) else model
        return found

    document = place.file.document
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        report_schema_errors(error.errors(include_url=False), document, place.diagnostics, model_at)
        return None


def sound_entries(place: Reporter, section: str, model: type[Model]) -> Mapping[str, Model]:
    """The entries of a section that have the right shape; the others are reported with the whole."""
    found: dict[str, Model] = {}
    for name in list_names(place, section):
        try:
            found[name] = model.model_validate(place.file.document.data[section][name])
        except ValidationError:
            continue
    return found
