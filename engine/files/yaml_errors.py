"""Why a text is not YAML, and where, in words that tell what to change."""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

NAME_AND_COLON = re.compile(r"[\w.-]+:(?=\S)")
LineColumn = tuple[int, int]
Bracket = tuple[int, int, str]


def explain_yaml_error(
    error: yaml.YAMLError, text: str, brackets: Sequence[Bracket], quoted: tuple[int, int] | None
) -> tuple[int, int, str]:
    """Line, column and message, for what the parser complains about.

    `brackets` are the places and kinds of the brackets that are open, the innermost last; `quoted` the first and
    last offset of the last text in quotes that spans lines.
    """
    if isinstance(error, yaml.reader.ReaderError):
        shown = f"U+{error.character:04X}" if isinstance(error.character, int) else repr(error.character)
        return *locate_offset(text, error.position), f"the character {shown} may not stand in YAML; remove it"
    assert isinstance(error, yaml.MarkedYAMLError)
    problem, context = str(error.problem), str(error.context or "")
    at, opened = error.problem_mark, error.context_mark
    offset = at.index if at is not None else len(text)
    if opened is not None and "quoted scalar" in context:
        return *locate_offset(text, opened.index), explain_quote(problem)
    if quoted is not None and is_same_line(text, quoted[1], offset):
        # The quote was closed by the next one of its kind, lines below, and what follows that makes no sense.
        return *locate_offset(text, quoted[0]), "this quote is never closed"
    if text[offset : offset + 1] == "\t" or "\t" in get_indent(text, offset):
        return *locate_offset(text, find_line_start(text, offset)), "a tab may not indent YAML; use spaces"
    if opened is not None and "simple key" in context:
        return *locate_offset(text, opened.index), explain_unfinished_key(text, opened.index)
    if "mapping values are not allowed" in problem:
        return explain_misplaced_colon(text, offset)
    if brackets and text[offset - 1 : offset] in ("'", '"') and text[offset : offset + 1] == ")":
        message = "inside [ ] and { } a comma ends a text: put all of it in quotes of the other kind"
        return *locate_offset(text, offset), message
    if text[offset - 1 : offset] in ("'", '"') and not text[offset : offset + 1].isspace():
        message = "a quote ends the text before this; double it, or use the other kind of quotes around the text"
        return *locate_offset(text, offset), message
    if brackets and ("flow" in context or "flow" in problem):
        return explain_in_brackets(text, offset, brackets[-1])
    if "cannot start any token" in problem:
        message = f"the character {text[offset : offset + 1]!r} cannot begin a value; put the value in quotes"
        return *locate_offset(text, offset), message
    if "did not find expected key" in problem or "did not find expected '-' indicator" in problem:
        return *locate_offset(text, offset), "this line fits no line above; check its indentation"
    return *locate_offset(text, offset), f"{context}: {problem}" if context else problem


def explain_quote(problem: str) -> str:
    if "escape" in problem:
        return "the text in these quotes has a \\ that means nothing to YAML; use single quotes"
    return "this quote is never closed"


def explain_unfinished_key(text: str, offset: int) -> str:
    """A line that is no `key: value`."""
    if found := NAME_AND_COLON.match(text, offset):
        return f"a space is missing after {found[0]!r}"
    return "a ':' is missing after this key"


def explain_misplaced_colon(text: str, offset: int) -> tuple[int, int, str]:
    """A `: ` where no key can be."""
    start = find_line_start(text, offset)
    own, above = text[start:offset], text[:start].rstrip()
    if re.search(r":\s", own):
        message = "a second ': ' in one line; put the value in quotes, or begin a new line"
        return *locate_offset(text, offset), message
    last_line = above[find_line_start(text, len(above)) :]
    if above and not re.search(r":(\s|$)", last_line):
        return *locate_offset(text, len(above)), "a ':' is missing at the end of this line"
    indented = start + len(own) - len(own.lstrip())
    return *locate_offset(
        text, indented
    ), "this line is indented deeper than the one above, which has its value already"


def explain_in_brackets(text: str, offset: int, bracket: Bracket) -> tuple[int, int, str]:
    """Between [ ] or { }: a bracket without its end, a comma that is missing, text that needs quotes."""
    before = text[:offset].rstrip()
    if text.startswith("{", offset) or text.startswith("}", offset):
        return *locate_offset(text, offset), "inside [ ] and { }, text that holds a brace needs quotes"
    if locate_offset(text, offset)[0] == bracket[0] and offset < len(text) and text[offset] not in "\r\n":
        message = "a comma is missing before this, or quotes around text that holds a colon"
        return *locate_offset(text, max(0, len(before) - len(re.split(r"[\s\[\]{},]", before)[-1]))), message
    line, column, kind = bracket
    return line, column, f"this {kind} is never closed, or a comma is missing after one of its lines"


def find_line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def get_indent(text: str, offset: int) -> str:
    """The white space that the line begins with."""
    found = re.compile(r"[ \t]*").match(text, find_line_start(text, offset))
    return found[0] if found else ""


def is_same_line(text: str, first: int, second: int) -> bool:
    return first <= second and "\n" not in text[first:second]


def locate_offset(text: str, offset: int) -> LineColumn:
    """Line and column of a character, both from 1."""
    return text.count("\n", 0, offset) + 1, offset - find_line_start(text, offset) + 1
