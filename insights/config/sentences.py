"""Sentences of insights.yaml: Jinja, parsed when the files are loaded and filled in with facts on request.

A sentence needs no more of Jinja than printing, `if`, `for` and comparisons. So its tree is walked, and no code is made
of it: that takes a fifth of the time, and facts stay values. A campaign's name with braces in it is a name.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from typing import Any, cast

from jinja2 import TemplateSyntaxError, nodes

from engine import (
    MAX_CHARACTERS,
    TEMPLATE_ERRORS,
    Sandbox,
    TextFault,
    TextFaults,
    explain_template_error,
    format_scalar,
    iter_name_offsets,
    suggest_name,
)
from insights.config.definitions import Kind, read_data
from insights.sanitize import find_markup

MOST_PRINTED = 2_000
MAX_SENTENCES = 1_000
NO_MARKUP = "markup or an address; a sentence is plain text"
MAY_BE_MISSING = "may be missing (see docs/insights.md): put an `{% if … %}` around it, or its fact into `about`"
BLOCK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
BEFORE_MARK = re.compile(r" (?=[,.;:!?)](?:\s|$))")
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lteq": operator.le,
    "in": lambda value, values: value in values,
    "ne": operator.ne,
    "gt": operator.gt,
    "gteq": operator.ge,
}
ALLOWED_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Const, nodes.Getattr),
    *(nodes.Getitem, nodes.Not, nodes.And, nodes.Or, nodes.Compare, nodes.Operand),
)
SANDBOX = Sandbox()
# What every sentence sees beside the facts; `known` has each fact's name, and whether it was measured at all.
COMMON = {"compared": "the previous 28 days", "against": "against the previous 28 days", "days": 28, "known": {}}
# How many examples there are of each kind of fact; the first has every field.
EXAMPLES = 4

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A parsed template. Thread-safe."""

    text: str
    tree: nodes.Template

    def render(self, facts: Fields) -> str:
        """Return the sentence with these facts, in one line, without spaces before commas. Raises TextFaults."""
        try:
            return BEFORE_MARK.sub("", " ".join("".join(self._write(self.tree.body, facts)).split()))
        except TEMPLATE_ERRORS as error:
            raise TextFaults(explain_template_error(error, self.text)) from error

    def _write(self, body: Sequence[nodes.Node], names: Fields) -> Iterator[str]:
        for node in body:
            if isinstance(node, nodes.If):
                branches = (each.body for each in (node, *node.elif_) if self._evaluate(each.test, names))
                yield from self._write(next(branches, node.else_), names)
            elif isinstance(node, nodes.For):
                values = self._evaluate(node.iter, names)
                for index in range(len(values)):
                    yield from self._write(node.body, enter_loop(node, values, index, names))
            elif isinstance(node, nodes.Output):
                for part in node.nodes:
                    value = part.data if isinstance(part, nodes.TemplateData) else self._evaluate(part, names)
                    yield format_scalar(value)[:MOST_PRINTED]

    def _evaluate(self, node: nodes.Node, names: Fields) -> Any:
        match node:
            case nodes.Name():
                return self._look_up(names, node.name, ())
            case nodes.Const():
                return node.value
            case nodes.Getattr() | nodes.Getitem():
                key = node.attr if isinstance(node, nodes.Getattr) else self._evaluate(node.arg, names)
                return self._look_up(self._evaluate(node.node, names), key, path_of(node.node) or ("this",))
            case nodes.Not():
                return not self._evaluate(node.node, names)
            case nodes.And() | nodes.Or():
                left = self._evaluate(node.left, names)
                return left if bool(left) == isinstance(node, nodes.Or) else self._evaluate(node.right, names)
            case nodes.Compare():
                values = [self._evaluate(each, names) for each in (node.expr, *(each.expr for each in node.ops))]
                pairs = zip(node.ops, values, values[1:], strict=False)
                return all(COMPARISONS[each.op](left, right) for each, left, right in pairs)
        raise TypeError(f"{type(node).__name__.lower()} has no value")

    def _look_up(self, within: Any, key: Any, path: tuple[str, ...]) -> Any:
        """Return the value of a key within what stands at the path, or of a name. Raises TextFaults."""
        try:
            return within[key]
        except (LookupError, TypeError) as error:
            where, name = ".".join(path), str(key)
            if isinstance(within, Mapping):
                said = f"{where} has no {name!r}" if path else f"{name!r} is not defined"
                offset = offset_of(self.text, (*path, name))
                fault = TextFault(offset, "undefined-name", said + suggest_name(name, within))
            else:
                fault = TextFault(offset_of(self.text, path), "template-error", f"{where} {MAY_BE_MISSING}")
            raise TextFaults(fault) from error

    def find_faults(self, node: nodes.Node, names: Fields) -> Iterator[TextFault]:
        """Yield a fault for all that a sentence may not do, and for what it names that these examples have not."""
        if not isinstance(node, ALLOWED_NODES):
            yield self._forbid(node, f"{type(node).__name__.lower()} is not allowed in a sentence")
            return
        if isinstance(node, nodes.For):
            if not isinstance(node.target, nodes.Name) or node.test or node.else_ or node.recursive:
                yield self._forbid(node, "a loop is `for name in list`, without more")
            if any(each.find(nodes.For) or isinstance(each, nodes.For) for each in node.body):
                yield self._forbid(node, "a loop in a loop is not allowed in a sentence")
            faults = list(self.find_faults(node.iter, names))
            yield from faults
            if faults:
                return
            names = enter_loop(node, self._evaluate(node.iter, names), 0, names)
        elif isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
            try:
                self._evaluate(node, names)
            except TextFaults as undefined:
                yield from undefined.faults
                return
        for child in node.iter_child_nodes():
            yield from self.find_faults(child, names)

    def _forbid(self, node: nodes.Node, message: str) -> TextFault:
        fault = explain_template_error(TemplateSyntaxError(message, node.lineno), self.text)
        return fault._replace(code="template-forbidden")


EMPTY = Sentence("", nodes.Template([]))


def enter_loop(node: nodes.For, values: Sequence[Any], index: int, names: Fields) -> Fields:
    loop = {"index": index + 1, "first": index == 0, "last": index == len(values) - 1}
    return {**names, getattr(node.target, "name", ""): values[index], "loop": loop}


@lru_cache(MAX_SENTENCES)
def parse_sentence(text: str, kinds: tuple[tuple[str, Kind], ...]) -> Sentence:
    """Parse a sentence, plain text, about facts of these kinds; it serves again on a reload. Raises TextFaults."""
    if len(text) > MAX_CHARACTERS:
        raise TextFaults(TextFault(0, "template-limits", f"longer than {MAX_CHARACTERS:,} characters"))
    if (found := find_markup(BLOCK.sub(lambda block: " " * len(block[0]), text))) is not None:
        raise TextFaults(TextFault(found.start(), "template-forbidden", f"{found[0]!r} is {NO_MARKUP}"))
    try:
        sentence = Sentence(text, SANDBOX.parse(text))
        faults = sorted(set(sentence.find_faults(sentence.tree, list_trials(dict(kinds), ())[0])))
    except TEMPLATE_ERRORS as error:
        raise TextFaults(explain_template_error(error, text)) from error
    if faults:
        raise TextFaults(*faults)
    return sentence


def path_of(node: nodes.Node) -> tuple[str, ...]:
    """The names of `a.b.c`; a place in a list adds none."""
    if isinstance(node, nodes.Name):
        return (node.name,)
    before = path_of(node.node) if isinstance(node, nodes.Getattr | nodes.Getitem) else ()
    return (*before, node.attr) if isinstance(node, nodes.Getattr) else before


def offset_of(text: str, path: Sequence[str]) -> int:
    gap = r"\s*(?:\[\s*\d+\s*\]\s*)?\.\s*"
    dotted = re.compile("".join(re.escape(name) + gap for name in path[:-1]))
    starts = list(iter_name_offsets(text, path[0]))
    ends = (found.end() for start in starts if (found := dotted.match(text, start)))
    return next((end for end in ends if text.startswith(path[-1], end)), starts[0] if starts else 0)


@cache
def read_examples() -> Mapping[Kind, Sequence[Fields]]:
    return cast("Mapping[Kind, Sequence[Fields]]", read_data("examples.yaml"))


def list_trials(kinds: Mapping[str, Kind], about: Collection[str]) -> list[Fields]:
    """What a sentence about these facts is tried out with; other facts may be none, but in the first trial."""
    trials: list[Fields] = []
    for index, others in product(range(EXAMPLES), (True, False)):
        there = {name: read_examples()[kind][index] for name, kind in kinds.items() if others or name in about}
        known = {name: name in there for name in kinds}
        trials.append({**COMMON, "known": known, **dict.fromkeys(kinds), **there})
    return trials
