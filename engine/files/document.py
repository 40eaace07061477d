"""YAML text → Document: plain data, and beside it the position of each key and value.

Scalars are read by YAML 1.2's rules. What YAML 1.1 would silently convert (`NO`, `on`) is an error, and a date stays
text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import yaml

from engine.diagnostics import (
    MAX_PROBLEMS,
    START,
    Diagnostic,
    Diagnostics,
    Position,
    make_error,
    make_error_at_offset,
)
from engine.faults import TextFault
from engine.files.yaml_errors import Bracket, explain_yaml_error

MAX_DEPTH = 40
MAX_NODES = 80_000

INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)", re.ASCII)
DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
NULLS = frozenset(("", "~", "null", "Null", "NULL"))
TRUE = frozenset(("true", "True", "TRUE"))
FALSE = frozenset(("false", "False", "FALSE"))
YAML_1_1_BOOLEANS = frozenset(
    spelling(word) for word in ("yes", "no", "on", "off") for spelling in (str, str.title, str.upper)
)
QUOTES = ("'", '"')
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r?\n[ \t]*|.)", re.DOTALL)

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
KeyPath = tuple[str | int, ...]


@dataclass(slots=True)
class Node:
    """A value of the file, and the position where it begins."""

    start: Position


@dataclass(slots=True)
class ScalarNode(Node):
    value: str | int | float | bool | None
    text: str
    raw: str
    style: str | None

    def locate_character(self, offset: int) -> Position:
        """Return the position in the file of the character at `offset` of the text."""
        return self.start.advance(self.raw[: find_raw_offset(self.text, self.raw, self.style, offset)])


@dataclass(slots=True)
class SequenceNode(Node):
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class MappingNode(Node):
    entries: dict[str, tuple[ScalarNode, Node]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: `data` holds its values, and `root` their positions too."""

    file: str
    data: dict[str, Any]
    root: MappingNode

    def find_node(self, path: KeyPath) -> Node:
        """Return the value at `path`, or the last one on a path that leaves the document."""
        node: Node = self.root
        for segment in path:
            inner = get_child(node, segment)
            if inner is None:
                break
            node = inner
        return node

    def locate_value(self, path: KeyPath) -> Position:
        """Return the position where the value at `path` begins."""
        return self.find_node(path).start

    def locate_key(self, path: KeyPath) -> Position:
        """Return the position of the last key of `path`."""
        *parents, key = path
        node = self.find_node(tuple(parents))
        if isinstance(node, MappingNode) and key in node.entries:
            return node.entries[str(key)][0].start
        return node.start

    def locate_character(self, path: KeyPath, offset: int) -> Position:
        """Return the position of the character at `offset` of the text at `path`."""
        node = self.find_node(path)
        return node.locate_character(offset) if isinstance(node, ScalarNode) else node.start

    def diagnose_key(self, path: KeyPath, code: str, message: str, *, metric: str | None = None) -> Diagnostic:
        """Return an error at the last key of `path`."""
        return make_error(self.file, self.locate_key(path), code, message, metric=metric)

    def diagnose_value(self, path: KeyPath, code: str, message: str, *, metric: str | None = None) -> Diagnostic:
        """Return an error at the value at `path`."""
        return make_error(self.file, self.locate_value(path), code, message, metric=metric)


def get_child(node: Node, segment: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        entry = node.entries.get(str(segment))
        return entry[1] if entry else None
    if isinstance(node, SequenceNode) and isinstance(segment, int) and segment < len(node.items):
        return node.items[segment]
    return None


def parse_document(file: str, content: bytes, diagnostics: Diagnostics) -> Document | None:
    """Read one file; a file that is no YAML mapping gives None and a diagnostic."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        fault = TextFault(len(before), "yaml-syntax", "the file is not UTF-8; save it as UTF-8")
        diagnostics.add(make_error_at_offset(file, before, fault))
        return None
    composer = Composer(file, text)
    try:
        root = composer.compose()
    except yaml.YAMLError as error:
        fault = explain_yaml_error(error, text, composer.list_open_brackets(), composer.last_quoted)
        diagnostics.add(make_error_at_offset(file, text, fault))
        return None
    except UnsupportedYaml as unsupported:
        diagnostics.add(unsupported.diagnostic)
        return None
    finally:
        for problem in composer.problems:
            diagnostics.add(replace(problem, metric=problem.metric or composer.find_metric_at(problem.position)))
    if root is None:
        return Document(file, {}, MappingNode(START))
    if not isinstance(root, MappingNode):
        message = "a metric file is a mapping of `tables:`, `metrics:`, …"
        diagnostics.add(make_error(file, root.start, "wrong-type", message))
        return None
    return Document(file, convert_node(root), root)


def convert_node(node: Node) -> Any:
    """Convert a node to plain Python data."""
    if isinstance(node, MappingNode):
        return {key: convert_node(value) for key, (_, value) in node.entries.items()}
    if isinstance(node, SequenceNode):
        return [convert_node(item) for item in node.items]
    assert isinstance(node, ScalarNode)
    return node.value


class UnsupportedYaml(Exception):
    """YAML that is well-formed, but not allowed in metric files."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__(diagnostic.message)


@dataclass(slots=True)
class Frame:
    """An open collection: its offset, the number of nodes before it, and a key without a value."""

    node: MappingNode | SequenceNode
    offset: int
    anchor: str | None
    bracketed: bool
    before: int
    key: ScalarNode | None = None


class Composer:
    """Builder of nodes from the parser's events, without recursion and within bounds."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.problems: list[Diagnostic] = []
        self.stack: list[Frame] = []
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.node_count = 0
        self.root: Node | None = None
        # The last text in quotes that spans lines: a quote that is never closed may have begun there.
        self.last_quoted: tuple[int, int] | None = None

    def compose(self) -> Node | None:
        """Return the root node; None for an empty file. Raises UnsupportedYaml and yaml.YAMLError."""
        stack = self.stack
        for event in yaml.parse(self.text, Loader=Loader):
            finished: Node
            match event:
                case yaml.DocumentStartEvent() if self.root is not None:
                    raise self.reject_event(event, "yaml-syntax", "a second document; one file is one document")
                case yaml.CollectionStartEvent():
                    stack.append(self.open_collection(event, len(stack)))
                    continue
                case yaml.CollectionEndEvent():
                    frame = stack.pop()
                    finished = frame.node
                    if frame.anchor:
                        self.anchors[frame.anchor] = (finished, self.node_count - frame.before)
                case yaml.AliasEvent():
                    finished = self.resolve_alias(event)
                case yaml.ScalarEvent():
                    finished = self.build_scalar(event)
                case _:
                    continue
            if stack:
                self.add_node(stack[-1], finished)
            else:
                self.check_boolean_word(finished)
                self.root = finished
        return self.root

    def reject_event(self, event: yaml.Event, code: str, message: str) -> UnsupportedYaml:
        """Return the exception for an event that no metric file may have."""
        return UnsupportedYaml(make_error(self.file, get_event_position(event), code, message))

    def list_open_brackets(self) -> list[Bracket]:
        """List the brackets and braces that are open, the innermost last."""
        return [
            (frame.offset, "bracket" if isinstance(frame.node, SequenceNode) else "brace")
            for frame in self.stack
            if frame.bracketed
        ]

    def find_metric_at(self, position: Position) -> str | None:
        """Return the key of the metric that contains the position, if any."""
        if not isinstance(self.root, MappingNode):
            return None
        metrics = self.root.entries.get("metrics")
        if metrics is None or not isinstance(metrics[1], MappingNode) or position < metrics[1].start:
            return None
        keys = [key.start for key, _ in self.root.entries.values()]
        if any(metrics[0].start < key <= position for key in keys):
            return None
        begun = [key for key, (node, _) in metrics[1].entries.items() if node.start <= position]
        return begun[-1] if begun else None

    def open_collection(self, event: yaml.CollectionStartEvent, depth: int) -> Frame:
        if depth == MAX_DEPTH:
            raise self.reject_event(event, "yaml-limits", f"nested more than {MAX_DEPTH} deep; a metric file needs 8")
        self.refuse_tag(event)
        before = self.node_count
        self.count_nodes(event)
        kind = MappingNode if isinstance(event, yaml.MappingStartEvent) else SequenceNode
        assert event.start_mark is not None
        offset = event.start_mark.index
        return Frame(kind(get_event_position(event)), offset, event.anchor, bool(event.flow_style), before)

    def add_node(self, frame: Frame, node: Node) -> None:
        """Add a finished value to a list, or to the mapping whose key lacks its value."""
        if isinstance(frame.node, SequenceNode):
            self.check_boolean_word(node)
            frame.node.items.append(node)
        elif frame.key is None:
            if not isinstance(node, ScalarNode):
                message = "a key must be plain text; put `{{ … }}` in quotes"
                raise UnsupportedYaml(make_error(self.file, frame.node.start, "wrong-type", message))
            self.check_boolean_word(node, key=True)
            frame.key = node
        else:
            key, frame.key = frame.key, None
            self.check_boolean_word(node)
            if key.text in frame.node.entries:
                line = frame.node.entries[key.text][0].start.line
                message = f"{key.text!r} is given in line {line} already; remove one of them or rename it"
                section = self.stack[0].key.text if len(self.stack) == 2 and self.stack[0].key else None
                self.add_problem(key.start, "duplicate-key", message, metric=key.text if section == "metrics" else None)
            else:
                frame.node.entries[key.text] = (key, node)

    def build_scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        self.count_nodes(event)
        assert event.start_mark is not None
        assert event.end_mark is not None
        raw = self.text[event.start_mark.index : event.end_mark.index]
        style = event.style or None
        node = ScalarNode(get_event_position(event), event.value, event.value, raw, style)
        if event.tag is not None and event.tag != "tag:yaml.org,2002:str":
            self.refuse_tag(event)
        if style is None and event.tag is None:
            node.value = resolve_scalar(event.value)
        elif style in QUOTES and event.start_mark.line != event.end_mark.line:
            self.last_quoted = (event.start_mark.index, event.end_mark.index)
        if event.anchor:
            self.anchors[event.anchor] = (node, 1)
        return node

    def check_boolean_word(self, node: Node, *, key: bool = False) -> None:
        """Report the words that YAML 1.1 silently converts to booleans."""
        if isinstance(node, ScalarNode) and node.style is None and node.value in YAML_1_1_BOOLEANS:
            message = f"YAML may read {node.text} as a boolean; write '{node.text}' in quotes"
            if not key:
                message += ", or true" if node.text.lower() in ("yes", "on") else ", or false"
            self.add_problem(node.start, "yaml-boolean", message)

    def resolve_alias(self, event: yaml.AliasEvent) -> Node:
        if event.anchor not in self.anchors:
            raise self.reject_event(event, "yaml-syntax", f"no anchor &{event.anchor} stands before *{event.anchor}")
        node, size = self.anchors[event.anchor]
        self.count_nodes(event, size)
        return node

    def count_nodes(self, event: yaml.Event, nodes: int = 1) -> None:
        # An alias counts as all nodes that it repeats: ten lines of aliases can repeat a billion values.
        self.node_count += nodes
        if self.node_count > MAX_NODES:
            raise self.reject_event(event, "yaml-limits", f"more than {MAX_NODES:,} values in one file; split it")

    def refuse_tag(self, event: yaml.NodeEvent) -> None:
        tag = getattr(event, "tag", None)
        if tag is not None:
            written = tag.replace("tag:yaml.org,2002:", "!!")
            raise self.reject_event(event, "yaml-tag", f"the tag {written[:80]} has no meaning here; remove it")

    def add_problem(self, position: Position, code: str, message: str, *, metric: str | None = None) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(make_error(self.file, position, code, message, metric=metric))


def resolve_scalar(text: str) -> str | int | float | bool | None:
    """Return a plain scalar's value by YAML 1.2's core rules; any other number stays text."""
    if text in NULLS:
        return None
    if text in TRUE or text in FALSE:
        return text in TRUE
    if INTEGER.fullmatch(text) and len(text) < 20:
        return int(text)
    return float(text) if DECIMAL.fullmatch(text) else text


def get_event_position(event: yaml.Event) -> Position:
    assert event.start_mark is not None
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


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


def is_template(text: str) -> bool:
    """Whether a text contains Jinja."""
    return "{{" in text or "{%" in text or "{#" in text
