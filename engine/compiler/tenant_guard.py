"""Check each finished statement, independently of its builder, for the tenant on every scan.

A statement is parsed back from its text. Each physical table in it must be declared in the catalog, and the SELECT
that reads it must say `table.tenant = :tenant` as a conjunct of its own WHERE. What cannot be proved is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from engine.errors import UncoveredScan

TENANT_PARAMETER = "tenant"
# Functions that make rows from a bound parameter, and so read no table.
ROW_FUNCTIONS = frozenset(("json_each", "jsonb_array_elements"))


def check_tenant_predicates(sql: str, tenant_columns: Mapping[str, str], dialect: str) -> None:
    """Refuse a statement that may read rows of another tenant.

    `tenant_columns` gives the tenant's column of each physical table. Raises UncoveredScan.
    """
    try:
        statements = sqlglot.parse(sql, dialect=dialect)
    except SqlglotError as error:
        raise UncoveredScan("the statement cannot be read back") from error
    if len(statements) != 1 or not isinstance(statements[0], (exp.Select, exp.SetOperation)):
        raise UncoveredScan("a statement must be one query")
    for source in statements[0].find_all(exp.From, exp.Join):
        check_row_source(source.this)
    for table in statements[0].find_all(exp.Table):
        if not is_row_function(table) and not is_with_query(table):
            check_scan(table, tenant_columns)


def check_row_source(source: exp.Expr) -> None:
    """Refuse rows of anything but a table, a query or a function of bound parameters (UNNEST)."""
    if not isinstance(source, (exp.Table, exp.Subquery)) and source.find(exp.Column, exp.Table, exp.Select):
        raise UncoveredScan("rows are made of something else than tables and bound parameters")


def check_scan(table: exp.Table, tenant_columns: Mapping[str, str]) -> None:
    name = ".".join(part.name for part in table.parts)
    if name not in tenant_columns:
        raise UncoveredScan(f"table {name!r} is not declared, or with several tenant columns")
    select = table.find_ancestor(exp.Select)
    if select is None or not is_read_directly(select, table):
        raise UncoveredScan(f"table {name!r} is not read by a SELECT of its own")
    column = (table.alias_or_name, tenant_columns[name])
    if not any(is_tenant_equality(conjunct, column) for conjunct in iter_where_conjuncts(select)):
        raise UncoveredScan(f"the scan of table {name!r} lacks the tenant's predicate")


def is_read_directly(select: exp.Select, table: exp.Table) -> bool:
    """Whether the table is in FROM or an inner join, so that WHERE holds for each of its rows."""
    parent = table.parent
    if isinstance(parent, exp.From):
        return parent.parent is select
    return isinstance(parent, exp.Join) and parent.parent is select and not parent.side


def iter_where_conjuncts(select: exp.Select) -> Iterator[exp.Expr]:
    """Yield the conditions that WHERE joins by AND at its top level."""
    where = select.args.get("where")
    pending = [where.this] if where is not None else []
    while pending:
        condition = pending.pop()
        if isinstance(condition, exp.And):
            pending += [condition.this, condition.expression]
        else:
            yield condition


def is_tenant_equality(condition: exp.Expr, column: tuple[str, str]) -> bool:
    if not isinstance(condition, exp.EQ):
        return False
    sides = (condition.this, condition.expression)
    return any(is_column(one, column) and is_tenant_parameter(other) for one, other in (sides, sides[::-1]))


def is_column(node: exp.Expr, column: tuple[str, str]) -> bool:
    return isinstance(node, exp.Column) and (node.table, node.name) == column


def is_tenant_parameter(node: exp.Expr) -> bool:
    """Whether the node is the tenant's bound parameter, in any dialect's notation."""
    return (parameter := get_bound_parameter(node)) is not None and parameter.name == TENANT_PARAMETER


def get_bound_parameter(node: exp.Expr) -> exp.Expr | None:
    """Return the bound parameter that a node is, with or without a cast; None otherwise."""
    if isinstance(node, exp.Cast):
        node = node.this
    return node if isinstance(node, (exp.Placeholder, exp.Parameter)) else None


def is_row_function(table: exp.Table) -> bool:
    """Whether the table is a function that makes rows from bound parameters only."""
    function = table.this
    if not isinstance(function, exp.Func):
        return False
    name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()
    arguments = function.expressions
    return name.lower() in ROW_FUNCTIONS and all(get_bound_parameter(each) is not None for each in arguments)


def is_with_query(table: exp.Table) -> bool:
    """Whether the name is of a WITH query in scope: neither the query itself nor a later one."""
    if len(table.parts) > 1 or not isinstance(table.this, exp.Identifier):
        return False
    inner: exp.Expr = table
    for ancestor in iter_ancestors(table):
        with_ = ancestor.args.get("with_")
        if with_ is not None:
            for query in with_.expressions:
                if inner is with_ and any(each is query for each in (table, *iter_ancestors(table))):
                    break
                if query.alias == table.name:
                    return True
        inner = ancestor
    return False


def iter_ancestors(node: exp.Expr) -> Iterator[exp.Expr]:
    while node.parent is not None:
        node = node.parent
        yield node
