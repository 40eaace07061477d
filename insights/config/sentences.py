"""Sentences of insights.yaml: Jinja templates, compiled when the files are loaded, filled in with facts when asked.

They run in the sandbox of the metric files. Facts come in as values and never as templates, so that a campaign's name
with braces in it is a name with braces in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from string import Formatter
from typing import Any

from jinja2 import Template, nodes
from jinja2.runtime import Undefined

from engine import (
    MAX_CHARACTERS,
    TEMPLATE_ERRORS,
    Reporter,
    Sandbox,
    TextFault,
    TextFaults,
    explain_template_error,
    format_scalar,
    iter_name_offsets,
    suggest_name,
)
from insights.config.definitions import LanguageDefinition, SentenceDefinition
from insights.config.fields import Fields
from insights.sanitize import find_markup

CONDITION = ("{% if ", " %}yes{% endif %}")
MOST_PRINTED = 2_000
NO_MARKUP = "markup or an address; a sentence is plain text"
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

    def render(self, facts: Mapping[str, Any]) -> str:
        """The sentence with these facts, in one line, without spaces before commas. Raises TextFaults."""
        try:
            return BEFORE_MARK.sub("", " ".join(self.template.render(facts).split()))
        except TEMPLATE_ERRORS as error:
            raise TextFaults(explain_template_error(error, self.text)) from error


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule's sentence in a language, and what is behind it."""

    say: Sentence
    because: Sentence | None = None


def compile_sentence(sandbox: Sandbox, text: str, fields: Mapping[str, Any]) -> Sentence:
    """Compile a sentence that uses these facts; `fields` are examples of them. Raises TextFaults."""
    if len(text) > MAX_CHARACTERS:
        raise TextFaults(TextFault(0, "template-limits", f"longer than {MAX_CHARACTERS:,} characters"))
    try:
        sandbox.refuse_undefined(text, fields)
        tree = sandbox.parse(text)
        faults = sorted(find_misnamed(tree, text, fields))
        if any(True for loop in tree.find_all(nodes.For) for _ in inner_loops(loop)):
            faults.append(TextFault(0, "template-forbidden", "Jinja: a loop in a loop is not allowed in a sentence"))
        if faults:
            raise TextFaults(*faults)
        template: Template = Template.from_code(sandbox, sandbox.compile(tree), {})
    except TEMPLATE_ERRORS as error:
        raise TextFaults(explain_template_error(error, text)) from error
    return Sentence(template, text)


def compile_saying(sandbox: Sandbox, text: str, fields: Mapping[str, Any]) -> Sentence:
    """Compile a sentence as it is read: plain text, without markup and addresses. Raises TextFaults."""
    found = find_markup(BLOCK.sub(lambda block: " " * len(block[0]), text))
    if found is not None:
        raise TextFaults(TextFault(found.start(), "template-forbidden", f"{found[0]!r} is {NO_MARKUP}"))
    return compile_sentence(sandbox, text, fields)


def compile_condition(sandbox: Sandbox, text: str, fields: Mapping[str, Any]) -> Sentence:
    """Compile a condition: a sentence that is empty unless it holds. Raises TextFaults."""
    before, after = CONDITION
    try:
        return compile_sentence(sandbox, f"{before}{text}{after}", fields)
    except TextFaults as faults:
        last = max(len(text) - 1, 0)
        moved = [
            TextFault(min(max(offset - len(before), 0), last), code, message) for offset, code, message in faults.faults
        ]
        raise TextFaults(*moved) from faults


def inner_loops(loop: nodes.For) -> Iterator[nodes.For]:
    for child in loop.body:
        if isinstance(child, nodes.For):
            yield child
        yield from child.find_all(nodes.For)


def find_misnamed(tree: nodes.Template, text: str, fields: Mapping[str, Any]) -> Iterator[TextFault]:
    """A fault for each `fact.field` that no fact of its kind has, at the field's name."""
    seen = set()
    for node in tree.find_all(nodes.Getattr):
        path = path_of(node)
        if path is None or path in seen:
            continue
        seen.add(path)
        *parents, name = path
        within = reach_field(fields, parents)
        if isinstance(within, Mapping) and name not in within:
            message = f"{'.'.join(parents)} has no {name!r}{suggest_name(name, within)}"
            yield TextFault(offset_of(text, path), "undefined-name", message)


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


def reach_field(fields: Mapping[str, Any], path: Sequence[str]) -> Any:
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


MAY_BE_MISSING = "what may be missing (see docs/insights.md) needs an `{% if … %}` around it, or a place in `about`"

Compile = Callable[[Sandbox, str, Fields], Sentence]


@dataclass(frozen=True, slots=True)
class Trial:
    """Tries the sentences of one rule out on examples of its facts; `fields` are all that they can name."""

    place: Reporter
    sandbox: Sandbox
    fields: Fields
    examples: Sequence[Mapping[str, Any]]

    def restrict(self, condition: Sentence) -> Trial:
        """The same with those examples for which the condition holds; with all of them, if it holds for none."""
        return replace(self, examples=[each for each in self.examples if condition.render(each)] or self.examples)

    def move_to(self, place: Reporter) -> Trial:
        """The same for the sentences at another place."""
        return replace(self, place=place)

    def compile_text(self, definition: SentenceDefinition) -> RuleText | None:
        say = self.compile("say", definition.say, compile_saying)
        because = self.compile("because", definition.because, compile_saying)
        return None if say is None else RuleText(say, because)

    def compile(self, key: str | tuple[str, ...], text: str | None, compiled: Compile) -> Sentence | None:
        """The sentence at `key`; None, and a diagnostic, where it cannot be said of every example."""
        if text is None:
            return None
        try:
            sentence = compiled(self.sandbox, text, self.fields)
            for said in {sentence.render(facts) for facts in self.examples}:
                if (found := find_markup(said)) is not None:
                    raise TextFaults(TextFault(0, "template-forbidden", f"it says {found[0]!r}, {NO_MARKUP}"))
        except TextFaults as faults:
            last = max(len(text) - 1, 0)
            remedies = {"template-error": f"; {MAY_BE_MISSING}"}
            bounded = [
                each._replace(offset=min(each.offset, last), message=each.message + remedies.get(each.code, ""))
                for each in faults.faults
            ]
            self.place.report_faults(TextFaults(*bounded), *((key,) if isinstance(key, str) else key))
            return None
        return sentence


def find_slots(text: str) -> set[str]:
    """The names in braces of a text. Raises ValueError where a brace is left open, or holds more than a name."""
    found = set()
    for _, name, specification, conversion in Formatter().parse(text):
        if name is not None:
            if not name.isidentifier() or specification or conversion:
                raise ValueError(f"{{{name}}} is not a name in braces")
            found.add(name)
    return found


def check_slots(place: Reporter, text: str, allowed: set[str], *at: str) -> bool:
    """Whether only what is allowed stands in braces, and no markup beside them; the rest is reported."""
    try:
        strange = sorted(find_slots(text) - allowed)
    except ValueError as error:
        place.report_at_value("wrong-value", f"{str(error)[:80]}; write a name in braces, such as {{member}}", *at)
        return False
    if strange:
        known = f"; there is {', '.join(sorted(allowed))}" if allowed else ""
        place.report_at_value("undefined-name", f"nothing is put in for {{{strange[0]}}}{known}", *at)
        return False
    if (markup := find_markup(text.format(**dict.fromkeys(allowed, "")))) is not None:
        place.report_at_value("template-forbidden", f"{markup[0]!r} is {NO_MARKUP}", *at)
    return markup is None


def check_words(place: Reporter, definition: LanguageDefinition, english: LanguageDefinition) -> None:
    """Report words that take something else than the English ones do."""
    for word, text in definition.words:
        check_slots(place, text, find_slots(getattr(english.words, word)), "words", word)
