"""What sentences can say of a fact, by the kind of the fact: an example of every field.

The names are the language; the examples are what a sentence is tried out with when the files are loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from itertools import product
from typing import Any, Literal

Kind = Literal["change", "members", "spikes", "pair", "explain", "quiet"]
Fields = Mapping[str, Any]

CHANGE: Fields = {
    "title": "Sessions",
    "direction": "up",
    "verdict": "better",
    "value": "12,340",
    "previous": "11,000",
    "change": "12%",
    "difference": "+1,340",
    "words": "up 12%",
    "against": "over the 25 days that both periods have",
}
MEMBER: Fields = {**CHANGE, "name": "Organic Search", "share": "41%"}
POST: Fields = {"caption": "The oak stool is back", "kind": "video", "day": "4 March"}
REPLACED: Fields = {**MEMBER, "before": "Paid Social"}
EFFECT: Fields = {**CHANGE, "name": "Retargeting", "effect": "+0.42", "mix": "+0.10", "rate": "+0.32", "mainly": "rate",
                  "weight": "grew", "standing": "above"}  # fmt: skip

FIELDS: dict[Kind, Fields] = {
    "change": CHANGE,
    "members": {
        "title": "Sessions by channel",
        "direction": "up",
        "top": [MEMBER],
        "rising": [MEMBER],
        "falling": [MEMBER],
        "new": [{**MEMBER, "since": "13 March"}],
        "replaced": [REPLACED],
        "driver": MEMBER,
    },
    "spikes": {
        "title": "Interactions",
        "direction": "up",
        "day": "4 March",
        "age": "recent",
        "value": "2,310",
        "usual": "410",
        "times": "5.6 times",
        "post": POST,
    },
    "pair": {"relation": "behind", "first": CHANGE, "second": CHANGE},
    "explain": {**CHANGE, "mix": "-0.10", "rate": "-0.32", "mainly": "rate", "wholly": "rate", "driver": EFFECT},
    "quiet": {"title": "Ad spend", "since": "13 November", "state": "silent", "accounts": "2"},
}
# What a fact of the kind may come without.
OPTIONAL: Mapping[Kind, tuple[str, ...]] = {
    "change": (),
    "members": ("top", "rising", "falling", "new", "replaced", "driver"),
    "spikes": ("post",),
    "pair": (),
    "explain": ("driver",),
    "quiet": ("accounts",),
}
# Words that are one of two, and the other one.
OTHER = {"up": "down", "behind": "ahead", "rate": "mix", "grew": "shrank", "above": "below", "recent": "past",
         "silent": "begun"}  # fmt: skip
# Words that are one of three, in the last of the examples the third one.
THIRD: Mapping[Kind, Fields] = {"quiet": {"state": "late"}}
# What every sentence sees beside the facts; `known` has each fact's name, and whether it was measured at all.
COMMON: Mapping[str, Any] = {
    "compared": "the previous 28 days",
    "against": "against the previous 28 days",
    "days": 28,
    "known": {},
}


def fields_of(kinds: Mapping[str, Kind]) -> Fields:
    """An example of all that sentences about these facts can name."""
    return {**COMMON, "known": dict.fromkeys(kinds, True), **{name: FIELDS[kind] for name, kind in kinds.items()}}


@cache
def list_examples(kind: Kind) -> list[Fields]:
    """The example, and that without what may be missing; and both with all that is one of two things the other."""
    full = FIELDS[kind]
    lean = {**full, **{name: [] if isinstance(full[name], list) else None for name in OPTIONAL[kind]}}
    return [full, lean, turn_round(full), {**turn_round(lean), **THIRD.get(kind, {})}]


def turn_round(example: Any) -> Any:
    """The example with every direction the other way, and all that is one of two things the other."""
    if isinstance(example, Mapping):
        return {name: turn_round(each) for name, each in example.items()}
    return [turn_round(each) for each in example] if isinstance(example, list) else OTHER.get(example, example)


def list_trials(kinds: Mapping[str, Kind], about: Collection[str]) -> list[Fields]:
    """What a sentence about these facts is tried out with; other facts than those may be none."""
    trials: list[Fields] = []
    for index, others in product(range(4), (True, False)):
        there = {name: list_examples(kind)[index] for name, kind in kinds.items() if others or name in about}
        known = {name: name in there for name in kinds}
        trials.append({**COMMON, "known": known, **dict.fromkeys(kinds), **there})
    return trials
