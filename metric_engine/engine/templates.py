"""Jinja in metric files: rendered once, when the files are loaded, in a sandbox with strict undefined.

A rendered text remembers where each of its characters came from, so that an error in it is shown in the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

# What a `{{ … }}` printed stands between these two, until the origins are known.
OPENED, CLOSED = "\ue000", "\ue001"
PRINTED = re.compile(f"[{OPENED}{CLOSED}]")
MOST_CHARACTERS = 20_000
FILTERS = ("join", "lower", "map", "replace", "trim", "upper")
FAULTS = (TemplateError, ArithmeticError, TypeError, ValueError, RecursionError, MemoryError)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text and, for each of its characters, the offset in the template that it came from."""

    text: str
    origins: tuple[int, ...] | None = None

    def origin(self, offset: int) -> int:
        """The template's offset for an offset of the text; what a `{{ … }}` printed comes from its braces."""
        if self.origins is None:
            return offset
        return self.origins[min(offset, len(self.origins) - 1)] if self.origins else 0


class TemplateFault(Exception):
    """A template cannot be rendered: at which offset of it, with which code, and why."""

    def __init__(self, offset: int, code: str, message: str) -> None:
        self.offset, self.code, self.message = offset, code, message
        super().__init__(message)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja without attributes that lead out, and without the means to fill the memory."""

    intercepted_binops = frozenset(("*", "**"))

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, finalize=marked, keep_trailing_newline=True)
        self.globals.clear()
        self.filters = {name: self.filters[name] for name in FILTERS}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if not isinstance(left, (int, float)) or not isinstance(right, (int, float)) or operator == "**":
            raise SecurityError(f"{operator} on these values is not allowed in a template")
        return super().call_binop(context, operator, left, right)

    def compile_macros(self, text: str) -> Mapping[str, Any]:
        """The macros that a file of macros defines, by name. May raise TemplateFault."""
        try:
            module = self.from_string(text).module
        except FAULTS as error:
            raise fault(error, text) from error
        return {name: value for name, value in vars(module).items() if not name.startswith("_")}


def is_template(text: str) -> bool:
    return "{{" in text or "{%" in text or "{#" in text


def render(sandbox: Sandbox, text: str, names: Mapping[str, Any]) -> Rendered:
    """Render a template with these names in sight; text without Jinja stays as it is.

    Raises TemplateFault.
    """
    if not is_template(text):
        return Rendered(text)
    try:
        template: Template = sandbox.from_string(text)
        marked_text = template.render(names)
    except FAULTS as error:
        raise fault(error, text) from error
    if len(marked_text) > MOST_CHARACTERS:
        raise TemplateFault(0, "template-limits", f"the template makes more than {MOST_CHARACTERS:,} characters")
    return traced(marked_text, text)


def marked(value: Any) -> str:
    return f"{OPENED}{value}{CLOSED}"


def unmarked(text: str) -> str:
    return PRINTED.sub("", text)


def traced(marked_text: str, template: str) -> Rendered:
    """Take the marks out of a rendered text and note where each character came from.

    Literal text is looked for in the template from where the last piece ended; a printed piece belongs to the
    next `{{` there.
    """
    text: list[str] = []
    origins: list[int] = []
    depth, at = 0, 0
    for piece in re.split(f"([{OPENED}{CLOSED}])", marked_text):
        if piece == OPENED:
            if depth == 0:
                at = max(at, template.find("{{", at))
            depth += 1
        elif piece == CLOSED:
            depth -= 1
            if depth == 0:
                at = template.find("}}", at) + 2 or at
        elif depth:
            text.append(piece)
            origins.extend([at] * len(piece))
        else:
            found = template.find(piece, at)
            at = found if found >= 0 else at
            text.append(piece)
            origins.extend(range(at, at + len(piece)))
            at += len(piece)
    limit = max(len(template) - 1, 0)
    return Rendered("".join(text), tuple(min(origin, limit) for origin in origins))


def fault(error: Exception, template: str) -> TemplateFault:
    """Where a Jinja error stands in its template, and what it says."""
    message = str(error)
    if isinstance(error, TemplateSyntaxError):
        line_start = len("".join(template.splitlines(keepends=True)[: error.lineno - 1]))
        brace = re.compile(r"\{[{%#]").search(template, line_start)
        return TemplateFault(brace.start() if brace else line_start, "template-syntax", f"Jinja: {message}")
    if undefined := re.match(r"'([^']+)' is undefined", message):
        name = undefined[1]
        found = re.compile(rf"\{{[{{%][^}}]*?\b{re.escape(name)}\b").search(template)
        return TemplateFault(found.end() - len(name) if found else 0, "undefined-name", f"{name!r} is not defined")
    code = "template-forbidden" if isinstance(error, SecurityError) else "template-error"
    return TemplateFault(max(template.find("{{"), 0), code, f"Jinja: {message}")
