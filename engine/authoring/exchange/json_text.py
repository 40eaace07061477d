"""JSON text → Document: plain data, and beside it the position of each key and value."""

from __future__ import annotations

import json
import re
from bisect import bisect_right

from engine.diagnostics import Diagnostics, Position, make_error, make_error_at_offset
from engine.faults import TextFault
from engine.files.document import Document, convert_node
from engine.files.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_DEPTH = 100
MAX_BYTES = 50_000_000
SPACE = re.compile(r"[ \t\r\n]*")
SURROGATE = re.compile("[\ud800-\udfff]")
DECODER = json.JSONDecoder()


class DeepJson(Exception):
    """JSON that is nested too deep, at an offset of its text."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        super().__init__(offset)


def parse_json(file: str, content: bytes, diagnostics: Diagnostics) -> Document | None:
    """Read a JSON object with its positions; anything else gives None and a diagnostic."""
    if len(content) > MAX_BYTES:
        diagnostics.add(make_error_at_offset(file, "", TextFault(0, "json-limits", f"larger than {MAX_BYTES:,} bytes")))
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", "replace")
        fault = TextFault(len(before), "json-syntax", "the file is not UTF-8; save it as UTF-8")
        diagnostics.add(make_error_at_offset(file, before, fault))
        return None
    composer = JsonComposer(text)
    try:
        root = composer.compose_root()
    except (json.JSONDecodeError, DeepJson) as error:
        at, message = (
            (error.pos, f"this is not JSON: {error.msg}")
            if isinstance(error, json.JSONDecodeError)
            else (error.offset, f"nested more than {MAX_DEPTH} deep")
        )
        diagnostics.add(make_error(file, composer.locate(at), "json-syntax", message))
        return None
    if not isinstance(root, MappingNode):
        diagnostics.add(make_error(file, root.start, "wrong-type", "the file is no JSON object"))
        return None
    return Document(file, convert_node(root), root)


class JsonComposer:
    """Builder of the nodes of a JSON text; the standard library reads its strings and numbers."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = [0, *(found.end() for found in re.finditer("\n", text))]

    def locate(self, offset: int) -> Position:
        line = bisect_right(self.lines, offset)
        return Position(line, offset - self.lines[line - 1] + 1)

    def skip_space(self, at: int) -> int:
        found = SPACE.match(self.text, at)
        assert found is not None
        return found.end()

    def compose_root(self) -> Node:
        """Compose the whole text. Raises JSONDecodeError and DeepJson."""
        node, at = self.compose(self.skip_space(0), 0)
        if (at := self.skip_space(at)) < len(self.text):
            raise json.JSONDecodeError("nothing may follow the value", self.text, at)
        return node

    def compose(self, at: int, depth: int) -> tuple[Node, int]:
        """Compose the value at `at`, and return it with the offset after it."""
        if depth > MAX_DEPTH:
            raise DeepJson(at)
        match self.text[at : at + 1]:
            case "{":
                return self.compose_members(MappingNode(self.locate(at)), at, depth)
            case "[":
                return self.compose_members(SequenceNode(self.locate(at)), at, depth)
        return self.compose_scalar(at)

    def compose_members(
        self, node: MappingNode | SequenceNode, opened: int, depth: int
    ) -> tuple[MappingNode | SequenceNode, int]:
        closing = "}" if isinstance(node, MappingNode) else "]"
        at = self.skip_space(opened + 1)
        if self.text[at : at + 1] == closing:
            return node, at + 1
        while True:
            if isinstance(node, MappingNode):
                key, at = self.compose_key(at)
                value, at = self.compose(at, depth + 1)
                node.entries[key.text] = (key, value)
            else:
                value, at = self.compose(at, depth + 1)
                node.items.append(value)
            at = self.skip_space(at)
            following = self.text[at : at + 1]
            if following == closing:
                return node, at + 1
            if following != ",":
                raise json.JSONDecodeError(f"a comma or {closing} is missing", self.text, at)
            at = self.skip_space(at + 1)

    def compose_key(self, at: int) -> tuple[ScalarNode, int]:
        if self.text[at : at + 1] != '"':
            raise json.JSONDecodeError("a key in double quotes is missing", self.text, at)
        key, at = self.compose_scalar(at)
        at = self.skip_space(at)
        if self.text[at : at + 1] != ":":
            raise json.JSONDecodeError("a colon is missing", self.text, at)
        return key, self.skip_space(at + 1)

    def compose_scalar(self, at: int) -> tuple[ScalarNode, int]:
        value, end = DECODER.raw_decode(self.text, at)
        if isinstance(value, str) and SURROGATE.search(value):
            raise json.JSONDecodeError("half of a character", self.text, at)
        if isinstance(value, float) and value - value != 0:
            raise json.JSONDecodeError("no number", self.text, at)
        raw = self.text[at:end]
        text = value if isinstance(value, str) else raw
        return ScalarNode(self.locate(at), value, text, raw, '"' if isinstance(value, str) else None, at), end
