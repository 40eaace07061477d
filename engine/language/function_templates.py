"""The SQL of functions, from the SQL of their arguments, which dialects write.

A template names an argument by its place, `{0}`; `{arguments}` is all of them, and `{engine.…}` an attribute of the
dialect. What a template cannot say is a writer: a function from the arguments' SQL to the call's.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.language.function_values import MAX_EXACT_WHOLE, MAX_EXPONENT, MIN_EXPONENT

FunctionSql = str | Callable[..., str]


def render_call(sql: FunctionSql, arguments: list[str], engine: object) -> str:
    """Write a call by a template or a writer."""
    if not isinstance(sql, str):
        return sql(*arguments)
    return sql.format(*arguments, arguments=", ".join(arguments), engine=engine)


# SQRT and LN fail on some engines where they are undefined.
SQRT_SQL = "SQRT(CASE WHEN {0} >= 0 THEN {0} END)"
LN_SQL = "LN(CASE WHEN {0} > 0 THEN {0} END)"
EXP_SQL = f"CASE WHEN {{0}} < {MIN_EXPONENT} THEN 0.0 WHEN {{0}} <= {MAX_EXPONENT} THEN EXP({{0}}) END"


def write_power(base: str, exponent: str) -> str:
    size = f"{exponent} * LN(NULLIF(ABS({base}), 0))"
    return (
        f"CASE WHEN {exponent} = 0 THEN CASE WHEN {base} IS NOT NULL THEN 1.0 END "
        f"WHEN {base} = 0 THEN CASE WHEN {exponent} > 0 THEN 0.0 END "
        f"WHEN ({base} > 0 OR {exponent} = FLOOR({exponent})) AND {size} <= {MAX_EXPONENT} "
        f"THEN CASE WHEN {size} < {MIN_EXPONENT} THEN 0.0 ELSE POWER({base}, {exponent}) END END"
    )


def write_round(value: str, digits: str = "0") -> str:
    places = int(digits)
    scale = f"1e{abs(places)}"
    up, down = ("*", "/") if places >= 0 else ("/", "*")
    scaled, back = (f" {up} {scale}", f" {down} {scale}") if places else ("", "")
    size = f"FLOOR(ABS({value}){scaled} + 0.5){back}"
    most = f"{MAX_EXACT_WHOLE}e{-places}"
    return f"CASE WHEN ABS({value}) >= {most} THEN {value} WHEN {value} < 0 THEN -({size}) ELSE {size} END"


def make_percentiles(template: str) -> dict[str, str]:
    """Make the SQL of both functions of ranks from that of a percentile of `{0}` at `{1}`."""
    return {"percentile": template, "median": template.replace("{1}", "0.5")}


PERCENTILES = make_percentiles("PERCENTILE_CONT({1}) WITHIN GROUP (ORDER BY {0})")


def write_if(condition: str, true: str, false: str | None = None) -> str:
    """Write CASE, since IF is spelt in many ways, and some engines want an ELSE."""
    return f"CASE WHEN {condition} THEN {true}{'' if false is None else f' ELSE {false}'} END"


def write_concat(*parts: str) -> str:
    return f"({' || '.join(parts)})"


def make_null_skipping(name: str) -> Callable[..., str]:
    """Make the writer of an extreme where the engine's own is NULL as soon as one argument is.

    In the place of an argument that is NULL stands the first one that is not.
    """

    def write_extreme(*arguments: str) -> str:
        known = (f"COALESCE({', '.join((each, *arguments))})" for each in arguments)
        return f"{name}({', '.join(known)})"

    return write_extreme
