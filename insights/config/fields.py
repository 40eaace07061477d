"""What sentences can say of a fact, by the kind of the fact, and the examples that they are tried out with."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, Literal

from insights.config.definitions import read_data

Kind = Literal["change", "members", "spikes", "pair", "explain", "quiet"]
Fields = Mapping[str, Any]

# What every sentence sees beside the facts; `known` has each fact's name, and whether it was measured at all.
COMMON: Fields = {
    "compared": "the previous 28 days",
    "against": "against the previous 28 days",
    "days": 28,
    "known": {},
}
# How many examples there are of each kind; the first has every field.
EXAMPLES = 4


@cache
def read_examples() -> Mapping[Kind, Sequence[Fields]]:
    examples: Any = read_data("examples.yaml")
    return examples  # type: ignore[no-any-return]


def list_trials(kinds: Mapping[str, Kind], about: Collection[str]) -> list[Fields]:
    """What a sentence about these facts is tried out with; other facts may be none, but in the first trial."""
    trials: list[Fields] = []
    for index, others in product(range(EXAMPLES), (True, False)):
        there = {name: read_examples()[kind][index] for name, kind in kinds.items() if others or name in about}
        known = {name: name in there for name in kinds}
        trials.append({**COMMON, "known": known, **dict.fromkeys(kinds), **there})
    return trials
