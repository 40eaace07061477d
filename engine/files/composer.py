"""YAML events → nodes. What YAML 1.1 would silently convert (`NO`, `on`) is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass

import yaml

from engine.diagnostics import MAX_PROBLEMS, START, Diagnostic, Position, make_error, make_warning
from engine.files.nodes import QUOTES, TORN, MappingNode, Node, ScalarNode, SequenceNode, resolve_scalar
from engine.files.yaml_errors import UNUSUAL_BLANKS, UNUSUAL_INDENT, Bracket

MAX_DEPTH = 40
MAX_NODES = 80_000
YAML_1_1_BOOLEANS = frozenset(
    spelling(word) for word in ("yes", "no", "on", "off") for spelling in (str, str.title, str.upper)
)
QUOTES_REMEDY = "put text that begins so in quotes"
COMMA_IN_BRACES = "inside [ ] and { } a comma ends a text: put all of it in quotes"
# What readers are shown; a # may well be a part of it.
SHOWN_KEYS = frozenset(("title", "description", "group"))
# A comment like this one has a blank after its #.
HIDDEN_TEXT = re.compile(r"[ \t]+(#[^\s#][^\r\n]*)")
THOUSANDS = re.compile(r"(?:.*[^\w.,])?([1-9][0-9]{0,2}(?:,[0-9]{3})+)", re.ASCII | re.DOTALL)

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
    # The last value, the parentheses that a comma has left open in it, and whether that is reported.
    last: ScalarNode | None = None
    torn: int = 0
    reported: bool = False


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
            if not self.is_rest_of_text(frame, node, None):
                self.check_boolean_word(node)
                frame.node.items.append(node)
                self.look_for_torn_text(frame, node)
        elif frame.key is None:
            if not isinstance(node, ScalarNode):
                message = "a key must be plain text; put `{{ … }}` in quotes"
                raise UnsupportedYaml(make_error(self.file, frame.node.start, "wrong-type", message))
            if node.text[:1] in UNUSUAL_BLANKS and node.style is None:
                raise UnsupportedYaml(make_error(self.file, node.start, "yaml-syntax", UNUSUAL_INDENT))
            self.check_boolean_word(node, key=True)
            frame.key = node
        else:
            key, frame.key = frame.key, None
            if self.is_rest_of_text(frame, key, node):
                return
            self.check_boolean_word(node)
            self.look_for_torn_text(frame, node)
            self.look_for_hidden_text(key, node)
            if key.text in frame.node.entries:
                line = frame.node.entries[key.text][0].start.line
                message = f"{key.text!r} is given in line {line} already; remove one of them or rename it"
                section = self.stack[0].key.text if len(self.stack) == 2 and self.stack[0].key else None
                self.add_problem(key.start, "duplicate-key", message, metric=key.text if section == "metrics" else None)
            else:
                frame.node.entries[key.text] = (key, node)

    def look_for_torn_text(self, frame: Frame, node: Node) -> None:
        """Report a text in braces or brackets that ends at a comma inside its parentheses, once for all of them."""
        frame.last = node if isinstance(node, ScalarNode) and node.style is None else None
        frame.torn = 0
        if not frame.bracketed or frame.last is None:
            return
        end, opened = frame.last.offset + len(frame.last.raw), count_open_parentheses(frame.last.raw)
        if opened > 0 and self.text[end:].lstrip().startswith(","):
            frame.torn, frame.last.value = opened, TORN
            if not frame.reported:
                frame.reported = True
                comma = end + self.text[end:].index(",")
                message = f'{COMMA_IN_BRACES}, such as "…"' if "'" in frame.last.raw else COMMA_IN_BRACES
                self.add_problem(START.advance(self.text[:comma]), "yaml-syntax", message)

    def look_for_hidden_text(self, key: ScalarNode, node: Node) -> None:
        """Report a comment that hardly is one: the rest of a text that readers are shown."""
        if key.text not in SHOWN_KEYS or not isinstance(node, ScalarNode) or node.style is not None:
            return
        end = node.offset + len(node.raw)
        hidden = HIDDEN_TEXT.match(self.text, end)
        if hidden is not None and len(self.problems) < MAX_PROBLEMS:
            rest = hidden[1].rstrip()
            message = (
                f"{rest[:80]!r} is a comment, no part of the {key.text}; put all of it in quotes, or a blank after #"
            )
            position = node.start.advance(self.text[node.offset : hidden.start(1)])
            self.problems.append(make_warning(self.file, position, "doubtful-comment", message))

    def is_rest_of_text(self, frame: Frame, piece: Node, value: Node | None) -> bool:
        """Whether an item, or a key without a value, belongs to the text before it, from which a comma has torn it."""
        if frame.last is None or not isinstance(piece, ScalarNode):
            return False
        if value is not None and (not isinstance(value, ScalarNode) or value.raw):
            return False
        if frame.torn:
            frame.torn = max(0, frame.torn + count_open_parentheses(piece.raw if piece.style is None else ""))
            return True
        number = THOUSANDS.fullmatch(f"{frame.last.raw},{piece.raw}")
        if value is None or number is None:
            return False
        position = frame.last.start.advance(frame.last.raw[: number.start(1)])
        if "," not in frame.last.raw[number.start(1) :]:
            self.add_problem(position, "wrong-value", "a number has no separators; write 1000 for a thousand")
        frame.last.raw = number[0]
        frame.last.value = resolve_scalar(number[0][: number.start(1)] + number[1].replace(",", ""))
        return True

    def build_scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        self.count_nodes(event)
        assert event.start_mark is not None
        assert event.end_mark is not None
        raw = self.text[event.start_mark.index : event.end_mark.index]
        style = event.style or None
        offset = event.start_mark.index
        node = ScalarNode(get_event_position(event), event.value, event.value, raw, style, offset)
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
            raise self.reject_event(
                event, "yaml-syntax", f"no anchor &{event.anchor} stands before *{event.anchor}; {QUOTES_REMEDY}"
            )
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
            raise self.reject_event(
                event, "yaml-tag", f"the tag {written[:80]} has no meaning here; remove it, or {QUOTES_REMEDY}"
            )

    def add_problem(self, position: Position, code: str, message: str, *, metric: str | None = None) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(make_error(self.file, position, code, message, metric=metric))


def count_open_parentheses(text: str) -> int:
    return text.count("(") - text.count(")")


def get_event_position(event: yaml.Event) -> Position:
    assert event.start_mark is not None
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)
