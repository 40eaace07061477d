"""Jinja in metric files, rendered once at load, in a sandbox with strict undefined.

A rendered text has the origin of each of its characters, so that its errors are shown in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from engine.faults import TextFault, TextFaults
from engine.files.document import is_template
from engine.suggestions import suggest_name

# The output of a `{{ … }}` stands between these two, until the origins are known.
MARK_START, MARK_END = "\ue000", "\ue001"
MARKS = re.compile(f"[{MARK_START}{MARK_END}]")
BLOCKS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
OPENING = re.compile(r"\{[{%#]")
BLOCK_TAG = re.compile(r"\{%[-+]?\s*(\w+)")
STRINGS = re.compile(r"'[^']*'|\"[^\"]*\"")
DEFINED_TEST = re.compile(r"\bis\s+(not\s+)?(un)?defined\b")
MACRO = re.compile(r"\{%[-+]?\s*macro\s+(\w+)")

MAX_CHARACTERS = 20_000
MAX_MARKED_CHARACTERS = 3 * MAX_CHARACTERS
MAX_NUMBER = 1e15
# For all templates of a folder together.
MAX_PRINTED_CHARACTERS = 5_000_000
MAX_STEPS = 50_000

LIST_NODES = (nodes.List, nodes.Tuple)
ALLOWED_TESTS = ("defined", "undefined", "none", "number", "string")
ALLOWED_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Operand, nodes.Keyword),
    *(nodes.Call, nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem, nodes.Macro, nodes.For, nodes.If),
    *(nodes.CondExpr, nodes.Compare, nodes.And, nodes.Or, nodes.Not, *LIST_NODES),
    *(nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Neg, nodes.Pos),
)
CLOSINGS = {"{{": "}}", "{%": "%}", "{#": "#}"}
NODE_NAMES = {"Assign": "set", "AssignBlock": "set", "Concat": "~", "FromImport": "import", "Pow": "**", "Mod": "%"}
TEMPLATE_ERRORS = (
    *(TemplateError, ArithmeticError, AssertionError, AttributeError, LookupError),
    *(RecursionError, MemoryError, SyntaxError, TypeError, ValueError),
)

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class RenderedText:
    """A text and, for each of its characters, the offset of its origin in the template."""

    text: str
    origins: tuple[int, ...] | None = None

    def get_origin(self, offset: int) -> int:
        """Return the origin of an offset; the output of a `{{ … }}` originates at its braces."""
        if self.origins is None:
            return offset
        return self.origins[min(offset, len(self.origins) - 1)] if self.origins else 0


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja without access to Python's objects, and with limits on memory and time.

    `whole` is false if a file could not be read: an unknown name may be defined there.
    """

    intercepted_binops = frozenset(("+", "-", "*", "/"))

    def __init__(self, *, whole: bool = True) -> None:
        super().__init__(undefined=StrictUndefined, finalize=self.print_value, keep_trailing_newline=True)
        self.globals = {}
        self.filters = {
            "join": join_bounded,
            "lower": lambda value: format_scalar(value).lower(),
            "map": lambda values, name: [self.filters[name](value) for value in values],
            "replace": replace_bounded,
            "trim": lambda value: format_scalar(value).strip(),
            "upper": lambda value: format_scalar(value).upper(),
        }
        self.tests = {name: self.tests[name] for name in ALLOWED_TESTS}
        self.whole = whole
        self.steps = 0
        self.characters = 0

    def step(self) -> None:
        """Count an iteration of a loop or a call of a macro."""
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise TemplateLimitExceeded(f"more than {MAX_STEPS:,} turns of loops and calls of macros")

    def print_value(self, value: Any) -> str:
        """Return the output of `{{ value }}`, between the marks."""
        text = str(value) if isinstance(value, Undefined) else format_scalar(value)
        self.characters += len(text)
        if len(text) > MAX_MARKED_CHARACTERS or self.characters > MAX_PRINTED_CHARACTERS:
            raise TemplateLimitExceeded("the templates print too much")
        return f"{MARK_START}{text}{MARK_END}"

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether templates may read an attribute: only a loop's."""
        return isinstance(obj, LoopContext) and not attr.startswith("_")

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return `name['key']` for `name.key`, and never a method."""
        if isinstance(obj, Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if not all(isinstance(each, (int, float)) and abs(each) < MAX_NUMBER for each in (left, right)):
            raise SecurityError(f"{operator} is for numbers; print texts side by side")
        return super().call_binop(context, operator, left, right)

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        """Compile a template's tree, if all of its nodes are on the allow-list."""
        for node in list(source.find_all(nodes.Node)):
            if not isinstance(node, ALLOWED_NODES):
                kind = type(node).__name__
                raise ForbiddenTemplateNode(
                    f"{NODE_NAMES.get(kind, kind.lower())} is not allowed in a template", node.lineno
                )
            if isinstance(node, nodes.Call) and any(node.find(kind) for kind in LIST_NODES):
                raise ForbiddenTemplateNode("a list is not allowed as an argument", node.lineno)
            if isinstance(node, (nodes.For, nodes.Macro)):
                count = nodes.Call(nodes.EnvironmentAttribute("step"), [], [], None, None)
                node.body.insert(0, nodes.ExprStmt(count).set_lineno(node.lineno).set_environment(self))
        return str(super()._generate(source, name, filename, defer_init))

    def compile_macros(self, text: str, names: Mapping[str, Any]) -> Mapping[str, Any]:
        """Compile the macros of a text, by name; they see `names`. Raises TextFaults."""

        def make_module(text: str) -> TemplateModule:
            template = self.from_string(text)
            self.refuse_undefined(text, (*names, *find_macro_names(text)))
            return template.make_module(dict(names))

        module = self.run_template(make_module, text)
        return {name: value for name, value in vars(module).items() if not name.startswith("_")}

    def run_template(self, run: Callable[[str], Result], text: str) -> Result:
        """Run something on a template. Raises TextFaults at the tag in which Jinja fails.

        Jinja tells the line of an error and no more, so that each tag gets a line of its own for a second run.
        """
        counts = self.steps, self.characters
        try:
            return run(text)
        except TEMPLATE_ERRORS as error:
            fault = explain_template_error(error, text)
            cause = error
        self.steps, self.characters = counts
        spread = OPENING.sub(r"\n\g<0>", text)
        try:
            run(spread)
        except TEMPLATE_ERRORS as error:
            fault = explain_template_error(error, spread)
            fault = fault._replace(offset=fault.offset - len(OPENING.findall(spread, 0, fault.offset + 2)))
        raise TextFaults(fault) from cause

    def refuse_undefined(self, text: str, names: Collection[str]) -> None:
        """Raise TextFaults for the names that a template uses and nothing defines."""
        unknown = meta.find_undeclared_variables(self.parse(text)).difference(names)
        if unknown and not DEFINED_TEST.search(text):
            raise TextFaults(*(sorted(find_undefined_names(text, unknown, names)) if self.whole else ()))


class ForbiddenTemplateNode(SecurityError):
    """A template's node that is not on the allow-list."""

    def __init__(self, message: str, line: int) -> None:
        self.line = line
        super().__init__(message)


class TemplateLimitExceeded(SecurityError):
    """Templates that would take too much time or memory."""


def format_scalar(value: Any) -> str:
    """Return the text of a text, a number or a boolean; a list has none."""
    if not isinstance(value, (str, int, float)):
        kind = "a list" if isinstance(value, list) else "a mapping" if isinstance(value, Mapping) else "no text"
        raise TypeError(f"this is {kind}; print its parts, or join them")
    return str(value)


def join_bounded(values: Iterable[Any], separator: str) -> str:
    texts = [format_scalar(value) for value in values]
    refuse_length(sum(map(len, texts)) + len(texts) * len(separator))
    return separator.join(texts)


def replace_bounded(value: Any, old: str, new: str) -> str:
    text = format_scalar(value)
    refuse_length(len(text) + text.count(old) * len(new))
    return text.replace(old, new)


def refuse_length(characters: int) -> None:
    if characters > MAX_CHARACTERS:
        raise TemplateLimitExceeded(f"a text of more than {MAX_CHARACTERS:,} characters")


def render_template(sandbox: Sandbox, text: str, names: Mapping[str, Any]) -> RenderedText:
    """Render a template that sees these names; text without Jinja stays unchanged.

    Raises TextFaults.
    """
    if not is_template(text):
        return RenderedText(text)
    if len(text) > MAX_CHARACTERS:
        raise TextFaults(TextFault(0, "template-limits", f"longer than {MAX_CHARACTERS:,} characters"))

    def render(text: str) -> str:
        template = sandbox.from_string(text)
        sandbox.refuse_undefined(text, names)
        return template.render(names)

    marked_text = sandbox.run_template(render, text)
    if len(marked_text) > MAX_MARKED_CHARACTERS:
        raise TextFaults(TextFault(0, "template-limits", f"makes more than {MAX_CHARACTERS:,} characters"))
    return trace_origins(marked_text, text)


def trace_origins(marked_text: str, template: str) -> RenderedText:
    """Remove the marks from a rendered text, and find the origin of each character.

    Literal text is searched for in the template after the last piece; printed text belongs to the next `{{` there.
    """
    text: list[str] = []
    origins: list[int] = []
    depth, at = 0, 0
    for piece in re.split(f"([{MARK_START}{MARK_END}])", marked_text):
        if piece == MARK_START:
            if depth == 0:
                at = max(at, template.find("{{", at))
            depth += 1
        elif piece == MARK_END:
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
    return RenderedText("".join(text), tuple(min(origin, limit) for origin in origins))


def find_call_offset(text: str, function: str, argument: str) -> int:
    """Find a call of a function with this text: at the text, or else at the function's name."""
    found = re.search(rf"\b{function}\(\s*['\"]({re.escape(argument)})['\"]", text)
    if found:
        return found.start(1)
    called = re.search(rf"\b{function}\(", text)
    return called.start() if called else max(0, text.find("{{"))


def explain_template_error(error: Exception, template: str) -> TextFault:
    """Return the fault that a Jinja error is, at its offset in the template."""
    message = f"Jinja: {error}"
    if isinstance(error, TemplateSyntaxError):
        return explain_syntax_error(error, template)
    if isinstance(error, ForbiddenTemplateNode):
        return TextFault(find_brace(template, error.line), "template-forbidden", message)
    offset = find_brace(template, find_raising_line(error.__traceback__))
    if isinstance(error, RecursionError):
        return TextFault(offset, "template-limits", "Jinja: nested too deeply, or a macro that calls itself")
    if isinstance(error, TemplateLimitExceeded | MemoryError):
        return TextFault(offset, "template-limits", message)
    if isinstance(error, SecurityError):
        return TextFault(offset, "template-forbidden", message)
    return TextFault(offset, "template-error", message)


def explain_syntax_error(error: TemplateSyntaxError, template: str) -> TextFault:
    message, offset = str(error.message), find_unclosed_brace(template, error.lineno)
    if message.startswith("Unexpected end of template") and (unclosed := find_open_blocks(template)):
        return TextFault(unclosed[-1], "template-syntax", f"Jinja: {message}")
    if found := re.search(r"No filter named '(\w+)'", message):
        written = re.compile(rf"\|\s*({found[1]})\b").search(template, offset)
        message = f"there is no filter {found[1]!r}; there are join, lower, map, replace, trim and upper"
        return TextFault(written.start(1) if written else offset, "template-syntax", message)
    opening = template[offset : offset + 2]
    rest = re.split(r"\{[{%#]", template[offset + 2 :], maxsplit=1)[0]
    if opening in CLOSINGS and CLOSINGS[opening] not in rest:
        return TextFault(offset, "template-syntax", f"this {opening} is never closed by {CLOSINGS[opening]}")
    if found := re.search(r"got '(\w+)'$", message):
        written = re.compile(rf"(?<=[\w)\]'\"]\s)({found[1]})\b").search(template, offset)
        offset = written.start() if written else offset
    return TextFault(offset, "template-syntax", f"Jinja: {message}")


def find_brace(template: str, line: int) -> int:
    """Return the offset of a line's first Jinja brace, or else of the last one before: a tag may have several lines."""
    offsets = [found.start() for found in OPENING.finditer(template)]
    lines = [template.count("\n", 0, offset) + 1 for offset in offsets]
    if line in lines:
        return offsets[lines.index(line)]
    return max((offset for offset, each in zip(offsets, lines, strict=True) if each < line), default=0)


def find_unclosed_brace(template: str, line: int) -> int:
    """Return the offset of a line's first Jinja brace that is not closed before the next one.

    If all are closed, return that of the first brace from the line on.
    """
    first = find_brace(template, line)
    opened = [found.start() for found in OPENING.finditer(template, first)]
    for start, following in zip(opened, [*opened[1:], len(template)], strict=True):
        if template.count("\n", 0, start) + 1 != line:
            break
        if CLOSINGS[template[start : start + 2]] not in template[start:following]:
            return start
    return first


def find_open_blocks(template: str) -> list[int]:
    """Return the offsets of the blocks that nothing closes, the innermost last."""
    opened: list[int] = []
    for tag in BLOCK_TAG.finditer(template):
        if tag[1] in ("if", "for", "macro"):
            opened.append(tag.start())
        elif tag[1].startswith("end"):
            del opened[-1:]
    return opened


def find_raising_line(trace: TracebackType | None) -> int:
    """Return the line of the template that raised an error, or that called the macro which did."""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            return trace.tb_lineno
        trace = trace.tb_next
    return 1


def find_macro_names(text: str) -> list[str]:
    """Return the names of the macros that a text defines, even one with errors."""
    return MACRO.findall(text)


def find_undefined_names(template: str, names: Iterable[str], known: Iterable[str]) -> Iterator[TextFault]:
    """Yield a fault for each of these names, at its first use in the template's blocks."""
    for name in names:
        message = f"{name!r} is not defined{suggest_name(name, known, '; define it in `vars:`')}"
        yield TextFault(next(iter_name_offsets(template, name), 0), "undefined-name", message)


def iter_name_offsets(template: str, name: str) -> Iterator[int]:
    """Yield the offsets of a name in the blocks of a template, outside of quotes."""
    for block in BLOCKS.finditer(template):
        code = STRINGS.sub(lambda text: " " * len(text[0]), block[0])
        for found in re.finditer(rf"(?<![\w.|]){re.escape(name)}\b", code):
            yield block.start() + found.start()
