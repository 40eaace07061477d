"""Expressions in standard SQL that names each column's dataset, and back to an expression over one table."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError

from engine.catalog.metrics import DerivedMetric, Metric, TableMetric
from engine.faults import TextFaults
from engine.language.expressions import Expression
from engine.language.functions import AGGREGATE_FUNCTIONS
from engine.language.parser import parse_expression
from engine.language.queries.names import REFERENCE_PREFIX
from engine.tables import Table

AGGREGATES_BY_NAME = {function.names[0]: function.node for function in AGGREGATE_FUNCTIONS}
# What standard SQL has no function for.
UNPORTABLE = (exp.DayOfWeekIso,)
PLAIN_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def write_metric_sql(metric: Metric, derivations: Mapping[str, str]) -> str | None:
    """Write the value of a metric of one series; None where SQL over rows cannot say it.

    `derivations` are the texts of derived metrics by their keys.
    """
    tree = build_metric_tree(metric, derivations)
    return None if tree is None or tree.find(*UNPORTABLE) else tree.sql()


def build_metric_tree(metric: Metric, derivations: Mapping[str, str]) -> exp.Expr | None:
    match metric:
        case TableMetric():
            return build_expression_tree(metric.series[0].expression, metric.table)
        case DerivedMetric():
            operands = {each.key: build_metric_tree(each, derivations) for each in metric.operands}
            return build_derived_tree(derivations[metric.key], operands)
    return None


def build_derived_tree(text: str, operands: Mapping[str, exp.Expr | None]) -> exp.Expr | None:
    """Build the arithmetic with each operand in the place of its key."""
    if None in operands.values():
        return None

    def replace_key(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Column):
            operand = operands[".".join(part.name for part in node.parts)]
            assert operand is not None
            return exp.Paren(this=operand.copy()) if isinstance(operand, exp.Binary) else operand.copy()
        return node

    return guard_divisions(parse_expression(text).transform(replace_key))


def write_expression_sql(expression: Expression, table: Table) -> str | None:
    tree = build_expression_tree(expression, table)
    return None if tree.find(*UNPORTABLE) else tree.sql()


def build_expression_tree(expression: Expression, table: Table) -> exp.Expr:
    """Build an aggregate expression, with what its rows must pass inside each aggregate."""

    def replace_placeholder(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Placeholder):
            return node
        aggregate = expression.aggregates[int(node.name)]
        argument = exp.Star() if aggregate.argument is None else qualify_columns(aggregate.argument, table.name)
        inner = exp.Distinct(expressions=[argument]) if aggregate.distinct else argument
        return AGGREGATES_BY_NAME[aggregate.function](this=inner)

    return guard_divisions(expression.tree.transform(replace_placeholder))


def qualify_columns(tree: exp.Expr, dataset: str) -> exp.Expr:
    """Return the tree with the dataset's name before each column."""

    def replace_column(node: exp.Expr) -> exp.Expr:
        return write_column(node.name, dataset) if isinstance(node, exp.Column) else node

    return tree.transform(replace_column)


def write_column(name: str, dataset: str) -> exp.Expr:
    return exp.column(write_identifier(name), table=write_identifier(dataset))


def write_identifier(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=not PLAIN_IDENTIFIER.fullmatch(name))


def guard_divisions(tree: exp.Expr) -> exp.Expr:
    """Return the tree with divisions that have a fraction, and no value where they divide by 0."""

    def guard_division(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Div) or isinstance(node.expression, exp.Nullif):
            return node
        left, right = node.this, node.expression
        if not (isinstance(left, exp.Mul) and left.this.sql() == "1.0"):
            left = exp.Mul(this=exp.Literal.number("1.0"), expression=wrap_operand(left))
        if isinstance(right, exp.Literal):
            return exp.Div(this=left, expression=right)
        return exp.Div(this=left, expression=exp.Nullif(this=right.unnest(), expression=exp.Literal.number(0)))

    return tree.transform(guard_division)


def wrap_operand(node: exp.Expr) -> exp.Expr:
    return exp.Paren(this=node) if isinstance(node, exp.Binary) else node


def write_query_sql(table: Table) -> str:
    """Write the query of a `sql:` table over physical tables."""
    return build_query_tree(table).sql(comments=False)


def build_query_tree(table: Table) -> exp.Query:
    tables = {each.name: each for each in table.reads}

    def replace_table(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Table) or not node.name.startswith(REFERENCE_PREFIX):
            return node
        read = tables[node.name.removeprefix(REFERENCE_PREFIX)]
        alias = exp.TableAlias(this=write_identifier(node.alias or read.name))
        if read.query is not None:
            return exp.Subquery(this=build_query_tree(read), alias=alias)
        written = exp.to_table(read.physical)
        written.set("alias", alias)
        return written

    assert table.query is not None
    tree = table.query.transform(replace_table)
    assert isinstance(tree, exp.Query)
    return tree


def read_dataset_sql(text: str, columns: Mapping[str, Mapping[str, str]]) -> tuple[str, str]:
    """Read an expression over one dataset; return the dataset and the expression without its name.

    `columns` are the columns of each dataset, by the field's name. Raises ValueError with the reason.
    """
    tree = parse_portable(text)
    datasets: set[str] = set()

    def replace_column(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Column):
            return node
        dataset = node.table or next((name for name, each in columns.items() if node.name in each), "")
        if dataset not in columns:
            raise ValueError(f"{node.sql()!r} is of no dataset")
        if node.name not in columns[dataset]:
            raise ValueError(f"{node.sql()!r} is no field that is carried over")
        datasets.add(dataset)
        return exp.column(write_identifier(node.name))

    written = tree.transform(replace_column)
    if len(datasets) > 1:
        raise ValueError(f"it is over the datasets {', '.join(sorted(datasets))}; derive: is made of metrics of one")
    dataset = datasets.pop() if datasets else next(iter(columns)) if len(columns) == 1 else ""
    if not dataset:
        raise ValueError("it names no field that would tell its dataset")
    return dataset, written.sql(normalize_functions="lower")


def parse_portable(text: str) -> exp.Expr:
    """Parse an expression of the language of metric files. Raises ValueError."""
    try:
        return parse_expression(text)
    except TextFaults as faults:
        raise ValueError(faults.faults[0].message) from None
    except SqlglotError as error:
        raise ValueError(str(error)) from None
