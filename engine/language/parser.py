"""An analyst's SQL as a sqlglot tree of which every node is on the allow-list.

The allow-list is the table of functions and the nodes below: no subquery in an expression, no window function, no
comment, no second statement, no other function.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parser import Parser
from sqlglot.tokenizer_core import Token, TokenType
from sqlglot.tokens import Tokenizer

from engine.faults import TextFault, TextFaults, raise_if_any
from engine.language.function_entry import SqlFunction
from engine.language.functions import AGGREGATES, FUNCTIONS, MAX_ARGUMENTS, RANKS, find_function
from engine.language.lexer import find_call_before, make_forbidden_function_fault, tokenize_sql
from engine.language.remedies import CLAUSE_REMEDIES, suggest_instead

MAX_OPERATORS = 200

OPERATOR_NODES: tuple[type[exp.Expr], ...] = (
    *(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren),
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.And, exp.Or, exp.Not),
    *(exp.Is, exp.In, exp.Between, exp.Like, exp.Case, exp.Cast),
)
LEAF_NODES: tuple[type[exp.Expr], ...] = (
    *(exp.Column, exp.Identifier, exp.Literal, exp.Null, exp.Boolean, exp.DataType, exp.DataTypeParam),
)
# What may stand in an expression beside functions, and what in a query.
EXPRESSION_NODES = frozenset((*OPERATOR_NODES, *LEAF_NODES, exp.Distinct, exp.Star))
QUERY_NODES = EXPRESSION_NODES | {
    *(exp.Select, exp.From, exp.Join, exp.Where, exp.Group, exp.Having, exp.With, exp.CTE),
    *(exp.Subquery, exp.Table, exp.TableAlias, exp.Alias, exp.Union),
}
CAST_TYPES = frozenset(
    (
        *(exp.DType.DATE, exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.INT, exp.DType.BIGINT),
        *(exp.DType.DOUBLE, exp.DType.FLOAT, exp.DType.DECIMAL),
    )
)
TEXT_TYPES = (exp.DType.TEXT, exp.DType.VARCHAR)
CAST_NAMES = "date, text, int, bigint, double or decimal"
CLAUSE_NAMES: dict[type[exp.Expr], str] = {
    exp.Order: "ORDER BY",
    exp.Limit: "LIMIT",
    exp.Offset: "OFFSET",
    exp.Fetch: "FETCH",
    exp.Qualify: "QUALIFY",
    exp.Lateral: "LATERAL",
}
IS_REMEDY = "is takes null, true or false; compare values with ="
VARIADIC_FUNCTIONS = {"max": "greatest", "min": "least"}
# Arguments of a node that change what it means and that no expression needs.
FORBIDDEN_ARGUMENTS: dict[type[exp.Expr], tuple[str, ...]] = {
    exp.Cast: ("format", "default", "action"),
    exp.Group: ("all", "totals"),
    exp.Join: ("method", "global_"),
    exp.Select: ("kind",),
    exp.Table: ("only", "version"),
    exp.Trim: ("position", "collation"),
    exp.Union: ("distinct", "by_name", "side", "kind", "on"),
    exp.With: ("recursive",),
}

FORBIDDEN_REMEDIES: dict[tuple[type[exp.Expr], str], str] = {
    (exp.Trim, "position"): "only trim(x) is allowed, which takes blanks away at both ends",
    (exp.Join, "method"): "this JOIN is not allowed; write JOIN … USING (…)",
    (exp.Union, "distinct"): "UNION leaves out rows that are equal; write UNION ALL",
    **dict.fromkeys(
        ((exp.Union, name) for name in ("by_name", "side", "kind", "on")), "only UNION ALL is allowed here"
    ),
    (exp.Group, "all"): "ALL is not allowed here; name what the rows are grouped by",
}

AS_AT_END = re.compile(r"\bas\s+[`\"]?$", re.IGNORECASE)
CALL = re.compile(r"(\w+)\s*\(")


# Words with which sqlglot begins to read a statement.
STATEMENT_TOKENS = frozenset((*Parser.STATEMENT_PARSERS, *Tokenizer.COMMANDS))
ONE_SELECT = "a `sql:` table is one SELECT, or several joined by UNION ALL, and nothing else"


def parse_expression(text: str) -> exp.Expr:
    """Parse an expression in which every node is on the allow-list. Raises TextFaults."""
    tokens = tokenize_sql(text, "an expression")
    raise_if_any(
        TextFault(token.start, "sql-subquery", "a query may not stand in an expression; name the table in `table:`")
        for token in tokens
        if token.token_type is TokenType.SELECT
    )
    if (first := find_statement(tokens)) is not None:
        word = first.text
        message = f'{word!r} begins a statement, which may not stand here; a column of that name is written "{word}"'
        raise TextFaults(TextFault(first.start, "sql-statement", message))
    tree = parse_tokens(text, tokens)
    raise_if_any(find_unlisted_nodes(tree, EXPRESSION_NODES, text, "an expression"))
    return tree


def parse_query(text: str) -> exp.Query:
    """Parse a SELECT, or several joined by UNION ALL, with every node on the allow-list. Raises TextFaults."""
    tokens = tokenize_sql(text, "a `sql:` table")
    if (first := find_statement(tokens)) is not None:
        raise TextFaults(TextFault(first.start, "sql-statement", ONE_SELECT))
    tree = parse_tokens(text, tokens)
    if not isinstance(tree, (exp.Select, exp.Union)):
        found = re.search(r"\b(intersect|except)\b", text, re.IGNORECASE)
        offset = found.start() if found and isinstance(tree, exp.SetOperation) else 0
        raise TextFaults(TextFault(offset, "sql-statement", ONE_SELECT))
    raise_if_any((*find_unlisted_nodes(tree, QUERY_NODES, text, "a `sql:` table"), *find_nested_queries(tree, text)))
    return tree


def find_statement(tokens: list[Token]) -> Token | None:
    """Find a word that begins a statement: at the start, or in a common table expression."""
    before: tuple[TokenType | None, TokenType | None] = (None, None)
    for token in tokens:
        begins = before in ((None, None), (TokenType.ALIAS, TokenType.L_PAREN))
        if begins and token.token_type in STATEMENT_TOKENS:
            return token
        before = (before[1], token.token_type)
    return None


def parse_tokens(text: str, tokens: list[Token]) -> exp.Expr:
    try:
        trees = [tree for tree in Parser().parse(tokens, text) if tree is not None]
    except ParseError as error:
        raise TextFaults(explain_parse_error(error, text, tokens)) from error
    except (SqlglotError, RecursionError, ValueError) as error:
        raise TextFaults(TextFault(0, "sql-syntax", "not a SQL expression: it cannot be read")) from error
    if len(trees) != 1:
        raise TextFaults(TextFault(0, "sql-syntax", "the expression is empty"))
    if measure_depth(trees[0]) > MAX_OPERATORS:
        message = f"more than {MAX_OPERATORS} operations in a row; make a `sql:` table of it"
        raise TextFaults(TextFault(0, "sql-limits", message))
    return name_percentiles(trees[0])


def name_percentiles(tree: exp.Expr) -> exp.Expr:
    """Put the node of its kind in place of each call of percentile(), which sqlglot does not know."""
    for call in [*tree.find_all(exp.Anonymous)]:
        if call.name.lower() == "percentile":
            argument, fraction, *more = [*call.expressions, None, None][: max(2, len(call.expressions))]
            named = exp.Quantile(this=argument, quantile=fraction, expressions=more)
            named.meta.update(call.meta)
            tree = named if call is tree else tree
            call.replace(named)
    return tree


def measure_depth(tree: exp.Expr) -> int:
    """Count the nodes from the root to the leaf that is farthest from it."""
    level, deepest = [tree], 0
    while level:
        level = [child for node in level for child in node.iter_expressions()]
        deepest += 1
    return deepest


def explain_parse_error(error: ParseError, text: str, tokens: list[Token]) -> TextFault:
    """Put sqlglot's error in an analyst's words, at its token."""
    first = error.errors[0] if error.errors else {}
    word = str(first.get("highlight") or "")
    line, column = int(first.get("line") or 1), int(first.get("col") or 1)
    end = sum(len(each) + 1 for each in text.split("\n")[: line - 1]) + column
    index = next((index for index, token in enumerate(tokens) if token.end + 1 == end), 0)
    if not tokens:
        return TextFault(0, "sql-syntax", "not a SQL expression")
    offset, description = tokens[index].start, str(first.get("description") or "")
    before = tokens[index - 1] if index else None
    if "number of provided arguments" in description and (call := find_call_before(tokens, index)) is not None:
        name = call.text.lower()
        return TextFault(call.start, "sql-forbidden", f"{name}() takes fewer arguments than these")
    if "Required keyword" in description and word == ")" and (call := find_call_before(tokens, index)) is not None:
        return TextFault(call.start, "sql-forbidden", f"{call.text.lower()}() takes more arguments than these")
    if "Required keyword" in description:
        return TextFault(
            offset, "sql-syntax", f"something is missing after {word!r}" if word else "something is missing"
        )
    if expected := re.match(r"Expect(ing|ed) (\S+)", description):
        side = "before" if expected[1] == "ing" and index + 1 < len(tokens) else "after"
        return TextFault(offset, "sql-syntax", f"{expected[2]} is missing {side} {word!r}")
    if word == "," and is_thousands(tokens[index - 1 : index + 2]):
        return TextFault(tokens[index - 1].start, "sql-syntax", "a number has no separators; write 1000 for a thousand")
    if tokens[0].token_type not in (TokenType.SELECT, TokenType.WITH) and word.lower() in CLAUSE_REMEDIES:
        return TextFault(offset, "sql-syntax", f"{word!r} ends the expression; {CLAUSE_REMEDIES[word.lower()]}")
    # sqlglot reads a word after an expression as its alias, and a * after an operator as a column.
    if before and (before.token_type is TokenType.STAR or tokens[index].token_type is TokenType.L_PAREN):
        offset, word = before.start, before.text
    return TextFault(offset, "sql-syntax", f"unexpected {word!r}" if word else "not a SQL expression")


def is_thousands(tokens: list[Token]) -> bool:
    """Whether these three tokens are a number with a separator, such as 1,000."""
    if len(tokens) != 3:
        return False
    number, comma, digits = tokens
    adjacent = number.end + 1 == comma.start and comma.end + 1 == digits.start
    return adjacent and number.token_type is TokenType.NUMBER and re.fullmatch(r"\d{3}", digits.text) is not None


def find_unlisted_nodes(
    tree: exp.Expr, allowed: frozenset[type[exp.Expr]], text: str, inside: str
) -> Iterable[TextFault]:
    """Find the nodes that are not on the allow-list; the nodes inside one are left out."""

    def prune(node: exp.Expr) -> bool:
        return not is_listed(node) or (isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier))

    def is_listed(node: exp.Expr) -> bool:
        return type(node) in allowed or type(node) in FUNCTIONS

    for node in tree.walk(prune=prune):
        if not is_listed(node):
            yield explain_forbidden_node(node, text, inside)
            continue
        if isinstance(node, exp.Cast) and node.to.this not in CAST_TYPES:
            message = f"cast to {node.to.sql().lower()} is not allowed; cast to {CAST_NAMES}"
            yield TextFault(locate_cast_type(node, text), "sql-forbidden", message)
        elif isinstance(node, exp.Cast) and node.to.this in TEXT_TYPES and node.to.expressions:
            message = "a length is not allowed here, since not every database cuts the text; write substring(…)"
            yield TextFault(locate_cast_type(node, text), "sql-forbidden", message)
        if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
            yield TextFault(locate_node(node), "sql-forbidden", "* may stand only in count(*); name the column")
        if isinstance(node, exp.Distinct) and not isinstance(node.parent, exp.Select):
            yield from find_wrong_distinct(node)
        if isinstance(node, exp.Table) and not isinstance(node.this, exp.Identifier):
            yield TextFault(
                locate_node(node), "sql-forbidden", "a table function is not allowed; read a declared table"
            )
        if isinstance(node, exp.Count) and node.this is None:
            yield TextFault(locate_node(node), "sql-syntax", "count() counts nothing; write count(*)")
        elif (function := find_function(node)) is not None:
            yield from find_wrong_argument_count(node, function, text)
        if isinstance(node, exp.Is) and not isinstance(node.expression, (exp.Null, exp.Boolean)):
            yield TextFault(locate_keyword("IS", text, locate_node(node.expression)), "sql-forbidden", IS_REMEDY)
        if isinstance(node, exp.In) and not node.expressions and not node.args.get("query"):
            message = (
                "the values of in stand in brackets: in ('a', 'b')"
                if node.args.get("field")
                else "in () names no value"
            )
            yield TextFault(locate_keyword("IN", text, locate_node(node), after=True), "sql-syntax", message)
        if isinstance(node, exp.TableAlias) and node.columns:
            message = "columns may not be renamed here; rename them in their SELECT with AS"
            yield TextFault(locate_node(node.columns[0]), "sql-forbidden", message)
        for argument in FORBIDDEN_ARGUMENTS.get(type(node), ()):
            if node.args.get(argument):
                is_union = isinstance(node, exp.Union)
                word = "UNION" if is_union else argument.strip("_").upper()
                message = FORBIDDEN_REMEDIES.get((type(node), argument), f"{word} is not allowed here")
                code = "sql-statement" if is_union else "sql-forbidden"
                yield TextFault(locate_keyword(word, text, locate_node(node)), code, message)


def find_wrong_distinct(node: exp.Distinct) -> Iterable[TextFault]:
    """Find a DISTINCT that is not the only argument of an aggregate."""
    if isinstance(node.parent, RANKS):
        yield TextFault(
            locate_node(node), "sql-forbidden", "a median or percentile is of all values, not of different ones"
        )
    elif not isinstance(node.parent, AGGREGATES):
        message = "distinct may stand only in an aggregate, such as count(distinct x)"
        yield TextFault(locate_node(node), "sql-forbidden", message)
    elif len(node.expressions) != 1:
        yield TextFault(locate_node(node), "sql-forbidden", "distinct takes one column")


def find_wrong_argument_count(node: exp.Expr, function: SqlFunction, text: str) -> Iterable[TextFault]:
    """Find a call with more or fewer arguments than the function takes."""
    if isinstance(node, RANKS) and isinstance(node.this, exp.Distinct):
        # Refused for that already; sqlglot reads all arguments as the values of DISTINCT.
        return
    least, most = function.argument_counts
    values = [value for value in node.args.values() if isinstance(value, (exp.Expr, list))]
    given = sum(len(value) if isinstance(value, list) else 1 for value in values)
    if not least <= given <= most:
        offset, name = locate_call(node, text)
        wanted = f"at least {least}" if most == MAX_ARGUMENTS else f"{least} or {most}" if least < most else str(most)
        several = (
            f"; {VARIADIC_FUNCTIONS[name]}() compares several" if given > most and name in VARIADIC_FUNCTIONS else ""
        )
        message = f"{name}() takes {wanted} argument{'s' if most > 1 else ''}, not {given}{several}"
        yield TextFault(offset, "sql-forbidden", message)


def find_nested_queries(tree: exp.Query, text: str) -> Iterable[TextFault]:
    """Find the SELECTs that stand elsewhere than in FROM, JOIN and WITH."""
    for query in tree.find_all(exp.Select):
        inner: exp.Expr = query
        while isinstance(inner.parent, (exp.Subquery, exp.Union)):
            inner = inner.parent
        outer = inner.parent
        joined = isinstance(outer, exp.Join) and inner.arg_key == "this"
        # What is refused as a whole, such as LATERAL, is not refused again for what is in it.
        if type(outer) in QUERY_NODES and not joined and not isinstance(outer, (exp.CTE, exp.From)):
            offset = locate_keyword("SELECT", text, locate_node(query))
            yield TextFault(offset, "sql-subquery", "a subquery may stand in FROM, JOIN or WITH only")


def explain_forbidden_node(node: exp.Expr, text: str, inside: str) -> TextFault:
    """Tell why a node is refused, by the name that an analyst has for it."""
    offset = locate_node(node)
    if isinstance(node, exp.WithinGroup) and type(node.this) in FUNCTIONS:
        message = "within group is not allowed; write percentile(x, 0.9)"
        return TextFault(locate_keyword("WITHIN GROUP", text, offset, after=True), "sql-forbidden", message)
    if isinstance(node, exp.WithinGroup):
        return explain_forbidden_node(node.this, text, inside)
    if isinstance(node, exp.Filter):
        message = "filter is not allowed; write sum(case when … then … end)"
        return TextFault(locate_keyword("FILTER", text, offset, after=True), "sql-forbidden", message)
    if isinstance(node, exp.Window):
        message = (
            "a window function is not allowed; a metric is an aggregate over the rows of its period, which "
            "`rolling: 7 days` and `to_date: month` let look back"
        )
        return TextFault(locate_keyword("OVER", text, offset, after=True), "sql-window", message)
    if isinstance(node, exp.Alias):
        alias = node.args["alias"]
        if not AS_AT_END.search(text[: locate_node(alias)]):
            # sqlglot takes a word after an expression for its name.
            message = f"unexpected {alias.name!r}; an operator is missing before it, or quotes around a text"
            return TextFault(locate_node(alias), "sql-syntax", message)
        message = "AS is not allowed here; a series is named by its key"
        return TextFault(locate_keyword("AS", text, locate_node(node.args["alias"])), "sql-forbidden", message)
    if isinstance(node, exp.Func) and not isinstance(node, exp.Binary):
        return make_forbidden_function_fault(*locate_call(node, text))
    if isinstance(node, exp.Command | exp.DDL | exp.DML):
        return TextFault(offset, "sql-statement", f"a statement may not stand in {inside}")
    if type(node) in CLAUSE_NAMES:
        word = CLAUSE_NAMES[type(node)]
        return TextFault(locate_keyword(word, text, offset), "sql-forbidden", f"{word} is not allowed in {inside}")
    name = format_node_name(node)
    return TextFault(
        locate_keyword(name, text, offset), "sql-forbidden", f"{name} is not allowed in {inside}{suggest_instead(name)}"
    )


def locate_call(node: exp.Expr, text: str) -> tuple[int, str]:
    """Return the offset of a function's name, and the name as it is written."""
    offset = locate_node(node)
    if node.meta_get("start") is not None:
        written = CALL.match(text, offset)
    else:
        # The parser remembers what is in the parentheses only.
        *_, written = (None, *CALL.finditer(text, 0, offset))
    return (written.start(), written[1].lower()) if written else (offset, format_node_name(node))


def format_node_name(node: exp.Expr) -> str:
    """Format the name of a node in words: `PercentileCont` is `percentile cont`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(node).__name__).lower()


def locate_keyword(word: str, text: str, offset: int, *, after: bool = False) -> int:
    """Return where a keyword stands: the last up to the offset, or the first after it.

    Without such a keyword it is the offset itself.
    """
    found = [match.start() for match in re.finditer(rf"\b{word}\b".replace(" ", r"\s+"), text, re.IGNORECASE)]
    before = [start for start in found if start <= offset]
    following = [start for start in found if start > offset]
    return (following[:1] or [offset])[0] if after else (before[-1:] or following[:1] or [offset])[0]


def locate_cast_type(node: exp.Cast, text: str) -> int:
    """Return where the type of a cast stands: behind its AS, not that of a cast inside it."""
    inner = sum(1 for _ in node.this.find_all(exp.Cast))
    found = [match.end() for match in re.finditer(r"\bas\s+|::\s*", text, re.IGNORECASE)]
    behind = [end for end in found if end > locate_node(node.this)]
    return behind[inner] if inner < len(behind) else locate_node(node)


def locate_node(node: exp.Expr) -> int:
    """Return the offset of the first character of a node that the parser remembers."""
    starts = [start for found in node.walk() if (start := found.meta_get("start")) is not None]
    if starts:
        return int(min(starts))
    parent = node.parent
    return locate_node(parent) if parent is not None else 0
