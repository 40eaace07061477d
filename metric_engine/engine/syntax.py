"""SQL that an analyst writes → a sqlglot tree of which every node is on the allow-list.

What is not named here cannot be written: no subquery in an expression, no window function, no comment, no
second statement, no function that is not listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import TokenType
from sqlglot.tokens import Tokenizer

from metric_engine.engine.errors import did_you_mean, nearest_names

MOST_CHARACTERS = 10_000

AGGREGATES = (exp.Sum, exp.Count, exp.Avg, exp.Min, exp.Max)
AGGREGATE_NAMES = ("sum", "count", "avg", "min", "max")
FUNCTIONS: tuple[type[exp.Expr], ...] = (
    exp.Abs,
    exp.Ceil,
    exp.Coalesce,
    exp.Concat,
    exp.Date,
    exp.Exp,
    exp.Floor,
    exp.Greatest,
    exp.If,
    exp.Least,
    exp.Length,
    exp.Ln,
    exp.Lower,
    exp.Nullif,
    exp.Pow,
    exp.Replace,
    exp.Round,
    exp.Sqrt,
    exp.Substring,
    exp.Trim,
    exp.Upper,
)
FUNCTION_NAMES = (
    *AGGREGATE_NAMES,
    *("abs", "ceil", "coalesce", "concat", "date", "exp", "floor", "greatest", "if", "least", "length", "ln"),
    *("lower", "nullif", "pow", "power", "replace", "round", "sqrt", "substring", "substr", "trim", "upper"),
)
OPERATORS: tuple[type[exp.Expr], ...] = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren, exp.DPipe),
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.And, exp.Or, exp.Not),
    *(exp.Is, exp.In, exp.Between, exp.Like, exp.Case, exp.Cast),
)
LEAVES: tuple[type[exp.Expr], ...] = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.DataType, exp.DataTypeParam),
)
SCALAR = frozenset((*FUNCTIONS, *OPERATORS, *LEAVES))
EXPRESSION = SCALAR | {*AGGREGATES, exp.Distinct, exp.Star}
QUERY = EXPRESSION | {
    *(exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.With, exp.CTE),
    *(exp.Subquery, exp.Table, exp.TableAlias, exp.Alias),
}
CAST_TYPES = frozenset(
    (
        *(exp.DType.DATE, exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.INT, exp.DType.BIGINT),
        *(exp.DType.DOUBLE, exp.DType.DECIMAL),
    )
)
# Arguments of a node that change what it means and that no expression needs.
FORBIDDEN_ARGUMENTS: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Cast: ("format", "default", "action"),
    exp.Count: ("expressions",),
    exp.Group: ("all", "totals"),
    exp.In: ("field",),
    exp.Join: ("method", "global_"),
    exp.Round: ("truncate",),
    exp.Select: ("kind",),
    exp.Table: ("catalog", "db", "only", "version"),
    exp.Trim: ("expression", "position", "collation"),
    exp.With: ("recursive",),
}

QUOTED_OR_COMMENT = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--|/\*|'|\"""")


class Fault(NamedTuple):
    """A problem in a text: at which offset, with which code, and what to change."""

    offset: int
    code: str
    message: str


class Faults(Exception):
    """A text with problems: all that were found."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.message for fault in faults))


def parse_expression(text: str) -> exp.Expr:
    """One expression in which every node is on the allow-list. Raises Faults."""
    tree = parsed(text)
    refuse(unlisted(tree, EXPRESSION, text))
    return tree


def parse_query(text: str) -> exp.Select:
    """One SELECT in which every node is on the allow-list. Raises Faults."""
    tree = parsed(text)
    if not isinstance(tree, exp.Select):
        raise Faults(Fault(0, "sql-statement", "a `sql:` table is one SELECT and nothing else"))
    refuse((*unlisted(tree, QUERY, text), *nested_queries(tree)))
    return tree


def refuse(faults: Iterable[Fault]) -> None:
    if found := tuple(dict.fromkeys(faults)):
        raise Faults(*found)


def parsed(text: str) -> exp.Expr:
    refuse(surface(text))
    try:
        tokens = Tokenizer().tokenize(text)
        for token in tokens:
            if token.token_type is TokenType.SEMICOLON:
                raise Faults(Fault(token.start, "sql-statement", "a second statement; one expression is all"))
        trees = [tree for tree in Parser().parse(tokens, text) if tree is not None]
    except ParseError as error:
        raise Faults(parse_fault(error, text)) from error
    except (SqlglotError, RecursionError, ValueError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else "it cannot be read"
        raise Faults(Fault(0, "sql-syntax", f"not a SQL expression: {reason}")) from error
    if len(trees) != 1:
        raise Faults(Fault(0, "sql-syntax", "the expression is empty"))
    return trees[0]


def surface(text: str) -> Iterable[Fault]:
    """What can be told without parsing: the length, comments, an unclosed quote."""
    if len(text) > MOST_CHARACTERS:
        yield Fault(0, "sql-syntax", f"longer than {MOST_CHARACTERS:,} characters")
    for match in QUOTED_OR_COMMENT.finditer(text):
        if match[0] in ("--", "/*"):
            yield Fault(match.start(), "sql-comment", "a comment may not stand in SQL; use a YAML comment (#)")
            return
        if match[0] in ("'", '"'):
            yield Fault(match.start(), "sql-syntax", "this quote is never closed")
            return


def parse_fault(error: ParseError, text: str) -> Fault:
    """sqlglot's complaint in an analyst's words, at the token that it is about."""
    first = error.errors[0] if error.errors else {}
    token = str(first.get("highlight") or "")
    lines = text.split("\n")
    line, column = int(first.get("line") or 1), int(first.get("col") or 1)
    end = sum(len(each) + 1 for each in lines[: line - 1]) + column
    offset = max(0, end - len(token))
    description = str(first.get("description") or "")
    if "Required keyword" in description:
        return Fault(offset, "sql-syntax", f"something is missing at {token!r}" if token else "something is missing")
    if expected := re.match(r"Expect(?:ing|ed) (\S+)", description):
        return Fault(offset, "sql-syntax", f"{expected[1]!r} is missing after {token!r}")
    return Fault(offset, "sql-syntax", f"unexpected {token!r}" if token else "not a SQL expression")


def unlisted(tree: exp.Expr, allowed: frozenset[type[exp.Expr]], text: str) -> Iterable[Fault]:
    """A fault for every node that is not on the allow-list; what lies inside one is not looked at again."""

    def prune(node: exp.Expr) -> bool:
        return type(node) not in allowed

    for node in tree.walk(prune=prune):
        if type(node) not in allowed:
            yield not_allowed(node, text)
            continue
        if isinstance(node, exp.Cast) and node.to.this not in CAST_TYPES:
            yield Fault(start_of(node), "sql-forbidden", f"cast to {node.to.sql()} is not allowed")
        if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
            yield Fault(start_of(node), "sql-forbidden", "* may stand only in count(*); name the column")
        if isinstance(node, exp.Distinct) and not isinstance(node.parent, exp.Select) and len(node.expressions) != 1:
            yield Fault(start_of(node), "sql-forbidden", "distinct takes one column")
        if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
            yield Fault(start_of(node), "sql-forbidden", "a table function is not allowed; read a declared table")
        if isinstance(node, exp.Count) and node.this is None:
            yield Fault(start_of(node), "sql-syntax", "count() counts nothing; write count(*)")
        for argument in FORBIDDEN_ARGUMENTS.get(type(node), ()):
            if node.args.get(argument):
                yield Fault(start_of(node), "sql-forbidden", f"{argument.strip('_')} is not allowed here")


def nested_queries(tree: exp.Select) -> Iterable[Fault]:
    """A SELECT may stand in FROM, in JOIN and in WITH; not inside an expression."""
    for query in tree.find_all(exp.Subquery, exp.Select):
        if query is tree or isinstance(query.parent, (exp.Subquery, exp.CTE, exp.From)):
            continue
        if isinstance(query, exp.Subquery) and isinstance(query.parent, exp.Join) and query.arg_key == "this":
            continue
        yield Fault(start_of(query), "sql-subquery", "a subquery may stand in FROM, JOIN or WITH only")


def not_allowed(node: exp.Expr, text: str) -> Fault:
    """Why a node is refused, named as an analyst would name it."""
    offset = start_of(node)
    if isinstance(node, exp.Func) and not isinstance(node, exp.Binary):
        name = (str(node.this) if isinstance(node, exp.Anonymous) else node.sql_name()).lower()
        if written := re.match(r"\w+", text[offset:]):
            name = written[0].lower() if text[offset + written.end() :].lstrip().startswith("(") else name
        hint = did_you_mean(nearest_names(name, FUNCTION_NAMES, most=1))
        return Fault(offset, "forbidden-function", f"the function {name!r} is not allowed{hint}")
    if isinstance(node, exp.Query | exp.Exists):
        select = re.search(r"\bselect\b", text, re.IGNORECASE)
        return Fault(select.start() if select else offset, "sql-subquery", "a subquery is not allowed here")
    if isinstance(node, exp.Window):
        over = re.search(r"\bover\b", text[offset:], re.IGNORECASE)
        where = offset + over.start() if over else offset
        return Fault(where, "sql-window", "a window function is not allowed")
    if isinstance(node, exp.Placeholder | exp.Parameter | exp.SessionParameter):
        return Fault(offset, "sql-forbidden", "a placeholder is not allowed; write the value")
    if isinstance(node, exp.Alias):
        return Fault(offset, "sql-forbidden", "AS is not allowed here; a series is named by its key")
    if isinstance(node, exp.Command | exp.DDL | exp.DML):
        return Fault(offset, "sql-statement", "a statement is not an expression")
    return Fault(offset, "sql-forbidden", f"{spoken(node)} is not allowed in an expression")


def spoken(node: exp.Expr) -> str:
    """`PercentileCont` as `percentile cont`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).lower()


def start_of(node: exp.Expr) -> int:
    """The offset of the first character of a node that the parser remembers."""
    starts = [found.meta["start"] for found in node.walk() if "start" in found.meta]
    if starts:
        return int(min(starts))
    parent = node.parent
    return start_of(parent) if parent is not None else 0
