"""The table of SQL functions: one entry for each function that an expression may call.

The parser, the types, the evaluator, the dialects and the documentation read it. A new function is one entry; a dialect
overrides the SQL of an entry by name, in its `function_sql`, where its engine differs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

from sqlglot import exp

from engine.language import function_values as values
from engine.language.function_entry import Parameter, SqlFunction
from engine.language.function_templates import (
    EXP_SQL,
    LN_SQL,
    PERCENTILES,
    SQRT_SQL,
    write_concat,
    write_if,
    write_power,
    write_round,
)
from engine.language.function_values import make_strict

MAX_ARGUMENTS = 200
MAX_DIGITS = 15
NO_FRACTION = "percentile() takes a number from 0 to 1 as such: 0.9 is the 90th percentile"

ANY = Parameter("any")
NUMBER = Parameter("number")
TEXT = Parameter("text")
NAMEABLE = Parameter("nameable")
DATE = Parameter("date")
MOMENT = Parameter("moment")
TIMESTAMP = Parameter("timestamp")
CONDITION = Parameter("condition")
COMPARED = Parameter("compared")
ALIKE = Parameter("alike")
ORDERED = Parameter("ordered")

AGGREGATE_FUNCTIONS = (
    SqlFunction(
        "sum(x)",
        exp.Sum,
        takes=(NUMBER,),
        gives="double",
        is_aggregate=True,
        sql="SUM({0})",
        documentation="the sum of the values, a double",
    ),
    SqlFunction(
        "count(x)",
        exp.Count,
        takes=(ANY,),
        gives="whole",
        is_aggregate=True,
        documentation="how many values are not NULL; `count(*)` counts rows, `count(distinct x)` different values",
    ),
    SqlFunction(
        "avg(x)",
        exp.Avg,
        takes=(NUMBER,),
        gives="double",
        is_aggregate=True,
        sql="AVG({0})",
        documentation="`sum(x) / count(x)`",
    ),
    SqlFunction(
        "min(x)",
        exp.Min,
        takes=(ORDERED,),
        gives="first",
        is_aggregate=True,
        documentation="the least number, text, date or timestamp",
    ),
    SqlFunction(
        "max(x)",
        exp.Max,
        takes=(ORDERED,),
        gives="first",
        is_aggregate=True,
        documentation="the greatest number, text, date or timestamp",
    ),
    SqlFunction(
        "median(x)",
        exp.Median,
        takes=(NUMBER,),
        gives="double",
        is_aggregate=True,
        sql=PERCENTILES["median"],
        documentation="the value in the middle: `percentile(x, 0.5)`",
    ),
    SqlFunction(
        "percentile(x, p)",
        exp.Quantile,
        other_names=("quantile",),
        takes=(NUMBER, Parameter("fraction", least=0, most=1, out_of_range=NO_FRACTION)),
        gives="double",
        is_aggregate=True,
        sql=PERCENTILES["percentile"],
        documentation="the value at the part `p`, from 0 to 1, of the way from the least to the greatest: of `n` "
        "values in order that at `1 + p × (n - 1)`, and between two of them on the line from one to the other",
    ),
)

NUMBER_FUNCTIONS = (
    SqlFunction(
        "abs(x)",
        exp.Abs,
        takes=(NUMBER,),
        gives="double",
        sql="ABS({0})",
        evaluate=partial(make_strict, math.fabs),
        documentation="`x` without its sign",
    ),
    SqlFunction(
        "ceil(x)",
        exp.Ceil,
        takes=(NUMBER,),
        gives="double",
        sql="CEIL({0})",
        evaluate=partial(make_strict, values.ceil_number),
        documentation="the least number without a fraction that is not below `x`",
    ),
    SqlFunction(
        "floor(x)",
        exp.Floor,
        takes=(NUMBER,),
        gives="double",
        sql="FLOOR({0})",
        evaluate=partial(make_strict, values.floor_number),
        documentation="the greatest number without a fraction that is not above `x`",
    ),
    SqlFunction(
        "round(x[, n])",
        exp.Round,
        takes=(
            NUMBER,
            Parameter(
                "digits",
                least=-MAX_DIGITS,
                most=MAX_DIGITS,
                out_of_range=f"round() takes the number of its digits as such, from -{MAX_DIGITS} to {MAX_DIGITS}",
            ),
        ),
        arity=(1, 2),
        gives="double",
        sql=write_round,
        repeats=4,
        evaluate=partial(make_strict, values.round_half_away),
        documentation="rounded to `n` digits, or to none; a half goes away from zero: "
        "`sign(x) × floor(abs(x) × 10ⁿ + 0.5) / 10ⁿ`. `n` is a number from −15 to 15, and `round(1238, -2)` is 1200. "
        "From 2⁵³ on, in units of 10⁻ⁿ, `x` stays",
    ),
    SqlFunction(
        "sqrt(x)",
        exp.Sqrt,
        takes=(NUMBER,),
        gives="double",
        sql=SQRT_SQL,
        repeats=2,
        evaluate=partial(make_strict, values.compute_sqrt),
        documentation="the square root; NULL for `x` below 0",
    ),
    SqlFunction(
        "ln(x)",
        exp.Ln,
        takes=(NUMBER,),
        gives="double",
        sql=LN_SQL,
        repeats=2,
        evaluate=partial(make_strict, values.compute_ln),
        documentation="the natural logarithm; NULL for `x` of 0 and below",
    ),
    SqlFunction(
        "exp(x)",
        exp.Exp,
        takes=(NUMBER,),
        gives="double",
        sql=EXP_SQL,
        repeats=3,
        evaluate=partial(make_strict, values.compute_exp),
        documentation="e to the power of `x`; NULL for `x` above 709.7, 0 below −708.3",
    ),
    SqlFunction(
        "pow(b, e)",
        exp.Pow,
        other_names=("power",),
        takes=(NUMBER, NUMBER),
        gives="double",
        sql=write_power,
        repeats=6,
        evaluate=partial(make_strict, values.compute_power),
        documentation="`b` to the power of `e`: 1 where `e` is 0; NULL for 0 to a negative power and for a negative "
        "number to a fraction; NULL where `e × ln(abs(b))` is above 709.7, 0 where it is below −708.3",
    ),
)

CHOICE_FUNCTIONS = (
    SqlFunction(
        "coalesce(a, b, …)",
        exp.Coalesce,
        takes=(ALIKE,),
        arity=(2, MAX_ARGUMENTS),
        gives="common",
        sql="COALESCE({arguments})",
        evaluate=values.make_coalesce,
        documentation="the first value that is not NULL",
    ),
    SqlFunction(
        "nullif(a, b)",
        exp.Nullif,
        takes=(COMPARED, COMPARED),
        gives="first",
        sql="NULLIF({0}, {1})",
        evaluate=values.make_nullif,
        documentation="NULL where both are equal, else `a`",
    ),
    SqlFunction(
        "greatest(a, b, …)",
        exp.Greatest,
        takes=(ORDERED,),
        arity=(2, MAX_ARGUMENTS),
        gives="common",
        sql="GREATEST({arguments})",
        repeats=lambda arguments: arguments + 1,
        evaluate=partial(values.make_extreme, max),
        documentation="the greatest number, text or date; NULL is passed over",
    ),
    SqlFunction(
        "least(a, b, …)",
        exp.Least,
        takes=(ORDERED,),
        arity=(2, MAX_ARGUMENTS),
        gives="common",
        sql="LEAST({arguments})",
        repeats=lambda arguments: arguments + 1,
        evaluate=partial(values.make_extreme, min),
        documentation="the least number, text or date; NULL is passed over",
    ),
    SqlFunction(
        "if(c, a[, b])",
        exp.If,
        takes=(CONDITION, ALIKE, ALIKE),
        arity=(2, 3),
        gives="common",
        sql=write_if,
        evaluate=values.make_if,
        documentation="`case when c then a else b end`",
    ),
)

TEXT_FUNCTIONS = (
    SqlFunction(
        "length(s)",
        exp.Length,
        takes=(TEXT,),
        gives="whole",
        documentation="the number of code points",
    ),
    SqlFunction(
        "lower(s)",
        exp.Lower,
        takes=(TEXT,),
        gives="text",
        documentation="changes the letters A to Z and no others",
    ),
    SqlFunction(
        "upper(s)",
        exp.Upper,
        takes=(TEXT,),
        gives="text",
        documentation="changes the letters a to z and no others",
    ),
    SqlFunction(
        "trim(s)",
        exp.Trim,
        takes=(TEXT,),
        gives="text",
        sql="TRIM({0})",
        documentation="takes blanks (U+0020) away at both ends, and no other white space",
    ),
    SqlFunction(
        "replace(s, old, new)",
        exp.Replace,
        takes=(TEXT, TEXT, TEXT),
        gives="text",
        repeats=2,
        documentation="`new` for every occurrence of `old`; where `old` is empty, for none",
    ),
    SqlFunction(
        "substring(s, start[, n])",
        exp.Substring,
        other_names=("substr",),
        takes=(
            TEXT,
            Parameter(
                "place",
                least=1,
                out_of_range="the first character is at 1; substring() does not count from the end",
            ),
            Parameter("place", least=0, out_of_range="substring() takes no fewer than 0 characters"),
        ),
        arity=(2, 3),
        gives="text",
        sql="{engine.substring_name}({arguments})",
        repeats=4,
        documentation="the first character is at 1. `start` and `n` written as numbers are whole, from 1 and from 0; "
        "computed, they are cut at the point, and what is below counts as 1 and 0",
    ),
    SqlFunction(
        "concat(s, …)",
        exp.Concat,
        operator=exp.DPipe,
        takes=(NAMEABLE,),
        arity=(1, MAX_ARGUMENTS),
        gives="text",
        sql=write_concat,
        documentation="the texts joined; NULL where any is NULL. Whole numbers, dates (`2025-01-31`) and conditions "
        "(`true`, `false`) become texts; doubles and timestamps are refused: write `cast(x as int)` or `date(at)`",
    ),
)

DATE_FUNCTIONS = (
    SqlFunction(
        "date(x)",
        exp.Date,
        takes=(MOMENT,),
        gives="date",
        documentation="a date itself, or the date of a timestamp, with time zone in UTC",
    ),
    SqlFunction(
        "year(d)",
        exp.Year,
        takes=(DATE,),
        gives="whole",
        sql="CAST(EXTRACT(YEAR FROM {0}) AS {engine.whole_type})",
        documentation="the year of a date; of a timestamp, `year(date(at))`",
    ),
    SqlFunction(
        "month(d)",
        exp.Month,
        takes=(DATE,),
        gives="whole",
        sql="CAST(EXTRACT(MONTH FROM {0}) AS {engine.whole_type})",
        documentation="the month of a date, from 1 to 12",
    ),
    SqlFunction(
        "day(d)",
        exp.Day,
        takes=(DATE,),
        gives="whole",
        sql="CAST(EXTRACT(DAY FROM {0}) AS {engine.whole_type})",
        documentation="the day of the month of a date, from 1 to 31",
    ),
    SqlFunction(
        "isodow(d)",
        exp.DayOfWeekIso,
        takes=(DATE,),
        gives="whole",
        sql="CAST(EXTRACT({engine.weekday_field} FROM {0}) AS {engine.whole_type})",
        documentation="the day of the week of a date, from 1, a Monday, to 7",
    ),
    SqlFunction(
        "hour(at)",
        exp.Hour,
        takes=(TIMESTAMP,),
        gives="whole",
        sql="CAST(EXTRACT(HOUR FROM {0}) AS {engine.whole_type})",
        documentation="the hour of a timestamp, from 0 to 23, with time zone in UTC",
    ),
)

SQL_FUNCTIONS = (*AGGREGATE_FUNCTIONS, *NUMBER_FUNCTIONS, *CHOICE_FUNCTIONS, *TEXT_FUNCTIONS, *DATE_FUNCTIONS)
# Every function by its node, and by the node of its operator.
FUNCTIONS: Mapping[type[exp.Expr], SqlFunction] = {function.node: function for function in SQL_FUNCTIONS} | {
    function.operator: function for function in SQL_FUNCTIONS if function.operator is not None
}
# Aggregates of ranks: they are of all rows at once, and never of parts.
RANKS = (exp.Median, exp.Quantile)
AGGREGATES = tuple(function.node for function in AGGREGATE_FUNCTIONS)
AGGREGATE_NAMES = tuple(name for function in AGGREGATE_FUNCTIONS for name in function.names)
FUNCTION_NAMES = (
    *AGGREGATE_NAMES,
    *(
        name
        for function in sorted(SQL_FUNCTIONS, key=lambda each: each.name)
        if not function.is_aggregate
        for name in function.names
    ),
)


def find_function(node: exp.Expr) -> SqlFunction | None:
    """Return the entry of a call; None for any other node.

    A branch of CASE is no call, though sqlglot calls it IF.
    """
    if node.arg_key == "ifs" and isinstance(node.parent, exp.Case):
        return None
    return FUNCTIONS.get(type(node))
