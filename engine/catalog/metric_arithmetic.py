"""The arithmetic between metrics that `derive` is."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from engine.faults import TextFault
from engine.language.parser import locate_node

DERIVE_NODES = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren, exp.Coalesce),
    *(exp.Literal, exp.Column, exp.Identifier),
)


def find_non_arithmetic(tree: exp.Expr) -> Iterator[TextFault]:
    message = "derive is arithmetic between metrics: + - * / and numbers, and coalesce(a, 0)"
    for node in tree.walk(prune=lambda each: not is_metric_arithmetic(each)):
        if not is_metric_arithmetic(node):
            yield TextFault(locate_node(node), "sql-forbidden", message)
    if not tree.find(exp.Column):
        yield TextFault(0, "no-metric", "derive names no metric, such as meta.spend / ga4.sessions")


def name_operand(column: exp.Column) -> str:
    """Return the key of the metric that a name with dots is."""
    return ".".join(part.name for part in column.parts)


def iter_required_keys(node: exp.Expr) -> Iterator[str]:
    """Yield the keys of the operands without which there is no value: outside of `coalesce`, or last in it."""
    if isinstance(node, exp.Column):
        yield name_operand(node)
        return
    children = node.expressions[-1:] if isinstance(node, exp.Coalesce) else node.iter_expressions()
    for child in children:
        yield from iter_required_keys(child)


def is_metric_arithmetic(node: exp.Expr) -> bool:
    return type(node) in DERIVE_NODES and not (isinstance(node, exp.Literal) and node.is_string)
