"""Sentences of insights.yaml: Jinja, parsed when the files are loaded and filled in with facts on request.

A sentence needs no more of Jinja than printing, `if`, `for` and comparisons. So its tree is walked, and no code is made
of it: that takes a fifth of the time, and facts stay values. A campaign's name with braces in it is a name.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

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
from insights.sanitize import find_markup

MOST_PRINTED = 2_000
NO_MARKUP = "markup or an address; a sentence is plain text"
MAY_BE_MISSING = "may be missing (see docs/insights.md): put an `{% if … %}` around it, or its fact into `about`"
BLOCK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
BEFORE_MARK = re.compile(r" (?=[,.;:!?)](?:\s|$))")
COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda value, values: value in values,
}
ALLOWED_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.For, nodes.Name, nodes.Const, nodes.Getattr),
    *(nodes.Getitem, nodes.Not, nodes.And, nodes.Or, nodes.Compare, nodes.Operand),
)
LOOP = {"index": 1, "first": True, "last": True}
SANDBOX = Sandbox()

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
                for index, value in enumerate(values, 1):
                    loop = {"index": index, "first": index == 1, "last": index == len(values)}
                    yield from self._write(node.body, {**names, getattr(node.target, "name", ""): value, "loop": loop})
            elif isinstance(node, nodes.Output):
                for part in node.nodes:
                    value = part.data if isinstance(part, nodes.TemplateData) else self._evaluate(part, names)
                    yield format_scalar(value)[:MOST_PRINTED]

    def _evaluate(self, node: nodes.Node, names: Fields) -> Any:
        match node:
            case nodes.Name():
                return names[node.name]
            case nodes.Const():
                return node.value
            case nodes.Getattr() | nodes.Getitem():
                within = self._evaluate(node.node, names)
                key = node.attr if isinstance(node, nodes.Getattr) else self._evaluate(node.arg, names)
                try:
                    return within[key]
                except (LookupError, TypeError) as error:
                    path = path_of(node.node) or ("this",)
                    fault = TextFault(
                        offset_of(self.text, path), "template-error", f"{'.'.join(path)} {MAY_BE_MISSING}"
                    )
                    raise TextFaults(fault) from error
            case nodes.Not():
                return not self._evaluate(node.node, names)
            case nodes.And():
                return self._evaluate(node.left, names) and self._evaluate(node.right, names)
            case nodes.Or():
                return self._evaluate(node.left, names) or self._evaluate(node.right, names)
            case nodes.Compare():
                values = [self._evaluate(each, names) for each in (node.expr, *(each.expr for each in node.ops))]
                pairs = zip(node.ops, values, values[1:], strict=False)
                return all(COMPARISONS[each.op](left, right) for each, left, right in pairs)
        raise TypeError(f"{type(node).__name__.lower()} has no value")


def parse_sentence(text: str, fields: Fields) -> Sentence:
    """Parse a sentence, plain text, that uses these facts; `fields` are examples of them. Raises TextFaults."""
    if len(text) > MAX_CHARACTERS:
        raise TextFaults(TextFault(0, "template-limits", f"longer than {MAX_CHARACTERS:,} characters"))
    if (found := find_markup(BLOCK.sub(lambda block: " " * len(block[0]), text))) is not None:
        raise TextFaults(TextFault(found.start(), "template-forbidden", f"{found[0]!r} is {NO_MARKUP}"))
    try:
        tree = parse_tree(text)
        faults = sorted(set(find_faults(tree, text, fields)))
    except TEMPLATE_ERRORS as error:
        raise TextFaults(explain_template_error(error, text)) from error
    if faults:
        raise TextFaults(*faults)
    return Sentence(text, tree)


@lru_cache(maxsize=1_000)
def parse_tree(text: str) -> nodes.Template:
    """Parse a sentence once in a process: files are read again and again, and a tree is only ever walked."""
    return SANDBOX.parse(text)


def find_faults(node: nodes.Node, text: str, names: Fields) -> Iterator[TextFault]:
    """Yield a fault for all that a sentence may not do, and for each name and `fact.field` that there is not."""
    if not isinstance(node, ALLOWED_NODES):
        yield forbid_node(node, text, f"{type(node).__name__.lower()} is not allowed in a sentence")
    elif isinstance(node, nodes.For):
        if not isinstance(node.target, nodes.Name) or node.test or node.else_ or node.recursive:
            yield forbid_node(node, text, "a loop is `for name in list`, without more")
        if any(each.find(nodes.For) or isinstance(each, nodes.For) for each in node.body):
            yield forbid_node(node, text, "a loop in a loop is not allowed in a sentence")
        element = reach_field(names, path_of(node.iter) or ())
        names = {**names, getattr(node.target, "name", ""): element, "loop": LOOP}
    elif isinstance(node, nodes.Name | nodes.Getattr) and (path := path_of(node)):
        *parents, name = path
        within = reach_field(names, parents)
        if isinstance(within, Mapping) and name not in within:
            said = f"{'.'.join(parents)} has no {name!r}" if parents else f"{name!r} is not defined"
            yield TextFault(offset_of(text, path), "undefined-name", said + suggest_name(name, within))
    for child in node.iter_child_nodes():
        yield from find_faults(child, text, names)


def forbid_node(node: nodes.Node, text: str, message: str) -> TextFault:
    fault = explain_template_error(TemplateSyntaxError(message, node.lineno), text)
    return fault._replace(code="template-forbidden")


def path_of(node: nodes.Node) -> tuple[str, ...] | None:
    """The names of `a.b.c`; a place in a list adds none. None for what does not begin with a name."""
    match node:
        case nodes.Name():
            return (node.name,)
        case nodes.Getattr():
            before = path_of(node.node)
            return None if before is None else (*before, node.attr)
        case nodes.Getitem():
            return path_of(node.node)
    return None


def reach_field(fields: Fields, path: Sequence[str]) -> Any:
    """What stands at the path: of a list, its first element; None where there is nothing."""
    found: Any = fields
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(found, list):
            found = found[0] if found else None
    return found


def offset_of(text: str, path: Sequence[str]) -> int:
    """Where the last name of the path stands."""
    gap = r"\s*(?:\[\s*\d+\s*\]\s*)?\.\s*"
    dotted = re.compile("".join(re.escape(name) + gap for name in path[:-1]))
    starts = list(iter_name_offsets(text, path[0]))
    ends = (found.end() for start in starts if (found := dotted.match(text, start)))
    return next((end for end in ends if text.startswith(path[-1], end)), starts[0] if starts else 0)
