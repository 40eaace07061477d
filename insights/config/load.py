"""A folder's metric files and its insights.yaml, loaded together: every file is read once, all problems are told."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from engine import (
    AlreadyReported,
    Catalog,
    Diagnostics,
    Document,
    FileDefinition,
    InvalidSetting,
    KeyPath,
    Metric,
    MetricFile,
    MetricFolder,
    Reporter,
    TextFault,
    TextFaults,
    parse_document,
    raise_if_invalid,
    read_folder,
    report_schema_errors,
    resolve_catalog,
    suggest_name,
)
from insights.config import definitions as shapes
from insights.config.definitions import InsightsDefinition, LanguageDefinition
from insights.config.fields import Kind, fields_of, list_trials
from insights.config.observations import FactResolver, kind_of
from insights.config.rules import DEFAULT_LANGUAGE, ENGLISH, Insights, Language, Observation, Rule, RuleText
from insights.config.sentences import NO_MARKUP, Fields, Sentence, parse_sentence
from insights.sanitize import find_markup

FILE = "insights.yaml"
WORDS = shapes.WordsDefinition.model_fields.keys()
SLOT = re.compile(r"\{([^\W\d]\w*)\}")
MAX_SENTENCES = 1_000
# A condition is a sentence that is empty unless it holds.
CONDITION = ("{% if ", " %}yes{% endif %}")

Model = TypeVar("Model", bound=BaseModel)
logger = logging.getLogger("metric_engine.insights.config.load")


@dataclass(frozen=True)
class InsightsCatalog(Catalog):
    """A catalog, and what insights look at in it."""

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
    return InsightsCatalog(
        catalog.tables,
        catalog.metrics,
        catalog.version,
        insights,
        sources=catalog.sources,
        warnings=diagnostics.list_in_file_order(),
        places=catalog.places,
    )


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
    documents: dict[str, Document] = {}
    for path, content in folder.companions.items():
        with diagnostics.catch_unforeseen(path):
            if (read := parse_document(path, content, diagnostics)) is not None:
                documents[Path(path).name] = read
    document = documents.pop(FILE, None)
    if document is None:
        return Insights()
    resolver = InsightsResolver(folder, metrics, place_of(document, diagnostics))
    insights, languages = Insights(), dict[str, Language]()
    with diagnostics.catch_unforeseen(document.file):
        insights = resolver.resolve()
    for name, each in documents.items():
        with diagnostics.catch_unforeseen(each.file):
            code = Path(name).suffixes[0][1:]
            languages[code] = resolver.translate(code, place_of(each, diagnostics))
    return replace(insights, languages={**insights.languages, **languages})


class InsightsResolver:
    """Resolves an insights.yaml, and its languages, against the metrics of its folder."""

    def __init__(self, folder: MetricFolder, metrics: Mapping[str, Metric], place: Reporter) -> None:
        self.folder, self.metrics, self.place = folder, metrics, place
        self.kinds: dict[str, Kind] = {}
        self.examples: dict[str, Sequence[Fields]] = {}
        self.texts: dict[str, RuleText] = {}

    def resolve(self) -> Insights:
        whole = read_definition(self.place, InsightsDefinition)
        observations: dict[str, Observation] = {}
        for name, fact in whole.facts.items():
            place = self.place.descend("facts", name)
            with suppress(AlreadyReported):
                kind = self.kinds[name] = kind_of(place, fact)
                observations[name] = FactResolver(self.folder, self.metrics, place).observe(kind, fact)
        rules = [self.resolve_rule(self.place.descend("rules", name), rule) for name, rule in whole.rules.items()]
        for index, name in enumerate(whole.general):
            self.check_name(self.place, "advice", name, "general", index)
        english = Language(advice=resolve_advice(self.place, whole.advice), rules=self.texts)
        sound = tuple(rule for rule in rules if rule is not None)
        return Insights(observations, sound, whole.most, tuple(whole.general), {DEFAULT_LANGUAGE: english})

    def resolve_rule(self, place: Reporter, definition: shapes.RuleDefinition) -> Rule | None:
        """The rule; its sentence is kept in `texts`."""
        name, facts = place.name, list_names(self.place, "facts")
        known = [self.check_name(place, "facts", fact, "about", index) for index, fact in enumerate(definition.about)]
        if not all(known) or any(fact not in self.kinds for fact in facts):
            return None  # Without the kinds of all facts no sentence can be judged.
        self.examples[name] = list_trials(self.kinds, definition.about)
        when = self.try_sentence(place, definition.when, "when", around=CONDITION)
        if when is None and definition.when is not None:
            return None
        if when is not None:
            # A condition that holds for none of the examples narrows nothing down.
            self.examples[name] = [each for each in self.examples[name] if when.render(each)] or self.examples[name]
        text = self.try_text(place, definition)
        member = self.try_sentence(place, definition.member, "member")
        advice = {
            each: None if given is True else self.try_sentence(place, given, "advice", each, around=CONDITION)
            for each, given in definition.advice.items()
            if self.check_name(place, "advice", each, "advice", each)
        }
        if text is None:
            return None
        self.texts[name] = text
        return Rule(name, definition.group, definition.importance, tuple(definition.about), when, member, advice)

    def check_name(self, place: Reporter, section: str, name: str, *at: str | int) -> bool:
        """Whether a section of insights.yaml has an entry of this name; it is reported if not."""
        known = list_names(self.place, section)
        if name not in known:
            message = f"no {section.removesuffix('s')} {name!r} is declared{suggest_name(name, known)}"
            place.report_at_value("undefined-name", message, *at)
        return name in known

    def try_text(self, place: Reporter, definition: shapes.SentenceDefinition) -> RuleText | None:
        say = self.try_sentence(place, definition.say, "say")
        because = self.try_sentence(place, definition.because, "because")
        return None if say is None else RuleText(say, because)

    def try_sentence(
        self, place: Reporter, text: str | None, *at: str, around: tuple[str, str] = ("", "")
    ) -> Sentence | None:
        """The sentence at a key of a rule; None, and a diagnostic, where it cannot be said of every example."""
        if text is None:
            return None
        before, after = around
        try:
            sentence = parse_sentence_about(tuple(self.kinds.items()), f"{before}{text}{after}")
            for said in {sentence.render(facts) for facts in self.examples[place.name]}:
                if (found := find_markup(said)) is not None:
                    raise TextFaults(TextFault(0, "template-forbidden", f"it says {found[0]!r}, {NO_MARKUP}"))
        except TextFaults as faults:
            last = max(len(text) - 1, 0)
            moved = [each._replace(offset=min(max(each.offset - len(before), 0), last)) for each in faults.faults]
            place.report_faults(TextFaults(*moved), *at)
            return None
        return sentence

    def translate(self, code: str, place: Reporter) -> Language:
        """Resolve the file of a language; a rule or piece of advice that it lacks is not said in it."""
        definition = read_definition(place, LanguageDefinition)
        for word, text in definition.words:
            check_slots(place, text, SLOT.findall(getattr(ENGLISH.words, word)), "words", word)
        missing = [name for name in ("numbers", "months", "words", "joiners") if name not in place.list_keys()]
        if "words" in place.list_keys():
            missing += [f"words.{name}" for name in WORDS if name not in list_names(place, "words")]
        for name in missing:
            place.report_at_position(place.locate_value(), "missing-key", f"the key {name!r} is missing")
        rules = {
            name: text
            for name, each in definition.rules.items()
            if name in self.examples and (text := self.try_text(place.descend("rules", name), each)) is not None
        }
        return Language(code, definition, resolve_advice(place, definition.advice), rules)


@lru_cache(MAX_SENTENCES)
def parse_sentence_about(kinds: tuple[tuple[str, Kind], ...], text: str) -> Sentence:
    """Parse a sentence about facts of these kinds; it serves again when the files are read anew. Raises TextFaults."""
    return parse_sentence(text, fields_of(dict(kinds)))


def place_of(document: Document, diagnostics: Diagnostics) -> Reporter:
    return Reporter(MetricFile(document, FileDefinition()), (), diagnostics)


def list_names(place: Reporter, section: str) -> Collection[str]:
    """The keys of a section, as they stand in the file; none, where it is not there or no mapping."""
    return place.descend(section).list_keys() if section in place.list_keys() else ()


def read_definition(place: Reporter, model: type[Model]) -> Model:
    """The document as the model; what does not have its shape is reported, and left out."""

    def model_at(path: KeyPath) -> type[BaseModel]:
        is_rule = shapes.RuleDefinition if model is InsightsDefinition else shapes.SentenceDefinition
        sections = {"facts": shapes.FactDefinition, "rules": is_rule, "words": shapes.WordsDefinition}
        found: type[BaseModel] = sections.get(str(path[0]), model) if len(path) > (path[:1] != ("words",)) else model
        return found

    document = place.file.document
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        report_schema_errors(error.errors(include_url=False), document, place.diagnostics, model_at)
        wrong = {tuple(map(str, each["loc"][:2])) for each in error.errors(include_url=False)}
    sound: dict[str, Any] = {}
    for section, given in document.data.items() if isinstance(document.data, dict) else ():
        if isinstance(given, dict) and (section,) not in wrong:
            sound[section] = {name: each for name, each in given.items() if (section, str(name)) not in wrong}
        elif all(each[:1] != (section,) for each in wrong):
            sound[section] = given
    return model.model_validate(sound)


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
