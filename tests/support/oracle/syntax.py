"""The SQL subset of the metric language, read by recursive descent into a small tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

AGGREGATES = frozenset({"sum", "count", "avg", "min", "max"})
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
class Literal:
    value: Fraction | str | bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table or, between metrics, a metric's key."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A scalar function or an operator, named by its sign."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Case:
    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`argument` is None for count(*)."""

    name: str
    argument: Node | None
    distinct: bool


Node = Literal | Column | Call | Case | Aggregate


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Call(arguments=arguments):
            return arguments
        case Case(branches=branches, otherwise=otherwise):
            return (*(part for branch in branches for part in branch), otherwise)
        case Aggregate(argument=argument):
            return () if argument is None else (argument,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from walk(child)


def columns(node: Node) -> list[str]:
    """The names that an expression uses, in order, each once."""
    return list(dict.fromkeys(part.name for part in walk(node) if isinstance(part, Column)))


def parse(text: str) -> Node:
    """Raises ValueError, with the rest of the text, where the subset ends."""
    parser = Parser(text)
    node = parser.disjunction()
    if parser.kind is not None:
        raise ValueError(f"{text!r}: did not expect {parser.token!r}")
    return node


class Parser:
    """Stands on one token of the text: `kind` is None at its end."""

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

    def disjunction(self) -> Node:
        node = self.conjunction()
        while self.take("or"):
            node = Call("or", (node, self.conjunction()))
        return node

    def conjunction(self) -> Node:
        node = self.negation()
        while self.take("and"):
            node = Call("and", (node, self.negation()))
        return node

    def negation(self) -> Node:
        if self.take("not"):
            return Call("not", (self.negation(),))
        return self.predicate()

    def predicate(self) -> Node:
        node = self.sum()
        while True:
            if self.at(*COMPARISONS):
                sign = self.advance()
                node = Call("<>" if sign == "!=" else sign, (node, self.sum()))
            elif self.take("is"):
                negated = self.take("not")
                self.expect("null")
                node = negate(Call("is null", (node,)), negated)
            elif self.at("not", "in", "between", "like"):
                negated = self.take("not")
                node = negate(self.membership(node), negated)
            else:
                return node

    def membership(self, node: Node) -> Node:
        if self.take("in"):
            self.expect("(")
            return Call("in", (node, *self.listed()))
        if self.take("between"):
            low = self.sum()
            self.expect("and")
            return Call("and", (Call(">=", (node, low)), Call("<=", (node, self.sum()))))
        self.expect("like")
        return Call("like", (node, self.sum()))

    def sum(self) -> Node:
        node = self.product()
        while self.at("+", "-", "||"):
            node = Call(self.advance(), (node, self.product()))
        return node

    def product(self) -> Node:
        node = self.signed()
        while self.at("*", "/", "%"):
            node = Call(self.advance(), (node, self.signed()))
        return node

    def signed(self) -> Node:
        if self.take("-"):
            return Call("negative", (self.signed(),))
        if self.take("+"):
            return self.signed()
        return self.primary()

    def primary(self) -> Node:
        if self.take("("):
            node = self.disjunction()
            self.expect(")")
            return node
        if self.kind == "number":
            return Literal(Fraction(self.advance()))
        if self.kind == "text":
            return Literal(self.advance()[1:-1].replace("''", "'"))
        if self.kind == "quoted":
            return Column(self.advance()[1:-1].replace('""', '"'))
        if self.kind != "word":
            raise ValueError(f"{self.text!r}: expected a value instead of {self.token!r}")
        return self.named()

    def named(self) -> Node:
        word = self.advance()
        name = word.lower()
        if name in ("null", "true", "false"):
            return Literal({"null": None, "true": True, "false": False}[name])
        if name == "case":
            return self.case()
        if not self.take("("):
            return Column(word)
        if name in AGGREGATES:
            return self.aggregate(name)
        return Call(name, self.listed())

    def aggregate(self, name: str) -> Aggregate:
        if name == "count" and self.take("*"):
            self.expect(")")
            return Aggregate(name, None, distinct=False)
        distinct = self.take("distinct")
        argument = self.disjunction()
        self.expect(")")
        return Aggregate(name, argument, distinct=distinct)

    def listed(self) -> tuple[Node, ...]:
        """What stands between an opened parenthesis and its end."""
        found: list[Node] = []
        while not self.take(")"):
            if found:
                self.expect(",")
            found.append(self.disjunction())
        return tuple(found)

    def case(self) -> Case:
        subject = None if self.at("when") else self.disjunction()
        branches = []
        while self.take("when"):
            when = self.disjunction()
            self.expect("then")
            condition = when if subject is None else Call("=", (subject, when))
            branches.append((condition, self.disjunction()))
        otherwise = self.disjunction() if self.take("else") else Literal(None)
        self.expect("end")
        return Case(tuple(branches), otherwise)


def negate(node: Node, negated: bool) -> Node:
    return Call("not", (node,)) if negated else node
