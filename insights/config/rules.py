"""insights.yaml and its languages, resolved: facts to look for, rules that speak of them, and how these are said."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import islice

from engine import Metric
from insights.config.definitions import FactDefinition, Group, Kind, LanguageDefinition
from insights.config.sentences import Sentence

DEFAULT_LANGUAGE = "en"
ENGLISH = LanguageDefinition()


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """A fact to look for: its definition, and the `metrics` that it rests on by the keys that name them there.

    Those of a pair are called first and second; quiet has the metric by account as `accounts`, if its rows tell it.
    """

    name: str
    kind: Kind
    definition: FactDefinition
    metrics: Mapping[str, Metric]

    @property
    def sources(self) -> frozenset[str]:
        return frozenset(source for metric in self.metrics.values() for source in metric.sources)

    @property
    def subjects(self) -> Iterator[str]:
        """What it speaks of: its metric, or one series of it; of a pair both."""
        for metric in islice(self.metrics.values(), 2 if self.kind == "pair" else 1):
            yield f"{metric.key} {self.definition.series or ''}"


@dataclass(frozen=True, slots=True)
class RuleText:
    say: Sentence
    because: Sentence


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A sentence for facts with something to say; `advice` are names, each with the condition on which it is good."""

    name: str
    group: Group
    importance: int
    about: tuple[str, ...]
    when: Sentence
    member: Sentence
    advice: Mapping[str, Sentence]


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """Writes numbers, dates and pieces of sentences; `advice` and `rules` are by their names."""

    code: str = DEFAULT_LANGUAGE
    definition: LanguageDefinition = ENGLISH
    advice: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, RuleText] = field(default_factory=dict)

    def write(self, word: str, **slots: str) -> str:
        return self.definition.words[word].format(**slots)

    def write_number(self, value: float, decimals: int = 0) -> str:
        marks = str.maketrans({",": self.definition.numbers.thousands, ".": self.definition.numbers.decimal})
        return f"{abs(value):,.{decimals}f}".translate(marks)

    def write_percent(self, fraction: float) -> str:
        """A fraction as a percentage, without its sign: the direction is said in words."""
        exact = abs(fraction) * 100
        return self.write("percent", number=self.write_number(exact, 0 if exact >= 9.95 else 1))

    def write_day(self, day: date) -> str:
        return self.write("day", day=str(day.day), month=self.definition.months[day.month - 1])


@dataclass(frozen=True, slots=True, eq=False)
class Insights:
    """What insights look at and what they say; nothing, where the folder has no insights.yaml."""

    observations: Mapping[str, Observation] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    most: int = 8
    general: tuple[str, ...] = ()
    languages: Mapping[str, Language] = field(default_factory=lambda: {DEFAULT_LANGUAGE: Language()})

    def language(self, code: str) -> Language:
        """The language of this code, or English where a reload took it away."""
        return self.languages.get(code, self.languages[DEFAULT_LANGUAGE])
