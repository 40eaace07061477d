"""Random conditions and terms: comparisons, lists and ranges with NULL, safe divisions."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

COMPARED = ("<", "<=", ">", ">=", "=", "<>")


def make_condition(rng: Random, numbers: Sequence[str], text: str, texts: Sequence[str], depth: int = 2) -> str:
    """Make a condition over columns of numbers, and over a column of texts with these values."""

    def inner() -> str:
        return make_condition(rng, numbers, text, texts, depth - 1)

    if depth == 0 or rng.random() < 0.4:
        return make_predicate(rng, numbers, text, texts)
    one, two, three = inner(), inner(), inner()
    return rng.choice(
        [
            f"({one} and {two})",
            f"({one} or {two})",
            f"not ({one})",
            f"if({one}, {two}, {three})",
            f"case when {one} then {two} end",
            f"coalesce({one}, {two})",
        ]
    )


def make_predicate(rng: Random, numbers: Sequence[str], text: str, texts: Sequence[str]) -> str:
    one, other = rng.choice(numbers), rng.choice(numbers)
    negated = rng.choice(["", "not "])
    listed = ", ".join(f"'{each}'" for each in texts)
    return rng.choice(
        [
            f"{one} {rng.choice(COMPARED)} {rng.randint(-2, 40)}",
            f"{one} {rng.choice(COMPARED)} {other}",
            f"{one} is {negated}null",
            f"{one} {negated}in (0, 1, 2, 5, 10)",
            f"{one} {negated}in (1, null, 5)",
            f"{one} {negated}in ({other}, 3, 0)",
            f"{text} {negated}in ({listed})",
            f"{text} {negated}in ({listed}, null)",
            f"{text} {rng.choice(['=', '<>'])} '{rng.choice(texts)}'",
            f"{one} {negated}between 3 and 30",
            f"{one} {negated}between {other} and 30",
            f"{one} {negated}between null and 12",
            f"{one} {rng.choice(COMPARED)} null",
            f"coalesce({one}, {other}, 4) > 3",
            f"nullif({one}, {other}) > 2",
            f"{one} / {other} > 0.5",
            f"{one} / 0 is {negated}null",
            f"greatest({one}, {other}, null) > 9",
        ]
    )


def make_number(rng: Random, numbers: Sequence[str], text: str, texts: Sequence[str]) -> str:
    """Make a number of a row, exact in double precision if the columns are quarters."""
    one, other = rng.choice(numbers), rng.choice(numbers)
    first, second = (make_condition(rng, numbers, text, texts, 1) for _ in range(2))
    return rng.choice(
        [
            one,
            f"{one} - {other}",
            f"if({first}, {one})",
            f"if({first}, {one}, {other})",
            f"if({first}, {one} / 2, if({second}, {other}, 1))",
            f"if({first}, {one} / 0, 1)",
            f"case when {first} then {one} when {second} then {other} end",
            f"case when {first} then {one} else 1 end",
            f"case {text} when '{texts[0]}' then {one} when null then 7 else 2 end",
            f"coalesce({one}, {other})",
            f"coalesce(if({first}, {one}), if({second}, {other}), 3)",
            f"nullif({one}, {other})",
            f"least({one}, {other})",
        ]
    )
