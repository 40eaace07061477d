"""A recursive descent parser for the SQL subset of the metric language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

AGGREGATES = frozenset({"sum", "count", "avg", "min", "max", "median", "percentile", "quantile"})
COMPARISONS = frozenset({"=", "<>", "!=", "<", "<=", ">", ">="})
TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+)
      | (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<word>[^\W\d]\w*(?:\.[^\W\d]\w*)*)
      | (?P<sign><>|!=|<=|>=|\|\||[-+*/%(),=<>])
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class OracleLiteral:
    value: Fraction | str | bool | None


@dataclass(frozen=True, slots=True)
class OracleColumn:
    """A column of the table or, in a derived metric, a metric's key."""

    name: str


@dataclass(frozen=True, slots=True)
class OracleCall:
    """A scalar function or an operator, which has its sign as name."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class OracleCase:
    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node


@dataclass(frozen=True, slots=True)
class OracleAggregate:
    """An aggregate; `argument` is None for count(*), `part` of the way is what a percentile says."""

    name: str
    argument: Node | None
    distinct: bool
    part: Fraction | None = None


Node = OracleLiteral | OracleColumn | OracleCall | OracleCase | OracleAggregate


def list_children(node: Node) -> tuple[Node, ...]:
    match node:
        case OracleCall(arguments=arguments):
            return arguments
        case OracleCase(branches=branches, otherwise=otherwise):
            return (*(part for branch in branches for part in branch), otherwise)
        case OracleAggregate(argument=argument):
            return () if argument is None else (argument,)
    return ()


def walk_nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in list_children(node):
        yield from walk_nodes(child)


def list_columns(node: Node) -> list[str]:
    """List the column names of an expression, in order, each once."""
    return list(dict.fromkeys(part.name for part in walk_nodes(node) if isinstance(part, OracleColumn)))


def parse_expression(text: str) -> Node:
    """Parse an expression. Raises ValueError, with the rest of the text, for unsupported syntax."""
    parser = OracleParser(text)
    node = parser.parse_disjunction()
    if parser.kind is not None:
        raise ValueError(f"{text!r}: did not expect {parser.token!r}")
    return node


class OracleParser:
    """A parser at one token of the text; `kind` is None at the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.kind: str | None = None
        self.token = ""
        self.advance()

    def advance(self) -> str:
        passed = self.token
        rest = self.text[self.position :]
        if not rest.strip():
            self.kind, self.token = None, ""
            return passed
        found = TOKEN.match(rest)
        if found is None:
            raise ValueError(f"{self.text!r}: cannot read {rest!r}")
        self.position += found.end()
        self.kind = found.lastgroup
        self.token = found[found.lastgroup or 0]
        return passed

    def at(self, *words: str) -> bool:
        return self.kind in ("word", "sign") and self.token.lower() in words

    def take(self, *words: str) -> bool:
        if self.at(*words):
            self.advance()
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise ValueError(f"{self.text!r}: expected {word!r} instead of {self.token!r}")

    def parse_disjunction(self) -> Node:
        node = self.parse_conjunction()
        while self.take("or"):
            node = OracleCall("or", (node, self.parse_conjunction()))
        return node

    def parse_conjunction(self) -> Node:
        node = self.parse_negation()
        while self.take("and"):
            node = OracleCall("and", (node, self.parse_negation()))
        return node

    def parse_negation(self) -> Node:
        if self.take("not"):
            return OracleCall("not", (self.parse_negation(),))
        return self.parse_predicate()

    def parse_predicate(self) -> Node:
        node = self.parse_sum()
        while True:
            if self.at(*COMPARISONS):
                sign = self.advance()
                node = OracleCall("<>" if sign == "!=" else sign, (node, self.parse_sum()))
            elif self.take("is"):
                negated = self.take("not")
                self.expect("null")
                node = negate_node(OracleCall("is null", (node,)), negated)
            elif self.at("not", "in", "between", "like"):
                negated = self.take("not")
                node = negate_node(self.parse_membership(node), negated)
            else:
                return node

    def parse_membership(self, node: Node) -> Node:
        if self.take("in"):
            self.expect("(")
            return OracleCall("in", (node, *self.parse_list()))
        if self.take("between"):
            low = self.parse_sum()
            self.expect("and")
            return OracleCall("and", (OracleCall(">=", (node, low)), OracleCall("<=", (node, self.parse_sum()))))
        self.expect("like")
        return OracleCall("like", (node, self.parse_sum()))

    def parse_sum(self) -> Node:
        node = self.parse_product()
        while self.at("+", "-", "||"):
            node = OracleCall(self.advance(), (node, self.parse_product()))
        return node

    def parse_product(self) -> Node:
        node = self.parse_signed()
        while self.at("*", "/", "%"):
            node = OracleCall(self.advance(), (node, self.parse_signed()))
        return node

    def parse_signed(self) -> Node:
        if self.take("-"):
            return OracleCall("negative", (self.parse_signed(),))
        if self.take("+"):
            return self.parse_signed()
        return self.parse_primary()

    def parse_primary(self) -> Node:
        if self.take("("):
            node = self.parse_disjunction()
            self.expect(")")
            return node
        if self.kind == "number":
            return OracleLiteral(Fraction(self.advance()))
        if self.kind == "text":
            return OracleLiteral(self.advance()[1:-1].replace("''", "'"))
        if self.kind == "quoted":
            return OracleColumn(self.advance()[1:-1].replace('""', '"'))
        if self.kind != "word":
            raise ValueError(f"{self.text!r}: expected a value instead of {self.token!r}")
        return self.parse_name()

    def parse_name(self) -> Node:
        word = self.advance()
        name = word.lower()
        if name in ("null", "true", "false"):
            return OracleLiteral({"null": None, "true": True, "false": False}[name])
        if name == "case":
            return self.parse_case()
        if not self.take("("):
            return OracleColumn(word)
        if name in AGGREGATES:
            return self.parse_aggregate(name)
        return OracleCall(name, self.parse_list())

    def parse_aggregate(self, name: str) -> OracleAggregate:
        if name == "count" and self.take("*"):
            self.expect(")")
            return OracleAggregate(name, None, distinct=False)
        distinct = self.take("distinct")
        argument = self.parse_disjunction()
        part = Fraction(1, 2) if name == "median" else None
        if name in ("percentile", "quantile"):
            self.expect(",")
            part = Fraction(self.advance())
        self.expect(")")
        return OracleAggregate(name, argument, distinct=distinct, part=part)

    def parse_list(self) -> tuple[Node, ...]:
        """Parse the list after an open parenthesis, with its end."""
        found: list[Node] = []
        while not self.take(")"):
            if found:
                self.expect(",")
            found.append(self.parse_disjunction())
        return tuple(found)

    def parse_case(self) -> OracleCase:
        subject = None if self.at("when") else self.parse_disjunction()
        branches = []
        while self.take("when"):
            when = self.parse_disjunction()
            self.expect("then")
            condition = when if subject is None else OracleCall("=", (subject, when))
            branches.append((condition, self.parse_disjunction()))
        otherwise = self.parse_disjunction() if self.take("else") else OracleLiteral(None)
        self.expect("end")
        return OracleCase(tuple(branches), otherwise)


def negate_node(node: Node, negated: bool) -> Node:
    return OracleCall("not", (node,)) if negated else node
