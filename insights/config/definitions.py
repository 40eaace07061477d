"""The shape of insights.yaml and of its languages: what an analyst may write, as pydantic models, nothing resolved.

Field descriptions and examples are the file's reference: its JSON Schema is made from them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from engine import Definition, Diagnostics, parse_document

Group = Literal["Cross-channel", "Ads", "Traffic", "Content"]
Kind = Literal["change", "members", "spikes", "pair", "explain", "quiet"]
Fraction = Annotated[float, Field(ge=0)]


def optional_key(description: str, example: Any) -> Any:
    return Field(None, description=description, examples=[example])


class FactDefinition(Definition):
    """Something to look out for: one of change, members, spikes, pair, explain or quiet."""

    change: str | None = optional_key("A metric, against the compared period.", "ga4.sessions")
    series: str | None = optional_key("With change, of a metric of several series: which of them.", "CPA")
    members: str | None = optional_key("A metric with a breakdown: who rises, falls and comes.", "ga4.traffic_channels")
    spikes: str | None = optional_key("A metric: the day that stands out of the others most.", "ig.interactions")
    posts: str | None = optional_key("With spikes, a metric with items: the day's may be behind it.", "ig.content_perf")
    pair: Annotated[list[str], Field(min_length=2, max_length=2)] | None = optional_key(
        "Two metrics: whether the second one follows the first.", ["meta.spend", "meta.conversions"]
    )
    explain: str | None = optional_key("A ratio: what its members' shares and their own ratios did to it.", "meta.roas")
    numerator: str | None = optional_key("With explain: the ratio's upper part, by member.", "meta.campaign_value")
    denominator: str | None = optional_key("With explain: the lower part, by the same members.", "meta.campaigns")
    quiet: str | None = optional_key("A metric: since when it, or an account, has no data.", "meta.spend")
    of: str | None = optional_key("With members: the metric that they break down and changed as.", "ga4.sessions")
    volume: str | None = optional_key("With change, of a ratio: what must reach the floor.", "ga4.sessions")
    least: Fraction = Field(0.1, description="Smaller changes are not worth a word: 0.1 is a tenth.", examples=[0.05])
    floor: Fraction = Field(
        0,
        description="Neither are changes between values that are both below this. With a volume, and of explain with "
        "its denominator: what that must reach in both periods.",
        examples=[100],
    )


class SentenceDefinition(Definition):
    """A rule's sentence in one language."""

    say: str = Field(description="The sentence, in Jinja.", examples=["Sessions are {{ sessions.words }}."])
    because: str | None = optional_key(
        "What is behind it, to stand after the sentence and a comma; empty where nothing is.",
        "{% if channels and channels.driver %}most of it from {{ channels.driver.name }}{% endif %}",
    )


class RuleDefinition(SentenceDefinition):
    """A sentence, and when it is said."""

    group: Group = Field(description="Under which heading the sentence stands.", examples=["Traffic"])
    importance: Annotated[int, Field(ge=1, le=100)] = Field(description="The most important come first.", examples=[70])
    about: Annotated[list[str], Field(min_length=1)] = Field(
        description="The facts that it speaks of: it is said only if all of them have something to say.",
        examples=[["sessions", "channels"]],
    )
    when: str | None = optional_key("A condition on the facts, in Jinja.", "sessions.direction == 'up'")
    member: str | None = optional_key("The member that advice may name, in Jinja.", "{{ channels.new[0].name }}")
    advice: dict[str, str | Literal[True]] = Field(
        default_factory=dict,
        description="Names of `advice`, each with the condition on which it is good; the rule gives the first of them.",
        examples=[{"look_there": "sessions.direction == 'down'", "check_tracking": True}],
    )


class InsightsDefinition(Definition):
    """insights.yaml: facts and the rules that speak of them."""

    most: Annotated[int, Field(ge=1, le=20)] = Field(8, description="How many sentences are said at the most.")
    facts: dict[str, FactDefinition] = Field(
        default_factory=dict,
        description="Facts by name; sentences use them by it.",
        examples=[{"sessions": {"change": "ga4.sessions"}}],
    )
    advice: dict[str, str] = Field(
        default_factory=dict,
        description="What to do, by name: imperative sentences, {member} for the member that a rule names.",
        examples=[{"look_there": "Look at {member} first."}],
    )
    general: list[str] = Field(default_factory=list, description="The names of advice that is good after any sentence.")
    rules: dict[str, RuleDefinition] = Field(default_factory=dict, description="Rules by name.")


class NumbersDefinition(Definition):
    """How a language writes numbers: before decimals, and between thousands."""

    decimal: str = "."
    thousands: str = ","


def read_data(name: str) -> dict[str, Any]:
    """Read a YAML file that stands beside this module."""
    document = parse_document(name, Path(__file__).with_name(name).read_bytes(), Diagnostics())
    assert document is not None
    return document.data


DEFAULTS = read_data("english.yaml")


class LanguageDefinition(Definition):
    """insights.de.yaml and the like: what insights.yaml says, in another language."""

    numbers: NumbersDefinition = NumbersDefinition()
    months: Annotated[list[str], Field(min_length=12, max_length=12)] = Field(DEFAULTS["months"])
    words: dict[str, str] = Field(
        DEFAULTS["words"],
        description="The words of which code makes pieces of sentences; {names} in braces are put in.",
        json_schema_extra={
            "properties": {name: {"default": text, "type": "string"} for name, text in DEFAULTS["words"].items()},
            "additionalProperties": False,
        },
    )
    joiners: Annotated[list[str], Field(min_length=1)] = Field(
        DEFAULTS["joiners"], description="What may stand between two sentences that become one."
    )
    advice: dict[str, str] = Field(default_factory=dict, description="Every piece of advice, by its name.")
    rules: dict[str, SentenceDefinition] = Field(default_factory=dict, description="Every rule's sentence.")
