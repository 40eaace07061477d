"""The table of functions: every entry is complete, and a new one is all that a new function needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from math import copysign
from typing import Any

import pytest
from sqlglot import exp, parse_one

from engine.compiler.dialects.base import Dialect
from engine.compiler.dialects.registry import DIALECTS
from engine.faults import TextFaults
from engine.language.evaluator import is_computable
from engine.language.expressions import resolve_expression
from engine.language.function_entry import Parameter, ParameterKind, SqlFunction
from engine.language.function_values import make_strict
from engine.language.functions import (
    FUNCTION_NAMES,
    FUNCTIONS,
    MAX_ARGUMENTS,
    NUMBER,
    SQL_FUNCTIONS,
    find_function,
)
from engine.language.parser import parse_expression
from engine.language.type_checks import find_type_faults
from engine.language.types import annotate_types, get_value_type
from engine.tables import VALUE_TYPES
from tests.support.worlds import (
    answer_metric,
    collect_diagnostics,
    index_series,
    list_points,
    load_files,
    make_file,
    make_row,
)

COLUMNS = {
    "user_id": "uuid",
    "date": "date",
    "n": "bigint",
    "y": "double",
    "s": "text",
    "flag": "boolean",
    "at": "timestamptz",
}
# An argument of each kind inside an aggregate, and outside of aggregates the kinds that are computed there.
ARGUMENTS: Mapping[ParameterKind, str] = {
    "any": "s",
    "number": "y",
    "digits": "2",
    "fraction": "0.9",
    "place": "n",
    "text": "s",
    "nameable": "flag",
    "date": "date",
    "moment": "at",
    "timestamp": "at",
    "condition": "flag",
    "compared": "n",
    "alike": "n",
    "ordered": "y",
}
COMPUTED: Mapping[ParameterKind, str] = {
    "number": "max(y)",
    "digits": "2",
    "condition": "max(y) > 1",
    "compared": "max(y) + {place}",
    "alike": "max(y)",
    "ordered": "max(y)",
}
VALUE_NAMES = {*VALUE_TYPES.values(), "first", "common"}


def iter_counts(function: SqlFunction) -> Iterator[int]:
    """The numbers of arguments to try: the least, and the greatest or one more."""
    least, most = function.argument_counts
    yield least
    yield min(most, least + 1)


def write_call(name: str, function: SqlFunction, count: int, arguments: Mapping[ParameterKind, str]) -> str:
    written = [arguments[each.kind].format(place=place) for place, each in enumerate(list_parameters(function, count))]
    return f"{name}({', '.join(written)})"


def list_parameters(function: SqlFunction, count: int) -> list[Parameter]:
    return [*function.takes, *[function.takes[-1]] * count][:count]


def write_calls(function: SqlFunction) -> list[str]:
    return [write_call(name, function, count, ARGUMENTS) for name in function.names for count in iter_counts(function)]


def annotate_call(text: str) -> exp.Expr:
    tree = parse_expression(text)
    annotate_types(tree, lambda column: VALUE_TYPES[COLUMNS[column.name]])
    return tree


each_function = pytest.mark.parametrize("function", SQL_FUNCTIONS, ids=lambda function: function.name)
each_dialect = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.name)


@each_function
def test_every_name_is_parsed_to_the_entry_and_has_a_type(function: SqlFunction) -> None:
    assert function.gives in VALUE_NAMES
    for text in write_calls(function):
        tree = annotate_call(text)
        assert find_function(tree) is function
        assert list(find_type_faults(tree)) == []
        assert get_value_type(tree) is not None


@each_function
def test_more_or_fewer_arguments_are_refused(function: SqlFunction) -> None:
    least, most = function.argument_counts
    assert 0 < least <= most
    for count in {least - 1, most + 1} - {MAX_ARGUMENTS + 1}:
        with pytest.raises(TextFaults):
            parse_expression(write_call(function.name, function, count, ARGUMENTS))


@each_function
def test_an_argument_of_a_wrong_type_is_refused(function: SqlFunction) -> None:
    parameters = list_parameters(function, max(iter_counts(function)))
    for place, parameter in enumerate(parameters):
        texts = [ARGUMENTS[each.kind] for each in parameters]
        calls = [f"{function.name}({', '.join((*texts[:place], name, *texts[place + 1 :]))})" for name in COLUMNS]
        refused = [call for call in calls if any(find_type_faults(annotate_call(call)))]
        assert bool(refused) is (parameter.kind != "any")
        assert len(refused) < len(calls) or parameter.kind in ("digits", "fraction")


@each_dialect
@each_function
def test_every_dialect_writes_it(function: SqlFunction, dialect: type[Dialect]) -> None:
    columns = {name: f't."{name}"' for name in COLUMNS}
    for text in write_calls(function):
        tree = annotate_call(text)
        written = dialect().emit_expression(tree, columns)
        assert "{" not in written
        parse_one(written.replace('"', "`" if dialect.name in ("bigquery", "spark") else '"'), read=dialect.name)
        used = {column.name for column in tree.find_all(exp.Column)}
        assert {name for name in COLUMNS if columns[name] in written} == used


@each_dialect
def test_a_dialect_overrides_functions_that_there_are(dialect: type[Dialect]) -> None:
    assert set(dialect.function_sql) <= {function.name for function in SQL_FUNCTIONS}


@each_function
def test_what_is_of_numbers_is_computed_outside_of_aggregates(function: SqlFunction) -> None:
    kinds = {parameter.kind for parameter in function.takes}
    if function.is_aggregate or not kinds <= set(COMPUTED):
        assert function.evaluate is None
        return
    table = load_files(make_file({}, {"facts": {"time": "date", "columns": COLUMNS}})).tables["facts"]
    for count in iter_counts(function):
        text = write_call(function.name, function, count, COMPUTED)
        assert is_computable(parse_expression(text))
        expression = resolve_expression(text, table)
        evaluate = expression.compile_evaluator({each: place for place, each in enumerate(expression.aggregates)})
        assert isinstance(evaluate([2.5, 3][: len(expression.aggregates)]), float)


@each_function
def test_its_documentation_is_one_line_and_begins_with_a_call(function: SqlFunction) -> None:
    assert function.usage.startswith(f"{function.name}(")
    assert function.usage.endswith(")")
    assert function.documentation
    assert function.documentation == " ".join(function.documentation.split())


def test_a_name_or_a_node_stands_for_one_function() -> None:
    names = [name for function in SQL_FUNCTIONS for name in function.names]
    assert sorted(names) == sorted(set(names)) == sorted(FUNCTION_NAMES)
    operators = [function.operator for function in SQL_FUNCTIONS if function.operator is not None]
    assert len(FUNCTIONS) == len(SQL_FUNCTIONS) + len(operators)


def test_a_new_function_is_a_new_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    metric: Any = {"series": {"inside": "sum(sign(x))", "outside": "sign(sum(x) - 5)"}}
    (found, *_) = collect_diagnostics(make_file({"m": metric}))
    assert found.code == "forbidden-function"
    entry = SqlFunction(
        "sign(x)",
        exp.Sign,
        takes=(NUMBER,),
        gives="double",
        sql="CASE WHEN {0} > 0 THEN 1.0 WHEN {0} < 0 THEN -1.0 ELSE {0} END",
        repeats=3,
        evaluate=partial(make_strict, lambda value: copysign(1, value) if value else 0.0),
        documentation="1, 0 or −1",
    )
    monkeypatch.setitem(FUNCTIONS, exp.Sign, entry)
    rows = [make_row("2025-01-01", who="a", x=-3), make_row("2025-01-01", who="b", x=7), make_row("2025-01-02", x=9)]
    body = answer_metric(metric, rows, "2025-01-01", "2025-01-02")
    assert set(index_series(body)) == {"inside", "outside"}
    assert list_points(body, "inside") == [0, 1]
    assert list_points(body, "outside") == [-1, 1]
    (found, *_) = collect_diagnostics(make_file({"m": "sum(sign(who))"}))
    assert found.code == "not-a-number"
