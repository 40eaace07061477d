"""What sentences may speak of: metrics by their names, members, sources and days; and what they may not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from engine.calendar import Compare
from insights.advice import is_spoken
from insights.facts import Fact, Span
from insights.gathering import Gathered
from insights.wordings import says_which_way

SOURCE_NAMES: Mapping[str, str] = {
    "ga4": r"google analytics|ga4|analytics",
    "instagram": r"instagram|insta|reels?|ig",
    "meta": r"meta(?: ads)?|facebook(?: ads)?|fb",
}
# What nobody can connect here is cited by mistake.
FOREIGN = (
    r"google ads|adwords|tiktok|linkedin|youtube|pinterest|snapchat|twitter|bing|reddit|whatsapp|shopify|hubspot"
    r"|mailchimp|klaviyo|amazon|search console|threads"
)
GROUP_SOURCES = {"Ads": "meta", "Traffic": "ga4", "Content": "instagram"}
# Members that a model may well invent: GA4's channel groups, and what stands for the rest.
COMMON_MEMBERS = (
    *("Organic Search", "Paid Search", "Organic Social", "Paid Social", "Organic Video", "Paid Video", "Direct"),
    *("Organic Shopping", "Paid Shopping", "Referral", "Email", "Affiliates", "Display", "SMS", "Cross-network"),
    *("Audio", "Mobile Push Notifications", "Paid Other", "Unassigned", "Other"),
)
CHANNELS = frozenset(name.casefold() for name in COMMON_MEMBERS if " " in name)
MONTHS = tuple(f"{date(2000, month, 1):%B}" for month in range(1, 13))
MONTH = "|".join(f"{name}|{name[:3]}" for name in MONTHS)
DAY = re.compile(
    rf"(?P<iso>\d{{4}}-\d{{2}}-\d{{2}})"
    rf"|(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{MONTH})\b(?:\.(?=,? \d{{4}}))?(?:,? (?P<year>\d{{4}}))?"
    rf"|(?P<month2>{MONTH})\b\.? (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,? (?P<year2>\d{{4}}))?",
    re.IGNORECASE,
)
# How long a period may be that is called so, in days.
PERIODS = {"day": (1, 1), "week": (7, 7), "month": (28, 31), "quarter": (89, 92), "year": (365, 366)}
PERIOD = re.compile(
    r"\b(?:last|past|previous|prior|this)\s(?P<named>day|week|month|quarter|year)\b"
    r"|\b(?P<over>day|week|month|quarter|year)[- ](?:over|on)[- ](?:day|week|month|quarter|year)\b"
    r"|\b(?P<now>yesterday|today)\b",
    re.IGNORECASE,
)
# A part of a metric that nobody has measured: organic traffic, new users.
PARTIAL = re.compile(
    r"\b(?:organic|paid|direct|referral|mobile|desktop|tablet|branded|new|returning|weekday|weekend|video|story|reels?"
    r"|e-?mail|search|social)\W+$",
    re.IGNORECASE,
)
WEEKDAYS = tuple(f"{date(2024, 1, day):%A}" for day in range(1, 8))


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a sentence, in lower case as the facts are looked up by it."""

    start: int
    end: int
    name: str


def group_of(source: str) -> str:
    """The group of what one source tells."""
    return next((group for group, each in GROUP_SOURCES.items() if each == source), "Cross-channel")


class Ground:
    """All that the facts of one answer bear out. Made once, then asked for every sentence."""

    def __init__(self, gathered: Gathered) -> None:
        self.span: Span = gathered.span
        self.active = gathered.active
        self.facts = gathered.facts
        self.by_name: dict[str, list[Fact]] = {}
        for fact in self.facts:
            for name in fact.names:
                self.by_name.setdefault(folded(name), []).append(fact)
        known = {folded(name) for fact in self.facts for name in (fact.member, fact.replaces) if name}
        self.members = known | {folded(name) for name in COMMON_MEMBERS}
        self.quotes = {folded(fact.quote) for fact in self.facts if fact.quote}
        self.absent = {
            folded(name)
            for each in gathered.insights.observations.values()
            if not each.sources <= gathered.active
            for name in (*each.called, *(metric.title for metric in each.metrics), *filter(None, (each.series,)))
        } - self.by_name.keys()

    @cached_property
    def metric_pattern(self) -> re.Pattern[str]:
        return naming(self.by_name)

    @cached_property
    def member_pattern(self) -> re.Pattern[str]:
        return naming(self.members, in_quotes=self.is_loaded)

    @cached_property
    def quote_pattern(self) -> re.Pattern[str]:
        return naming(self.quotes, in_quotes=lambda _: True)

    def is_loaded(self, name: str) -> bool:
        """Whether a name would say something if it were read as a sentence: then it is one only in quotes.

        GA4's own channels of two words are names to everybody.
        """
        if name in CHANNELS:
            return False
        return bool(
            re.search(r"\d", name) or is_spoken(name) or says_which_way(name) or self.metric_pattern.search(name)
        )

    @cached_property
    def compared_pattern(self) -> re.Pattern[str]:
        """The compared window in words: `the previous 28 days`."""
        days = self.span.days
        match self.span.compare:
            case Compare.OFF:
                return re.compile("(?!)")
            case Compare.PREVIOUS_YEAR:
                words = (
                    r"the same (?:period|days) (?:a year (?:earlier|ago|before)|(?:of )?(?:last|the previous) year)"
                    r"|a year (?:earlier|ago|before)|(?:last|the previous|the prior) year|the year before"
                )
            case _:
                named = "|".join((*self.fitting, "period"))
                words = (
                    rf"(?:the |your )?(?:previous|prior|preceding) (?:{named}|{days:,}[ -]days?(?: period)?)"
                    rf"|the (?:{named}|{days:,} days) (?:before|earlier)"
                )
        return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)

    @cached_property
    def asked_pattern(self) -> re.Pattern[str]:
        """The asked window in words: `this period`."""
        days = self.span.days
        words = rf"(?:this|the|the selected|the current) (?:{days:,}[ -]day )?period|(?:these|the) {days:,} days"
        return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)

    @cached_property
    def over_pattern(self) -> re.Pattern[str]:
        """Against what it is compared, as of itself: `week over week`."""
        named = {
            Compare.OFF: (),
            Compare.PREVIOUS_YEAR: ("year",),
            Compare.PREVIOUS_PERIOD: (*self.fitting, "period"),
        }[self.span.compare]
        return re.compile("|".join(rf"\b{each}[- ](?:over|on)[- ]{each}\b" for each in named) or "(?!)", re.IGNORECASE)

    @property
    def fitting(self) -> tuple[str, ...]:
        """What periods as long as the window are called."""
        return tuple(name for name, (least, most) in PERIODS.items() if least <= self.span.days <= most)

    @cached_property
    def absent_pattern(self) -> re.Pattern[str]:
        return naming(self.absent)

    @cached_property
    def foreign_pattern(self) -> re.Pattern[str]:
        missing = [pattern for source, pattern in SOURCE_NAMES.items() if source not in self.active]
        return re.compile(rf"\b(?:{'|'.join([FOREIGN, *missing])})\b", re.IGNORECASE)

    @cached_property
    def words(self) -> frozenset[str]:
        """The words of all the names that a sentence may use, in lower case."""
        sources = (SOURCE_NAMES[source] for source in self.active if source in SOURCE_NAMES)
        texts = (
            *self.by_name,
            *self.members,
            *sources,
            *MONTHS,
            *WEEKDAYS,
            "ads",
            "reel",
            "reels",
            "stories",
            "google",
        )
        return frozenset(word for text in texts for word in re.findall(r"[^\W\d_]+", text.casefold()))

    def about(self, name: str | None, member: str | None) -> list[Fact]:
        """The facts of a metric, of any metric where none is named, about this member or about the whole."""
        facts: Iterable[Fact] = self.facts if name is None else self.by_name.get(name, ())
        return [fact for fact in facts if (folded(fact.member) if fact.member else None) == member]

    def called(self, name: str) -> set[str]:
        """All that a metric may be called which is called so."""
        return {folded(each) for fact in self.by_name.get(name, ()) for each in fact.names}

    def knows_period(self, found: re.Match[str]) -> bool:
        """Whether a period in words, such as `last week`, is as long as the window or as far from the compared one."""
        word = "day" if found["now"] else (found["named"] or found["over"]).casefold()
        least, most = PERIODS[word]
        return least <= self.span.days <= most or (word == "year" and self.span.compare is Compare.PREVIOUS_YEAR)

    def knows_day(self, found: re.Match[str], names: Collection[str]) -> bool:
        """Whether a date is one of the windows' ends, or the day of a fact about one of these metrics."""
        days = {fact.day for name in names for fact in self.by_name[name] if fact.day is not None}
        window = self.span.window
        days |= {window.start, window.end, window.start - timedelta(days=1)}
        return any(is_day(found, day) for day in days)


def normal(text: str) -> str:
    """The text in one spelling of its characters, and one line."""
    return " ".join(unicodedata.normalize("NFKC", text).replace("...", "…").split())


def folded(name: str) -> str:
    """A name as it is looked up in a sentence."""
    return normal(name).casefold()


def is_day(found: re.Match[str], day: date) -> bool:
    if found["iso"]:
        return found["iso"] == day.isoformat()
    number, month, year = (found[name] or found[f"{name}2"] for name in ("day", "month", "year"))
    named = MONTHS[day.month - 1].casefold()
    return int(number) == day.day and month.casefold() in (named, named[:3]) and (year is None or int(year) == day.year)


def naming(names: Iterable[str], *, in_quotes: Callable[[str], bool] = lambda _: False) -> re.Pattern[str]:
    """A pattern for any of the names as whole words, the longest first; for some only where quotes are around them."""
    written = [
        rf"(?<=[“\"]){re.escape(name)}(?=[”\"])" if in_quotes(name) else rf"(?<![\w/]){re.escape(name)}(?![\w/])"
        for name in sorted(names, key=lambda name: (-len(name), name))
    ]
    return re.compile("|".join(written) or "(?!)", re.IGNORECASE)


def mentions(pattern: re.Pattern[str], text: str) -> Iterator[Mention]:
    return (Mention(found.start(), found.end(), found[0].casefold()) for found in pattern.finditer(text))


def hidden(text: str, found: Iterable[Mention | re.Match[str]], mark: str = "\u00b7") -> str:
    """The text with what was found blotted out: everything else stays where it is."""
    characters = list(text)
    for each in found:
        start, end = (each.start, each.end) if isinstance(each, Mention) else each.span()
        characters[start:end] = mark * (end - start)
    return "".join(characters)
