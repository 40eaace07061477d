"""The names in a query, and what is wrong with them before any is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sqlglot import exp

from engine.faults import TextFault
from engine.language.parser import locate_node

NAME_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# PostgreSQL cuts longer names, to which the engine adds a prefix.
MAX_NAME_LENGTH = 50
# The prefix that `table('name')` writes into a query; an analyst cannot write it, so only declared tables can be read.
REFERENCE_PREFIX = "table:"


def get_from_items(select: exp.Select) -> Sequence[exp.Expr]:
    """Return the items of FROM and of the JOINs."""
    parts = (select.args.get("from_"), *select.args.get("joins", ()))
    return [each.this for each in parts if each is not None]


def get_source_name(node: exp.Expr) -> str:
    return node.alias_or_name.removeprefix(REFERENCE_PREFIX)


def find_incomplete_selects(query: exp.Query) -> Iterator[TextFault]:
    """Find a SELECT of nothing, a JOIN without FROM, and joins inside joins."""
    for select in query.find_all(exp.Select):
        if not select.selects:
            yield TextFault(locate_node(select), "sql-syntax", "the query selects nothing")
        elif select.args.get("joins") and select.args.get("from_") is None:
            yield TextFault(locate_node(select.args["joins"][0]), "sql-syntax", "FROM is missing before this JOIN")
    for table in query.find_all(exp.Table):
        if table.args.get("joins"):
            message = "joins stand one after the other, each with its ON; for another order write (SELECT …) AS name"
            yield TextFault(locate_node(table), "sql-forbidden", message)


def find_duplicate_names(query: exp.Query) -> Iterator[TextFault]:
    """Find sources of equal names, and results of equal names, which are ambiguous."""
    for select in query.find_all(exp.Select):
        with_ = select.args.get("with_")
        queries = with_.expressions if with_ is not None else ()
        yield from find_repeated_names("query", queries, [each.alias for each in queries])
        read = get_from_items(select)
        yield from find_repeated_names("table", read, [get_source_name(each) for each in read])
        named = [each for each in select.selects if each.output_name]
        yield from find_repeated_names("column", named, [each.output_name for each in named])


def find_repeated_names(what: str, nodes: Sequence[exp.Expr], names: Sequence[str]) -> Iterator[TextFault]:
    """Find names that occur twice; some databases ignore upper and lower case."""
    for index, (node, name) in enumerate(zip(nodes, names, strict=True)):
        if name.lower() in (each.lower() for each in names[:index]):
            called = repr(name) if name else "without a name"
            message = f"a second {what} {called}; give it a name of its own with AS"
            yield TextFault(locate_node(node), "ambiguous-column", message)


def find_bad_names(query: exp.Query) -> Iterator[TextFault]:
    """Find names of the analyst's that some database does not accept."""
    for node in query.find_all(exp.Alias, exp.TableAlias):
        identifier = node.args.get("alias" if isinstance(node, exp.Alias) else "this")
        if not isinstance(identifier, exp.Identifier):
            continue
        if not NAME_PATTERN.fullmatch(identifier.name):
            message = f"{identifier.name!r} is not a name; use letters, digits and _"
        elif len(identifier.name) > MAX_NAME_LENGTH:
            message = f"a name may have {MAX_NAME_LENGTH} characters, not {len(identifier.name)}"
        else:
            continue
        yield TextFault(locate_node(identifier), "bad-name", message)
