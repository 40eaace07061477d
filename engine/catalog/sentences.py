"""Sentences of insights.yaml: Jinja templates, compiled when the files are loaded, filled in with facts when asked.

They run in the sandbox of the metric files. Facts come in as values and never as templates, so that a campaign's name
with braces in it is a name with braces in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Template, nodes
from jinja2.runtime import Undefined

from engine.language.jinja import (
    MAX_CHARACTERS,
    TEMPLATE_ERRORS,
    Sandbox,
    TemplateFault,
    TemplateFaults,
    explain_template_error,
    format_scalar,
    iter_name_offsets,
)
from engine.suggestions import suggest_name

CONDITION = ("{% if ", " %}yes{% endif %}")
MOST_PRINTED = 2_000
NO_MARKUP = "markup or an address; a sentence is plain text"
# What a line's end before a `{% if … %}, and …` leaves.
# What is not plain text: markup, and addresses.
NOT_PLAIN = re.compile(
    r"</?\w[^<>]*>?|&#?\w+;|\*\*|__|`+|!?\[[^\[\]]*\]\([^()]*\)?|[<>\[\]{}\\]|\b[a-z][a-z0-9+.-]*://\S*"
    r"|\b(?:mailto|javascript|data|tel):\S+|\bwww\.\S+|\S+@\S+"
    r"|\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|co|ai|app|dev|info|biz|shop|store|site|online|xyz|link|ru|cn|de|uk|eu)\b\S*",
    re.IGNORECASE,
)
BLOCK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
BEFORE_MARK = re.compile(r" (?=[,.;:!?)](?:\s|$))")


class SentenceSandbox(Sandbox):
    """The sandbox without the marks of the origins: a sentence is read by people, not by the SQL parser."""

    def print_value(self, value: Any) -> str:
        text = str(value) if isinstance(value, Undefined) else format_scalar(value)
        return text[:MOST_PRINTED]

    def step(self) -> None:
        """Turns are not counted: a sentence's loops stand side by side, and go through short lists."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A compiled template. Thread-safe."""

    template: Template
    text: str

    def said(self, facts: Mapping[str, Any]) -> str:
        """The sentence with these facts, in one line, without spaces before commas. Raises TemplateFaults."""
        try:
            return BEFORE_MARK.sub("", " ".join(self.template.render(facts).split()))
        except TEMPLATE_ERRORS as error:
            raise TemplateFaults(explain_template_error(error, self.text)) from error


def compile_sentence(sandbox: Sandbox, text: str, fields: Mapping[str, Any]) -> Sentence:
    """Compile a sentence that uses these facts; `fields` are examples of them. Raises TemplateFaults."""
    if len(text) > MAX_CHARACTERS:
        raise TemplateFaults(TemplateFault(0, "template-limits", f"longer than {MAX_CHARACTERS:,} characters"))
    try:
        sandbox.refuse_undefined(text, fields)
        tree = sandbox.parse(text)
        faults = sorted(misnamed(tree, text, fields))
        if any(True for loop in tree.find_all(nodes.For) for _ in inner_loops(loop)):
            faults.append(
                TemplateFault(0, "template-forbidden", "Jinja: a loop in a loop is not allowed in a sentence")
            )
        if faults:
            raise TemplateFaults(*faults)
        template = sandbox.from_string(text)
    except TEMPLATE_ERRORS as error:
        raise TemplateFaults(explain_template_error(error, text)) from error
    return Sentence(template, text)


def compile_saying(sandbox: Sandbox, text: str, fields: Mapping[str, Any]) -> Sentence:
    """Compile a sentence as it is read: plain text, without markup and addresses. Raises TemplateFaults."""
    found = NOT_PLAIN.search(BLOCK.sub(lambda block: " " * len(block[0]), text))
    if found is not None:
        raise TemplateFaults(TemplateFault(found.start(), "template-forbidden", f"{found[0]!r} is {NO_MARKUP}"))
    return compile_sentence(sandbox, text, fields)


def compile_condition(sandbox: Sandbox, text: str, fields: Mapping[str, Any]) -> Sentence:
    """Compile a condition: a sentence that is empty unless it holds. Raises TemplateFaults."""
    before, after = CONDITION
    try:
        return compile_sentence(sandbox, f"{before}{text}{after}", fields)
    except TemplateFaults as faults:
        last = max(len(text) - 1, 0)
        moved = [
            TemplateFault(min(max(offset - len(before), 0), last), code, message)
            for offset, code, message in faults.faults
        ]
        raise TemplateFaults(*moved) from faults


def inner_loops(loop: nodes.For) -> Iterator[nodes.For]:
    for child in loop.body:
        if isinstance(child, nodes.For):
            yield child
        yield from child.find_all(nodes.For)


def misnamed(tree: nodes.Template, text: str, fields: Mapping[str, Any]) -> Iterator[TemplateFault]:
    """A fault for each `fact.field` that no fact of its kind has, at the field's name."""
    seen = set()
    for node in tree.find_all(nodes.Getattr):
        path = path_of(node)
        if path is None or path in seen:
            continue
        seen.add(path)
        *parents, name = path
        within = reached(fields, parents)
        if isinstance(within, Mapping) and name not in within:
            message = f"{'.'.join(parents)} has no {name!r}{suggest_name(name, within)}"
            yield TemplateFault(offset_of(text, path), "undefined-name", message)


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


def reached(fields: Mapping[str, Any], path: Sequence[str]) -> Any:
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
    dotted = re.compile(gap.join(map(re.escape, path[:-1])) + gap)
    for start in iter_name_offsets(text, path[0]):
        if (found := dotted.match(text, start)) and text.startswith(path[-1], found.end()):
            return found.end()
    return next(iter_name_offsets(text, path[0]), 0)
