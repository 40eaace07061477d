"""Explanations of YAML's errors: the offset at fault, and what to change there."""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

from engine.faults import TextFault

# Blanks that pages and chats put in place of plain ones; to YAML they are letters.
UNUSUAL_BLANKS = frozenset(
    "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u202f\u3000\ufeff"
)
UNUSUAL_INDENT = "a no-break space stands here, which is none to YAML; write plain spaces"
UNUSUAL_BLANK = re.compile(rf"^(?:[ \t]*|[^#\n]*?[\w'\"]:|[ \t]*-)([{''.join(sorted(UNUSUAL_BLANKS))}])", re.MULTILINE)
BRACKET_FIRST = re.compile(r"(?:^|:\s+|-\s+)([\[{])")
NAME_AND_COLON = re.compile(r"[\w.-]+:(?=\S)")
# The offset of a bracket or brace, and which of the two it is.
Bracket = tuple[int, str]


def explain_yaml_error(
    error: yaml.YAMLError, text: str, brackets: Sequence[Bracket], quoted: tuple[int, int] | None
) -> TextFault:
    """Explain an error of the YAML parser.

    `brackets` are those that are open, the innermost last. `quoted` has the first and the last offset of the last
    quoted text that spans lines.
    """
    if isinstance(error, yaml.reader.ReaderError):
        return explain_unreadable_character(error, text)
    assert isinstance(error, yaml.MarkedYAMLError)
    problem, context = str(error.problem), str(error.context or "")
    at, opened = error.problem_mark, error.context_mark
    offset = at.index if at is not None else len(text)
    before, character = text[offset - 1 : offset], text[offset : offset + 1]
    if (blank := UNUSUAL_BLANK.search(text)) is not None:
        return make_fault(blank.start(1), UNUSUAL_INDENT)
    if opened is not None and any(word in context for word in ("an alias", "an anchor", "a block scalar")):
        return make_fault(opened.index, f"text that begins with {text[opened.index]} needs quotes")
    if "block sequence entries are not allowed" in problem:
        return make_fault(offset, "text that begins with - needs quotes; a list begins on a line of its own")
    if not brackets and before.isspace() and (opening := find_closed_bracket(text, offset)) is not None:
        return make_fault(opening, f"text that begins with {text[opening]} needs quotes")
    if opened is not None and "quoted scalar" in context:
        return make_fault(opened.index, explain_quote(problem))
    if quoted is not None and is_same_line(text, quoted[1], offset):
        # The quote was closed by the next one of its kind, lines below, and what follows that makes no sense.
        return make_fault(quoted[0], "this quote is never closed")
    if character == "\t" or "\t" in get_indent(text, offset):
        return make_fault(find_line_start(text, offset), "a tab may not indent YAML; use spaces")
    if opened is not None and "simple key" in context:
        return make_fault(opened.index, explain_unfinished_key(text, opened.index))
    if "mapping values are not allowed" in problem:
        return explain_misplaced_colon(text, offset)
    if brackets and before in ("'", '"') and character == ")":
        return make_fault(offset, "inside [ ] and { } a comma ends a text: put all of it in quotes of the other kind")
    if before in ("'", '"') and not character.isspace():
        message = "a quote ends the text before this; double it, or use the other kind of quotes around the text"
        return make_fault(offset, message)
    if brackets and ("flow" in context or "flow" in problem):
        return explain_in_brackets(text, offset, brackets[-1])
    if "cannot start any token" in problem:
        return make_fault(offset, f"the character {character!r} cannot begin a value; put the value in quotes")
    if find_line_start(text, offset) < offset and text[:offset].rstrip(" ").endswith(("'", '"')):
        return make_fault(offset, "a quote ends the text before this; put all of it in quotes, or nothing")
    if "did not find expected key" in problem or "did not find expected '-' indicator" in problem:
        return make_fault(offset, "this line fits no line above; check its indentation")
    return make_fault(offset, f"{context}: {problem}" if context else problem)


def make_fault(offset: int, message: str) -> TextFault:
    return TextFault(offset, "yaml-syntax", message)


def explain_unreadable_character(error: yaml.reader.ReaderError, text: str) -> TextFault:
    # Its position counts bytes or characters, as the parser is written in C or in Python.
    code = int(error.character)
    return make_fault(text.index(chr(code)), f"the character U+{code:04X} may not stand in YAML; remove it")


def find_closed_bracket(text: str, offset: int) -> int | None:
    """Return the offset of a bracket that begins a value and is closed right before this."""
    start = find_line_start(text, offset)
    line = text[start:offset].rstrip()
    found = BRACKET_FIRST.search(line) if line.endswith(("]", "}")) else None
    return start + found.start(1) if found else None


def explain_quote(problem: str) -> str:
    if "escape" in problem:
        return "the text in these quotes has a \\ that means nothing to YAML; use single quotes"
    return "this quote is never closed"


def explain_unfinished_key(text: str, offset: int) -> str:
    """Explain a line that is no `key: value`."""
    if found := NAME_AND_COLON.match(text, offset):
        return f"a space is missing after {found[0]!r}"
    return "a ':' is missing after this key"


def explain_misplaced_colon(text: str, offset: int) -> TextFault:
    """Explain a `: ` where no key can be."""
    start = find_line_start(text, offset)
    own, above = text[start:offset], text[:start].rstrip()
    if re.search(r":\s", own):
        return make_fault(offset, "a second ': ' in one line; put the value in quotes, or begin a new line")
    last_line = above[find_line_start(text, len(above)) :]
    if above and not re.search(r":(\s|$)", last_line):
        return make_fault(len(above), "a ':' is missing at the end of this line")
    indented = start + len(own) - len(own.lstrip())
    return make_fault(indented, "this line is indented deeper than the one above, which has its value already")


def explain_in_brackets(text: str, offset: int, bracket: Bracket) -> TextFault:
    """Explain an error inside [ ] or { }: a missing end or comma, or text that needs quotes."""
    before, (opened, kind) = text[:offset].rstrip(), bracket
    if text.startswith("{", offset) or text.startswith("}", offset):
        return make_fault(offset, "inside [ ] and { }, text that holds a brace needs quotes")
    if is_same_line(text, opened, offset) and offset < len(text) and text[offset] not in "\r\n":
        last_word = re.split(r"[\s\[\]{},]", before)[-1]
        message = "a comma is missing before this, or quotes around text that holds a colon"
        return make_fault(max(0, len(before) - len(last_word)), message)
    line = text[find_line_start(text, opened) :].split("\n", 1)[0]
    if (comment := line.find(" #")) >= 0:
        message = "a # begins a comment here, which hides the end of the line; put text with a # in quotes"
        return make_fault(find_line_start(text, opened) + comment + 1, message)
    return make_fault(opened, f"this {kind} is never closed, or a comma is missing after one of its lines")


def find_line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def get_indent(text: str, offset: int) -> str:
    """Return the white space at the beginning of the line."""
    found = re.compile(r"[ \t]*").match(text, find_line_start(text, offset))
    return found[0] if found else ""


def is_same_line(text: str, first: int, second: int) -> bool:
    return first <= second and "\n" not in text[first:second]
