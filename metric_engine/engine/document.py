"""YAML text → Document: plain data, and beside it where each key and value stands.

Scalars are read by YAML 1.2's rules. What YAML 1.1 would silently turn into something else (`NO`, `on`) is an
error, and a date stays the text that it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from metric_engine.engine.diagnostics import Diagnostics, Position

START = Position(1, 1)
MOST_DEPTH = 40
MOST_NODES = 200_000

INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
NULLS = frozenset(("", "~", "null", "Null", "NULL"))
TRUE = frozenset(("true", "True", "TRUE"))
FALSE = frozenset(("false", "False", "FALSE"))
SILENT_BOOLEANS = frozenset(
    spelling(word) for word in ("yes", "no", "on", "off") for spelling in (str, str.title, str.upper)
)
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r?\n[ \t]*|.)", re.DOTALL)

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Path = tuple[str | int, ...]


@dataclass(slots=True)
class Node:
    """A value of the file and the place where it begins."""

    start: Position


@dataclass(slots=True)
class ScalarNode(Node):
    value: str | int | float | bool | None
    text: str
    raw: str
    style: str | None

    def position(self, offset: int) -> Position:
        """Where the character at `offset` of the text stands in the file."""
        return advanced(self.start, self.raw[: raw_offset(self.text, self.raw, self.style, offset)])


@dataclass(slots=True)
class SequenceNode(Node):
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class MappingNode(Node):
    entries: dict[str, tuple[ScalarNode, Node]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: `data` is what it says, `root` where it says it."""

    file: str
    data: dict[str, Any]
    root: MappingNode

    def node(self, path: Path) -> Node:
        """The value at `path`; the innermost one that there is, where the path leads out of the document."""
        node: Node = self.root
        for segment in path:
            inner = child(node, segment)
            if inner is None:
                break
            node = inner
        return node

    def position(self, path: Path) -> Position:
        """Where the value at `path` begins."""
        return self.node(path).start

    def key_position(self, path: Path) -> Position:
        """Where the last key of `path` stands."""
        *parents, key = path
        node = self.node(tuple(parents))
        if isinstance(node, MappingNode) and key in node.entries:
            return node.entries[str(key)][0].start
        return node.start

    def text_position(self, path: Path, offset: int) -> Position:
        """Where the character at `offset` of the text at `path` stands."""
        node = self.node(path)
        return node.position(offset) if isinstance(node, ScalarNode) else node.start


def child(node: Node, segment: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        entry = node.entries.get(str(segment))
        return entry[1] if entry else None
    if isinstance(node, SequenceNode) and isinstance(segment, int) and segment < len(node.items):
        return node.items[segment]
    return None


def parse(file: str, content: bytes, diagnostics: Diagnostics) -> Document | None:
    """Read one file; None, and a diagnostic, when it is not a YAML mapping at all."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        diagnostics.error(file, advanced(START, before), "yaml-syntax", "the file is not UTF-8; save it as UTF-8")
        return None
    try:
        root = Composer(file, text, diagnostics).compose()
    except yaml.YAMLError as error:
        position, message = syntax_error(error, text)
        diagnostics.error(file, position, "yaml-syntax", message)
        return None
    except Refused as refused:
        diagnostics.error(file, refused.position, refused.code, refused.message)
        return None
    if root is None:
        return Document(file, {}, MappingNode(START))
    if not isinstance(root, MappingNode):
        diagnostics.error(file, root.start, "wrong-type", "a metric file is a mapping of `tables:`, `metrics:`, …")
        return None
    return Document(file, plain(root), root)


def plain(node: Node) -> Any:
    """The node as plain Python data."""
    if isinstance(node, MappingNode):
        return {key: plain(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, SequenceNode):
        return [plain(item) for item in node.items]
    assert isinstance(node, ScalarNode)
    return node.value


class Refused(Exception):
    """The document is well-formed YAML that no metric file may be."""

    def __init__(self, position: Position, code: str, message: str) -> None:
        self.position, self.code, self.message = position, code, message


@dataclass(slots=True)
class Frame:
    """An open collection, its anchor, how many nodes stand before it, and the key that waits for its value."""

    node: MappingNode | SequenceNode
    anchor: str | None
    before: int
    key: ScalarNode | None = None


class Composer:
    """Builds nodes from the parser's events: without recursion and within bounds, whatever the text is."""

    def __init__(self, file: str, text: str, diagnostics: Diagnostics) -> None:
        self.file = file
        self.text = text
        self.diagnostics = diagnostics
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.count = 0

    def compose(self) -> Node | None:
        """The document's root node; None for an empty file. Raises Refused and yaml.YAMLError."""
        root: Node | None = None
        stack: list[Frame] = []
        for event in yaml.parse(self.text, Loader=Loader):
            finished: Node
            match event:
                case yaml.DocumentStartEvent() if root is not None:
                    raise Refused(mark(event), "yaml-syntax", "a second document; one file is one document")
                case yaml.CollectionStartEvent():
                    stack.append(self.opened(event, len(stack)))
                    continue
                case yaml.CollectionEndEvent():
                    frame = stack.pop()
                    finished = frame.node
                    if frame.anchor:
                        self.anchors[frame.anchor] = (finished, self.count - frame.before)
                case yaml.AliasEvent():
                    finished = self.alias(event)
                case yaml.ScalarEvent():
                    finished = self.scalar(event)
                case _:
                    continue
            if stack:
                self.add(stack[-1], finished)
            else:
                root = finished
        return root

    def opened(self, event: yaml.CollectionStartEvent, depth: int) -> Frame:
        if depth == MOST_DEPTH:
            raise Refused(mark(event), "yaml-limits", f"nested more than {MOST_DEPTH} deep")
        self.refuse_tag(event)
        before = self.count
        self.counted(event)
        kind = MappingNode if isinstance(event, yaml.MappingStartEvent) else SequenceNode
        return Frame(kind(mark(event)), event.anchor, before)

    def add(self, frame: Frame, node: Node) -> None:
        """Put a finished value where it belongs: into a list, or behind the key that waits for it."""
        if isinstance(frame.node, SequenceNode):
            frame.node.items.append(node)
        elif frame.key is None:
            if not isinstance(node, ScalarNode):
                raise Refused(node.start, "wrong-type", "a key must be plain text; put `{{ … }}` in quotes")
            frame.key = node
        else:
            key, frame.key = frame.key, None
            if key.text in frame.node.entries:
                self.error(key.start, "duplicate-key", f"{key.text!r} is given twice in the same mapping")
            else:
                frame.node.entries[key.text] = (key, node)

    def scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        self.counted(event)
        assert event.start_mark is not None
        assert event.end_mark is not None
        raw = self.text[event.start_mark.index : event.end_mark.index]
        style = event.style or None
        node = ScalarNode(mark(event), event.value, event.value, raw, style)
        if event.tag is not None and event.tag != "tag:yaml.org,2002:str":
            self.refuse_tag(event)
        if style is None and event.tag is None:
            node.value = resolved(event.value)
            if event.value in SILENT_BOOLEANS:
                wanted = "true" if event.value.lower() in ("yes", "on") else "false"
                self.error(
                    node.start,
                    "yaml-boolean",
                    f"YAML reads {event.value} as a boolean; write '{event.value}' in quotes, or {wanted}",
                )
        if event.anchor:
            self.anchors[event.anchor] = (node, 1)
        return node

    def alias(self, event: yaml.AliasEvent) -> Node:
        if event.anchor not in self.anchors:
            raise Refused(mark(event), "yaml-syntax", f"no anchor &{event.anchor} stands before *{event.anchor}")
        node, size = self.anchors[event.anchor]
        self.counted(event, size)
        return node

    def counted(self, event: yaml.Event, nodes: int = 1) -> None:
        # An alias counts as all that it stands for: ten lines of aliases can stand for a billion values.
        self.count += nodes
        if self.count > MOST_NODES:
            raise Refused(mark(event), "yaml-limits", f"more than {MOST_NODES:,} values in one file; split it")

    def refuse_tag(self, event: yaml.NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise Refused(mark(event), "yaml-tag", f"the tag {tag!r} has no meaning here; remove it")

    def error(self, position: Position, code: str, message: str) -> None:
        self.diagnostics.error(self.file, position, code, message)


def resolved(text: str) -> str | int | float | bool | None:
    """A plain scalar's value by YAML 1.2's core rules; a number in any other notation stays text."""
    if text in NULLS:
        return None
    if text in TRUE or text in FALSE:
        return text in TRUE
    if INTEGER.fullmatch(text) and len(text) < 20:
        return int(text)
    return float(text) if DECIMAL.fullmatch(text) else text


def syntax_error(error: yaml.YAMLError, text: str) -> tuple[Position, str]:
    """Where and why the YAML parser gave up, in words that tell what to change."""
    if isinstance(error, yaml.reader.ReaderError):
        shown = f"U+{error.character:04X}" if isinstance(error.character, int) else repr(error.character)
        return advanced(START, text[: error.position]), f"the character {shown} may not stand in YAML"
    assert isinstance(error, yaml.MarkedYAMLError)
    problem, context = str(error.problem), str(error.context or "")
    at, opened = error.problem_mark, error.context_mark
    if opened is not None and "quoted scalar" in context:
        return Position(opened.line + 1, opened.column + 1), "this quote is never closed"
    if at is None:
        return START, problem
    position = Position(at.line + 1, at.column + 1)
    if text[at.index : at.index + 1] == "\t":
        return position, "a tab may not indent YAML; use spaces"
    if opened is not None and "flow" in context:
        bracket = "brace" if "mapping" in context else "bracket"
        return Position(
            opened.line + 1, opened.column + 1
        ), f"this {bracket} is not closed, or a comma is missing: {problem}"
    if "mapping values are not allowed" in problem:
        return position, "a second ': ' in one line; put the value in quotes, or begin a new line"
    if "could not find expected ':'" in problem or "did not find expected key" in problem:
        return position, f"{problem}; check the indentation and that the line above ends as it should"
    if "cannot start any token" in problem:
        return (
            position,
            f"the character {text[at.index : at.index + 1]!r} cannot begin a value; put it in quotes",
        )
    return position, f"{context}: {problem}" if context else problem


def mark(event: yaml.Event) -> Position:
    assert event.start_mark is not None
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def advanced(start: Position, passed: str) -> Position:
    """The position after `passed`, read from `start` on."""
    lines = passed.replace("\r\n", "\n").split("\n")
    if len(lines) == 1:
        return Position(start.line, start.column + len(passed))
    return Position(start.line + len(lines) - 1, len(lines[-1]) + 1)


def raw_offset(text: str, raw: str, style: str | None, offset: int) -> int:
    """Where the character at `offset` of a scalar's text stands in the characters that it was written with.

    YAML folds lines, doubles quotes and escapes: the two are walked side by side.
    """
    at = 0
    if style in ("|", ">"):
        at = raw.find("\n") + 1
    elif style in ("'", '"'):
        at = 1
    for character, width in spelled(text, raw, style, at, offset):
        at = character + width
    while at < len(raw) and raw[at] in " \t\r\n" and offset < len(text) and not text[offset].isspace():
        at += 1
    return at


def spelled(text: Sequence[str], raw: str, style: str | None, at: int, offset: int) -> Iterator[tuple[int, int]]:
    """For each character before `offset`: where it is written, and how many characters that takes."""
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
