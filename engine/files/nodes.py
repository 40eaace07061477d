"""The nodes of a YAML file: values and their positions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.diagnostics import Position

INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
NULLS = frozenset(("", "~", "null", "Null", "NULL"))
TRUE = frozenset(("true", "True", "TRUE"))
FALSE = frozenset(("false", "False", "FALSE"))
QUOTES = ("'", '"')
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r?\n[ \t]*|.)", re.DOTALL)


class TornText:
    """A text in braces that its commas have torn: that is reported, and nothing else can be said of it."""

    def __repr__(self) -> str:
        return "a text with commas"


TORN = TornText()


@dataclass(slots=True)
class Node:
    """A value of the file, and the position where it begins."""

    start: Position


@dataclass(slots=True)
class ScalarNode(Node):
    value: str | int | float | bool | TornText | None
    text: str
    raw: str
    style: str | None
    offset: int

    def locate_character(self, offset: int) -> Position:
        """Return the position in the file of the character at `offset` of the text."""
        return self.start.advance(self.raw[: find_raw_offset(self.text, self.raw, self.style, offset)])


@dataclass(slots=True)
class SequenceNode(Node):
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class MappingNode(Node):
    entries: dict[str, tuple[ScalarNode, Node]] = field(default_factory=dict)


def resolve_scalar(text: str) -> str | int | float | bool | None:
    """Return a plain scalar's value by YAML 1.2's core rules; any other number stays text."""
    if text in NULLS:
        return None
    if text in TRUE or text in FALSE:
        return text in TRUE
    if INTEGER.fullmatch(text) and len(text) < 20:
        return int(text)
    return float(text) if DECIMAL.fullmatch(text) else text


def find_raw_offset(text: str, raw: str, style: str | None, offset: int) -> int:
    """Return the offset in a scalar's source of the character at `offset` of its text.

    YAML folds lines, doubles quotes and escapes, so both are walked side by side.
    """
    at = 0
    if style in ("|", ">"):
        at = raw.find("\n") + 1
    elif style in QUOTES and text:
        at = 1
    for character, width in iter_raw_spans(text, raw, style, at, offset):
        at = character + width
    while at < len(raw) and raw[at] in " \t\r\n" and offset < len(text) and not text[offset].isspace():
        at += 1
    return at


def iter_raw_spans(text: Sequence[str], raw: str, style: str | None, at: int, offset: int) -> Iterator[tuple[int, int]]:
    """Yield, for each character before `offset`, the offset and the length of its source."""
    for character in text[:offset]:
        if character.isspace():
            width = 0
            if raw[at : at + 1] == character:
                width = 1
            else:
                while raw[at + width : at + width + 1].isspace():
                    width += 1
        else:
            while at < len(raw) and raw[at].isspace():
                at += 1
            escape = ESCAPE.match(raw, at) if style == '"' else None
            width = len(escape[0]) if escape else 2 if style == "'" and character == "'" else 1
        yield at, width
        at += width
