"""The shape of insights.yaml: what an analyst may write, as pydantic models. Raw text, nothing resolved yet.

Field descriptions and examples are the file's reference: its JSON Schema is made from them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.files.definitions import Definition

Group = Literal["Cross-channel", "Ads", "Traffic", "Content"]
Fraction = Annotated[float, Field(ge=0)]


class FactDefinition(Definition):
    """Something to look out for: one of change, members, spikes, pair, explain or quiet."""

    change: str | None = Field(None, description="A metric, against the compared period.", examples=["ga4.sessions"])
    series: str | None = Field(
        None, description="With change, of a metric of several series: which of them.", examples=["CPA"]
    )
    members: str | None = Field(
        None,
        description="A metric with a breakdown: its largest members, those that rise and those that fall.",
        examples=["ga4.traffic_channels"],
    )
    spikes: str | None = Field(
        None, description="A metric: the day that stands out of the others most.", examples=["ig.interactions"]
    )
    posts: str | None = Field(
        None,
        description="With spikes, a metric with items: the one of the day is what may be behind it.",
        examples=["ig.content_perf"],
    )
    pair: Annotated[list[str], Field(min_length=2, max_length=2)] | None = Field(
        None,
        description="Two metrics: whether the second one follows the first.",
        examples=[["meta.spend", "meta.conversions"]],
    )
    explain: str | None = Field(
        None,
        description="A ratio whose change is split into what its members' shares and what their own ratios did.",
        examples=["meta.roas"],
    )
    numerator: str | None = Field(
        None, description="With explain: the ratio's upper part, by member.", examples=["meta.campaign_value"]
    )
    denominator: str | None = Field(
        None, description="With explain: the ratio's lower part, by the same members.", examples=["meta.campaigns"]
    )
    quiet: str | None = Field(
        None,
        description="A metric: since when it has no data, where it had some day by day before.",
        examples=["meta.spend"],
    )
    of: str | None = Field(
        None,
        description="With members, the metric that they break down: who is behind its change is told only where the "
        "members together changed as it did.",
        examples=["ga4.sessions"],
    )
    volume: str | None = Field(
        None,
        description="With change, of a ratio: the metric that must reach the floor, in both periods.",
        examples=["ga4.sessions"],
    )
    least: Fraction = Field(
        0.1,
        description="Smaller changes are not worth a word: 0.1 is a tenth. Of spikes, how far above a usual day.",
        examples=[0.05],
    )
    floor: Fraction = Field(
        0,
        description="Neither are changes between values that are both below this. With a volume, and of explain with "
        "its denominator: what that must reach in both periods.",
        examples=[100],
    )
    called: list[str] = Field(
        default_factory=list,
        description="What else a language model may call the metric.",
        examples=[["ROAS", "return"]],
    )


class RuleDefinition(Definition):
    """A sentence, and when it is said."""

    group: Group = Field(description="Under which heading the sentence stands.", examples=["Traffic"])
    importance: Annotated[int, Field(ge=1, le=100)] = Field(
        description="The most important sentences come first; of equal ones that with the larger change.",
        examples=[70],
    )
    about: Annotated[list[str], Field(min_length=1)] = Field(
        description="The facts that it speaks of: it is said only if all of them have something to say.",
        examples=[["sessions", "channels"]],
    )
    when: str | None = Field(
        None, description="A condition on the facts, in Jinja.", examples=["sessions.direction == 'up'"]
    )
    say: str = Field(
        description="The sentence, in Jinja.", examples=["Sessions {{ sessions.words }} against {{ compared }}."]
    )


class InsightsDefinition(Definition):
    """insights.yaml: facts and the rules that speak of them."""

    most: Annotated[int, Field(ge=1, le=20)] = Field(8, description="How many sentences are said at the most.")
    facts: dict[str, FactDefinition] = Field(
        default_factory=dict,
        description="Facts by name; sentences use them by it.",
        examples=[{"sessions": {"change": "ga4.sessions"}}],
    )
    rules: dict[str, RuleDefinition] = Field(default_factory=dict, description="Rules by name.")
