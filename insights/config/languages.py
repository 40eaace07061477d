"""A language: its numbers, dates, words and sentences. English is built in; others are files beside insights.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from insights.config.definitions import LanguageDefinition
from insights.config.sentences import RuleText

DEFAULT_LANGUAGE = "en"
ENGLISH = LanguageDefinition()


@dataclass(frozen=True, slots=True, eq=False)
class Language:
    """Writes numbers, dates and pieces of sentences; `advice` and `rules` are by their names."""

    code: str = DEFAULT_LANGUAGE
    definition: LanguageDefinition = ENGLISH
    advice: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, RuleText] = field(default_factory=dict)

    def write(self, word: str, **slots: str) -> str:
        """One of the words, with the slots put in."""
        text: str = getattr(self.definition.words, word)
        return text.format(**slots)

    def write_number(self, value: float, decimals: int = 0) -> str:
        """The number without its sign."""
        whole, _, rest = f"{abs(value):,.{decimals}f}".partition(".")
        numbers = self.definition.numbers
        whole = whole.replace(",", numbers.thousands)
        return f"{whole}{numbers.decimal}{rest}" if rest else whole

    def write_day(self, day: date) -> str:
        return self.write("day", day=str(day.day), month=self.definition.months[day.month - 1])
