"""The shape of an entry of the table of functions: a function, and the parameters it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from itertools import chain, repeat
from typing import Literal

from sqlglot import exp

from engine.language.function_templates import FunctionSql
from engine.language.function_values import Evaluator
from engine.tables import ValueType

# What a parameter takes: how an argument is checked, and how its SQL is written.
ParameterKind = Literal[
    "any",
    "number",  # written as a double
    "digits",  # a whole number, written out
    "fraction",  # a number from 0 to 1, written out
    "place",  # a number of characters
    "text",
    "nameable",  # what every engine writes as the same text
    "date",  # a date, but no timestamp
    "moment",  # what a date can be made of
    "timestamp",  # with a time zone or without
    "condition",
    "compared",  # comparable with the other arguments
    "alike",  # of one type with the other alternatives
    "ordered",  # an alternative whose type has an order
]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a function; `least` and `most` bound a number that is written out."""

    kind: ParameterKind
    least: int | None = None
    most: int | None = None
    out_of_range: str = ""

    @property
    def is_alternative(self) -> bool:
        """Whether the argument may be the value of the function."""
        return self.kind in ("alike", "ordered")

    @property
    def is_uniform(self) -> bool:
        """Whether the argument is of one type with others."""
        return self.is_alternative or self.kind == "compared"

    def is_in_range(self, number: int) -> bool:
        return (self.least is None or self.least <= number) and (self.most is None or number <= self.most)


@dataclass(frozen=True, slots=True)
class SqlFunction:
    """One function: its grammar, its types, and its meaning in Python, in SQL and in words.

    `usage` begins with the name: `round(x[, n])`. `node` is what sqlglot makes of a call, and `operator` what it makes
    of a sign that means the same.
    """

    usage: str
    node: type[exp.Expr]
    _: KW_ONLY
    other_names: tuple[str, ...] = ()
    operator: type[exp.Expr] | None = None
    # The arguments; where `arity` allows more, the last parameter is repeated.
    takes: tuple[Parameter, ...]
    # How many arguments there are, at least and at most; unless stated, one for each parameter.
    arity: tuple[int, int] | None = None
    # The type of the value: a fixed one, that of the first argument, or the common one of the alternatives.
    gives: ValueType | Literal["first", "common"]
    is_aggregate: bool = False
    # Its SQL; None where every engine means the same by what sqlglot writes.
    sql: FunctionSql | None = None
    # A call's weight in the limit on nested calls: about how often an engine's text repeats an argument, always or
    # by the number of arguments.
    repeats: int | Callable[[int], int] = 1
    # From the evaluators of its arguments to that of its value; None for a function of rows, of texts or of dates,
    # which only databases compute.
    evaluate: Callable[..., Evaluator] | None = None
    documentation: str

    @property
    def name(self) -> str:
        return self.usage.partition("(")[0]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name, *self.other_names)

    @property
    def argument_counts(self) -> tuple[int, int]:
        """The least and the greatest number of arguments."""
        return self.arity or (len(self.takes), len(self.takes))

    def pair_arguments(self, node: exp.Expr) -> Iterator[tuple[exp.Expr, Parameter]]:
        """Pair each argument of a call, without its DISTINCT, with its parameter."""
        arguments = (
            each.expressions[0] if isinstance(each, exp.Distinct) else each for each in node.iter_expressions()
        )
        return zip(arguments, chain(self.takes, repeat(self.takes[-1])), strict=False)

    def get_arguments(self, node: exp.Expr) -> list[exp.Expr]:
        """Return the arguments of a call, without DISTINCT."""
        return [argument for argument, _ in self.pair_arguments(node)]

    def count_repetitions(self, node: exp.Expr) -> int:
        """Return the weight of a call: about how often an engine's text repeats an argument."""
        return self.repeats if isinstance(self.repeats, int) else self.repeats(len(self.get_arguments(node)))
